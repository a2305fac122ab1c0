# SPDX-License-Identifier: Apache-2.0
"""The manual pages: well-formed, and whole."""
import json
import re
import subprocess
import unittest

from programs import BUILD, TAPTRACE, TAPTRACED, TREE, commands, options, run

PAGES = 'taptraced.8', 'taptrace.1', 'taptrace.yaml.5', 'taptrace-records.5'


def page(name):
    return BUILD / 'app/manual' / name


def text(name):
    """What the reader sees, without hyphenation, in one line."""
    done = subprocess.run(['groff', '-man', '-ww', '-Tascii', '-P-cbou', '-rHY=0', '-rLL=1000n', page(name)],
                          check=True, capture_output=True, text=True)
    assert not done.stderr, done.stderr
    return ' '.join(done.stdout.split())


def names(record, kind):
    """All names in a record, but those of reasons and codes that stand for themselves."""
    for name, value in record.items():
        if (kind, name) == ('dns_stats', 'rcodes'):
            value = None
        yield name
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict):
                yield from names(item, kind)


class Manual(unittest.TestCase):
    def test_pages_are_well_formed(self):
        for name in PAGES:
            with self.subTest(name):
                self.assertGreater(len(text(name)), 500)
                done = run('mandoc', '-Tlint', '-W', 'warning', page(name))
                self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ''))
                self.assertNotRegex(page(name).read_text(), r'@[\w-]+@')

    def test_every_key(self):
        """As the annotated file has them, whose test holds it against the schema."""
        shown = text('taptrace.yaml.5').replace('[]', '')
        path, keys = [], []
        for line in (TREE / 'conf/taptrace.yaml').read_text().splitlines():
            found = re.match(r'( *)(?:# )?(?:- |  )?([a-z_0-9]+):(?: \S|$)', line)
            if found:
                path[len(found[1]) // 2:] = [found[2]]
                keys.append('.'.join(path))
        self.assertGreater(len(keys), 80)
        self.assertEqual([key for key in keys if f' {key} ' not in shown], [])

    def test_keys_have_range_default_and_effect(self):
        shown = text('taptrace.yaml.5')
        self.assertIn('flow.timeouts.tcp_idle TCP, established. Takes a whole number with us, ms, s, m or h: '
                      '1ms to 168h. Default: 1h. A reload applies a change.', shown)
        self.assertIn('ports[].interface A kernel interface, through AF_PACKET. Example: eth1.', shown)
        self.assertIn('workers.idle Without packets: sleep a little longer each time, or go on polling. '
                      'One of adaptive, poll. Default: adaptive. A change needs a restart.', shown)

    def test_every_command_and_option(self):
        shown = text('taptrace.1')
        for command in commands():
            self.assertIn(f'taptrace {command} [OPTION...]', shown)
            for option in options(TAPTRACE, command):
                self.assertIn(option, shown)
        for option in options(TAPTRACED):
            self.assertIn(option, text('taptraced.8'))

    def test_every_field(self):
        shown = set(re.findall(r'[\w.]+', text('taptrace-records.5')))
        captures = sorted((TREE / 'tests/capture').glob('*.pcap'))
        records = [json.loads(line) for line in run(TAPTRACE, 'read', '--json', *captures).stdout.splitlines()]
        self.assertGreater(len({record['type'] for record in records}), 6)
        found = {name for record in records for name in names(record, record['type'])}
        self.assertEqual(found - {word.rstrip('.') for word in shown}, set())


if __name__ == '__main__':
    unittest.main()
