# SPDX-License-Identifier: Apache-2.0
"""The appliance on real traffic: its records against what servers and clients logged, its counts
against the kernel's, and its doors: the commands, the telemetry socket, signals."""
import collections
import fcntl
import json
import os
import pty
import pwd
import struct
import subprocess
import termios
import time
import unittest
from pathlib import Path

from appliance import PORTS, TAPTRACE, TAPTRACED, Appliance
from lab import Lab, poll

CLIENT4, SERVER4 = '192.0.2.1', '192.0.2.2'
CLIENT6, SERVER6 = '2001:db8::1', '2001:db8::2'
QUICK = 'flow:', '  timeouts:', '    tcp_closing: 300ms'
# What has connections of TCP, and how many; of dns it is dig +tcp.
TCP_TRAFFIC = {'http': 3, 'http6': 1, 'tls': 4, 'redis': 3, 'refused': 2, 'dns': 1}
# What the lab's client posts. nginx does not read it, and curl counts it in the request.
POSTED = len('name=value')


def payload(record):
    return tuple(record[direction]['payload_bytes'] for direction in ('client_to_server', 'server_to_client'))


def retransmitted(record):
    return any(record[direction]['retransmits'] for direction in ('client_to_server', 'server_to_client'))


def by_endpoints(records):
    """TCP records by client address and port, server address and port."""
    found = {}
    for record in records:
        if record['transport'] == 'tcp':
            key = (record['client']['address'], record['client']['port'],
                   record['server']['address'], record['server']['port'])
            assert key not in found, f'two records of {key}'
            found[key] = record
    return found


def on_terminal(appliance, columns, *command):
    """The lines that a taptrace command writes to a terminal of so many columns."""
    terminal, own = pty.openpty()
    fcntl.ioctl(own, termios.TIOCSWINSZ, struct.pack('HHHH', 24, columns, 0, 0))
    with subprocess.Popen([TAPTRACE, *command], env=appliance.environment, stdin=subprocess.DEVNULL,
                          stdout=own, stderr=subprocess.PIPE) as process:
        os.close(own)
        text = b''
        while True:
            try:
                part = os.read(terminal, 1 << 16)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            text += part
        said = process.stderr.read()
    os.close(terminal)
    assert process.returncode == 0 and not said, (command, process.returncode, said)
    return text.decode().splitlines()


