#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""duplicates.py TAPTRACE: captures with a copy of each packet give the records without.

The copies are those of a mirror of both ports of a switch, the same to the last byte, or of both
sides of a router. Ends with "N passed, N failed".
"""
import json
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
VLAN, IPV4, IPV6 = 0x8100, 0x0800, 0x86dd
ROUTER = bytes.fromhex('02aabbccdd01')


def read(path):
    """The header and the [time in us, frame] of a pcap file with timestamps in microseconds."""
    data = Path(path).read_bytes()
    at, packets = 24, []
    while at < len(data):
        seconds, micros, captured, _ = struct.unpack_from('<IIII', data, at)
        packets.append([seconds * 1000000 + micros, data[at + 16:at + 16 + captured]])
        at += 16 + captured
    return data[:24], packets


def write(path, header, packets):
    with open(path, 'wb') as file:
        file.write(header)
        for micros, frame in packets:
            file.write(struct.pack('<IIII', *divmod(micros, 1000000), len(frame), len(frame)) + frame)


def ip_at(frame):
    """Where its IP header is; None for other frames."""
    at, kind = 14, struct.unpack_from('>H', frame, 12)[0]
    while kind == VLAN or kind == 0x88a8:
        at, kind = at + 4, struct.unpack_from('>H', frame, at + 2)[0]
    return at if kind in (IPV4, IPV6) else None


def same(frame):
    return frame


def routed(frame):
    """Behind a router, on another VLAN."""
    at = ip_at(frame)
    if at is None:
        return frame
    ip = bytearray(frame[at:])
    if ip[0] >> 4 == 6:
        ip[7] -= 1
    else:
        ip[8] -= 1
        checksum = struct.unpack_from('>H', ip, 10)[0] + 0x100
        struct.pack_into('>H', ip, 10, (checksum & 0xffff) + (checksum >> 16))
    return frame[:6] + ROUTER + struct.pack('>HHH', VLAN, 300, struct.unpack_from('>H', frame, at - 2)[0]) + bytes(ip)


def doubled(packets, change, later_us):
    both = packets + [[time + later_us, change(frame)] for time, frame in packets]
    return sorted(both, key=lambda packet: packet[0])


def trace(taptrace, capture, config, workers):
    run = subprocess.run([taptrace, 'read', '--json', '--config', config, '--workers', str(workers), capture],
                         check=True, stdout=subprocess.PIPE, text=True)
    return [json.loads(line) for line in run.stdout.splitlines()]


def plain(listed):
    """The connections and transactions as text, what copies add aside: (those of IPv4, of IPv6)."""
    texts = {4: [], 6: []}
    for record in listed:
        if record['type'] not in ('connection', 'dns', 'http', 'tls'):
            continue
        for key in ('uid', 'vlan'):
            record.pop(key, None)
        for way in ('client_to_server', 'server_to_client'):
            if way in record:
                record[way].pop('duplicates', None)
        texts[6 if ':' in record['client']['address'] else 4].append(json.dumps(record, sort_keys=True))
    return sorted(texts[4]), sorted(texts[6])


def told(listed):
    """How many duplicates the connections tell of, and how many the ledger."""
    connections = sum(record[way].get('duplicates', 0) for record in listed if record['type'] == 'connection'
                      for way in ('client_to_server', 'server_to_client'))
    return connections, listed[-1]['ledger']['dropped']['duplicate']


def faults(taptrace, capture, folder, change, later_us, remove):
    """What goes wrong with copies of a capture's packets. Behind a router all are known for copies;
    of those that are the same to the last byte only what has an identification, as most of IPv4,
    or comes behind such a one."""
    header, packets = read(capture)
    config, copies = Path(folder, 'config.yaml'), Path(folder, 'copies.pcap')
    config.write_text(f'duplicates: {{remove: "{remove}"}}\n')
    write(copies, header, doubled(packets, change, later_us))
    versions = [frame[ip_at(frame)] >> 4 for _, frame in packets if ip_at(frame)]
    least = len(versions) if change == routed else versions.count(4)

    listed = trace(taptrace, capture, config, 1)
    if told(listed) != (0, 0):
        yield f'duplicates without copies: {told(listed)}'
    want = plain(listed)
    listed = trace(taptrace, copies, config, 4)
    connections, ledger = told(listed)
    if not listed[-1]['ledger']['closes'] or not least <= ledger <= len(versions):
        yield f'{least} to {len(versions)} copies, but {listed[-1]}'
    # A fragment is left out before it is known whose it is.
    if connections != ledger and capture.stem != 'fragments':
        yield f'{ledger} duplicates, connections tell of {connections}'
    got = plain(listed)
    if got[0] != want[0] or (change == routed and got[1] != want[1]):
        yield 'records differ:\n    ' + '\n    '.join(sorted(set(got[0] + got[1]) ^ set(want[0] + want[1])))[:3000]


def off_faults(taptrace, capture, folder):
    """Unless it is asked for, nothing is left out and nothing said."""
    header, packets = read(capture)
    config, copies = Path(folder, 'config.yaml'), Path(folder, 'copies.pcap')
    config.write_text('')
    write(copies, header, doubled(packets, same, 3))
    listed = trace(taptrace, copies, config, 1)
    if told(listed) != (0, 0):
        yield f'off, and yet: {told(listed)}'


def main():
    taptrace, = sys.argv[1:]
    passed = failed = 0
    with tempfile.TemporaryDirectory() as folder:
        tests = [(f'{name}, {change.__name__}, {remove}',
                  faults(taptrace, HERE / f'{name}.pcap', folder, change, later_us, remove))
                 for name, remove in (('dns', 'on'), ('http', 'auto'), ('tls', 'on'), ('fragments', 'on'))
                 for change, later_us in ((same, 3), (routed, 300))]
        tests.append(('http, off', off_faults(taptrace, HERE / 'http.pcap', folder)))
        for name, found in tests:
            found = list(found)
            for fault in found:
                print(f'FAILED {name}: {fault}')
            passed, failed = passed + (not found), failed + bool(found)
    print(f'{passed} passed, {failed} failed')
    sys.exit(bool(failed))


if __name__ == '__main__':
    main()
