# SPDX-License-Identifier: Apache-2.0
"""What goes wrong around the appliance: it says so, stays, and goes on when it can."""
import contextlib
import os
import socket
import subprocess
import unittest

from appliance import TAPTRACED, Appliance
from lab import Lab, poll

QUICK = 'flow:', '  timeouts:', '    tcp_closing: 300ms'


def closed(appliance):
    """TCP connections that were seen whole."""
    return [r for r in appliance.ask('connections', '--closed', '--json')
            if r['transport'] == 'tcp' and r['close_reason'] == 'fin']


class Faults(unittest.TestCase):
    def ports(self, appliance):
        return {port['name']: port for port in appliance.ask('ports', '--json')}

    def assert_traces(self, lab, appliance):
        """Traffic from now on has its records."""
        before = len(closed(appliance))
        lab('traffic', 'redis')
        poll(lambda: len(closed(appliance)) >= before + 3, 'the connections', 20)

    def test_link_down_and_up(self):
        with Lab('link') as lab, Appliance(lab, 'interface', *QUICK) as appliance:
            self.assert_traces(lab, appliance)
            self.assertTrue(all(port['link_up'] for port in self.ports(appliance).values()))
            lab('tap', 'ip', 'link', 'set', 'tap0', 'down')
            poll(lambda: not self.ports(appliance)['tap0']['link_up'], 'the port to be down')
            self.assertTrue(self.ports(appliance)['tap1']['link_up'])
            lab('tap', 'ip', 'link', 'set', 'tap0', 'up')
            poll(lambda: self.ports(appliance)['tap0']['link_up'], 'the port to be up')
            self.assert_traces(lab, appliance)
            self.assertEqual(appliance.stop(), 0)

    def test_port_removed(self):
        with Lab('gone') as lab, Appliance(lab, 'interface', *QUICK) as appliance:
            self.assert_traces(lab, appliance)
            lab('tap', 'ip', 'link', 'del', 'tap0')
            poll(lambda: not self.ports(appliance)['tap0']['link_up'], 'the port to be gone')
            before = self.ports(appliance)['tap1']['delivered']
            lab('traffic', 'redis')
            poll(lambda: self.ports(appliance)['tap1']['delivered'] > before, 'packets of the other port')
            self.assertEqual(appliance.stop(), 0)

    def test_killed_and_started_again(self):
        with Lab('kill') as lab:
            appliance = Appliance(lab, 'interface', *QUICK)
            with appliance:
                self.assert_traces(lab, appliance)
            # Leaving it is SIGKILL: what it had in the file system stays.
            self.assertTrue(appliance.socket.exists())
            self.assertIn('taptraced', appliance.run('ports').stderr)
            with appliance:
                self.assert_traces(lab, appliance)
                self.assertEqual(appliance.stop(), 0)

    def test_flood_of_telemetry_clients(self):
        with Lab('flood') as lab, Appliance(lab, 'interface', *QUICK) as appliance:
            with contextlib.ExitStack() as stack:
                links = [stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)) for _ in range(40)]
                for link in links:
                    # The library closes those that are too many.
                    with contextlib.suppress(OSError):
                        link.settimeout(1)
                        link.connect(str(appliance.socket))
                        for _ in range(20):
                            link.send(b'/taptrace/connections,' + os.urandom(20).hex().encode())
                lab('traffic', 'redis')
            poll(lambda: appliance.run('ports').returncode == 0, 'an answer after the flood')
            poll(lambda: len(closed(appliance)) >= 3, 'the connections meanwhile', 20)
            self.assertEqual(appliance.stop(), 0)

    def test_memory_that_is_not_there(self):
        with Lab('memory') as lab:
            appliance = Appliance(lab, 'interface', 'workers:', '  count: 4', 'flow:', '  connections: 256M')
            done = subprocess.run([TAPTRACED, '-c', appliance.config], env=appliance.environment, text=True,
                                  capture_output=True, timeout=60)
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stderr, r'^taptraced: error: the memory plan takes \d+ MiB and \d+ MiB are available')
            self.assertEqual(done.stderr.count('\n'), 1)
            self.assertFalse(appliance.socket.exists())


if __name__ == '__main__':
    unittest.main()
