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


def on_terminal(*arguments, columns=100):
    """Lines of what taptrace read prints on a terminal of so many columns."""
    terminal, own = pty.openpty()
    fcntl.ioctl(own, termios.TIOCSWINSZ, struct.pack('HHHH', 24, columns, 0, 0))
    text = b''
    with subprocess.Popen([TAPTRACE, 'read', *arguments, CAPTURE], stdout=own, stderr=subprocess.DEVNULL) as process:
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

    def test_json_when_asked(self):
        self.assertEqual({json.loads(line)['type'] for line in on_terminal('--json')},
                         {record['type'] for record in self.records})


if __name__ == '__main__':
    unittest.main()
