# SPDX-License-Identifier: Apache-2.0
"""The lab itself: what the tap ports see is what the hosts sent, and nothing outlives `down`."""
import os
import signal
import subprocess
import unittest
from pathlib import Path

from lab import Lab, poll


def processes(namespace):
    return subprocess.run(['ip', 'netns', 'pids', namespace], check=True, text=True,
                          stdout=subprocess.PIPE).stdout.split()


class LabTest(unittest.TestCase):
    def test_each_tap_port_sees_one_direction(self):
        with Lab('direction') as lab:
            lab('traffic', 'http', 'dns', 'bulk', 'fragments')
            for host, port in (('client', 'tap0'), ('server', 'tap1')):
                self.assertGreater(lab.counter('tap', port, 'rx_packets'), 100)
                poll(lambda h=host, p=port: lab.counter('tap', p, 'rx_packets')
                     == lab.counter(h, 'eth0', 'tx_packets'), f'{port} to have what {host} sent', 5)

    def test_servers_and_clients_agree(self):
        with Lab('logs') as lab:
            lab('traffic', 'http', 'http6', 'tls')
            served = [(r['client_port'], r['status'], r['protocol'][5:]) for r in lab.log('access.log')]
            fetched = [(r['local_port'], r['http_code'], r['http_version']) for r in lab.log('curl.log')]
            fetched = [(port, code, '2.0' if version == '2' else version) for port, code, version in fetched]
            self.assertEqual(served, fetched)
            self.assertIn('TLSv1.3', [r['tls'] for r in lab.log('access.log')])

    def test_labs_are_apart_and_leave_nothing(self):
        with Lab('one') as one:
            with Lab('two') as two:
                two('traffic', 'bulk')
                self.assertGreater(two.counter('tap', 'tap0', 'rx_packets'), 100)
                # The kernel's multicast reports alone.
                self.assertLess(one.counter('tap', 'tap0', 'rx_packets'), 10)
                stubborn = two.start('tap', 'sh', '-c', 'trap "" TERM; while :; do sleep 1; done')
                poll(lambda: processes(f'{two.name}-tap'), 'the process to start')
            self.assertEqual(stubborn.wait(10), -signal.SIGKILL)
            self.assertFalse(two.dir.exists())
            self.assertFalse(Path('/run/netns', f'{two.name}-server').exists())
            self.assertTrue(processes(f'{one.name}-server'))

    def test_down_after_a_crash(self):
        lab = Lab('crash')
        up = subprocess.Popen([Path(__file__).parents[2] / 'scripts/lab', '--name', lab.name, 'up'],
                              stderr=subprocess.DEVNULL, start_new_session=True)
        poll(lambda: Path('/run/netns', f'{lab.name}-server').exists() or up.poll() is not None, 'a namespace')
        os.killpg(up.pid, signal.SIGKILL)
        up.wait()
        lab('down')
        self.assertEqual([n for n in os.listdir('/run/netns') if n.startswith(lab.name)], [])
        with lab:
            lab('traffic', 'ping')


if __name__ == '__main__':
    unittest.main()
