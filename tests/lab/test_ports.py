# SPDX-License-Identifier: Apache-2.0
"""Every live driver, on veth in namespaces of the test's own: each packet sent is accounted for."""
import json
import os
import socket
import struct
import subprocess
import tempfile
import unittest
from pathlib import Path

from lab import TREE, poll

PROGRAMS = Path(os.environ.get('BUILD', TREE / 'build/gcc'), 'tests/lab')
RECEIVER = PROGRAMS / 'receive_ports'
ETH_P_ALL = 3
CLONE_NEWNET = 0x40000000


def ip(*command):
    subprocess.run(['ip', *command], check=True)


def frame(number, length=100, ether_type=0x0800, tags=()):
    """A frame whose bytes 14 to 17 are its number."""
    head = b'\x02\0\0\0\0\2' + b'\x02\0\0\0\0\1'
    for tag in tags:
        head += struct.pack('!HH', *tag)
    return (head + struct.pack('!HI', ether_type, number)).ljust(length, b'\xa5')


def udp(source_port, reverse=False):
    """An UDP packet of a flow of its own, in either direction."""
    addresses = [b'\x0a\0\0\x01', b'\x0a\0\0\x02']
    ports = [source_port, 53]
    if reverse:
        addresses.reverse()
        ports.reverse()
    body = struct.pack('!HHHH', *ports, 28, 0) + b'\0' * 20
    head = struct.pack('!BBHHHBBH', 0x45, 0, 20 + len(body), source_port, 0, 64, 17, 0) + b''.join(addresses)
    total = sum(struct.unpack('!10H', head))
    total = (total & 0xffff) + (total >> 16)
    head = head[:10] + struct.pack('!H', ~((total & 0xffff) + (total >> 16)) & 0xffff) + head[12:]
    return b'\x02\0\0\0\0\2' + b'\x02\0\0\0\0\1\x08\0' + head + body


class Wire:
    """Two namespaces, `sender` with interface out0, `tap` with tap0, on one veth pair."""

    def __init__(self, queues=1, mtu=1500):
        self.sender = f'ports{os.getpid()}s'
        self.tap = f'ports{os.getpid()}t'
        self.queues = queues
        self.mtu = mtu

    def __enter__(self):
        try:
            self.up()
        except BaseException:
            self.__exit__()
            raise
        return self

    def up(self):
        ip('netns', 'add', self.sender)
        ip('netns', 'add', self.tap)
        several = ['numrxqueues', str(self.queues), 'numtxqueues', str(self.queues)]
        ip('-n', self.sender, 'link', 'add', 'out0', *several, 'type', 'veth', 'peer', 'name', 'tap0', *several)
        ip('-n', self.sender, 'link', 'set', 'tap0', 'netns', self.tap)
        for namespace, interface in ((self.sender, 'out0'), (self.tap, 'tap0')):
            subprocess.run(['ip', 'netns', 'exec', namespace, 'sysctl', '-qw',
                            'net.ipv6.conf.default.disable_ipv6=1', f'net.ipv6.conf.{interface}.disable_ipv6=1'],
                           check=True)
            subprocess.run(['ip', 'netns', 'exec', namespace, 'ethtool', '-K', interface, 'tx', 'off',
                            'rx', 'off', 'rxvlan', 'off', 'txvlan', 'off'], check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            ip('-n', namespace, 'link', 'set', interface, 'up', 'mtu', str(self.mtu))

    def __exit__(self, *_):
        for namespace in (self.sender, self.tap):
            subprocess.run(['ip', 'netns', 'del', namespace], check=False)

    def send(self, frames, namespace=None, interface='out0'):
        """Send from the namespace's interface; each send blocks until the frame is on the wire."""
        with in_namespace(namespace or self.sender):
            link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        with link:
            link.bind((interface, 0))
            for data in frames:
                link.send(data)


class in_namespace:
    """Sockets made inside belong to the namespace."""

    def __init__(self, name):
        self.name = name

    def __enter__(self):
        self.home = os.open('/proc/self/ns/net', os.O_RDONLY)
        self.move(os.open(f'/run/netns/{self.name}', os.O_RDONLY))

    def __exit__(self, *_):
        self.move(self.home)

    @staticmethod
    def move(descriptor):
        import ctypes
        if ctypes.CDLL(None, use_errno=True).setns(descriptor, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), 'setns')
        os.close(descriptor)


