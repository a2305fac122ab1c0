# SPDX-License-Identifier: Apache-2.0
"""Help and wrong uses of both programs, without an appliance."""
import unittest

from programs import TAPTRACE, TAPTRACED, commands, options, run


class Usage(unittest.TestCase):
    def test_help(self):
        programs = [[TAPTRACED], [TAPTRACE], *([TAPTRACE, command] for command in commands())]
        self.assertGreater(len(programs), 10)
        for program in programs:
            with self.subTest(program):
                done = run(*program, '--help')
                self.assertEqual((done.returncode, done.stderr), (0, ''))
                self.assertLessEqual(max(len(line) for line in done.stdout.splitlines()), 80)
                self.assertEqual(run(*program, '-h').stdout, done.stdout)
                if len(program) > 1 or program == [TAPTRACED]:
                    self.assertIn('--help', options(*program))

    def test_wrong_uses(self):
        """Status 2 and a word about it, whether or not an appliance runs."""
        for arguments in ([], ['nosuch'], ['names'], ['names', 'nowhere'], ['names', '192.0.2.1', 'x'],
                          ['read'], ['read', '--records', 'nosuch', 'x'], ['read', '--workers', '0', 'x'],
                          *([command, '--nosuch'] for command in commands()),
                          ['ports', 'x'], ['dns', '--socket']):
            with self.subTest(arguments):
                done = run(TAPTRACE, *arguments)
                self.assertEqual((done.returncode, done.stdout), (2, ''))
                self.assertTrue(done.stderr)
        for arguments in ([], ['-c'], ['-c', 'x', '--check', '--dump'], ['-c', 'x', '--annotate'], ['-c', 'x', 'y']):
            with self.subTest(arguments):
                self.assertEqual(run(TAPTRACED, *arguments).returncode, 2)

    def test_no_appliance(self):
        """Status 1 and one line that says what to do; top has refused before, as there is no terminal."""
        for command in commands():
            if command not in ('read', 'top'):
                operands = {'names': ['192.0.2.1'], 'pull': ['--client', 'x']}.get(command, [])
                with self.subTest(command):
                    done = run(TAPTRACE, command, '--socket', '/nosuch/socket', *operands)
                    self.assertEqual((done.returncode, done.stdout), (1, ''))
                    self.assertRegex(done.stderr, r'^taptrace: error: .*start taptraced.*\n$')


if __name__ == '__main__':
    unittest.main()
