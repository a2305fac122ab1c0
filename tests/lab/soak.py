#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""soak.py HOURS: the appliance on real traffic for a long time (scripts/soak).

Programs of the lab talk all the while, short connections come and go, clients pull, the configuration
is loaded again. At the end memory must have stayed flat, the ledger must close, no record may be
lost, and every request that the server logged must have its record.
"""
import collections
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from appliance import Appliance
from lab import Lab, poll

SAMPLE_S = 30
PULL_S = 2
RELOAD_S = 60
GROWTH_KIB = 4096
# Small enough for all of it to be full before memory is looked at first.
SETTINGS = '''
    descriptors: 16384
flow:
  connections: 50K
  timeouts:
    tcp_closing: 1s
    udp_one_way: 5s
    udp_two_way: 5s
    other: 5s
journal:
  connections: 5000
  dns: 1MiB
  http: 1MiB
  tls: 1MiB
names:
  addresses: 1000
payload:
  connections: 10K
  reassembly: 16MiB
memory:
  mbufs: 20K
'''.splitlines()
TRAFFIC = 'http', 'http6', 'dns', 'tls', 'redis', 'ping', 'refused', 'fragments'
CHURN = (
    ('curl', '-s', '-o', '/dev/null', '-H', 'Connection: close', 'http://192.0.2.2/?[1-200]'),
    ('curl', '-s', '-o', '/dev/null', 'http://192.0.2.2/index.html?[1-100]'),
    ('curl', '-s', '-k', '-o', '/dev/null', '--http1.1', '-H', 'Connection: close', 'https://192.0.2.2/?[1-20]'),
    ('redis-cli', '-h', '192.0.2.2', '-r', '200', 'INCR', 'churn'),
    ('dig', '+tries=1', '@192.0.2.2', *(f'host{i}.lab.test' for i in range(50))),
)


class Puller:
    """A client that reads each journal from its start on, each record once."""
    KINDS = {'closed': 'connections', 'dns': 'dns', 'http': 'http', 'tls': 'tls'}

    def __init__(self, appliance):
        self.appliance = appliance
        self.sequence = dict.fromkeys(self.KINDS, 1)
        self.count = collections.Counter()
        self.lost = 0
        self.uids = set()
        self.doubles = 0
        self.requests = 0
        self.orphans = 0

    def pull(self):
        for kind, name in self.KINDS.items():
            while True:
                page = self.appliance.telemetry(f'/taptrace/{kind},{self.sequence[kind]}')
                records = list(page[name].values()) if isinstance(page[name], dict) else page[name]
                self.sequence[kind] = page['sequence']
                self.lost += page['lost']
                self.count[kind] += len(records)
                self.look_at(kind, records)
                if 'next' not in page:
                    break

    def look_at(self, kind, records):
        if kind == 'http':
            # One whose response was received on the other port before it is two records.
            self.requests += sum(r['server']['port'] == 80 and 'method' in r for r in records)
            self.orphans += sum('method' not in r for r in records)
        if kind == 'closed':
            uids = {r['uid'] for r in records}
            self.doubles += len(records) - len(uids - self.uids)
            self.uids |= uids


class Load:
    """Threads that run programs on the client until stop()."""

    def __init__(self, lab):
        self.lab = lab
        self.ended = threading.Event()
        self.runs = 0
        self.threads = [threading.Thread(target=self.repeat, args=(job,)) for job in (self.traffic, self.churn)]
        for thread in self.threads:
            thread.start()

    def repeat(self, job):
        while not self.ended.is_set():
            job()
            self.runs += 1

    def traffic(self):
        self.lab('traffic', *TRAFFIC)

    def churn(self):
        for command in CHURN:
            self.lab.start('client', *command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).wait()

    def stop(self):
        self.ended.set()
        for thread in self.threads:
            thread.join()


class Soak:
    def __init__(self, lab, appliance, seconds):
        self.lab, self.appliance, self.seconds = lab, appliance, seconds
        self.puller = Puller(appliance)
        self.status = Path(f'/proc/{appliance.process.pid}/status')
        self.resident = []
        self.reloads = 0

    def resident_kib(self):
        return int(next(line for line in self.status.read_text().splitlines() if line.startswith('VmRSS')).split()[1])

    def takes_reloads(self):
        caught = next(line for line in self.status.read_text().splitlines() if line.startswith('SigCgt'))
        return int(caught.split()[1], 16) >> (signal.SIGHUP - 1) & 1

    def sample(self, begin):
        ledger = self.appliance.telemetry('/taptrace/ledger')
        self.resident.append(self.resident_kib())
        print(f'{time.monotonic() - begin:7.0f} s {self.resident[-1]:9} KiB {ledger["received"]:11} packets '
              f'{len(self.puller.uids):9} connections {self.puller.requests:9} requests {self.reloads:4} reloads '
              f'{sum(ledger["dropped"].values()):8} dropped', flush=True)

    def run(self):
        load = Load(self.lab)
        begin = time.monotonic()
        due = {self.puller.pull: PULL_S, lambda: self.sample(begin): SAMPLE_S, self.reload: RELOAD_S}
        last = dict.fromkeys(due, begin)
        try:
            while (now := time.monotonic()) < begin + self.seconds:
                for job, every in due.items():
                    if now - last[job] >= every:
                        job()
                        last[job] = now
                time.sleep(0.2)
        finally:
            load.stop()
        poll(self.is_quiet, 'the connections to end', 60)
        self.puller.pull()
        self.sample(begin)

    def reload(self):
        if self.takes_reloads():
            self.appliance.process.send_signal(signal.SIGHUP)
            self.reloads += 1

    def is_quiet(self):
        self.puller.pull()
        tcp = [r for r in self.appliance.ask('connections', '--json') if r['transport'] == 'tcp']
        return not tcp and not self.ledger().get('in_flight')

    def ledger(self):
        return self.appliance.telemetry('/taptrace/ledger')

    def verdicts(self):
        """What must hold, and what was found."""
        ledger = self.ledger()
        missed = sum(ledger['dropped'].get(reason, 0) for reason in ('missed', 'no_mbuf'))
        logged = sum(entry['server_port'] == 80 for entry in self.lab.log('access.log'))
        settled = self.resident[len(self.resident) // 4:] or self.resident
        yield bool(ledger['closes']), f'the ledger closes: {ledger["received"]} packets'
        yield self.puller.lost == 0, f'no record fell out unread: {self.puller.lost} lost'
        yield self.puller.doubles == 0, f'each connection has one record: {self.puller.doubles} doubles'
        yield (self.puller.count['closed'] == self.puller.sequence['closed'] - 1,
               f'each record was pulled: {dict(self.puller.count)}')
        yield (logged - missed <= self.puller.requests <= logged,
               f'each request has its record: {logged} logged, {self.puller.requests} recorded '
               f'({self.puller.orphans} without their response), {missed} packets missed')
        yield (max(settled) - settled[0] <= GROWTH_KIB,
               f'memory is flat: {settled[0]} KiB after a quarter of the time, {max(settled)} at most after that')


def main():
    seconds = float(sys.argv[1]) * 3600
    with Lab('soak') as lab, Appliance(lab, 'interface', *SETTINGS) as appliance:
        soak = Soak(lab, appliance, seconds)
        soak.run()
        failed = 0
        for ok, what in soak.verdicts():
            failed += not ok
            print('ok     ' if ok else 'FAILED ', what)
        status = appliance.stop()
        if status != 0:
            failed += 1
            print(f'FAILED  taptraced ended with {status}')
    sys.exit(failed > 0)


if __name__ == '__main__':
    main()
