# SPDX-License-Identifier: Apache-2.0
"""The completion of bash, against what the programs' help says."""
import subprocess
import tempfile
import unittest
from pathlib import Path

from programs import BUILD, TAPTRACE, TAPTRACED, commands, options, run

SCRIPT = BUILD / 'app/manual/taptrace'
# Words as readline splits them, the last of which is being completed.
COMPLETE = '. "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); "_$1"; printf "%s\\n" "${COMPREPLY[@]}"'


def complete(*words, cwd=None):
    done = subprocess.run(['bash', '-c', COMPLETE, SCRIPT, *words], cwd=cwd, capture_output=True, text=True, check=True)
    assert not done.stderr, done.stderr
    return set(done.stdout.split())


class Completion(unittest.TestCase):
    def test_script(self):
        done = run('shellcheck', SCRIPT)
        self.assertEqual((done.returncode, done.stdout), (0, ''))

    def test_commands(self):
        self.assertEqual(complete('taptrace', ''), {*commands(), '--help', '--version'})
        self.assertEqual(complete('taptrace', 'conn'), {'connections'})
        self.assertEqual(complete('taptrace', 'nosuch'), set())

    def test_options(self):
        for command in commands():
            with self.subTest(command):
                self.assertEqual(complete('taptrace', command, '--'), set(options(TAPTRACE, command)))
        self.assertEqual(complete('taptraced', '--'), set(options(TAPTRACED)))
        self.assertEqual(complete('taptrace', 'nosuch', '-'), set())

    def test_choices(self):
        self.assertEqual(complete('taptrace', 'read', '--records', 'dns'), {'dns', 'dns_stats'})
        self.assertEqual(complete('taptrace', 'read', '-r', 'tls,ht'), {'tls,http', 'tls,http_stats'})
        self.assertEqual(complete('taptrace', 'read', '--records', '=', 'con'), {'connection'})
        self.assertIn('names', complete('taptrace', 'read', '--records', '='))
        for choice in complete('taptrace', 'read', '--records', ''):
            self.assertEqual(run(TAPTRACE, 'read', '--records', choice, '/dev/null').returncode, 1, choice)

    def test_files(self):
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, 'one.pcap').touch()
            Path(folder, 'two.yaml').touch()
            self.assertEqual(complete('taptrace', 'read', '', cwd=folder), {'one.pcap', 'two.yaml'})
            self.assertEqual(complete('taptrace', 'read', 'one.pcap', 't', cwd=folder), {'two.yaml'})
            self.assertEqual(complete('taptrace', 'read', '--config', 't', cwd=folder), {'two.yaml'})
            self.assertEqual(complete('taptraced', '-c', '', cwd=folder), {'one.pcap', 'two.yaml'})
            self.assertEqual(complete('taptrace', 'names', '', cwd=folder), set())
            self.assertEqual(complete('taptrace', 'ports', '', cwd=folder), set())


if __name__ == '__main__':
    unittest.main()
