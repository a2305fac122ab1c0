# SPDX-License-Identifier: Apache-2.0
"""taptraced on the tap ports of a lab, and what it says through each of its doors."""
import json
import os
import signal
import socket
import subprocess
from pathlib import Path

from lab import DEADLINE_S, TREE, poll

PROGRAMS = Path(os.environ.get('BUILD', TREE / 'build/gcc'), 'app')
TAPTRACE = PROGRAMS / 'taptrace/taptrace'
TAPTRACED = PROGRAMS / 'taptraced/taptraced'
PORTS = 'tap0', 'tap1'


class Appliance:
    """Runs from entering to stop(), at the latest to leaving. `key` is the kind of its ports."""
    prefix = ()  # of its command line

    def __init__(self, lab, key, *settings):
        self.lab = lab
        self.folder = lab.dir / 'appliance'
        self.folder.mkdir()
        self.config = self.folder / 'taptrace.yaml'
        self.config.write_text('\n'.join(
            ('ports:', *(f'  - {key}: {port}' for port in PORTS), *settings, '')))
        self.said = self.folder / 'stderr'
        self.environment = {**os.environ, 'RUNTIME_DIRECTORY': str(self.folder)}
        self.socket = self.folder / 'dpdk/taptrace/dpdk_telemetry.v2'
        self.pull_socket = self.folder / 'dpdk/taptrace/pull.sock'
        self.program = TAPTRACED

    def __enter__(self):
        with open(self.said, 'wb') as stderr:
            self.process = self.lab.start('tap', *self.prefix, TAPTRACED, '-c', self.config,
                                          stderr=stderr, env=self.environment)
        try:
            poll(self.is_ready, 'taptraced to start')
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def is_ready(self):
        if self.process.poll() is not None:
            raise RuntimeError(self.said.read_text())
        return 'tracing' in self.said.read_text()

    def stop(self):
        """SIGTERM, and the status that it exits with."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(10)

    def run(self, *command):
        """A taptrace command, whatever comes of it."""
        return subprocess.run([TAPTRACE, *command], env=self.environment, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=DEADLINE_S)

    def ask(self, *command):
        """The objects that a taptrace command prints."""
        done = self.run(*command)
        if done.returncode != 0 or done.stderr:
            raise RuntimeError(f'{command} ended with {done.returncode}: {done.stderr}')
        return [json.loads(line) for line in done.stdout.splitlines()]

    def telemetry(self, command):
        """The reply to a command, from the socket itself."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as link:
            link.settimeout(DEADLINE_S)
            link.connect(str(self.socket))
            link.recv(1024)
            link.send(command.encode())
            reply = json.loads(link.recv(1 << 16))
        return reply[command.split(',')[0]]

    def unseen(self):
        """Packets of each port's interface that the appliance has not accounted for, as from before its start."""
        ports = self.telemetry('/taptrace/ports')['ports']
        ports = ports.values() if isinstance(ports, dict) else ports
        return {port['name']: self.lab.counter('tap', port['name'], 'rx_packets')
                - port['delivered'] - port.get('missed', 0) for port in ports}


class Prompt(Appliance):
    """Comes before other processes: for what depends on when packets are seen."""
    prefix = 'chrt', '--rr', '1'
