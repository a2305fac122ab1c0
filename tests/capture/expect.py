#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""expect.py CAPTURE: what tshark, not taptrace, says of a small capture.

Prints the expectation that run.py reads: the connection, http and tls records to come, with the fields
that tshark gives. Read it by eye before it is kept: it was made for the lab's captures (UDP servers below port
1024, fragments in order, no reuse of ports).
"""
import json
import subprocess
import sys

FIELDS = ('frame.time_epoch', 'ip.src', 'ip.dst', 'ipv6.src', 'ipv6.dst', 'ip.proto', 'ip.len', 'ipv6.plen',
          'ip.id', 'ip.frag_offset', 'ipv6.fraghdr.ident', 'ipv6.fraghdr.offset', 'tcp.srcport', 'tcp.dstport',
          'udp.srcport', 'udp.dstport', 'tcp.flags', 'tcp.len', 'udp.length', 'tcp.analysis.retransmission',
          'icmp.type', 'icmp.code', 'icmpv6.type', 'communityid', 'ieee8021ad.id', 'vlan.id')
COUNTERS = ('packets', 'ip_bytes', 'payload_bytes', 'fragments', 'retransmits')
UNREACHABLE = {0: 'network_unreachable', 1: 'host_unreachable'}
FIN, SYN, RST, ACK = 1, 2, 4, 16


def run_tshark(*arguments):
    return subprocess.run(['tshark', *arguments], check=True, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL).stdout


def frames(capture):
    """Each IP frame as {field: text}; of a field that occurs twice (the packet that an ICMP error
    quotes), the first."""
    names = [argument for name in FIELDS for argument in ('-e', name)]
    listing = run_tshark('-r', capture, '-T', 'fields', '-E', 'occurrence=a', '--enable-protocol', 'communityid',
                         '-o', 'ip.defragment:FALSE', '-o', 'ipv6.defragment:FALSE', *names)
    for line in listing.splitlines():
        fields = dict(zip(FIELDS, line.split('\t')))
        frame = {name: value.split(',')[0] for name, value in fields.items() if value}
        frame['quoted'] = [fields[name].split(',')[-1] for name in ('ip.dst', 'tcp.dstport', 'tcp.srcport')]
        frame['vlans'] = [int(tag) for name in ('ieee8021ad.id', 'vlan.id')
                          for tag in fields[name].split(',') if tag]
        if 'ip.src' in frame or 'ipv6.src' in frame:
            yield frame


def microseconds(frame):
    seconds, fraction = frame['frame.time_epoch'].split('.')
    return int(seconds) * 1000000 + int(fraction[:6])


def transport_of(frame):
    if 'icmp.type' in frame:
        return 'icmp'
    if 'icmpv6.type' in frame:
        return 'icmp6'
    return 'tcp' if 'tcp.srcport' in frame else 'udp'


class Connection:
    def __init__(self, transport, client, server, first):
        self.transport, self.client, self.server, self.first = transport, client, server, first
        self.ways = {end: dict.fromkeys(COUNTERS, 0) for end in (client, server)}
        self.times = []
        self.flags = []
        self.failure = None

    def count(self, sender, frame, is_fragment):
        way = self.ways[sender]
        way['packets'] += 1
        way['ip_bytes'] += int(frame['ip.len']) if 'ip.len' in frame else 40 + int(frame['ipv6.plen'])
        way['fragments'] += is_fragment
        way['retransmits'] += 'tcp.analysis.retransmission' in frame
        if self.transport == 'tcp':
            way['payload_bytes'] += int(frame['tcp.len'])
            self.flags.append((sender, int(frame['tcp.flags'], 16), microseconds(frame)))
        elif 'udp.length' in frame:
            way['payload_bytes'] += int(frame['udp.length']) - 8
        self.times.append(microseconds(frame))

    def first_time(self, sender, want, unwanted=0):
        return next((at for who, flags, at in self.flags
                     if who == sender and flags & want == want and not flags & unwanted), None)

    def tcp(self):
        syn = self.first_time(self.client, SYN)
        synack = self.first_time(self.server, SYN | ACK)
        ack = self.first_time(self.client, ACK, SYN | RST)
        reset = self.first_time(self.server, RST)
        if synack is not None:
            tcp = {'handshake': 'complete', 'established': 1, 'handshake_us': ack - syn,
                   'handshake_server_us': synack - syn, 'handshake_client_us': ack - synack}
        else:
            tcp = {'handshake': 'no_answer' if reset is None else 'refused'}
        failure = 'refused' if reset is not None and synack is None else self.failure
        return tcp | ({'failure': failure} if failure else {})

    def close_reason(self):
        if self.transport == 'tcp':
            if self.first_time(self.client, RST) or self.first_time(self.server, RST):
                return 'rst'
            if self.first_time(self.client, FIN) and self.first_time(self.server, FIN):
                return 'fin'
        return 'end_of_capture'

    def record(self):
        record = {
            'transport': self.transport,
            'client': dict(zip(('address', 'port'), self.client)),
            'server': dict(zip(('address', 'port'), self.server)),
            'community_id': self.first['communityid'],
            'state': 'closed',
            'close_reason': self.close_reason(),
            'direction_from': {'tcp': 'syn', 'udp': 'port'}.get(self.transport, 'first_packet'),
            'start_us': min(self.times),
            'end_us': max(self.times),
        }
        for name, end in (('client_to_server', self.client), ('server_to_client', self.server)):
            way = dict(self.ways[end])
            # The datagram's length covers its fragments, which carry payload of their own.
            if way['fragments'] or self.transport.startswith('icmp'):
                del way['payload_bytes']
            for rare in ('fragments', 'retransmits'):
                if not way[rare]:
                    del way[rare]
            record[name] = way
        if self.first['vlans']:
            record['vlan'] = self.first['vlans']
        if self.transport == 'tcp':
            record['tcp'] = self.tcp()
        return record


def connections(capture):
    found, datagrams = {}, {}
    for frame in frames(capture):
        source, target = (frame.get('ip.src', frame.get('ipv6.src')), frame.get('ip.dst', frame.get('ipv6.dst')))
        identity = (source, target, frame.get('ip.id') if 'ip.src' in frame else frame.get('ipv6.fraghdr.ident'))
        offset = int(frame.get('ip.frag_offset', frame.get('ipv6.fraghdr.offset', '0')))
        if offset > 0:
            connection, sender = datagrams[identity]
            connection.count(sender, frame, True)
            continue
        transport = transport_of(frame)
        sender = (source, int(frame.get(f'{transport}.srcport', 0)))
        receiver = (target, int(frame.get(f'{transport}.dstport', 0)))
        key = (transport, frozenset((sender, receiver)))
        if key not in found:
            client, server = (receiver, sender) if transport == 'udp' and sender[1] < receiver[1] else (sender, receiver)
            found[key] = Connection(transport, client, server, frame)
        found[key].count(sender, frame, False)
        datagrams[identity] = found[key], sender
        if frame.get('icmp.type') == '3':
            address, server_port, client_port = frame['quoted']
            quoted = ('tcp', frozenset(((target, int(client_port or 0)), (address, int(server_port or 0)))))
            if quoted in found:
                found[quoted].failure = UNREACHABLE[int(frame['icmp.code'])]
    return [connection.record() for connection in found.values()]


def rows(capture, display_filter, names):
    """The frames that a filter lets through, as {field: text}, of occurring fields."""
    arguments = [argument for name in names for argument in ('-e', name)]
    for line in run_tshark('-r', capture, '-Y', display_filter, '-T', 'fields', *arguments).splitlines():
        yield {name: value for name, value in zip(names, line.split('\t')) if value}


ENDS = ('frame.number', 'frame.time_epoch', 'tcp.stream', 'ip.src', 'ip.dst', 'ipv6.src', 'ipv6.dst', 'tcp.srcport',
        'tcp.dstport')


def endpoints(row):
    return {'client': {'address': row.get('ip.src', row.get('ipv6.src')), 'port': int(row['tcp.srcport'])},
            'server': {'address': row.get('ip.dst', row.get('ipv6.dst')), 'port': int(row['tcp.dstport'])}}


def http(capture):
    responses = {row['http.request_in']: row for row in rows(
        capture, 'http.response', ('http.request_in', 'http.response.code', 'http.time', 'http.content_type'))}
    names = ENDS + ('http.request.method', 'http.host', 'http.request.uri', 'http.user_agent')
    for row in rows(capture, 'http.request', names):
        response = responses[row['frame.number']]
        yield endpoints(row) | {
            'method': row['http.request.method'], 'host': row['http.host'],
            'path': row['http.request.uri'].split('?')[0], 'user_agent': row['http.user_agent'],
            'status': int(response['http.response.code']), 'start_us': microseconds(row),
            'content_type': response.get('http.content_type'),
            'latency_us': round(float(response['http.time']) * 1000000)}


def tls(capture):
    names = ENDS + ('tls.handshake.extensions.supported_version', 'tls.handshake.version',
                    'tls.handshake.extensions_alpn_str', 'tls.handshake.ja3s')
    hellos = {row['tcp.stream']: row for row in rows(capture, 'tls.handshake.type == 2', names)}
    names = ENDS + ('tls.handshake.extensions_server_name', 'tls.handshake.extensions_alpn_str', 'tls.handshake.ja3')
    for row in rows(capture, 'tls.handshake.type == 1', names):
        hello = hellos[row['tcp.stream']]
        version = hello.get('tls.handshake.extensions.supported_version', hello['tls.handshake.version'])
        offered = row.get('tls.handshake.extensions_alpn_str')
        yield endpoints(row) | {
            'sni': row['tls.handshake.extensions_server_name'], 'alpn_offered': offered and offered.split(','),
            'ja3': row['tls.handshake.ja3'], 'ja3s': hello['tls.handshake.ja3s'],
            'version': {'0x0303': 'TLSv1.2', '0x0304': 'TLSv1.3'}[version],
            'alpn': hello.get('tls.handshake.extensions_alpn_str'),
            'handshake_us': microseconds(hello) - microseconds(row)}


def main():
    version = run_tshark('--version').splitlines()[0]
    listed = connections(sys.argv[1])
    summary = {'packets': len(run_tshark('-r', sys.argv[1]).splitlines()), 'connections': len(listed),
               'ledger': {'closes': True}}
    records = {'connection': listed, 'http': list(http(sys.argv[1])), 'tls': list(tls(sys.argv[1])),
               'summary': [summary]}
    kinds = (f'\t"{kind}": [\n' + ',\n'.join('\t\t' + json.dumps(record) for record in found) + '\n\t]'
             for kind, found in records.items() if found)
    print(f'{{\n"witness": {json.dumps(version)},\n"records": {{\n' + ',\n'.join(kinds) + '\n}\n}')


if __name__ == '__main__':
    main()
