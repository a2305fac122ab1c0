# SPDX-License-Identifier: Apache-2.0
"""The traffic of the benchmarks says what it claims to: each kind as a capture file, through taptrace read."""
import collections
import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = Path(os.environ.get('TT_BUILD', ROOT / 'build' / 'gcc'))
MAKER = BUILD / 'tests' / 'perf' / 'replay_capture'
SESSIONS = 250


def replay(kind):
    """What there is to be seen, and the records that taptrace makes of it."""
    with tempfile.NamedTemporaryFile(suffix='.pcap') as capture:
        truth = subprocess.run([MAKER, kind, str(SESSIONS), capture.name], check=True, stdout=subprocess.PIPE)
        lines = subprocess.run([BUILD / 'app' / 'taptrace' / 'taptrace', 'read', '--json', capture.name], check=True,
                               stdout=subprocess.PIPE).stdout.splitlines()
    records = collections.defaultdict(list)
    for record in map(json.loads, lines):
        records[record['type']].append(record)
    return json.loads(truth.stdout), records


@unittest.skipUnless(MAKER.exists(), 'not built')
class Replay(unittest.TestCase):
    def check(self, kind):
        truth, records = replay(kind)
        summary = records['summary'][0]
        self.assertTrue(summary['ledger']['closes'])
        self.assertEqual(summary['ledger']['processed'], truth['packets'])
        self.assertEqual(summary['bytes'], truth['wire_bytes'])
        connections = records['connection']
        self.assertEqual(len(connections), truth['flows'])
        self.assertEqual(sum(':' in record['client']['address'] for record in connections), truth['ipv6_flows'])

        tcp = [record for record in connections if record['transport'] == 'tcp']
        self.assertEqual(len(tcp), truth['tcp_flows'])
        directions = [record[direction] for record in tcp for direction in ('client_to_server', 'server_to_client')]
        for record in tcp:
            self.assertEqual(record['tcp']['handshake'], 'complete', record)
            self.assertEqual(record['close_reason'], 'fin', record)
        self.assertEqual(sum(one['missing_bytes'] for one in directions), 0)
        self.assertEqual(sum(one['retransmits'] for one in directions), truth['retransmitted'])

        for name in ('dns', 'http', 'tls'):
            self.assertEqual(len(records[name]), truth[name], name)
        self.assertEqual({record['status'] for record in records['dns']} - {'answered'}, set())
        for record in records['http']:
            self.assertIn(record['status'], (200, 404))
            self.assertRegex(record['host'], r'^www\.s[0-9]{4}\.example\.com$')
        for record in records['tls']:
            self.assertRegex(record['sni'], r'^www\.s[0-9]{4}\.example\.com$')
            self.assertIn(record['version'], ('TLSv1.2', 'TLSv1.3'))
        return truth, records

    def test_web_is_what_people_do(self):
        truth, _ = self.check('web')
        self.assertEqual(truth['packets'] / truth['flows'], 35)
        self.assertAlmostEqual(truth['wire_bytes'] / truth['packets'], 870, delta=10)
        self.assertEqual(truth['ipv6_flows'] / truth['flows'], 0.2)
        for name in ('dns', 'http', 'tls', 'retransmitted'):
            self.assertGreater(truth[name], 0, name)

    def test_setup_is_handshakes_and_first_requests(self):
        truth, records = self.check('setup')
        self.assertEqual(truth['packets'] / truth['flows'], 12)
        self.assertEqual(truth['http'] + truth['tls'], truth['tcp_flows'])
        self.assertEqual({record['version'] for record in records['tls']}, {'TLSv1.2', 'TLSv1.3'})

    def test_churn_is_short_flows_of_no_protocol(self):
        truth, records = self.check('churn')
        self.assertEqual(truth['packets'] / truth['flows'], 4)
        self.assertFalse(any('protocol' in record for record in records['connection']))

    def test_dns_is_transactions(self):
        truth, records = self.check('dns')
        self.assertEqual(truth['packets'], 2 * truth['dns'])
        self.assertEqual({record['rcode'] for record in records['dns']}, {'NOERROR', 'NXDOMAIN'})
        self.assertEqual({record['query_type'] for record in records['dns']}, {'A', 'AAAA'})
        pairs = {(record['uid'], record['id']) for record in records['dns']}
        self.assertEqual(len(pairs), truth['dns'], 'two queries of a flow have the same id')

    def test_a_session_is_no_other_ones(self):
        _, records = self.check('web')
        ends = {(record['client']['address'], record['client']['port']) for record in records['connection']}
        self.assertEqual(len(ends), len(records['connection']))


if __name__ == '__main__':
    unittest.main()
