# SPDX-License-Identifier: Apache-2.0
"""scripts/bind on a sysfs of the test's own, in which a thread plays the kernel."""
import os
import subprocess
import tempfile
import threading
import time
import unittest
from pathlib import Path

BIND = Path(__file__).resolve().parents[3] / 'scripts' / 'bind'


class Sysfs:
    """Two NICs of ixgbe, a virtio NIC without NUMA node, one without driver, and a disk controller."""

    def __init__(self, root):
        self.root = Path(root)
        self.devices = self.root / 'bus/pci/devices'
        for driver in 'ixgbe', 'virtio-pci', 'nvme', 'vfio-pci':
            self.write(f'bus/pci/drivers/{driver}/unbind', '')
        os.mkfifo(self.root / 'bus/pci/drivers_probe')
        self.device('0000:3b:00.0', '0x020000', '0x8086', '0x10fb', 'ixgbe', node=1, interface='eth1')
        self.device('0000:3b:00.1', '0x020000', '0x8086', '0x10fb', 'ixgbe', node=1, interface='eth2', link='up')
        self.device('0000:00:03.0', '0x020000', '0x1af4', '0x1041', 'virtio-pci', interface='eth0',
                    below='virtio0/net', group=False)
        self.device('0000:5e:00.0', '0x020000', '0x15b3', '0x1017', None, node=0)
        self.device('0000:01:00.0', '0x010802', '0x144d', '0xa808', 'nvme')

    def write(self, path, text):
        path = self.root / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def device(self, address, kind, vendor, device, driver, node=-1, interface=None, link='down',
               below='net', group=True):
        folder = f'bus/pci/devices/{address}'
        for name, text in (('class', kind), ('vendor', vendor), ('device', device), ('numa_node', node),
                           ('driver_override', '(null)')):
            self.write(f'{folder}/{name}', f'{text}\n')
        if driver:
            (self.root / folder / 'driver').symlink_to(f'../../drivers/{driver}')
        if group:
            (self.root / folder / 'iommu_group').symlink_to('../../../../kernel/iommu_groups/7')
            (self.root / 'kernel/iommu_groups/7').mkdir(parents=True, exist_ok=True)
        if interface:
            self.write(f'{folder}/{below}/{interface}/type', '1\n')
            self.write(f'class/net/{interface}/operstate', f'{link}\n')

    def probe(self, address, override, driver):
        """As the kernel: once the override is written, bind the driver and take what is written to
        drivers_probe, whose writer waits until then. Returns what it took."""
        device = self.devices / address
        taken = []

        def play():
            end = time.monotonic() + 10
            while (device / 'driver_override').read_text() != override and time.monotonic() < end:
                time.sleep(0.01)
            (device / 'driver').unlink(missing_ok=True)
            if driver:
                (device / 'driver').symlink_to(f'../../drivers/{driver}')
            taken.append((self.root / 'bus/pci/drivers_probe').read_text())

        thread = threading.Thread(target=play, daemon=True)
        thread.start()
        return thread, taken

    def unbound(self, driver):
        return (self.root / f'bus/pci/drivers/{driver}/unbind').read_text()


class BindTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.sysfs = Sysfs(folder.name)

    def bind(self, *arguments):
        done = subprocess.run([BIND, *arguments], env={**os.environ, 'SYSFS': str(self.sysfs.root)}, text=True,
                              capture_output=True, timeout=20)
        return done.returncode, done.stdout, done.stderr

    def expect_refusal(self, part, *arguments):
        status, printed, said = self.bind(*arguments)
        self.assertEqual((status, printed, len(said.splitlines())), (1, '', 1), said)
        self.assertIn(part, said)
        for driver in 'ixgbe', 'virtio-pci', 'nvme':
            self.assertEqual(self.sysfs.unbound(driver), '')

    def test_list(self):
        status, printed, said = self.bind()
        self.assertEqual((status, said), (0, ''))
        self.assertEqual([line.split() for line in printed.splitlines()], [
            ['ADDRESS', 'ID', 'DRIVER', 'INTERFACE', 'LINK', 'NUMA'],
            ['0000:00:03.0', '1af4:1041', 'virtio-pci', 'eth0', 'down', '-'],
            ['0000:3b:00.0', '8086:10fb', 'ixgbe', 'eth1', 'down', '1'],
            ['0000:3b:00.1', '8086:10fb', 'ixgbe', 'eth2', 'up', '1'],
            ['0000:5e:00.0', '15b3:1017', '-', '-', '-', '0']])

    def test_bind(self):
        thread, taken = self.sysfs.probe('0000:3b:00.0', 'vfio-pci', 'vfio-pci')
        status, _, said = self.bind('3b:00.0')
        thread.join(5)
        self.assertEqual(status, 0, said)
        self.assertEqual(taken, ['0000:3b:00.0'])
        self.assertEqual(self.sysfs.unbound('ixgbe'), '0000:3b:00.0')
        status, _, said = self.bind('0000:3b:00.0')
        self.assertEqual(status, 0)
        self.assertIn('already', said)

    def test_back(self):
        driver = self.sysfs.devices / '0000:3b:00.0/driver'
        driver.unlink()
        driver.symlink_to('../../drivers/vfio-pci')
        thread, taken = self.sysfs.probe('0000:3b:00.0', '\n', 'ixgbe')
        status, _, said = self.bind('--back', '0000:3b:00.0')
        thread.join(5)
        self.assertEqual(status, 0, said)
        self.assertIn('bound to ixgbe', said)
        self.assertEqual(taken, ['0000:3b:00.0'])
        self.assertEqual(self.sysfs.unbound('vfio-pci'), '0000:3b:00.0')

    def test_the_kernel_does_not_bind(self):
        thread, _ = self.sysfs.probe('0000:3b:00.0', 'vfio-pci', None)
        status, _, said = self.bind('0000:3b:00.0')
        thread.join(5)
        self.assertEqual(status, 1)
        self.assertIn('bound to no driver and not to vfio-pci', said)

    def test_refusals(self):
        self.expect_refusal('no such PCI device', '0000:77:00.0')
        self.expect_refusal('not a network device', '0000:01:00.0')
        self.expect_refusal('"ip link set eth2 down"', '0000:3b:00.1')
        self.expect_refusal('enable_unsafe_noiommu_mode', '0000:00:03.0')
        self.sysfs.write('module/vfio/parameters/enable_unsafe_noiommu_mode', 'N\n')
        self.expect_refusal('behind no IOMMU', '0000:00:03.0')

    def test_no_iommu_when_allowed(self):
        self.sysfs.write('module/vfio/parameters/enable_unsafe_noiommu_mode', 'Y\n')
        thread, taken = self.sysfs.probe('0000:00:03.0', 'vfio-pci', 'vfio-pci')
        status, _, said = self.bind('00:03.0')
        thread.join(5)
        self.assertEqual((status, taken), (0, ['0000:00:03.0']), said)

    def test_usage(self):
        self.assertEqual(self.bind('--nonsense')[0], 2)
        self.assertEqual(self.bind('--back')[0], 2)
        self.assertEqual(self.bind('--help')[0], 0)


if __name__ == '__main__':
    unittest.main()
