# SPDX-License-Identifier: Apache-2.0
"""Hosts that talk through a tunnel, behind a mirror port that delivers each packet twice: the records
are those of what is inside, and of each packet one."""
import collections
import unittest

from appliance import Appliance
from lab import Lab, poll

QUICK = 'flow:', '  timeouts:', '    tcp_closing: 300ms'
CONNECTIONS = 7  # of TCP: http, redis, dig +tcp
WAYS = 'client_to_server', 'server_to_client'


class InTunnel:
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(Lab(cls.kind, '--tunnel', cls.kind, '--doubled'))
        # The kernel stamps both copies at once, however long the appliance has to wait for a CPU.
        cls.appliance = cls.enterClassContext(
            Appliance(cls.lab, 'pcap', *QUICK, 'duplicates: {remove: "on", window: 1s}'))
        # A SYN-ACK has no identification: that copies come on this link, pings have told before.
        cls.lab('traffic', 'ping', 'http', 'redis', 'dns')
        cls.closed = poll(cls.all_closed, 'all TCP connections to be closed')
        cls.tcp = [record for record in cls.closed if record['transport'] == 'tcp']

    @classmethod
    def all_closed(cls):
        closed = cls.appliance.ask('connections', '--closed', '--json')
        return closed if len([r for r in closed if r['transport'] == 'tcp']) >= CONNECTIONS else None

    def test_records_are_of_what_is_inside(self):
        self.assertEqual(len(self.tcp), CONNECTIONS)
        for record in self.tcp:
            self.assertEqual((record['client']['address'], record['server']['address']), ('192.0.2.1', '192.0.2.2'))
            self.assertEqual(record['encapsulation'], [self.encapsulation])
            self.assertEqual((record['close_reason'], record['tcp']['handshake']), ('fin', 'complete'))
            self.assertEqual([record[way]['ports'] for way in WAYS], [[0], [1]])

    def test_tunnels_are_counted_by_kind(self):
        worker, = self.appliance.ask('workers', '--json')
        self.assertEqual(list(worker['layers']), [self.kind])
        self.assertGreaterEqual(worker['layers'][self.kind],
                                2 * sum(record[way]['packets'] for record in self.tcp for way in WAYS))
        # ARP of the hosts within; GRE carries IP alone.
        self.assertEqual(worker['layers_unknown'] > 0, self.kind == 'vxlan')

    def test_records_agree_with_the_server(self):
        expected = collections.Counter()
        for entry in self.lab.log('access.log'):
            expected[entry['client_port']] += entry['sent_bytes']
        actual = {record['client']['port']: record['server_to_client']['payload_bytes']
                  for record in self.tcp if record['server']['port'] == 80}
        self.assertEqual(actual, dict(expected))

    def test_each_packet_counts_once(self):
        for record in self.tcp:
            for way in WAYS:
                self.assertEqual(record[way]['retransmits'], 0, record)
                self.assertEqual(record[way]['duplicates'], record[way]['packets'], record)

    def test_duplicates_are_counted_everywhere(self):
        def totals():
            ledger, ports = self.appliance.telemetry('/taptrace/ledger'), self.appliance.ask('ports', '--json')
            dropped = ledger['dropped']['duplicate']
            settled = ledger['closes'] and 'in_flight' not in ledger
            return (dropped, ports) if settled and dropped == sum(port['duplicates'] for port in ports) else None

        dropped, ports = poll(totals, 'ports and ledger to agree', 10)
        self.assertGreaterEqual(dropped, sum(record[way]['duplicates'] for record in self.tcp for way in WAYS))
        for port in ports:
            self.assertEqual((port['duplicate_removal'], port['time_source']), ('on', 'kernel'))
            self.assertGreater(port['duplicates'], 20)


class InVxlan(InTunnel, unittest.TestCase):
    kind, encapsulation = 'vxlan', 'vxlan:42'


class InGre(InTunnel, unittest.TestCase):
    kind, encapsulation = 'gre', 'gre'


if __name__ == '__main__':
    unittest.main()
