# SPDX-License-Identifier: Apache-2.0
"""taptrace top on a terminal: tmux's, whose screen is read while real traffic goes on."""
import itertools
import os
import pty
import re
import subprocess
import unittest

from appliance import TAPTRACE, Appliance
from lab import DEADLINE_S, Lab, poll

CLEARS_THE_SCREEN = '\x1b[2J'


class Terminal:
    """A terminal of tmux with a program of its own, from entering to leaving."""

    numbers = itertools.count()

    def __init__(self, columns, lines, environment, *command):
        self.name = f'top{os.getpid()}-{next(self.numbers)}'
        self.options = ['-x', str(columns), '-y', str(lines)]
        self.environment = environment
        self.command = [str(word) for word in command]

    def tmux(self, *command):
        return subprocess.run(['tmux', '-L', self.name, '-f', '/dev/null', *command], check=True, text=True,
                              env=self.environment, stdout=subprocess.PIPE, timeout=DEADLINE_S).stdout

    def __enter__(self):
        # What it exits with stays on the screen.
        self.tmux('new-session', '-d', *self.options, 'sh', '-c', '"$@"; echo "exit status $?"; exec sleep 600',
                  'sh', *self.command)
        return self

    def __exit__(self, *_):
        subprocess.run(['tmux', '-L', self.name, 'kill-server'], check=False)

    def press(self, *keys):
        self.tmux('send-keys', *keys)

    def screen(self):
        return self.tmux('capture-pane', '-p')

    def until(self, pattern):
        """The screen once it shows this."""
        def shown():
            screen = self.screen()
            return screen if re.search(pattern, screen, re.MULTILINE) else None
        try:
            return poll(shown, pattern)
        except TimeoutError:
            raise TimeoutError(f'{pattern} not in:\n{self.screen()}') from None


