# SPDX-License-Identifier: Apache-2.0
"""The judges of run.py, held against records with known faults."""
import json
import stat
import tempfile
import unittest
from pathlib import Path

import run

RECORD = {'type': 'connection', 'uid': '1', 'transport': 'udp', 'client': {'address': '192.0.2.1', 'port': 9}}
SUMMARY = {'type': 'summary', 'ledger': {'received': 3, 'processed': 2, 'dropped': {'not_ip': 1}, 'closes': True}}
EXPECTED = {'records': {'connection': [{'transport': 'udp', 'client': {'port': 9}, 'tcp': None}]}}


class Judges(unittest.TestCase):
    def faults(self, script, expectation=EXPECTED):
        """What run.py says of a capture that a stand-in for taptrace reads; $4 is its --workers."""
        with tempfile.TemporaryDirectory() as folder:
            taptrace = Path(folder, 'taptrace')
            taptrace.write_text('#!/bin/sh\n' + script)
            taptrace.chmod(taptrace.stat().st_mode | stat.S_IXUSR)
            capture = Path(folder, 'x.pcap')
            capture.touch()
            if expectation:
                Path(folder, 'x.expected.json').write_text(json.dumps(expectation))
            return run.capture_faults((taptrace, None, capture, 'x.pcap', {}))[1]

    @staticmethod
    def say(*records):
        return ''.join(f"echo '{json.dumps(record)}'\n" for record in records)

    def test_right(self):
        self.assertEqual(self.faults(self.say(RECORD, SUMMARY)), [])

    def test_uid_and_order_may_differ_between_workers(self):
        other = self.say(SUMMARY, RECORD | {'uid': '2'})
        self.assertEqual(self.faults(f'if [ "$4" = 1 ]; then\n{self.say(RECORD, SUMMARY)}else\n{other}fi\n'), [])

    def test_workers_that_differ(self):
        other = self.say(RECORD | {'transport': 'tcp'}, SUMMARY)
        faults = self.faults(f'if [ "$4" = 4 ]; then\n{other}else\n{self.say(RECORD, SUMMARY)}fi\n')
        self.assertEqual([fault.split(':')[0] for fault in faults], ['4 workers differ from 1'])

    def test_record_missing_wrong_or_too_many(self):
        self.assertEqual(len(self.faults(self.say(SUMMARY))), 1)
        self.assertEqual(len(self.faults(self.say(RECORD, RECORD, SUMMARY))), 1)
        self.assertEqual(len(self.faults(self.say(RECORD | {'tcp': {}}, SUMMARY))), 2)

    def test_ledger_that_does_not_close(self):
        ledger = SUMMARY['ledger'] | {'processed': 1}
        self.assertEqual(len(self.faults(self.say(RECORD, SUMMARY | {'ledger': ledger}))), len(run.WORKERS))

    def test_no_summary(self):
        self.assertEqual(len(self.faults(self.say(RECORD))), len(run.WORKERS))

    def test_death_and_silence(self):
        self.assertEqual(len(self.faults('kill -SEGV $$\n')), 1)
        self.assertEqual(len(self.faults('exit 1\n')), 1)

    def test_refusal_with_a_message(self):
        self.assertEqual(self.faults('echo no capture >&2; exit 1\n', None), [])
        self.assertEqual(len(self.faults('echo no capture >&2; exit 1\n')), 1)

    def test_witness_table(self):
        for line in ('| `a/b.pcap` | conversations | 2 | frame 3 |',):
            self.assertEqual(run.WITNESS_ROW.findall(line), [('a/b.pcap', 'conversations', '2')])


if __name__ == '__main__':
    unittest.main()
