# SPDX-License-Identifier: Apache-2.0
"""DNS of two real servers under dnsperf and dig: every transaction, with the rcode that the client got.
TAPTRACE_DNS_QUERIES=100000 has so many asked of each."""
import collections
import os
import re
import subprocess
import unittest

from appliance import Prompt
from lab import Lab, poll

# dnsmasq of the lab has port 53, knot this one.
KNOT_PORT = '5300'
SERVER4, SERVER6 = '192.0.2.2', '2001:db8::2'
NOWHERE = '203.0.113.129'
SETTINGS = 'dns:', f'  ports: {KNOT_PORT}', '  timeout: 6s'
QUERIES = int(os.environ.get('TAPTRACE_DNS_QUERIES', '10000'))
RATE = 4000  # queries a second: what waits on both ports of the tap is seen at one look
KNOT = '''
server:
    listen: [ {server4}@{port}, {server6}@{port} ]
    rundir: {folder}
database:
    storage: {folder}
log:
  - target: stderr
    any: error
template:
  - id: default
    storage: {folder}
    zonefile-sync: -1
    journal-content: none
zone:
  - domain: knot.test
    file: knot.zone
  - domain: broken.test
    file: missing.zone
'''
ZONE = '''$ORIGIN knot.test.
$TTL 300
@ SOA ns hostmaster 1 3600 600 86400 300
@ NS ns
ns A 192.0.2.2
www A 192.0.2.80
www AAAA 2001:db8::80
alias CNAME www
mail MX 10 www
'''


