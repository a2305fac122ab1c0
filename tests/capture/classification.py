#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""classification.py TAPTRACE [--corpus DIR] [--only TEXT] [--show]: the protocols of the corpus' connections.

Holds `protocol` of each connection against the names that the capture's sources give: the layers of
its conversation in the .truth.json, and nDPI's results beside it. Of the conversations that one of
them gives a listed protocol, at least NEEDED must have it; and where a source names one, no other
connection may be HTTP, TLS or DNS but those that WITNESS.md lists, under the section
`protocol`. Ends with "N passed, N failed"; skips without the corpus.
"""
import argparse
import collections
import concurrent.futures
import ipaddress
import json
import re
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import run  # pylint: disable=wrong-import-position

NEEDED = 0.95
FIRM = {'http', 'tls', 'dns'}
LAYERS = {'tls', 'quic'}
# Names of the truth's layers and of nDPI, lower case, by the protocol that records name.
NAMES = {
    'amqp': 'amqp', 'bittorrent': 'bittorrent bt-dht bt-utp', 'cassandra': 'cql cassandra',
    'dhcp': 'dhcp dhcpv6', 'dns': 'dns mdns llmnr', 'dtls': 'dtls', 'ftp': 'ftp ftp_control',
    'http': 'http http_proxy', 'http2': 'http2', 'imap': 'imap', 'kafka': 'kafka',
    'kerberos': 'kerberos', 'ldap': 'ldap cldap', 'memcached': 'memcache memcached',
    'mongodb': 'mongo mongodb', 'mqtt': 'mqtt', 'mysql': 'mysql', 'nats': 'nats', 'ntp': 'ntp',
    'pop3': 'pop pop3', 'postgres': 'pgsql postgresql', 'quic': 'quic gquic', 'rdp': 'rdp',
    'redis': 'resp redis', 'rtp': 'rtp rtcp srtp', 'rtsp': 'rtsp', 'sip': 'sip',
    'smb': 'smb smb2 smbv1 smbv23', 'smtp': 'smtp', 'snmp': 'snmp', 'ssh': 'ssh', 'stun': 'stun',
    'tls': 'tls', 'wireguard': 'wg wireguard',
}
# Those of conf/signatures.yaml, which are counted apart.
SIGNATURES = {
    'bgp': 'bgp', 'dicom': 'dicom', 'dnp3': 'dnp3',
    'enip': 'enip ethernetip', 'gnutella': 'gnutella', 'irc': 'irc', 'mssql': 'tds mssql-tds',
    'nntp': 'nntp', 'oracle': 'tns oracle', 'rsync': 'rsync', 's7': 's7comm', 'sflow': 'sflow',
    'ssdp': 'ssdp', 'sunrpc': 'rpc', 'syslog': 'syslog', 'telnet': 'telnet', 'tftp': 'tftp',
    'vnc': 'vnc', 'x11': 'x11', 'xmpp': 'xmpp jabber', 'zmtp': 'zmtp',
}
OURS = {name: protocol for protocol, names in (NAMES | SIGNATURES).items() for name in names.split()}
# What goes on as another protocol, and datagrams that quote one.
UPGRADES = {'websocket': 'http', 'http2': 'http'}
QUOTES = {'nbdgm'}
# What nDPI knows by its port or addresses alone is no witness.
NDPI_FLOW = re.compile(r'\t\d+\t(TCP|UDP) (\S+):(\d+) <?->? (\S+):(\d+) .*?\[proto: [\d.]+/([^\]]+)\]'
                       r'.*?\[Confidence: DPI\]')


def address(text):
    return str(ipaddress.ip_address(text.strip('[]')))


def key(transport, *ends):
    return (transport,) + tuple(sorted((address(host), int(port)) for host, port in ends))


def truth_names(truth):
    """(key, protocols) of the conversations that have payload of a known layer."""
    table = truth['conversations']
    for row in table['rows']:
        entry = dict(zip(table['cols'], row))
        layers = set((entry['app'] or '').split())
        if entry['ipproto'] in (6, 17) and layers and not layers & QUOTES:
            yield (key({6: 'tcp', 17: 'udp'}[entry['ipproto']], (entry['a'], entry['a_port']),
                       (entry['b'], entry['b_port'])), {OURS.get(layer, layer) for layer in layers})


def ndpi_names(folder):
    for path in folder.glob('ndpi-result*'):
        for line in path.read_text(errors='replace').splitlines():
            found = NDPI_FLOW.match(line)
            if found and found[6] != 'Unknown':
                names = re.split(r'[./]', found[6].lower())
                yield (key(found[1].lower(), (found[2], found[3]), (found[4], found[5])),
                       {OURS.get(name, name) for name in names})


def named(capture, truth):
    """{key: protocols that any source gives it}."""
    result = collections.defaultdict(set)
    for found in (truth_names(truth), ndpi_names(capture.with_name(capture.name + '.oracle'))):
        for conversation, names in found:
            result[conversation] |= names
    return result


def connections(taptrace, capture):
    """{key: protocols that its records name}, of a capture's connections."""
    done = subprocess.run([taptrace, 'read', '--json', '--records', 'connection', capture],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=run.DEADLINE_S, check=False)
    result = collections.defaultdict(set)
    for line in done.stdout.splitlines():
        record = json.loads(line)
        if record['type'] == 'connection' and record['transport'] in ('tcp', 'udp'):
            ends = [(record[end]['address'], record[end]['port']) for end in ('client', 'server')]
            result[key(record['transport'], *ends)] |= set(record.get('protocol', {}).values())
    return result