class OnTraffic:
    """A mixture of traffic, seen through one kind of port."""

    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(Lab(cls.key.replace('_', '')))
        cls.begin_us = time.time_ns() // 1000
        cls.appliance = cls.enterClassContext(Appliance(cls.lab, cls.key, *QUICK))
        cls.unseen = cls.appliance.unseen()
        cls.lab('traffic', *TCP_TRAFFIC, 'ping', 'fragments')
        cls.closed = poll(cls.all_closed, 'all TCP connections to be closed', 10)
        cls.end_us = time.time_ns() // 1000
        cls.tcp = by_endpoints(cls.closed)
        cls.active = cls.appliance.ask('connections', '--json')

    @classmethod
    def all_closed(cls):
        closed = cls.appliance.ask('connections', '--closed', '--json')
        return closed if len(by_endpoints(closed)) >= sum(TCP_TRAFFIC.values()) else None

    def test_every_connection_has_one_record(self):
        self.assertEqual(len(self.tcp), sum(TCP_TRAFFIC.values()))
        uids = [record['uid'] for record in self.closed + self.active]
        self.assertEqual(len(set(uids)), len(uids))
        self.assertEqual([r for r in self.active if r['transport'] == 'tcp'], [])

    def test_records_agree_with_the_server(self):
        """nginx counts the bytes of requests and answers on each connection."""
        expected = collections.defaultdict(lambda: [0, 0, 0])
        for entry in self.lab.log('access.log'):
            key = entry['client'], entry['client_port'], entry['server'], entry['server_port']
            expected[key][0] += entry['request_bytes'] + (POSTED if entry['method'] == 'POST' else 0)
            expected[key][1] += entry['sent_bytes']
            expected[key][2] = int(entry['msec'] * 1e6)
        self.assertEqual(len(expected), 7)
        for key, (request_bytes, sent_bytes, served_us) in expected.items():
            with self.subTest(key):
                record = self.tcp[key]
                self.assertEqual((record['state'], record['close_reason']), ('closed', 'fin'))
                self.assertEqual(record['direction_from'], 'syn')
                self.assertEqual(record['tcp']['handshake'], 'complete')
                self.assertEqual(record['ports'], [0, 1])
                self.assertEqual(record['client_to_server']['ports'], [0])
                self.assertEqual(record['server_to_client']['ports'], [1])
                # The log has milliseconds, and packets are seen at the end of a nap.
                self.assertLess(record['start_us'], served_us + 20000)
                self.assertGreater(record['end_us'], served_us - 20000)
                if retransmitted(record):
                    continue
                if key[3] == 80:
                    self.assertEqual(payload(record), (request_bytes, sent_bytes))
                else:
                    self.assertGreater(payload(record)[1], sent_bytes)

    def test_records_agree_with_the_client(self):
        fetched = collections.defaultdict(lambda: [0, 0])
        for entry in self.lab.log('curl.log'):
            if entry['http_code'] != 0:
                key = entry['local_ip'], entry['local_port'], entry['remote_ip'], entry['remote_port']
                fetched[key][0] += entry['size_request']
                fetched[key][1] += entry['size_header'] + entry['size_download']
        self.assertEqual(len(fetched), 7)
        for key, counted in fetched.items():
            with self.subTest(key):
                record = self.tcp[key]
                if key[3] == 80 and not retransmitted(record):
                    self.assertEqual(payload(record), tuple(counted))

    def test_requests_agree_with_the_servers(self):
        logged = collections.Counter((e['client'], e['client_port'], e['method'], e['uri'].split('?')[0], e['status'],
                                       e['body_bytes'])
                                     for e in self.lab.log('access.log') if e['server_port'] == 80)
        self.assertEqual(sum(logged.values()), 7)
        http = [r for r in self.appliance.ask('http', '--json') if r['server']['port'] == 80]
        self.assertEqual(logged, collections.Counter(
            (r['client']['address'], r['client']['port'], r['method'], r['path'], r['status'], r['response_bytes'])
            for r in http))
        uids = {r['uid'] for r in self.closed if r.get('protocol') == {'application': 'http'}}
        self.assertEqual({r['uid'] for r in http}, uids)

    def test_handshakes_agree_with_the_servers(self):
        logged = {(e['client'], e['client_port']): (e['tls'], e['sni'])
                  for e in self.lab.log('access.log') if e['server_port'] == 443}
        self.assertEqual(len(logged), 3)
        tls = self.appliance.ask('tls', '--json')
        self.assertEqual(len(tls), TCP_TRAFFIC['tls'])
        self.assertEqual(logged, {(r['client']['address'], r['client']['port']): (r['version'], r['sni'])
                                  for r in tls if r['server']['port'] == 443})
        old = next(r for r in tls if r['version'] == 'TLSv1.2')
        self.assertEqual(old['certificate']['subject'], f'CN={old["sni"]}')
        self.assertIs(old['resumed'], False)

    def test_queries(self):
        dns = self.appliance.ask('dns', '--json')
        # Of two ports' packets between two looks at them, an answer may come out before its query.
        self.assertLessEqual({r['status'] for r in dns}, {'answered', 'unsolicited', 'timeout'})
        self.assertEqual({r['rcode'] for r in dns}, {'NOERROR', 'NXDOMAIN'})
        over_tcp = [r for r in dns if r['transport'] == 'tcp']
        self.assertEqual([(r['query_type'], [a['data'] for a in r['answers']]) for r in over_tcp], [('A', [SERVER4])])
        self.assertIn(over_tcp[0]['uid'], {r['uid'] for r in self.closed})

    def test_names(self):
        """What dig asked for is what the server's address is called, here and in connections' records."""
        names = next(a['data'] for r in self.appliance.ask('dns', '--json') if r.get('answers')
                     for a in r['answers'] if a['type'] == 'A') == SERVER4
        self.assertTrue(names)
        record, = self.appliance.ask('names', '--json', SERVER4)
        self.assertEqual(record['address'], SERVER4)
        self.assertIn('www.lab.test', record['names'])
        self.assertGreater(record['expires_us'], self.end_us)
        later = [r for r in self.closed if r['server']['address'] == SERVER4 and 'names' in r['server']]
        for found in later:
            self.assertIn('www.lab.test', found['server']['names'])
        self.assertEqual(self.appliance.ask('names', '--json', '198.51.100.77')[0]['names'], [])
        self.assertEqual(self.appliance.run('names', 'nowhere').returncode, 2)
        self.assertEqual(self.appliance.run('names').returncode, 2)

    def test_times(self):
        for record in self.closed + self.active:
            self.assertGreaterEqual(record['start_us'], self.begin_us)
            self.assertLessEqual(record['start_us'], record['end_us'])
            self.assertLessEqual(record['end_us'], self.end_us)

    def test_refused(self):
        for client, server in ((CLIENT4, SERVER4), (CLIENT6, SERVER6)):
            refused = [r for key, r in self.tcp.items() if key[0] == client and key[2:] == (server, 81)]
            self.assertEqual(len(refused), 1)
            self.assertEqual(refused[0]['close_reason'], 'rst')
            self.assertEqual(refused[0]['tcp']['handshake'], 'refused')
            self.assertEqual(refused[0]['tcp']['failure'], 'refused')

    def test_pings(self):
        for transport, ends, ip_bytes in (('icmp', {CLIENT4, SERVER4}, 168), ('icmp6', {CLIENT6, SERVER6}, 208)):
            pings = [r for r in self.active if r['transport'] == transport
                     and {r['client']['address'], r['server']['address']} == ends]
            self.assertEqual(len(pings), 1)
            for direction in 'client_to_server', 'server_to_client':
                # Neighbour discovery has the same endpoints.
                self.assertGreaterEqual(pings[0][direction]['packets'], 2)
                self.assertGreaterEqual(pings[0][direction]['ip_bytes'], ip_bytes)

    def test_fragments(self):
        big = [r for r in self.active if r['server']['port'] == 53 and payload(r)[1] > 1500]
        self.assertEqual({r['server']['address'] for r in big}, {SERVER4, SERVER6})
        for record in big:
            self.assertEqual(record['server_to_client']['payload_bytes'], 2474)
            if record['server']['address'] == SERVER6 or self.has_fragments4:
                self.assertEqual(record['server_to_client']['fragments'], 1)
                self.assertEqual(record['server_to_client']['packets'], 2)

    def test_nothing_is_lost(self):
        """Every packet that came in at a tap interface is in the ledger, and the ledger closes."""
        def accounted():
            unseen = self.appliance.unseen()
            # Where the kernel puts the IPv4 fragments together, two packets are seen as one.
            return unseen == {port: self.unseen[port] + (port == 'tap1' and not self.has_fragments4)
                              for port in PORTS}
        poll(accounted, f'all packets: {self.unseen} unseen at first', 5)
        ledger = poll(self.settled_ledger, 'no packet in flight', 5)
        self.assertTrue(ledger['closes'])
        dropped = {reason: count for reason, count in ledger['dropped'].items() if count}
        self.assertEqual(set(dropped), {'not_ip'})  # ARP
        self.assertEqual(ledger['received'], ledger['processed'] + sum(dropped.values()))
        records = self.closed + self.appliance.ask('connections', '--json')
        self.assertEqual(sum(r[direction]['packets'] for r in records
                             for direction in ('client_to_server', 'server_to_client')), ledger['processed'])

    def settled_ledger(self):
        ledger = next(o for o in self.appliance.ask('stats', '--json') if o['type'] == 'ledger')
        return ledger if not ledger.get('in_flight') else None

    def test_the_commands_agree_with_the_socket(self):
        self.assertEqual([port['name'] for port in self.appliance.ask('ports', '--json')], list(PORTS))
        workers = self.appliance.ask('workers', '--json')
        self.assertEqual(len(workers), 1)
        self.assertEqual(workers[0]['connections'], len(self.appliance.ask('connections', '--json')))
        stages = [o for o in self.appliance.ask('stats', '--json') if o['type'] == 'stages']
        self.assertEqual(stages[0]['stages']['receive']['packets'],
                         self.appliance.telemetry('/taptrace/stages,0')['stages']['receive']['packets'])
        self.assertEqual(self.appliance.telemetry('/taptrace/info')['pid'], self.appliance.process.pid)

    def test_tables_fit_the_terminal(self):
        for columns in 80, 120:
            for command in (['connections'], ['connections', '--closed'], ['dns'], ['http'], ['tls'], ['stats'], ['ports'], ['workers']):
                with self.subTest(command=command, columns=columns):
                    lines = on_terminal(self.appliance, columns, *command)
                    self.assertGreater(len(lines), 1)
                    self.assertLessEqual(max(len(line) for line in lines), columns)

    def test_dpdks_client_reads_every_command(self):
        commands = [c for c in self.appliance.telemetry('/') if c.startswith('/taptrace/')]
        self.assertGreaterEqual(set(commands), {f'/taptrace/{name}' for name in (
            'info', 'ports', 'workers', 'stages', 'ledger', 'limits', 'connections', 'dns', 'http', 'tls', 'names')})
        parameters = {'/taptrace/stages': ',0', '/taptrace/names': f',{SERVER6}'}
        asked = [c + parameters.get(c, '') for c in commands] + ['/ethdev/list', '/ethdev/stats,0']
        done = subprocess.run(['dpdk-telemetry.py', '-f', 'taptrace'], input='\n'.join(asked), text=True,
                              env=self.appliance.environment, capture_output=True, timeout=20)
        replies = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual([list(reply) for reply in replies], [[c.split(',')[0]] for c in asked], done.stderr)
        for reply in replies:
            self.assertIsNotNone(*reply.values())

    def test_pages_have_each_connection_once(self):
        for name, records in (('connections', self.active), ('closed', self.closed)):
            uids, cursor = [], ''
            while cursor is not None:
                page = self.appliance.telemetry(f'/taptrace/{name}{cursor}')
                uids += [record['uid'] for record in page['connections'].values()]
                cursor = f',{page["next"]}' if 'next' in page else None
            self.assertEqual(len(set(uids)), len(uids))
            self.assertGreaterEqual(set(uids), {record['uid'] for record in records})

    def test_bad_questions(self):
        for question in ('connections,x', 'connections,9:0', 'connections,0:0:0', 'connections,-1:0',
                         'closed,x', 'stages', 'stages,1', 'ports,2', 'workers,1', 'ledger,1', 'info,\x01'):
            with self.subTest(question):
                self.assertIsNone(self.appliance.telemetry(f'/taptrace/{question}'))


    def test_zz_overload_is_accounted_for(self):
        """iperf3 as fast as it can: what is lost is counted, on top of what the kernel counts."""
        unseen = self.appliance.unseen()
        self.lab('traffic', 'bulk')
        poll(lambda: self.appliance.unseen() == unseen, f'all packets: {unseen} unseen at first', 5)
        ledger = poll(self.settled_ledger, 'no packet in flight', 5)
        self.assertTrue(ledger['closes'])
        self.assertEqual(ledger['received'], ledger['processed'] + sum(ledger['dropped'].values()))
        bulk = poll(self.bulk, 'the transfer to be closed', 10)
        self.assertGreater(max(payload(record)[0] for record in bulk), 1 << 20)

    def bulk(self):
        closed = [r for r in self.appliance.ask('connections', '--closed', '--json') if r['server']['port'] == 5201]
        return closed if len(closed) == 2 else None


