# SPDX-License-Identifier: Apache-2.0
"""Every command of README.md, run in its order, with what SUBSTITUTIONS says in place of what a test
must not do to the machine."""
import os
import re
import signal
import subprocess
import tempfile
import unittest
from pathlib import Path

from lab import DEADLINE_S, TREE, Lab, poll

HUGE_PAGES = '/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages'
# (what the README has, what is run); None: it is not run. {stage} is a folder of the test's own.
SUBSTITUTIONS = (
    ('scripts/run', 'scripts/run --seconds 3'),
    # It is what runs this test.
    ('scripts/test', None),
    ('meson install -C build/release', 'DESTDIR={stage} meson install -C build/release'),
    # The machine's huge pages and NICs stay as they are.
    (f'echo 1024 > {HUGE_PAGES}', f'test -f {HUGE_PAGES}'),
    ('scripts/bind 0000:3b:00.0 0000:3b:00.1', 'scripts/bind --help'),
    ('cp conf/taptrace.yaml /etc/taptrace.yaml', 'mkdir {stage}/etc && cp conf/taptrace.yaml {stage}/etc/'
     ' && sed -i "s/^ports:/ports: [interface: tap0, interface: tap1]/" {stage}/etc/taptrace.yaml'),
    ('taptraced -c /etc/taptrace.yaml --check', 'taptraced -c {stage}/etc/taptrace.yaml --check'),
    ('taptraced -c /etc/taptrace.yaml', 'taptraced -c {stage}/etc/taptrace.yaml'),
    # A machine that is busy with tests is not always well.
    ('taptrace health', 'taptrace health || true'),
    *((f'curl --unix-socket /var/run/dpdk/taptrace/pull.sock {url}', f'curl -f --unix-socket {{stage}}/dpdk/taptrace/pull.sock {url}')
      for url in ("'http://taptrace/connections?client=collector&delta=1'", 'http://taptrace/metrics')),
    # On a terminal, whose user quits.
    ('taptrace top', 'echo q | TERM=xterm script --quiet --return --command "taptrace top" /dev/null'),
)
DAEMON = 'taptraced -c {stage}/etc/taptrace.yaml'


def commands():
    blocks = re.findall(r'^```sh\n(.*?)^```$', (TREE / 'README.md').read_text(), re.MULTILINE | re.DOTALL)
    substitutions = dict(SUBSTITUTIONS)
    for line in ''.join(blocks).splitlines():
        command = substitutions.pop(line, line)
        if command is not None:
            yield command
    if substitutions:
        raise ValueError(f'not in the README: {", ".join(substitutions)}')


class Readme(unittest.TestCase):
    def setUp(self):
        stage = tempfile.TemporaryDirectory()
        self.addCleanup(stage.cleanup)
        self.stage = stage.name
        # As /etc is: the appliance reads its configuration again when it has no rights any more.
        os.chmod(self.stage, 0o755)
        programs = f'{self.stage}/usr/local/bin:{self.stage}/usr/local/sbin'
        self.environment = {**os.environ, 'LAB': f'readmerun{os.getpid()}', 'RUNTIME_DIRECTORY': self.stage,
                            'PATH': f'{programs}:{os.environ["PATH"]}'}

    def run_command(self, lab, command):
        done = subprocess.run(['ip', 'netns', 'exec', f'{lab.name}-tap', 'sh', '-c', command], cwd=TREE,
                              env=self.environment, capture_output=True, text=True, timeout=5 * DEADLINE_S)
        self.assertEqual(done.returncode, 0, f'{command}: {done.stdout}{done.stderr}')
        return done.stdout

    def test_commands(self):
        with Lab('readme') as lab:
            daemon = None
            for command in commands():
                line = command.format(stage=self.stage)
                if command == DAEMON:
                    daemon = lab.start('tap', 'sh', '-c', f'exec {line}', env=self.environment,
                                       stderr=subprocess.DEVNULL)
                    poll(lambda: self.answers(daemon), 'taptraced to answer')
                    lab('traffic', 'http')
                else:
                    output = self.run_command(lab, line)
                    if command == 'taptrace connections':
                        self.assertIn('"transport":"tcp"', output)
            daemon.send_signal(signal.SIGTERM)
            self.assertEqual(daemon.wait(20), 0)

    def answers(self, daemon):
        self.assertIsNone(daemon.poll(), 'taptraced has ended')
        return subprocess.run(['taptrace', 'ports'], env=self.environment, capture_output=True,
                              check=False).returncode == 0


def heed_interrupts():
    """A job in the background ignores them, and so does what it starts: a shell cannot even trap them."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Run(unittest.TestCase):
    def test_interrupt_ends_all_of_it(self):
        name = f'interrupt{os.getpid()}'
        with subprocess.Popen([TREE / 'scripts/run'], env={**os.environ, 'LAB': name}, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
                              preexec_fn=heed_interrupts) as run:
            self.assertIn('"type":"connection"', run.stdout.readline())
            # As from a terminal: to the whole foreground.
            os.killpg(run.pid, signal.SIGINT)
            try:
                _, said = run.communicate(timeout=DEADLINE_S)
            except subprocess.TimeoutExpired:
                os.killpg(run.pid, signal.SIGTERM)
                raise
        self.assertEqual(run.returncode, 0, said)
        self.assertEqual([n for n in os.listdir('/run/netns') if n.startswith(name)], [])
        self.assertFalse(Path('/run/taptrace-lab', name).exists())


if __name__ == '__main__':
    unittest.main()