class OnDns(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(Lab('dns'))
        cls.folder = cls.lab.dir / 'knot'
        cls.folder.mkdir()
        (cls.folder / 'knot.zone').write_text(ZONE)
        (cls.folder / 'knot.conf').write_text(
            KNOT.format(folder=cls.folder, server4=SERVER4, server6=SERVER6, port=KNOT_PORT))
        with open(cls.lab.dir / 'log/knot.log', 'wb') as log:
            knot = cls.lab.start('server', 'knotd', '-c', cls.folder / 'knot.conf', stdout=log, stderr=log)
        cls.addClassCleanup(knot.wait)
        cls.addClassCleanup(knot.kill)
        poll(cls.knot_answers, 'knot to answer')
        cls.appliance = cls.enterClassContext(Prompt(cls.lab, 'interface', *SETTINGS))
        cls.seen = 0

    @classmethod
    def knot_answers(cls):
        return 'NOERROR' in cls.dig('server', f'@{SERVER4}', '-p', KNOT_PORT, 'www.knot.test')

    @classmethod
    def dig(cls, host, *arguments):
        return subprocess.run(['ip', 'netns', 'exec', f'{cls.lab.name}-{host}', 'dig', '+tries=1', *arguments],
                              text=True, stdout=subprocess.PIPE, timeout=60).stdout

    def dnsperf(self, server, port, queries, *options):
        """Numbers of a run: sent, lost, and answers by rcode."""
        names = self.folder / 'queries'
        names.write_text(''.join(f'{query}\n' for query in queries))
        said = self.lab('client', 'dnsperf', '-s', server, '-p', port, '-d', str(names), '-n', '1', *options)
        rcodes = collections.Counter({rcode: int(count) for rcode, count in re.findall(
            r'(\w+) (\d+) \(', re.search(r'Response codes: *(.*)', said)[1])})
        sent, lost = (int(re.search(rf'Queries {what}: *(\d+)', said)[1]) for what in ('sent', 'lost'))
        self.assertEqual(sent, len(queries))
        return sent, lost, rcodes

    def records(self, count):
        """The transactions since the last call, once there are so many."""
        def all_there():
            records = self.appliance.ask('dns', '--json')[self.seen:]
            return records if len(records) >= count else None
        records = poll(all_there, f'{count} transactions')
        type(self).seen += len(records)
        self.assertEqual(len(records), count)
        return records

    def counted(self):
        """What the appliance has counted of DNS."""
        worker, = self.appliance.ask('workers', '--json')
        return collections.Counter({name: worker[f'dns_{name}'] for name in (
            'queries', 'responses', 'timeouts', 'unsolicited', 'late_responses', 'duplicate_responses')})

    def check(self, server, port, queries, *options):
        before = self.counted()
        sent, lost, rcodes = self.dnsperf(server, port, queries, *options)
        records = self.records(sent)
        counted = self.counted() - before
        self.assertEqual((counted['queries'], counted['unsolicited']), (sent, 0))
        self.assertEqual(counted['responses'], sum(rcodes.values()) + counted['late_responses'])
        self.assertEqual({(r['server']['address'], r['server']['port']) for r in records}, {(server, int(port))})
        self.assertEqual(collections.Counter(r['rcode'] for r in records if r['status'] == 'answered'), rcodes)
        self.assertEqual(sum(r['status'] == 'timeout' for r in records), lost)
        self.assertEqual(collections.Counter(f'{r["query"]} {r["query_type"]}' for r in records),
                         collections.Counter(queries))
        return rcodes, records

    def test_dnsmasq(self):
        queries = [(f'none{i}.lab.test A', 'www.lab.test A', 'alias.lab.test AAAA', 'lab.test MX')[i % 4]
                   for i in range(QUERIES)]
        rcodes, records = self.check(SERVER4, '53', queries, '-Q', str(RATE))
        self.assertGreater(min(rcodes['NOERROR'], rcodes['NXDOMAIN']), QUERIES // 5)
        answers = next(r for r in records if r['query'] == 'alias.lab.test' and 'answers' in r)['answers']
        self.assertEqual([a['data'] for a in answers], ['www.lab.test', SERVER6])
        self.assertGreaterEqual(self.appliance.telemetry('/taptrace/limits')['names']['now'], 2)

    def test_knot_over_ipv6(self):
        queries = [('www.knot.test AAAA', f'none{i}.knot.test A', 'mail.broken.test MX', 'www.elsewhere.test A')[i % 4]
                   for i in range(QUERIES)]
        rcodes, _ = self.check(SERVER6, KNOT_PORT, queries, '-Q', str(RATE))
        self.assertEqual(set(rcodes), {'NOERROR', 'NXDOMAIN', 'SERVFAIL', 'REFUSED'})

    def test_knot_over_tcp(self):
        queries = [('www.knot.test A', f'none{i}.knot.test A')[i % 2] for i in range(QUERIES // 5)]
        rcodes, records = self.check(SERVER4, KNOT_PORT, queries, '-m', 'tcp', '-c', '4', '-Q', str(RATE // 4))
        self.assertEqual(set(rcodes), {'NOERROR', 'NXDOMAIN'})
        self.assertEqual({r['transport'] for r in records}, {'tcp'})
        self.assertEqual(len({r['uid'] for r in records}), 4)

    def test_nobody_answers(self):
        queries = [f'host{i}.lab.test A' for i in range(50)]
        before = self.counted()
        sent, lost, _ = self.dnsperf(NOWHERE, '53', queries, '-t', '1')
        self.assertEqual((sent, lost), (50, 50))
        records = self.records(50)
        self.assertEqual({r['status'] for r in records}, {'timeout'})
        self.assertEqual(self.counted() - before, collections.Counter(queries=50, timeouts=50))
        self.assertFalse(any('rcode' in r or 'latency_us' in r for r in records))

    def test_truncated_over_udp_whole_over_tcp(self):
        said = self.dig('client', f'@{SERVER4}', '+bufsize=512', 'big.lab.test', 'TXT')
        self.assertIn('status: NOERROR', said)
        cut, whole = self.records(2)
        self.assertEqual([(r['transport'], r['truncated']) for r in (cut, whole)], [('udp', True), ('tcp', False)])
        self.assertEqual(len(whole['answers']), 1)


if __name__ == '__main__':
    unittest.main()
