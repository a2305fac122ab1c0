# SPDX-License-Identifier: Apache-2.0
"""The pull API of an appliance on real traffic: what clients get, what Prometheus reads, and who asks wrongly."""
import collections
import json
import socket
import stat
import subprocess
import unittest

from appliance import Appliance
from lab import Lab, poll
from test_appliance import QUICK, TCP_TRAFFIC

PORT = 9469


def fetch(appliance, path, *options):
    """Status and body of an answer, over the unix socket."""
    done = subprocess.run(['curl', '-sS', '-w', '\n%{http_code}', '--unix-socket', appliance.pull_socket,
                           *options, f'http://taptrace{path}'],
                          check=True, text=True, stdout=subprocess.PIPE, timeout=60)
    body, _, status = done.stdout.rpartition('\n')
    return int(status), body


def lines(appliance, path):
    status, body = fetch(appliance, path)
    if status != 200:
        raise RuntimeError(f'{path}: {status} {body}')
    return [json.loads(line) for line in body.splitlines()]


def of_type(records, name):
    return [record for record in records if record['type'] == name]


def packets(record, where=None):
    record = record if where is None else record[where]
    return sum(record[direction]['packets'] for direction in ('client_to_server', 'server_to_client'))


class Pulls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(Lab('pull'))
        cls.appliance = cls.enterClassContext(Appliance(
            cls.lab, 'interface', *QUICK, 'pull:', f'  port: {PORT}', 'clients:', '  limit: 16'))
        cls.lab('traffic', *TCP_TRAFFIC, 'ping')
        cls.closed = poll(cls.all_closed, 'all TCP connections to be closed', 10)

    @classmethod
    def all_closed(cls):
        closed = cls.appliance.ask('connections', '--closed', '--json')
        return closed if len([r for r in closed if r['transport'] == 'tcp']) >= sum(TCP_TRAFFIC.values()) else None

    def test_a_client_gets_all_once(self):
        first = self.appliance.ask('pull', '--client', 'once', '--delta')
        closed = [r for r in of_type(first, 'connection') if r['state'] == 'closed']
        self.assertGreaterEqual({r['uid'] for r in closed}, {r['uid'] for r in self.closed})
        self.assertEqual(len({r['uid'] for r in closed}), len(closed))
        self.assertEqual((first[-1]['type'], first[-1]['lost'], first[-1]['baseline']), ('end', 0, True))
        for record in of_type(first, 'connection'):
            self.assertEqual(packets(record, 'since_last_pull'), packets(record))
        second = self.appliance.ask('pull', '--client', 'once', '--delta')
        again = {r['uid'] for r in of_type(second, 'connection') if r['state'] == 'closed'}
        self.assertFalse(again & {r['uid'] for r in closed})
        self.assertNotIn('baseline', second[-1])

    def test_statistics_count_each_transaction(self):
        pulled = self.appliance.ask('pull', '--client', 'statistics')
        dns = [r for r in self.appliance.ask('dns', '--json') if r['status'] != 'timeout']
        self.assertGreater(len(dns), 0)
        answered = sum(sum(r['rcodes'].values()) for r in of_type(pulled, 'dns_stats'))
        self.assertEqual(answered, len(dns))
        http = self.appliance.ask('http', '--json')
        counts = collections.Counter()
        for record in of_type(pulled, 'http_stats'):
            counts[record.get('method'), record['route'], record.get('status')] += record['count']
        self.assertEqual(counts, collections.Counter((r.get('method'), r['route'], r.get('status')) for r in http))
        self.assertEqual(sum(r['count'] for r in lines(self.appliance, '/http_stats')[:-1]), len(http))
        again = lines(self.appliance, '/http_stats?client=statistics')
        self.assertEqual([r['type'] for r in again], ['end'])

    def test_a_cursor_gives_the_same_again(self):
        path = '/connections?client=cursor&max=3'
        first = lines(self.appliance, path)
        second = lines(self.appliance, f'{path}&cursor={first[-1]["next"]}')
        third = lines(self.appliance, f'{path}&cursor={first[-1]["next"]}')

        def uids(answer):
            return [r['uid'] for r in of_type(answer, 'connection') if r['state'] == 'closed']
        self.assertEqual(len(uids(first)), 3)
        self.assertEqual(uids(second), uids(third))
        self.assertEqual(second[-1]['next'], third[-1]['next'])
        self.assertFalse(set(uids(first)) & set(uids(second)))

    def test_unchanged_connections_are_left_out(self):
        def active(path):
            return [r for r in of_type(lines(self.appliance, path), 'connection') if r['state'] == 'active']
        poll(lambda: active('/connections?client=quiet') == [], 'a pull without news', 10)
        self.assertIn('icmp', {r['transport'] for r in active('/connections?client=quiet&all=1')})

    def test_bad_requests_change_nothing(self):
        before = self.appliance.ask('clients', '--json')
        for path in ('/connections', '/connections?client=', '/connections?client=a%20b', '/connections?client=x&max=0',
                     '/connections?client=x&max=-1', '/connections?client=x&cursor=1', '/connections?client=x&delta=2',
                     '/connections?client=x&client=y', '/connections?client=x&what=1', '/dns_stats?max=1', '/stats?x=1',
                     '/connections?client=' + 64 * 'x'):
            with self.subTest(path):
                status, body = fetch(self.appliance, path)
                self.assertEqual(status, 400)
                self.assertEqual(list(json.loads(body)), ['error'])
        self.assertEqual(fetch(self.appliance, '/nothing')[0], 404)
        self.assertEqual(fetch(self.appliance, '/health', '-d', 'x')[0], 405)
        after = self.appliance.ask('clients', '--json')
        self.assertEqual({c['client'] for c in after}, {c['client'] for c in before})

    def test_hostile_clients_disturb_nobody(self):
        """Some that never ask, one that sends garbage, one that asks and does not read."""
        hostile = []
        for sent in (b'', b'GET /conn', bytes(range(256)) * 64, b'GET /connections?client=stuck&all=1 HTTP/1.1\r\n\r\n'):
            link = socket.socket(socket.AF_UNIX)
            link.connect(str(self.appliance.pull_socket))
            link.sendall(sent)
            hostile.append(link)
        self.assertEqual(lines(self.appliance, '/connections?client=calm')[-1]['type'], 'end')
        for link in hostile:
            link.close()
        self.assertEqual(lines(self.appliance, '/connections?client=calm')[-1]['type'], 'end')

    def test_socket_is_not_for_everyone(self):
        self.assertEqual(stat.S_IMODE(self.appliance.pull_socket.stat().st_mode), 0o660)

    def test_health(self):
        health = poll(lambda: self.healthy('/health'), 'health', 20)
        self.assertEqual(health['reasons'], [])
        self.assertLess(health['control_lag_us'], 5000000)
        self.assertEqual(len(health['worker_lag_us']), 1)
        done = poll(lambda: (d := self.appliance.run('health', '--json')).returncode == 0 and d, 'health', 20)
        self.assertIs(json.loads(done.stdout)['healthy'], True)

    def healthy(self, path):
        status, body = fetch(self.appliance, path)
        answer = json.loads(body)
        self.assertEqual(status, 200 if answer['healthy'] else 503)
        return answer['healthy'] and answer

    def test_stats_close(self):
        def settled():
            stats = lines(self.appliance, '/stats')[0]
            return 'in_flight' not in stats['ledger'] and stats
        stats = poll(settled, 'nothing in flight', 5)
        self.assertTrue(stats['ledger']['closes'])
        self.assertEqual([port['name'] for port in stats['ports']], ['tap0', 'tap1'])

    def test_names(self):
        names = of_type(lines(self.appliance, '/names'), 'names')
        self.assertGreater(len(names), 0)

    def test_metrics(self):
        status, text = fetch(self.appliance, '/metrics')
        self.assertEqual(status, 200)
        checked = subprocess.run(['promtool', 'check', 'metrics'], input=text, text=True, capture_output=True)
        self.assertEqual((checked.returncode, checked.stdout + checked.stderr), (0, ''))
        stats = lines(self.appliance, '/stats')[0]
        self.assertIn(f'taptrace_limit{{limit="connections"}} {stats["limits"]["connections"]["limit"]}\n', text)
        for limit in stats['limits']:
            self.assertIn(f'taptrace_limit{{limit="{limit}"}} ', text)
        for reason in stats['ledger']['dropped']:
            self.assertIn(f'taptrace_dropped_packets_total{{reason="{reason}"}} ', text)
        http = len(self.appliance.ask('http', '--json'))
        self.assertIn(f'taptrace_http_latency_seconds_count{{service=""}} {http}\n', text)

    def test_prometheus_scrapes_it(self):
        """A real one, over TCP on the loopback interface of the tap's host."""
        config = self.lab.dir / 'prometheus.yml'
        config.write_text('global: {scrape_interval: 1s}\nscrape_configs:\n- job_name: taptrace\n  static_configs:\n'
                          f'  - targets: ["127.0.0.1:{PORT}"]\n')
        with subprocess.Popen(
                ['ip', 'netns', 'exec', f'{self.lab.name}-tap', 'prometheus', f'--config.file={config}',
                 f'--storage.tsdb.path={self.lab.dir}/prometheus', '--web.listen-address=127.0.0.1:9090'],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as prometheus:
            try:
                poll(self.scraped, 'Prometheus to have scraped', 60)
            finally:
                prometheus.kill()

    def scraped(self):
        done = subprocess.run(
            ['ip', 'netns', 'exec', f'{self.lab.name}-tap', 'curl', '-sf', '--noproxy', '*',
             'http://127.0.0.1:9090/api/v1/query?query=taptrace_processed_packets_total'],
            text=True, stdout=subprocess.PIPE, timeout=60)
        result = json.loads(done.stdout)['data']['result'] if done.returncode == 0 else []
        return result and int(result[0]['value'][1]) > 0

    def test_zz_another_on_the_same_socket_is_refused(self):
        config = self.appliance.folder / 'second.yaml'
        config.write_text('ports:\n  - "null": n\ntelemetry: {prefix: second}\n'
                          f'pull: {{socket: {self.appliance.pull_socket}}}\nmemory: {{mbufs: 4096}}\n'
                          'flow: {connections: 1000}\n')
        done = subprocess.run([self.appliance.program, '-c', config], env=self.appliance.environment, text=True,
                              capture_output=True, timeout=60)
        self.assertEqual(done.returncode, 1)
        self.assertIn('pull.socket: cannot listen at', done.stderr)


if __name__ == '__main__':
    unittest.main()