def missed(expected, actual, names):
    """What of `names` is expected of a conversation, and whether it has none of that."""
    listed = expected & names.keys()
    return listed, bool(listed) and not listed & (actual | {UPGRADES.get(name) for name in actual})


def judge(task):
    """(lines to show, tallies, connections that are falsely FIRM) of one capture."""
    taptrace, capture, name = task
    shown, tallies, false = [], {'listed': collections.Counter(), 'signatures': collections.Counter()}, []
    records = connections(taptrace, capture)
    truth = json.loads(capture.with_name(capture.name + '.truth.json').read_text())
    for conversation, expected in named(capture, truth).items():
        actual = records.get(conversation, set())
        for names, tally in zip((NAMES, SIGNATURES), tallies.values()):
            listed, lacks = missed(expected, actual, names)
            tally['all'] += bool(listed)
            tally.update(listed if lacks else ['agree'] if listed else [])
            if lacks:
                shown.append(f'{name}: {conversation}: {sorted(actual)}, not {sorted(listed)}')
        odd = actual & SIGNATURES.keys() - expected
        if odd:
            shown.append(f'{name}: {conversation}: {sorted(odd)} by signature, not {sorted(expected)}')
        # What is spoken inside is known by ALPN, of which the sources say nothing.
        wrong = actual & FIRM - expected - ({'http'} if expected & actual & LAYERS else set())
        if wrong:
            false.append(f'{name}: {conversation}: {sorted(wrong)}, where the sources name {sorted(expected)}')
    return name, shown, tallies, false


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('taptrace')
    parser.add_argument('--corpus', type=Path, default=run.HERE.parents[2] / 'shared' / 'corpus')
    parser.add_argument('--only', default='', help='captures whose name holds this text')
    parser.add_argument('--show', action='store_true', help='what is missed and what is false')
    arguments = parser.parse_args()
    if not arguments.corpus.is_dir():
        print(f'skipped: the corpus of captures, {arguments.corpus} is not there')
        print('0 passed, 0 failed')
        return 0
    allowed = run.witness_errors()
    captures = [path.with_name(path.name.removesuffix('.truth.json'))
                for path in sorted(arguments.corpus.glob('*/*.truth.json'))]
    tasks = [(arguments.taptrace, capture, str(capture.relative_to(arguments.corpus))) for capture in captures]
    sums = {'listed': collections.Counter(), 'signatures': collections.Counter()}
    failed = 0
    with concurrent.futures.ProcessPoolExecutor(max_workers=2) as pool:
        for name, shown, tallies, false in pool.map(
                judge, [task for task in tasks if arguments.only in task[2]], chunksize=4):
            too_many = len(false) > allowed.get((name, 'protocol'), 0)
            failed += too_many
            for line in (shown if arguments.show else []) + (false if arguments.show or too_many else []):
                print(line)
            for what, tally in tallies.items():
                sums[what].update(tally)
    for what, tally in sums.items():
        agree, total = tally.pop('agree', 0), tally.pop('all', 0)
        print(f'{what}: {agree} of {total} conversations, {agree / max(total, 1):.2%}; missed:',
              ', '.join(f'{protocol} {count}' for protocol, count in tally.most_common()) or 'none')
        failed += what == 'listed' and not arguments.only and agree < NEEDED * total
    print(f'{2 - min(failed, 2)} passed, {failed} failed')
    return failed > 0


if __name__ == '__main__':
    sys.exit(main())
