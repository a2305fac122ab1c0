# SPDX-License-Identifier: Apache-2.0
"""taptrace read on a terminal: a table for people, unless JSON is asked for."""
import fcntl
import json
import os
import pty
import struct
import subprocess
import termios
import unittest
from pathlib import Path

TREE = Path(__file__).resolve().parents[2]
TAPTRACE = Path(os.environ.get('BUILD', TREE / 'build/gcc'), 'app/taptrace/taptrace')
CAPTURE = TREE / 'tests/capture/http.pcap'
MIXTURE = [TREE / f'tests/capture/{name}.pcap' for name in ('dns', 'http', 'tls')]


def on_terminal(*arguments, columns=100, capture=CAPTURE):
    """Lines of what taptrace read prints on a terminal of so many columns."""
    terminal, own = pty.openpty()
    fcntl.ioctl(own, termios.TIOCSWINSZ, struct.pack('HHHH', 24, columns, 0, 0))
    text = b''
    with subprocess.Popen([TAPTRACE, 'read', *arguments, capture], stdout=own, stderr=subprocess.DEVNULL) as process:
        os.close(own)
        try:
            while part := os.read(terminal, 1 << 16):
                text += part
        except OSError:  # the other end is closed
            pass
    os.close(terminal)
    assert process.returncode == 0, process.returncode
    return text.decode().splitlines()


class Terminal(unittest.TestCase):
    def setUp(self):
        output = subprocess.run([TAPTRACE, 'read', CAPTURE], check=True, stdout=subprocess.PIPE,
                                stderr=subprocess.DEVNULL).stdout
        self.records = [json.loads(line) for line in output.splitlines()]

    def test_table(self):
        lines = on_terminal()
        connections = [record for record in self.records if record['type'] == 'connection']
        self.assertEqual(lines[0].split()[:3], ['PROTO', 'CLIENT', 'SERVER'])
        self.assertGreater(len(connections), 0)
        for line, record in zip(lines[1:], connections):
            self.assertEqual(line.split()[0], record['transport'])
            self.assertIn(str(record['client']['port']), line)
            self.assertLessEqual(len(line), 100)
        packets = self.records[-1]['packets']
        dropped = sum(self.records[-1]['ledger']['dropped'].values())
        self.assertEqual(lines[len(connections) + 1], '')
        self.assertRegex(lines[-1], rf'^{len(connections)} connections; {packets} packets .* {dropped} dropped$')
        self.assertEqual(len(lines), len(connections) + 3)

    def test_a_table_for_each_type_that_is_asked_for(self):
        """A row for each record, below the titles; several tables with a line between."""
        types = ['connection', 'dns', 'http', 'tls', 'dns_stats', 'http_stats', 'names']
        output = subprocess.run([TAPTRACE, 'read', '--json', *MIXTURE], check=True, stdout=subprocess.PIPE,
                                stderr=subprocess.DEVNULL).stdout
        records = [json.loads(line) for line in output.splitlines()]
        for columns in 80, 120:
            *blocks, end = '\n'.join(on_terminal('--records', 'all', *MIXTURE[1:], capture=MIXTURE[0],
                                                 columns=columns)).split('\n\n')
            self.assertEqual(len(blocks), len(types))
            self.assertRegex(end, r'^\d+ connections; ')
            for kind, block in zip(types, blocks):
                titles, *rows = block.splitlines()
                self.assertGreater(len(rows), 0, kind)
                self.assertEqual(len(rows), len([r for r in records if r['type'] == kind]), kind)
                self.assertLessEqual(max(len(line) for line in (titles, *rows)), columns)
                alone = on_terminal('--records', kind, *MIXTURE[1:], capture=MIXTURE[0], columns=columns)
                self.assertEqual('\n'.join(alone), f'{block}\n\n{end}')
        self.assertRegex(blocks[1], r'(?m)^192\.0\.2\.1 +192\.0\.2\.2 +www\.lab\.test +A +answered +NOERROR ')
        self.assertRegex(blocks[6], r'(?m)^192\.0\.2\.2 +www\.lab\.test')
        self.assertEqual(len(on_terminal('--records', 'summary')), 1)

    def test_json_when_asked(self):
        self.assertEqual({json.loads(line)['type'] for line in on_terminal('--json')},
                         {record['type'] for record in self.records})


if __name__ == '__main__':
    unittest.main()