class Top(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(Lab('top'))
        cls.appliance = cls.enterClassContext(Appliance(cls.lab, 'interface'))
        poll(lambda: cls.appliance.run('ports').returncode == 0, 'the appliance to answer')

    def terminal(self, *options, columns=80, lines=24):
        return self.enterContext(Terminal(columns, lines, self.appliance.environment,
                                          TAPTRACE, 'top', '--delay', '0.5', *options))

    def test_views(self):
        terminal = self.terminal()
        terminal.until(r'\[3 connections\]')
        # A connection that lasts, and moves all the time.
        with self.lab.start('client', 'iperf3', '-c', '192.0.2.2', '-b', '2M', '-t', '600',
                            stdout=subprocess.DEVNULL) as iperf:
            try:
                screen = terminal.until(r'^tcp +192\.0\.2\.1:\d+ +\S*:5201 +[1-9]\S+ ')
                self.assertRegex(screen, r'all \d+ active connections')
                self.assertRegex(screen.splitlines()[4], r'^PROTO +CLIENT +SERVER +BITS/S\* +RTT +RETR +AGE$')
                terminal.press('1')
                terminal.until(r'^ +0 +tap0 +up +[1-9]\S* +[1-9]\S* +0 ')
                terminal.press('2')
                terminal.until(r'^ +0 +\d+\.\d% +[1-9]\S* +[1-9]\d* ')
            finally:
                iperf.kill()
        self.lab('traffic', 'http', 'dns', 'tls')
        self.lab('client', 'curl', '-s', '-o', '/dev/null', '-H', 'Host: odd.test', 'http://192.0.2.2/error')
        terminal.press('4')
        terminal.until(r'^odd\.test +192\.0\.2\.2:80 +\S+ +1 +1 +100\.0% ')
        terminal.press('5')
        terminal.until(r'^none\.lab\.test +\S+ +[1-9]\d* +[1-9]\d* +0 +100\.0% +NXDOMAIN')
        terminal.press('6')
        screen = terminal.until(r'^www\.lab\.test +\S+ +TLSv1\.[23] +\S+ +4 +0 +1 ')
        self.assertRegex(screen.splitlines()[3], r'TLSv1\.\d \d')
        for line in screen.splitlines():
            self.assertLessEqual(len(line), 80)

    def test_keys(self):
        terminal = self.terminal()
        self.lab('traffic', 'dns', 'ping')
        terminal.until(r'^icmp ')
        terminal.press('>', '>')
        terminal.until(r'RETR\*')
        terminal.press('/')
        terminal.press('-l', 'icmp')
        terminal.until(r'^filter: icmp_$')
        terminal.press('Enter')
        screen = terminal.until(r'^with "icmp": \d of \d+')
        self.assertNotIn(':53', screen)
        terminal.press('Down', 'Up', 'Enter')
        terminal.until(r'^transport +icmp')
        terminal.press('Escape')
        terminal.until(r'^PROTO ')
        terminal.press('Escape')
        terminal.until(r':53 ')
        terminal.press('p')
        terminal.until(r'PAUSED')
        terminal.press('h')
        terminal.until(r'this help')
        terminal.press('h', 'q')
        terminal.until(r'^exit status 0$')

    def test_resize(self):
        terminal = self.terminal()
        terminal.until(r'^q quit')
        for columns, lines in (120, 40), (40, 10), (5, 2), (80, 24):
            terminal.tmux('resize-window', '-x', str(columns), '-y', str(lines))
            last = 'q quit  h help'[:columns]
            screen = poll(lambda: next((s for s in [terminal.screen()] if len(s.rstrip('\n').split('\n')) == lines
                                        and s.rstrip('\n').split('\n')[-1].startswith(last)), None),  # noqa: B023
                          f'{columns} x {lines}')
            self.assertLessEqual(max(len(line) for line in screen.splitlines()), columns)

    def test_text_from_the_wire_does_not_steer_the_terminal(self):
        terminal = self.terminal()
        terminal.press('4')
        terminal.until(r'\[4 services\]')
        self.lab('client', 'curl', '-s', '-o', '/dev/null', '-H', f'Host: evil{CLEARS_THE_SCREEN}\x9b\x07.test',
                 'http://192.0.2.2/')
        self.assertRegex(terminal.until(r'^evil'), r'\[4 services\]')

    def test_signals(self):
        for name in 'INT', 'TERM':
            with Terminal(80, 24, self.appliance.environment, TAPTRACE, 'top') as terminal:
                terminal.until(r'^q quit')
                pane = terminal.tmux('display-message', '-p', '#{pane_pid}').strip()
                subprocess.run(['pkill', f'-{name}', '-P', pane, 'taptrace'], check=True)
                terminal.until(r'^exit status 0$')

    def test_an_appliance_that_comes_and_goes(self):
        terminal = self.terminal()
        terminal.until(r'^q quit')
        self.assertEqual(self.appliance.stop(), 0)
        terminal.until(r'^taptrace: error: ')
        # Left with the class.
        self.appliance.__enter__()
        terminal.until(r'^q quit')

    def refusal(self, environment, stdin, stdout):
        done = subprocess.run([TAPTRACE, 'top'], env=environment, stdin=stdin, stdout=stdout, stderr=subprocess.PIPE,
                              text=True, timeout=DEADLINE_S, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r'^taptrace: error: top: .+\n$')
        return done.stderr

    def test_refusals(self):
        terminal, own = pty.openpty()
        self.addCleanup(os.close, terminal)
        self.addCleanup(os.close, own)
        environment = self.appliance.environment
        self.assertIn('cannot be placed', self.refusal({**environment, 'TERM': 'dumb'}, own, own))
        self.assertIn('not known', self.refusal({**environment, 'TERM': 'nosuch'}, own, own))
        self.assertIn('not set', self.refusal({**environment, 'TERM': ''}, own, own))
        self.assertIn('needs a terminal', self.refusal(environment, own, subprocess.PIPE))
        self.assertIn('needs a terminal', self.refusal(environment, subprocess.DEVNULL, own))


if __name__ == '__main__':
    unittest.main()
