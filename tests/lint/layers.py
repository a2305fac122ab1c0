#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""layers.py TREE: hold the includes of lib/ and app/ against the layers.

A folder includes only what stands to its left; libraries with one owner are included there alone,
and DPDK's headers nowhere below the driver interface.
"""
import re
import sys
from pathlib import Path

# Each folder and what it may include besides itself.
BELOW_FLOW = {'base', 'packet'}
BELOW_SHARD = BELOW_FLOW | {'config', 'flow', 'protocol', 'rules'}
LAYERS = {
    'base': set(),
    'config': {'base'},
    'packet': {'base'},
    'flow': BELOW_FLOW | {'config'},
    'protocol': BELOW_FLOW | {'config', 'flow'},
    'rules': BELOW_FLOW | {'config', 'flow', 'protocol'},
    'shard': BELOW_SHARD,
    'driver': {'base', 'config', 'packet'},
    'pipeline': BELOW_SHARD | {'shard', 'driver'},
    'control': BELOW_SHARD | {'shard', 'pipeline'},
    'serve': BELOW_SHARD | {'shard', 'pipeline', 'control'},
}
OWNERS = {'yaml.h': 'config', 'hs.h': 'rules', 'hs/hs.h': 'rules'}
WITHOUT_DPDK = {'base', 'config', 'packet', 'flow', 'protocol', 'rules'}
INCLUDE = re.compile(r'\s*#\s*include\s*([<"])([^>"]+)[>"]')


def fault(folder, quote, header):
    """What is wrong with an include in a folder of lib/, or of app (folder None); None if nothing."""
    top = header.split('/')[0]
    if header in OWNERS and folder != OWNERS[header]:
        return f'{header} belongs to lib/{OWNERS[header]} alone'
    if folder in WITHOUT_DPDK and top.startswith('rte_'):
        return f'lib/{folder} builds without DPDK'
    if quote == '<' or folder is None:
        return None
    if '/' not in header or top not in LAYERS:
        return f'"{header}" is not relative to lib/'
    if top != folder and top not in LAYERS[folder]:
        return f'lib/{folder} may not include lib/{top}'
    return None


def faults(tree):
    for path in sorted(tree.glob('lib/**/*.[ch]')) + sorted(tree.glob('app/**/*.[ch]')):
        parts = path.relative_to(tree).parts
        folder = parts[1] if parts[0] == 'lib' else None
        if folder is not None and folder not in LAYERS:
            yield f'{path.relative_to(tree)}: lib/{folder} has no place among the layers'
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            found = INCLUDE.match(line)
            wrong = found and fault(folder, *found.groups())
            if wrong:
                yield f'{path.relative_to(tree)}:{number}: {wrong}'


def main():
    found = list(faults(Path(sys.argv[1])))
    print('\n'.join(found), end='\n' if found else '')
    sys.exit(bool(found))


if __name__ == '__main__':
    main()
