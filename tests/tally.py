#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tally.py TESTLOG.json: count the tests that `meson test` ran.

A CUnit binary counts with the tests of its own summary, whatever else with its result. Prints one
line a binary and ends with "N passed, N failed"; exits 1 when something failed.
"""
import json
import re
import sys

# "tests      5      5      5      0        0": total, ran, passed, failed, inactive.
CUNIT_SUMMARY = re.compile(r'^\s*tests\s+(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s+\d+\s*$', re.MULTILINE)


def count(run):
    """(passed, failed) of one run; a binary that failed without saying how counts as one failure."""
    summary = CUNIT_SUMMARY.search(run.get('stdout') or '')
    total, _, passed, failed = map(int, summary.groups()) if summary else (1, 1, 1, 0)
    if run['result'] not in ('OK', 'EXPECTEDFAIL') and failed == 0:
        passed, failed = (passed, 1) if summary else (0, 1)
    return passed, max(failed, total - passed)


def main():
    passed = failed = 0
    with open(sys.argv[1], encoding='utf-8') as log:
        for line in log:
            run = json.loads(line)
            if run['result'] == 'SKIP':
                print(f'  {run["name"]}: skipped')
                continue
            ok, bad = count(run)
            print(f'  {run["name"]}: {ok} passed, {bad} failed')
            passed, failed = passed + ok, failed + bad
    print(f'{passed} passed, {failed} failed')
    sys.exit(bool(failed))


if __name__ == '__main__':
    main()