class Receiver:
    """receive_ports on a configuration, in a namespace."""

    def __init__(self, configuration, namespace=None, before=(), folder=None):
        self.folder = tempfile.TemporaryDirectory()
        os.chmod(self.folder.name, 0o755)
        path = Path(self.folder.name, 'taptrace.yaml')
        path.write_text(configuration)
        command = ['ip', 'netns', 'exec', namespace] if namespace else []
        self.process = subprocess.Popen(
            [*command, *before, RECEIVER, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
            env={**os.environ, 'RUNTIME_DIRECTORY': folder or self.folder.name})

    def __enter__(self):
        if self.process.stdout.readline() != 'ready\n':
            raise RuntimeError(self.process.communicate()[1])
        return self

    def __exit__(self, *_):
        try:
            self.said = self.process.communicate(timeout=20)[1]
        finally:
            self.process.kill()
            self.process.wait()
            self.folder.cleanup()

    def refusal(self):
        """For one that does not start: what it said."""
        said = self.process.communicate(timeout=30)[1]
        self.folder.cleanup()
        return said.splitlines(), self.process.returncode

    def tell(self, word):
        self.process.stdin.write(word + '\n')
        self.process.stdin.flush()

    def pause(self):
        """Returns once nobody polls."""
        self.tell('pause')
        self.report()

    def report(self):
        self.tell('report')
        lines = []
        while (line := self.process.stdout.readline()) != '.\n':
            if line == '':
                raise RuntimeError(self.process.communicate()[1])
            lines.append(json.loads(line))
        return lines

    def wait_for(self, count, port=0):
        """The report once `count` packets are delivered or missed."""
        def accounted():
            report = self.report()[port]
            return report if report['delivered'] + report['missed'] >= count else None
        try:
            return poll(accounted, f'{count} packets', 10)
        except TimeoutError as timeout:
            raise TimeoutError(self.report()) from timeout


def configuration(port, workers=1, **memory):
    memory = {'mbufs': 16384, 'huge_pages': 'never', **memory}
    keys = ''.join(f'  {key}: {value}\n' for key, value in memory.items())
    ports = port if isinstance(port, str) else '\n'.join(port)
    return f'ports:\n- {ports}\nworkers:\n  count: {workers}\nmemory:\n{keys}'


class LiveDrivers(unittest.TestCase):
    def expect_all(self, report, count, length=100):
        self.assertEqual(report['delivered'], count)
        self.assertEqual(report['delivered_bytes'], count * length)
        self.assertEqual(report['bytes'], count * length)
        self.assertEqual(report['sum'], count * (count - 1) // 2)
        self.assertEqual((report['missed'], report['no_mbuf'], report['errors']), (0, 0, 0))
        self.assertEqual(report['wrong_time'], 0)

    def expect_each_interface_driver(self, key, driver, time_source):
        with Wire() as wire, Receiver(configuration(f'{key}: tap0'), wire.tap) as receiver:
            # What the machine itself sends on the interface is not the tap's.
            wire.send((frame(7) for _ in range(50)), wire.tap, 'tap0')
            wire.send(frame(i) for i in range(2000))
            report = receiver.wait_for(2000)
            self.assertEqual(report['driver'], driver)
            self.assertEqual(report['time_source'], time_source)
            self.assertTrue(report['link_up'] and report['missed_known'])
            self.expect_all(report, 2000)
            ip('-n', wire.sender, 'link', 'set', 'out0', 'down')
            poll(lambda: not receiver.report()[0]['link_up'], 'the link to go down', 5)
            ip('-n', wire.sender, 'link', 'del', 'out0')
            self.assertFalse(receiver.report()[0]['link_up'])
            receiver.tell('stop')
            self.expect_all(receiver.report()[0], 2000)
        self.assertEqual(receiver.process.returncode, 0)

    def test_af_packet(self):
        self.expect_each_interface_driver('interface', 'net_af_packet', 'tsc')

    def test_af_xdp(self):
        self.expect_each_interface_driver('af_xdp', 'net_af_xdp', 'tsc')

    def test_pcap(self):
        self.expect_each_interface_driver('pcap', 'net_pcap', 'kernel')


    def expect_exact_loss(self, key):
        """More than the kernel keeps, while nobody polls; then some that stay there at the stop."""
        with Wire() as wire, Receiver(configuration((f'{key}: tap0', '  descriptors: 64')), wire.tap) as receiver:
            receiver.pause()
            wire.send(frame(i) for i in range(30000))
            self.assertEqual(receiver.report()[0]['delivered'], 0)
            receiver.tell('go')
            report = receiver.wait_for(30000)
            self.assertGreater(report['missed'], 1000)
            self.assertGreater(report['delivered'], 50)
            self.assertEqual(report['delivered'] + report['missed'], 30000)
            # And now none is lost.
            wire.send(frame(i) for i in range(50))
            self.assertEqual(receiver.wait_for(30050)['missed'], report['missed'])

    def test_af_packet_loss_is_exact(self):
        self.expect_exact_loss('interface')

    def test_af_xdp_loss_is_exact(self):
        self.expect_exact_loss('af_xdp')

    def test_pcap_loss_is_exact(self):
        self.expect_exact_loss('pcap')

    def test_af_packet_counts_what_is_left_at_the_stop(self):
        with Wire() as wire, Receiver(configuration('interface: tap0'), wire.tap) as receiver:
            wire.send(frame(i) for i in range(100))
            receiver.wait_for(100)
            receiver.pause()
            wire.send(frame(i) for i in range(77))
            receiver.tell('stop')
            report = receiver.report()[0]
            self.assertEqual((report['delivered'], report['missed']), (100, 77))
            # Statistics stay as they are.
            self.assertEqual(receiver.report()[0], report)

    def expect_symmetric_spread(self, key, wire, queues, symmetric):
        with Receiver(configuration(f'{key}: tap0', workers=3), wire.tap) as receiver:
            for _ in range(3):
                wire.send(udp(source) for source in range(40000, 40064))
                wire.send(udp(source, reverse=True) for source in range(40000, 40064))
            report = receiver.wait_for(384)
            self.assertEqual(report['delivered'], 384)
            self.assertEqual(report['queues'], queues)
            self.assertEqual(report['symmetric'], symmetric)
            self.assertEqual(report['split'], 0)
            self.assertEqual(sum(report['of_queue']), 384)
            self.assertTrue(all(count > 0 for count in report['of_queue']), report['of_queue'])

    def test_af_packet_spreads_flows_symmetrically(self):
        with Wire() as wire:
            self.expect_symmetric_spread('interface', wire, 3, 1)

    def test_af_xdp_takes_all_queues_of_the_interface(self):
        with Wire(queues=3) as wire:
            self.expect_symmetric_spread('af_xdp', wire, 3, 0)
            said, status = Receiver(configuration('af_xdp: tap0', workers=2), wire.tap).refusal()
            self.assertEqual((len(said), status), (1, 1))
            self.assertIn('3 receive queues for 2 workers', said[0])

    def test_tags_are_kept(self):
        frames = [frame(1, tags=[(0x8100, 7)])] * 10 + [frame(1, tags=[(0x88a8, 7), (0x8100, 8)])] * 10
        for key in 'interface', 'af_xdp', 'pcap':
            with self.subTest(key), Wire() as wire, Receiver(configuration(f'{key}: tap0'), wire.tap) as receiver:
                wire.send(frames)
                report = receiver.wait_for(20)
                # net_af_packet puts an outer 802.1ad tag back as 802.1Q.
                expected = (20, 0) if key == 'interface' else (10, 10)
                self.assertEqual((report['type_8100'], report['type_88a8']), expected)
                self.assertEqual(report['bytes'], 2000)

    def test_long_frames_are_whole(self):
        for key in 'interface', 'pcap':
            port = (f'{key}: tap0', '  frame_size: 9018')
            with self.subTest(key), Wire(mtu=9004) as wire, Receiver(configuration(port, mbufs=4096), wire.tap) as receiver:
                wire.send(frame(i, length=9018) for i in range(100))
                self.expect_all(receiver.wait_for(100), 100, 9018)

    def test_an_empty_pool(self):
        """With the pool in others' hands frames wait or are counted, and none is forgotten."""
        with Wire() as wire, Receiver(configuration(('pcap: tap0',), mbufs=2048), wire.tap) as receiver:
            wire.send(frame(i) for i in range(3000))
            # The kernel's buffer is full sooner than a busy machine lets the receiver look.
            report = receiver.wait_for(3000)
            self.assertEqual(report['delivered'] + report['missed'], 3000)
            self.assertEqual((report['delivered_bytes'], report['bytes']), (report['delivered'] * 100,) * 2)
            self.assertEqual((report['no_mbuf'], report['errors'], report['wrong_time']), (0, 0, 0))

    def test_rights_can_be_dropped(self):
        for key in 'interface', 'af_xdp', 'pcap':
            with self.subTest(key), Wire() as wire, Receiver(configuration(f'{key}: tap0'), wire.tap) as receiver:
                receiver.tell('drop')
                wire.send(frame(i) for i in range(1000))
                self.expect_all(receiver.wait_for(1000), 1000)

    def test_tap(self):
        with Wire() as wire, Receiver(configuration('tap: dtap0', workers=2), wire.tap) as receiver:
            ip('-n', wire.tap, 'link', 'set', 'dtap0', 'up')
            wire.send((frame(i) for i in range(400)), wire.tap, 'dtap0')
            report = receiver.wait_for(400)
            self.expect_all(report, 400)
            self.assertEqual((report['driver'], report['queues']), ('net_tap', 2))
            receiver.pause()
            wire.send((frame(i) for i in range(5000)), wire.tap, 'dtap0')
            receiver.tell('go')
            report = receiver.wait_for(5400)
            self.assertEqual(report['delivered'] + report['missed'], 5400)
            self.assertGreater(report['missed'], 100)
            self.assertTrue(report['missed_known'])

    def test_devargs(self):
        """A device in DPDK's own words: what it does not count is not claimed to be known."""
        port = 'devargs: "net_af_packet7,iface=tap0,framecnt=4096"'
        with Wire() as wire, Receiver(configuration(port), wire.tap) as receiver:
            wire.send(frame(i) for i in range(100))
            report = receiver.wait_for(100)
            self.expect_all(report, 100)
            self.assertFalse(report['missed_known'])

    def expect_peer_driver(self, key, driver, devargs):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, 'socket')
            receiver = Receiver(configuration(f'{key}: {path}', workers=2))
            self.addCleanup(receiver.process.kill)
            poll(path.exists, 'the socket', 10)
            for peers in range(2):
                # A peer that leaves and comes back.
                with subprocess.Popen([PROGRAMS / 'send_frames', devargs.format(path), '3000'],
                                      stdin=subprocess.PIPE, env={**os.environ, 'RUNTIME_DIRECTORY': folder}) as peer:
                    if peers == 0:
                        receiver.__enter__()
                    poll(lambda: receiver.report()[0]['link_up'], 'the link to come up', 10)
                    peer.stdin.write(b'\n')
                    peer.stdin.flush()
                    report = receiver.wait_for(3000 * (peers + 1))
                    self.assertEqual(report['driver'], driver)
                    self.assertEqual(report['delivered'], 3000 * (peers + 1))
                    self.assertEqual(report['sum'], (peers + 1) * 3000 * 2999 // 2)
                    self.assertTrue(report['link_up'])
                    self.assertFalse(report['missed_known'])
                poll(lambda: not receiver.report()[0]['link_up'], 'the link to go down', 5)
                # The device's own counters are gone with the peer.
                self.assertEqual(receiver.report()[0]['delivered'], 3000 * (peers + 1))
            receiver.__exit__()
            self.assertEqual(receiver.process.returncode, 0)

    def test_memif(self):
        self.expect_peer_driver('memif', 'net_memif', 'net_memif0,role=client,id=0,socket={},socket-abstract=no')

    def test_virtio_user(self):
        self.expect_peer_driver('virtio_user', 'net_virtio_user', 'net_vhost0,iface={},client=1')

    def test_null(self):
        with Receiver(configuration('"null": n0')) as receiver:
            report = receiver.wait_for(10000)
            self.assertEqual(report['delivered_bytes'], report['delivered'] * 64)

    def test_two_ports_are_apart(self):
        with Wire() as wire:
            ports = ('interface: tap0', '- pcap: lo')
            ip('-n', wire.tap, 'link', 'set', 'lo', 'up')
            with Receiver(configuration(ports), wire.tap) as receiver:
                wire.send(frame(i) for i in range(100))
                wire.send((frame(i) for i in range(200)), wire.tap, 'lo')
                self.expect_all(receiver.wait_for(100, 0), 100)
                self.expect_all(receiver.wait_for(200, 1), 200)


class HugePages(unittest.TestCase):
    RESERVED = Path('/proc/sys/vm/nr_hugepages')

    def setUp(self):
        before = self.RESERVED.read_text()
        self.addCleanup(self.RESERVED.write_text, before)
        self.RESERVED.write_text(str(int(before) + 100))
        if int(self.RESERVED.read_text()) < int(before) + 100:
            self.skipTest('the machine has no memory left for huge pages')

    def test_they_are_used_and_given_back(self):
        def free():
            return int(next(line for line in Path('/proc/meminfo').read_text().splitlines()
                            if line.startswith('HugePages_Free')).split()[1])
        before = free()
        for key in 'interface', 'af_xdp', 'pcap':
            with self.subTest(key), Wire() as wire:
                text = configuration(f'{key}: tap0', huge_pages='require')
                with Receiver(text, wire.tap) as receiver:
                    self.assertLess(free(), before - 20)
                    receiver.tell('drop')
                    wire.send(frame(i) for i in range(1000))
                    self.assertEqual(receiver.wait_for(1000)['delivered'], 1000)
                # Also by one that could not clean up.
                receiver = Receiver(text, wire.tap).__enter__()
                receiver.process.kill()
                receiver.__exit__()
            poll(lambda: free() == before, 'the pages to be free again', 5)


class Refusals(unittest.TestCase):
    def expect_refusal(self, text, part, namespace=None):
        said, status = Receiver(text, namespace).refusal()
        self.assertEqual((len(said), status), (1, 1), said)
        self.assertIn(part, said[0])

    def test_no_such_device(self):
        for key in 'interface', 'af_xdp', 'pcap':
            self.expect_refusal(configuration(f'{key}: nosuch0'), 'nosuch0: no such network interface')
        self.expect_refusal(configuration('pci: "0000:ff:1f.7"'), '0000:ff:1f.7: no such PCI device')
        self.expect_refusal(configuration('devargs: "net_nosuch0,a=b"'), 'net_nosuch0')
        self.expect_refusal(configuration('devargs: "net_pcap7,rx_pcap=/nosuch"'), 'net_pcap7')

    def test_memory(self):
        self.expect_refusal(configuration('"null": n0', huge_pages='require'), 'vm.nr_hugepages')
        self.expect_refusal(configuration('"null": n0', mbufs=16777216), 'lower memory.mbufs')
        self.expect_refusal(configuration('tap: dtap0', mbufs=4096), 'memory.mbufs: 4096 are too few')

    def test_cpus(self):
        text = configuration('"null": n0') + 'control:\n  cpu: 1000\n'
        self.expect_refusal(text, 'control.cpu: CPU 1000 is not one')

    def test_rights(self):
        with Wire() as wire:
            for key in 'interface', 'af_xdp', 'pcap':
                receiver = Receiver(configuration(f'{key}: tap0'), wire.tap, ['setpriv', '--reuid=65534', '--clear-groups'])
                said, status = receiver.refusal()
                self.assertEqual((len(said), status), (1, 1), said)
                self.assertIn('CAP_NET_RAW', said[0])

    def test_second_instance(self):
        with Receiver(configuration('"null": n0')) as first:
            second = Receiver(configuration('"null": n0'), folder=first.folder.name)
            said, status = second.refusal()
            self.assertEqual((len(said), status), (1, 1), said)
            self.assertIn('another taptraced runs as "taptrace"', said[0])
        with Receiver(configuration('"null": n0')) as third:
            third.wait_for(1)


if __name__ == '__main__':
    unittest.main()
