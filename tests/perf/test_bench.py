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
STAGES = {'receive', 'decode', 'steer', 'flow', 'free', 'sweep'}


def bench(*arguments):
    return subprocess.run([ROOT / 'scripts' / 'bench', '--build', BUILD, *arguments], check=False, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)


@unittest.skipUnless((BUILD / 'tests' / 'perf' / 'perf_pipeline').exists(), 'not built')
class Bench(unittest.TestCase):
    def test_gives_the_smallest_mix_with_its_fields(self):
        run = bench('--json', 'pipeline-1k-0')
        self.assertEqual(run.returncode, 0, run.stderr)
        results = [json.loads(line) for line in run.stdout.splitlines()]
        self.assertEqual([result['mix'] for result in results], ['pipeline-1k-0'])
        result = results[0]
        self.assertEqual(result['flows'], 1000)
        self.assertEqual(result['live'], 1000)
        self.assertEqual(set(result['stages']), STAGES)
        self.assertEqual(set(result['floors']), {'receive', 'decode', 'rte_hash'})
        for name in ('packets', 'ns_per_packet', 'cycles_per_packet', 'source_ns_per_packet', 'bytes_per_flow'):
            self.assertGreater(result[name], 0, name)

    def test_compares_with_an_older_run(self):
        with tempfile.NamedTemporaryFile('w', suffix='.json') as old:
            print(json.dumps({'mix': 'decode-ipv4-tcp', 'flows': 64, 'ns_per_packet': 1e6}), file=old, flush=True)
            run = bench('--json', '--compare', old.name, 'decode-ipv4')
        results = {result['mix']: result for result in map(json.loads, run.stdout.splitlines())}
        self.assertEqual(set(results), {'decode-ipv4-tcp', 'decode-ipv4-udp', 'decode-ipv4-options-tcp'})
        self.assertGreater(results['decode-ipv4-tcp']['ratio_to_old'], 1)
        self.assertNotIn('ratio_to_old', results['decode-ipv4-udp'])

    def test_refuses_a_name_of_no_mix(self):
        run = bench('pipeline-9')
        self.assertNotEqual(run.returncode, 0)
        self.assertIn('no mix begins with pipeline-9', run.stderr)


if __name__ == '__main__':
    unittest.main()
