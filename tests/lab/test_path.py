# SPDX-License-Identifier: Apache-2.0
"""TCP over a path that delays and drops: what the appliance says of it, against
what the path did and what the kernels at its ends counted."""
import json
import subprocess
import unittest

from appliance import Appliance
from lab import Lab, poll

SERVER = '192.0.2.2'
# A connection is closed this long after its last packet: more than its packets can be apart.
SETTINGS = 'flow:', '  timeouts:', '    tcp_closing: 1s'
VALUE_BYTES = 500000


class OverAPath(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(Lab('path', '--path'))
        cls.appliance = cls.enterClassContext(Appliance(cls.lab, 'interface', *SETTINGS))
        cls.unseen = cls.appliance.unseen()
        cls.uids = set()

    def retransmitted_by(self, host):
        """What the kernel of a host has sent again, since its start."""
        said = self.lab(host, 'nstat', '-asz', 'TcpRetransSegs')
        return int(said.splitlines()[-1].split()[1])

    def record(self):
        """That of the one connection since the last call, once it is closed."""
        def closed():
            return [record for record in self.appliance.ask('connections', '--closed', '--json')
                    if record['transport'] == 'tcp' and record['uid'] not in self.uids]
        records = poll(closed, 'the connection to be closed')
        self.assertEqual(len(records), 1)
        self.uids.add(records[0]['uid'])
        # A frame on its way when the first count was taken makes that one more.
        poll(lambda: all(count <= self.unseen[port] for port, count in self.appliance.unseen().items()),
             'every packet to be seen', 10)
        return records[0]

    def did(self):
        """What the path did; it does nothing from now on."""
        self.lab('path')
        return json.loads((self.lab.dir / 'log/path.json').read_text())

    def test_delay(self):
        """RTT within 5 % of the delay."""
        self.lab('path', '--delay-ms', '250')
        self.lab('client', 'redis-cli', '-h', SERVER, '-r', '4', 'PING')
        tcp = self.record()['tcp']
        for field in 'rtt_us', 'rtt_server_us', 'handshake_us', 'handshake_server_us':
            with self.subTest(field):
                self.assertAlmostEqual(tcp[field], 500000, delta=25000)
        for field in 'rtt_client_us', 'handshake_client_us':
            with self.subTest(field):
                self.assertLess(tcp[field], 25000)

    def test_drops(self):
        """The tap sees all that the client sends, before the path drops some of it."""
        before = self.retransmitted_by('client')
        self.lab('path', '--delay-ms', '10', '--drop', '0.04', '--data-only', '--seed', '4')
        subprocess.run(['ip', 'netns', 'exec', f'{self.lab.name}-client', 'redis-cli', '-h', SERVER,
                        '-x', 'SET', 'value'], input=b'v' * VALUE_BYTES, stdout=subprocess.DEVNULL,
                       check=True, timeout=60)
        record = self.record()
        sent, answered = record['client_to_server'], record['server_to_client']
        dropped = self.did()['there']['dropped']
        self.assertGreater(dropped, 5)
        self.assertGreaterEqual(sent['retransmits'], dropped)
        self.assertEqual(sent['retransmits'], self.retransmitted_by('client') - before)
        self.assertGreater(sent['fast_retransmits'], 0)
        self.assertEqual(sent['syn_retransmits'] + sent['out_of_order'] + sent['missing_bytes'], 0)
        self.assertGreater(answered['duplicate_acks'], 0)


if __name__ == '__main__':
    unittest.main()
