#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""run.py TAPTRACE [--corpus DIR --compare FILE] [--only TEXT]: trace whole captures.

Own captures: each tests/capture/X.pcapng against X.expected.json, which lists by record type the
records to come, each with the fields that matter (see expect.py).
The corpus, where there is one: each capture that has a .truth.json is compared by compare.py and
must reach NEEDED; WITNESS.md lists where the truth is wrong. Captures without a truth may be broken
in any way: taptrace must end by itself, within its ledger, or with a message.
Every capture gives the same records with 1, 2 and 4 workers, `uid` aside (without a truth: 1 and 4).
Ends with "N passed, N failed".
"""
import argparse
import collections
import concurrent.futures
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
WORKERS = (1, 2, 4)
WORKERS_WITHOUT_TRUTH = (1, 4)
DEADLINE_S = 120
# Sections of compare.py that must agree whole.
NEEDED = ('conversations', 'ledger', 'tcp_handshake', 'tcp_handshake_time', 'tcp_payload',
          'tcp_retransmits', 'tcp_out_of_order', 'dns', 'dns_unanswered', 'http', 'tls')
CAPTURE_NAME = re.compile(r'.*\.(pcap|pcapng|cap|ntar)$')
WITNESS_ROW = re.compile(r'\|\s*`([^`]+)`\s*\|\s*(\w+)\s*\|\s*(\d+)\s*\|')


def witness_errors():
    """{(capture, section): differences that are the witness's} from WITNESS.md's table."""
    rows = WITNESS_ROW.findall((HERE / 'WITNESS.md').read_text())
    return {(capture, section): int(count) for capture, section, count in rows}


def trace(taptrace, capture, workers, output):
    """Run taptrace over a capture; (exit status, what it said). Status None: it had to be killed."""
    try:
        with open(output, 'wb') as stdout:
            run = subprocess.run([taptrace, 'read', '--json', '--workers', str(workers), capture],
                                 stdout=stdout, stderr=subprocess.PIPE, timeout=DEADLINE_S, check=False)
    except subprocess.TimeoutExpired:
        return None, f'did not end within {DEADLINE_S} s'
    return run.returncode, run.stderr.decode(errors='replace').strip()


def records(path):
    with open(path, encoding='utf-8') as lines:
        return [json.loads(line) for line in lines]


def without_uid(listed):
    """The records as a multiset."""
    return collections.Counter(json.dumps({k: v for k, v in record.items() if k != 'uid'}, sort_keys=True)
                               for record in listed)


def difference(one, other):
    """The fields that differ, of records of the same type and Community ID, else the records."""
    left, right = ([json.loads(line) for line in sorted((a - b).elements())] for a, b in ((one, other), (other, one)))
    told = []
    for record in left:
        twin = next((x for x in right if all(x.get(k) == record.get(k) for k in ('type', 'community_id'))), None)
        if twin is None:
            told.append(f'- {json.dumps(record)}')
            continue
        right.remove(twin)
        told += [f'{record["type"]} {record.get("community_id", "")} {field}: {record.get(field)} / {twin.get(field)}'
                 for field in sorted(record.keys() | twin.keys()) if record.get(field) != twin.get(field)]
    told += [f'+ {json.dumps(record)}' for record in right]
    return '\n    '.join(line[:400] for line in told[:8])


def ledger_fault(listed):
    summaries = [record for record in listed if record.get('type') == 'summary']
    if len(summaries) != 1:
        return f'{len(summaries)} summaries'
    ledger = summaries[0]['ledger']
    counted = ledger['processed'] + sum(ledger['dropped'].values())
    return None if ledger['closes'] and ledger['received'] == counted else f'the ledger does not close: {ledger}'


def compare_faults(compare, capture, name, output, errors):
    """Where compare.py finds more differences than WITNESS.md explains."""
    truth_path = capture.with_name(capture.name + '.truth.json')
    run = subprocess.run([sys.executable, compare, truth_path, output, '--json'],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    if run.returncode != 0:
        yield f'compare.py: {run.stderr.strip()[-300:]}'
        return
    for section, found in json.loads(run.stdout).items():
        if section not in NEEDED:
            continue
        differences = found['expected'] + found['extra'] - found['agree']
        if differences > errors.get((name, section), 0):
            yield f'{section}: {found}'


def covers(expected, actual):
    """Whether a record has all that is expected of it; null expects a field to be absent."""
    if isinstance(expected, dict):
        return isinstance(actual, dict) and all(
            key not in actual if value is None else covers(value, actual.get(key))
            for key, value in expected.items())
    return expected == actual


def expectation_faults(expectation, listed):
    for kind, expected in expectation['records'].items():
        left = [record for record in listed if record.get('type') == kind]
        for want in expected:
            found = next((record for record in left if covers(want, record)), None)
            if found is None:
                yield f'{kind}: no {json.dumps(want)} in {json.dumps(left)[:600]}'
            else:
                left.remove(found)
        for record in left:
            yield f'{kind}: unexpected {json.dumps(record)}'


def capture_faults(task):
    """All that is wrong with the records of one capture."""
    taptrace, compare, capture, name, errors = task
    expectation = capture.with_name(capture.stem + '.expected.json')
    has_truth = capture.with_name(capture.name + '.truth.json').exists()
    may_refuse = not has_truth and not expectation.exists()
    faults = []
    with tempfile.TemporaryDirectory() as folder:
        first = None
        for workers in WORKERS_WITHOUT_TRUTH if may_refuse else WORKERS:
            output = Path(folder, str(workers))
            status, said = trace(taptrace, capture, workers, output)
            if status != 0 and not (status == 1 and said and may_refuse):
                faults.append(f'{workers} workers: status {status}: {said[-300:]}')
                break
            try:
                listed = records(output)
            except ValueError as error:
                faults.append(f'{workers} workers: not NDJSON: {error}')
                break
            if status == 0 and (fault := ledger_fault(listed)):
                faults.append(f'{workers} workers: {fault}')
            if first is not None:
                if without_uid(listed) != first:
                    faults.append(f'{workers} workers differ from 1:\n    '
                                  + difference(first, without_uid(listed)))
                continue
            first = without_uid(listed)
            if has_truth:
                faults += compare_faults(compare, capture, name, output, errors)
            if expectation.exists():
                faults += expectation_faults(json.loads(expectation.read_text()), listed)
    return name, faults


def captures(folder, compare, taptrace, errors):
    for path in sorted(folder.rglob('*')):
        if path.is_file() and CAPTURE_NAME.match(path.name):
            yield taptrace, compare, path, str(path.relative_to(folder)), errors


def main():
    beside = HERE.parents[1].parent / 'shared'
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('taptrace', help='the binary')
    parser.add_argument('--corpus', type=Path, default=beside / 'corpus')
    parser.add_argument('--compare', type=Path, default=beside / 'check' / 'compare.py')
    parser.add_argument('--only', default='', help='captures whose name holds this text')
    arguments = parser.parse_args()

    errors = witness_errors()
    tasks = list(captures(HERE, None, arguments.taptrace, errors))
    if arguments.corpus.is_dir() and arguments.compare.is_file():
        tasks += captures(arguments.corpus, arguments.compare, arguments.taptrace, errors)
    else:
        print(f'skipped: the corpus of captures, {arguments.corpus} is not there')
    tasks = [task for task in tasks if arguments.only in task[3]]

    failed = 0
    with concurrent.futures.ProcessPoolExecutor(max_workers=2) as pool:
        for name, faults in pool.map(capture_faults, tasks, chunksize=4):
            failed += bool(faults)
            for fault in faults:
                print(f'FAILED {name}: {fault}', flush=True)
    print(f'{len(tasks) - failed} passed, {failed} failed')
    sys.exit(bool(failed))


if __name__ == '__main__':
    main()
