# SPDX-License-Identifier: Apache-2.0
"""Rules on real traffic, and their reload while the appliance runs."""
import signal
import unittest
from pathlib import Path

from appliance import Appliance
from lab import Lab, poll

BUILT_IN = Path(__file__).resolve().parents[2] / 'conf/signatures.yaml'
SIGNATURES = sum(line.startswith('- {') for line in BUILT_IN.read_text().splitlines())


def rules(service):
    return ('rules:', f'- {{host: www.lab.test, path: /.*, service: {service}}}',
            '- {host: "[0-9.]+", service: by-address}', '- {port: 80, service: rest}')


class Rules(unittest.TestCase):
    def setUp(self):
        self.lab = self.enterContext(Lab('rules'))
        self.appliance = self.enterContext(Appliance(self.lab, 'interface', *rules('shop')))
        self.unseen = self.appliance.unseen()
        self.seen = 0

    def write(self, *lines):
        kept = self.appliance.config.read_text().split('rules:')[0]
        self.appliance.config.write_text(kept + '\n'.join((*lines, '')))

    def services(self):
        """Of the requests that a round of traffic makes, by their hosts."""
        self.lab('traffic', 'http')
        requests = sum(e['server_port'] == 80 for e in self.lab.log('access.log'))
        records = poll(lambda: found if len(found := self.appliance.ask('http', '--json')) >= requests else None,
                       'all requests', 10)[self.seen:]
        self.seen += len(records)
        self.assertGreater(len(records), 0)
        return {(record['host'], record.get('service')) for record in records}

    def expected(self, service):
        return {('www.lab.test', service), ('192.0.2.2', 'by-address')}

    def test_rules_are_reloaded_or_stay(self):
        self.assertEqual(self.services() - self.expected('shop'), set())

        self.write(*rules('market'))
        self.assertEqual(self.appliance.ask('reload', '--json'),
                         [{'reloaded': True, 'rules': 3, 'signatures': SIGNATURES}])
        services = self.services()
        self.assertEqual(services - self.expected('market'), set())
        self.assertIn(('www.lab.test', 'market'), services)

        self.write('rules:', '- {service: broken}', '- {path: "/(a", service: x}')
        refused = self.appliance.run('reload')
        self.assertEqual(refused.returncode, 1)
        self.assertIn('rules[1].path: Missing close parenthesis', refused.stderr)
        self.assertIn(f'{self.appliance.config}:', refused.stderr)
        self.assertEqual(self.services() - self.expected('market'), set())

        self.write(*rules('bazaar'), 'dns: {pending: 1000}')
        self.appliance.process.send_signal(signal.SIGHUP)
        poll(lambda: self.appliance.said.read_text().count(': reloaded, 3 rules') == 2, 'the reload', 10)
        self.assertIn('dns.pending has changed, which takes a restart', self.appliance.said.read_text())
        self.assertEqual(self.services() - self.expected('bazaar'), set())

        closed = poll(lambda: [r for r in self.appliance.ask('connections', '--closed', '--json')
                               if r.get('service') == 'bazaar'], 'a connection of the service', 10)
        self.assertEqual({record['server']['port'] for record in closed}, {80})
        poll(lambda: self.appliance.unseen() == self.unseen, 'every packet to be accounted for', 10)


if __name__ == '__main__':
    unittest.main()
