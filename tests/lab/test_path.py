# SPDX-License-Identifier: Apache-2.0
"""TCP over a path that delays, drops, doubles and reorders: what the appliance says of it, against
what the path did and what the kernels at its ends counted."""
import json
import re
import subprocess
import unittest

from appliance import Prompt
from lab import Lab, poll

SERVER = '192.0.2.2'
PORT = '6379'
# A connection is closed this long after its last packet: more than its packets can be apart.
SETTINGS = 'flow:', '  timeouts:', '    tcp_closing: 1s'
VALUE = b'v' * 500000
# The two ports of the tap are looked at one after the other. So that it does not matter which comes
# first, answers come later than a busy machine takes from one look to the next.
APART = '--delay-ms', '25'


class OverAPath(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(Lab('path', '--path'))
        cls.appliance = cls.enterClassContext(Prompt(cls.lab, 'interface', *SETTINGS))
        cls.unseen = cls.appliance.unseen()
        cls.uids = set()
        subprocess.run(['ip', 'netns', 'exec', f'{cls.lab.name}-server', 'redis-cli', '-h', SERVER, '-x', 'SET', 'value'],
                       input=VALUE, stdout=subprocess.DEVNULL, check=True, timeout=60)
        cls.lab('client', 'ping', '-q', '-c', '1', SERVER)  # both have each other's link address

    def retransmitted_by(self, host):
        """What the kernel of a host has sent again, since its start."""
        said = self.lab(host, 'nstat', '-asz', 'TcpRetransSegs')
        return int(said.splitlines()[-1].split()[1])

    def connection_of(self, host):
        """What the kernel of a host says of its connection to redis: round trip and retransmissions."""
        side = 'dport' if host == 'client' else 'sport'
        said = self.lab(host, 'ss', '-tinH', 'state', 'established', f'( {side} = :{PORT} )')
        again = re.search(r' retrans:\d+/(\d+)', said)
        return {'rtt_us': float(re.search(r' rtt:([\d.]+)/', said)[1]) * 1000,
                'retransmits': int(again[1]) if again else 0}

    def talk(self, *commands, sender='client'):
        """A connection to redis with these commands, and what its sender's kernel said of it at last."""
        with self.lab.start('client', 'redis-cli', '-h', SERVER, stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE) as client:
            for command in commands:
                client.stdin.write(command + b'\n')
                client.stdin.flush()
                client.stdout.readline()
            said = self.connection_of(sender)
            client.stdin.close()
            self.assertEqual(client.wait(60), 0)
        return said

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

    def path(self, client, server):
        """What befalls frames between the tap and each host."""
        self.lab('path', 'client', *client)
        self.lab('path', 'server', *server)

    def did(self, leg):
        """What the path did on the leg to a host; it does nothing from now on."""
        self.lab('path', leg)
        return json.loads((self.lab.dir / f'log/path-{leg}.json').read_text())

    def measured(self, client_us, server_us):
        """A connection's times over legs with these round trips: (expected, in the record) by field."""
        # Data of a few segments, which the receiver's kernel acknowledges at once.
        said = self.talk(*(b'SET some ' + VALUE[:9000], b'GET some') * 2)
        tcp = self.record()['tcp']
        expected = {'rtt_client_us': client_us, 'handshake_client_us': client_us,
                    'rtt_server_us': server_us, 'handshake_server_us': server_us,
                    'rtt_us': client_us + server_us, 'handshake_us': client_us + server_us}
        measured = {field: (value, tcp.get(field, 0)) for field, value in expected.items()}
        measured['rtt_us by the kernel'] = said['rtt_us'], tcp.get('rtt_us', 0)
        return measured

    def test_delay(self):
        """Within 5 % of what was set, where a busy machine lets the path and the appliance be in time."""
        self.path(('--delay-ms', '80'), ('--delay-ms', '160'))
        for _ in range(3):
            measured = self.measured(160000, 320000)
            if all(abs(value - expected) < expected / 20 for expected, value in measured.values()):
                return
        self.fail(f'(expected, in the record): {measured}')

    def test_drops_behind_the_tap(self):
        """The tap sees all that the client sends, before the path drops some of it."""
        before = self.retransmitted_by('client')
        self.path(APART, (*APART, '--drop', '0.04', '--data-only', '--seed', '4'))
        said = self.talk(b'SET value ' + VALUE)
        record = self.record()
        sent, answered = record['client_to_server'], record['server_to_client']
        dropped = self.did('server')['there']['dropped']
        self.assertGreater(dropped, 5)
        self.assertGreaterEqual(sent['retransmits'], dropped)
        self.assertEqual(sent['retransmits'], said['retransmits'])
        self.assertEqual(sent['retransmits'], self.retransmitted_by('client') - before)
        self.assertGreater(sent['fast_retransmits'], 0)
        self.assertEqual(sent['syn_retransmits'] + sent['out_of_order'] + sent['missing_bytes'], 0)
        self.assertGreater(answered['duplicate_acks'], 0)

    def test_drops_ahead_of_the_tap(self):
        """The tap sees the second transmission alone, which tells that there was a first."""
        before = self.retransmitted_by('server')
        self.path(APART, (*APART, '--drop', '0.02', '--once', '--data-only', '--seed', '4'))
        said = self.talk(b'GET value', sender='server')
        sent = self.record()['server_to_client']
        dropped = self.did('server')['back']['dropped']
        self.assertGreater(dropped, 2)
        self.assertGreaterEqual(sent['retransmits'], dropped)
        self.assertEqual(sent['retransmits'], said['retransmits'])
        self.assertEqual(sent['retransmits'], self.retransmitted_by('server') - before)
        self.assertEqual(sent['out_of_order'] + sent['missing_bytes'], 0)

    def test_reordering_and_duplicates(self):
        """The path's copies are data seen again. A segment is held up for less than it takes the server to
        send it again."""
        before = self.retransmitted_by('server')
        self.path(APART, (*APART, '--reorder', '0.012', '--duplicate', '0.03', '--data-only', '--seed', '2'))
        self.talk(b'GET value', sender='server')
        sent = self.record()['server_to_client']
        did = self.did('server')['back']
        self.assertGreater(did['overtaken'], 0)
        self.assertGreater(did['doubled'], 2)
        self.assertEqual(sent['out_of_order'], did['overtaken'])
        self.assertEqual(sent['retransmits'], did['doubled'] + self.retransmitted_by('server') - before)
        self.assertEqual(sent['missing_bytes'], 0)


if __name__ == '__main__':
    unittest.main()
