#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The checks of this folder, held against small trees with known faults."""
import subprocess
import tempfile
import unittest
from pathlib import Path

import layers
import symbols


class Layers(unittest.TestCase):
    def faults(self, path, text):
        with tempfile.TemporaryDirectory() as tree:
            file = Path(tree, path)
            file.parent.mkdir(parents=True)
            file.write_text(text)
            return list(layers.faults(Path(tree)))

    def test_left_is_allowed(self):
        self.assertEqual(self.faults('lib/flow/a.c', '#include "packet/decode.h"\n#include <string.h>\n'), [])

    def test_right_is_refused(self):
        self.assertEqual(self.faults('lib/packet/a.c', '\n  # include "flow/key.h"\n'),
                         ['lib/packet/a.c:2: lib/packet may not include lib/flow'])

    def test_nobody_below_pipeline_drives(self):
        self.assertEqual(len(self.faults('lib/control/a.h', '#include "driver/driver.h"\n')), 1)

    def test_owners(self):
        self.assertEqual(self.faults('lib/config/a.c', '#include <yaml.h>\n'), [])
        self.assertEqual(len(self.faults('app/taptraced/a.c', '#include <yaml.h>\n')), 1)
        self.assertEqual(len(self.faults('lib/protocol/a.c', '#include <hs/hs.h>\n')), 1)

    def test_dpdk_below_shard(self):
        self.assertEqual(len(self.faults('lib/rules/a.c', '#include <rte_ring.h>\n')), 1)
        self.assertEqual(self.faults('lib/shard/a.c', '#include <rte_ring.h>\n'), [])

    def test_unknown_folder(self):
        self.assertEqual(len(self.faults('lib/utils/a.c', '')), 1)


class Symbols(unittest.TestCase):
    def faults(self, code):
        with tempfile.TemporaryDirectory() as build:
            folder = Path(build, 'lib/flow')
            folder.mkdir(parents=True)
            subprocess.run(['gcc', '-O2', '-w', '-c', '-xc', '-', '-o', 'libflow.a.p_a.c.o'],
                           cwd=folder, input=code, text=True, check=True)
            subprocess.run(['ar', 'rc', 'libflow.a', 'libflow.a.p_a.c.o'], cwd=folder, check=True)
            return list(symbols.faults(Path(build)))

    def test_allocation_on_the_packet_path(self):
        self.assertEqual(self.faults('void *malloc(unsigned long);\n'
                                     'void *lookup(unsigned long n) { return malloc(n); }\n'),
                         ['lib/flow/a.c: lookup() allocates: malloc'])

    def test_set_up_may_allocate(self):
        self.assertEqual(self.faults('void *malloc(unsigned long);\n'
                                     'void *tt_x_create(unsigned long n) { return malloc(n); }\n'), [])

    def test_set_up_is_beside_the_packet_path(self):
        self.assertEqual(self.faults('void *malloc(unsigned long);\n'
                                     '__attribute__((noinline)) void *tt_x_create(long n) { return malloc(n); }\n'
                                     'void *lookup(long n) { return tt_x_create(n); }\n'),
                         ['lib/flow/a.c: lookup() leaves the packet path: tt_x_create'])

    def test_others_are_not_confused(self):
        self.assertEqual(self.faults('int memcmp(), timer(), reader();\n'
                                     'int f(void *a, void *b) { return timer() + reader() + memcmp(a, b, 99); }\n'), [])

    def test_hardened_printf_and_locks(self):
        found = self.faults('int __printf_chk(), pthread_mutex_lock();\n'
                            'int f(void *m) { return __printf_chk(1, "x") + pthread_mutex_lock(m); }\n')
        self.assertEqual(len(found), 2)


if __name__ == '__main__':
    unittest.main()
