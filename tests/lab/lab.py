# SPDX-License-Identifier: Apache-2.0
"""A lab (scripts/lab) of a test's own, and what its programs logged."""
import json
import os
import subprocess
import time
from pathlib import Path

TREE = Path(__file__).resolve().parents[2]
SCRIPT = TREE / 'scripts' / 'lab'
DEADLINE_S = 60


def poll(condition, what, deadline_s=DEADLINE_S):
    """The first true value of condition(), which is asked until then."""
    end = time.monotonic() + deadline_s
    while not (value := condition()):
        if time.monotonic() > end:
            raise TimeoutError(what)
        time.sleep(0.05)
    return value


class Lab:
    """up() on entering, down() in any case on leaving."""

    def __init__(self, name, *options):
        self.name = f'{name}{os.getpid()}'
        self.options = options
        self.dir = Path('/run/taptrace-lab', self.name)

    def __enter__(self):
        try:
            self('up', *self.options)
        except BaseException:
            self('down')
            raise
        return self

    def __exit__(self, *_):
        self('down')

    def __call__(self, *command):
        """Run a command of scripts/lab; what it printed."""
        return subprocess.run([SCRIPT, '--name', self.name, *command], check=True, text=True,
                              stdout=subprocess.PIPE, timeout=DEADLINE_S).stdout

    def start(self, host, *command, **options):
        """A process on a host, in the background; the caller ends it."""
        return subprocess.Popen(['ip', 'netns', 'exec', f'{self.name}-{host}', *command], **options)

    def counter(self, host, interface, name):
        return int(self(host, 'cat', f'/sys/class/net/{interface}/statistics/{name}'))

    def log(self, name):
        """The objects of a log with one JSON object a line."""
        return [json.loads(line) for line in (self.dir / 'log' / name).read_text().splitlines()]