class OnAfPacket(OnTraffic, unittest.TestCase):
    key = 'interface'
    has_fragments4 = False  # net_af_packet has the kernel put them together


class OnAfXdp(OnTraffic, unittest.TestCase):
    key = 'af_xdp'
    has_fragments4 = True


class Life(unittest.TestCase):
    def test_sigterm_ends_it_and_the_commands_say_so(self):
        with Lab('life') as lab, Appliance(lab, 'interface', 'workers:', '  count: 2') as appliance:
            lab('traffic', 'http')
            self.assertEqual(len(appliance.ask('workers', '--json')), 2)
            second = lab.start('tap', TAPTRACED, '-c', appliance.config, env=appliance.environment, text=True,
                               stderr=subprocess.PIPE)
            self.assertIn('another taptraced runs', second.communicate(timeout=20)[1])
            self.assertEqual(second.returncode, 1)
            before = appliance.said.read_text()
            self.assertEqual(appliance.stop(), 0)
            self.assertEqual(appliance.said.read_text(), before)
            for command in 'connections', 'stats', 'ports', 'workers':
                done = appliance.run(command)
                self.assertEqual((done.returncode, done.stdout, done.stderr.count('\n')), (1, '', 1), done.stderr)
                self.assertIn('taptraced', done.stderr)
            # And it starts again where it was.
            with appliance:
                self.assertEqual(appliance.ask('connections', '--json'), [])

    def test_rights_are_dropped(self):
        try:
            user = pwd.getpwnam('taptrace')
        except KeyError:
            user = pwd.getpwnam('nobody')
        uid, gid = user.pw_uid, user.pw_gid
        with Lab('rights') as lab, Appliance(lab, 'interface') as appliance:
            threads = list(Path(f'/proc/{appliance.process.pid}/task').iterdir())
            # The control core, a worker, and DPDK's own for interrupts and telemetry.
            self.assertGreaterEqual(len(threads), 4)
            for thread in threads:
                status = dict(line.split(':\t') for line in (thread / 'status').read_text().splitlines()
                              if ':\t' in line)
                with self.subTest(status['Name']):
                    self.assertEqual(status['Uid'].split(), [str(uid)] * 4)
                    self.assertEqual(status['Gid'].split(), [str(gid)] * 4)
                    self.assertEqual(status['Groups'].split(), [str(gid)])
                    for kind in 'CapEff', 'CapPrm', 'CapInh':
                        self.assertEqual(int(status[kind], 16), 0)
                    self.assertEqual(status['NoNewPrivs'], '1')
                    self.assertEqual(status['Seccomp'], '2')
            lab('traffic', 'redis')
            poll(lambda: len(appliance.ask('connections', '--json')) >= 3, 'the connections', 5)
            self.assert_group_may_ask(appliance, gid)
            self.assertEqual(appliance.stop(), 0)

    def assert_group_may_ask(self, appliance, gid):
        socket = appliance.socket.stat()
        self.assertEqual((socket.st_uid, socket.st_gid, socket.st_mode & 0o777), (0, gid, 0o660))
        self.assertEqual(appliance.socket.parent.stat().st_mode & 0o777, 0o750)
        for group, status in (gid, 0), ('daemon', 1):
            done = subprocess.run([TAPTRACE, 'ports'], env=appliance.environment, stdin=subprocess.DEVNULL,
                                  capture_output=True, timeout=20, user='daemon', group=group, extra_groups=[])
            self.assertEqual(done.returncode, status, done.stderr)

    def test_a_user_with_capabilities_starts_it(self):
        """As under conf/taptraced.service."""
        capabilities = '-all,+net_raw,+net_admin,+ipc_lock'
        nobody = pwd.getpwnam('nobody')
        with Lab('unit') as lab:
            appliance = Appliance(lab, 'interface')
            os.chown(appliance.folder, nobody.pw_uid, nobody.pw_gid)
            appliance.prefix = ('setpriv', f'--reuid={nobody.pw_uid}', f'--regid={nobody.pw_gid}', '--clear-groups',
                                f'--inh-caps={capabilities}', f'--ambient-caps={capabilities}',
                                f'--bounding-set={capabilities}', '--no-new-privs')
            with appliance:
                status = Path(f'/proc/{appliance.process.pid}/status').read_text()
                for line in f'Uid:\t{nobody.pw_uid}', 'CapEff:\t0000000000000000', 'CapAmb:\t0000000000000000', 'Seccomp:\t2':
                    self.assertIn(f'\n{line}', status)
                lab('traffic', 'redis')
                poll(lambda: len(appliance.ask('connections', '--json')) >= 3, 'the connections', 5)
                self.assertEqual(appliance.socket.stat().st_mode & 0o777, 0o660)
                self.assertEqual(appliance.stop(), 0)
                # The folder is its own: no socket stays in it.
                self.assertFalse(appliance.socket.exists())

    def test_rights_are_kept_where_they_are_wanted(self):
        with Lab('root') as lab, Appliance(lab, 'interface', 'security:', '  user: root', '  sandbox: false') as appliance:
            status = Path(f'/proc/{appliance.process.pid}/status').read_text()
            self.assertIn('\nUid:\t0\t0\t0\t0\n', status)
            self.assertIn('\nSeccomp:\t0\n', status)
            self.assertEqual(appliance.stop(), 0)
            # The socket has gone with it.
            self.assertFalse(appliance.socket.exists())

    def test_wrong_use(self):
        for program, command in ((TAPTRACED, []), (TAPTRACED, ['-c', 'x', 'y']), (TAPTRACED, ['--nosuch']),
                                 (TAPTRACE, []), (TAPTRACE, ['nosuch']), (TAPTRACE, ['ports', '--nosuch'])):
            done = subprocess.run([program, *command], text=True, capture_output=True, timeout=20)
            self.assertEqual((done.returncode, done.stdout), (2, ''), (command, done.stderr))
            self.assertTrue(done.stderr)


if __name__ == '__main__':
    unittest.main()
