#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""run.py FOLDER: run the unittest modules test_*.py of a folder; ends with "N passed, N failed"."""
import sys
import unittest


def main():
    suite = unittest.defaultTestLoader.discover(sys.argv[1])
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(suite)
    failed = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses)
    passed = result.testsRun - failed - len(result.skipped)
    print(f'{max(passed, 0)} passed, {failed} failed')
    sys.exit(bool(failed))


if __name__ == '__main__':
    main()
