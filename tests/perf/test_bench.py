# SPDX-License-Identifier: Apache-2.0
"""scripts/bench over the build that scripts/test has made: what it gives, not how fast."""
import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = Path(os.environ.get('TT_BUILD', ROOT / 'build' / 'gcc'))
MIXES = {'web', 'setup', 'churn', 'dns', 'flood', 'small-1k', 'small-100k', 'small-1m', 'small-10m', 'workers-2-web'}
STAGES = {'receive', 'decode', 'steer', 'flow', 'free', 'sweep'}


def bench(*arguments):
    return subprocess.run([ROOT / 'scripts' / 'bench', '--build', BUILD, *arguments], check=False, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=600)


@unittest.skipUnless((BUILD / 'tests' / 'perf' / 'perf_pipeline').exists(), 'not built')
class Bench(unittest.TestCase):
    def results(self, *arguments):
        run = bench('--json', *arguments)
        self.assertEqual(run.returncode, 0, run.stderr)
        return {result['mix']: result for result in map(json.loads, run.stdout.splitlines())}

    def test_gives_each_mix_with_its_fields(self):
        results = self.results('--quick', *(name for name in MIXES if name not in ('flood', 'workers-2-web')))
        self.assertEqual(set(results), MIXES - {'flood', 'workers-2-web'})
        for result in results.values():
            self.assertEqual(set(result['stages']), STAGES)
            self.assertEqual(set(result['floors']), {'receive', 'decode', 'rte_hash'})
            for name in ('flows', 'live', 'packets', 'ns_per_packet', 'cycles_per_packet', 'source_ns_per_packet',
                         'bytes_per_flow'):
                self.assertGreater(result[name], 0, name)
            # Flows that end come to the client, whoever else had to wait.
            self.assertGreater(result['pulled']['closed'], 0)
        for mix, kinds in {'web': {'dns', 'http', 'tls'}, 'setup': {'dns', 'http', 'tls'}, 'dns': {'dns'},
                           'churn': set()}.items():
            pulled = results[mix]['pulled']
            self.assertGreater(results[mix]['without_protocols_ns'], 0)
            self.assertEqual({kind for kind in ('dns', 'http', 'tls') if pulled[kind] > 0}, kinds, mix)

    def test_a_flood_pushes_out_no_established_flow(self):
        result = self.results('--quick', 'flood')['flood']
        self.assertGreater(result['evicted'], 0)
        self.assertEqual(result['established_lost'], 0)

    def test_two_workers_share_the_work(self):
        result = self.results('--quick', 'workers-2-web')['workers-2-web']
        self.assertEqual(result['workers'], 2)

    def test_reads_a_file(self):
        result = self.results('--quick', 'read')['read']
        self.assertEqual(result['packets'], 35 * result['flows'])
        for name in ('cycles_per_packet', 'receive_ns_per_packet', 'ratio_to_receive', 'cpu_ns_per_packet'):
            self.assertIn(name, result)

    def test_compares_with_an_older_run(self):
        with tempfile.NamedTemporaryFile('w', suffix='.json') as old:
            print(json.dumps({'mix': 'decode-ipv4-tcp', 'flows': 64, 'ns_per_packet': 1e6}), file=old, flush=True)
            run = bench('--json', '--compare', old.name, 'decode-ipv4')
        results = {result['mix']: result for result in map(json.loads, run.stdout.splitlines())}
        self.assertEqual(set(results), {'decode-ipv4-tcp', 'decode-ipv4-udp', 'decode-ipv4-options-tcp'})
        self.assertGreater(results['decode-ipv4-tcp']['ratio_to_old'], 1)
        self.assertNotIn('ratio_to_old', results['decode-ipv4-udp'])
        for name in ('packets', 'cycles_per_packet', 'without_tunnels_ns'):
            self.assertGreater(results['decode-ipv4-tcp'][name], 0)

    def test_refuses_a_name_of_no_mix(self):
        run = bench('pipeline-9')
        self.assertNotEqual(run.returncode, 0)
        self.assertIn('no mix begins with pipeline-9', run.stderr)


if __name__ == '__main__':
    unittest.main()
