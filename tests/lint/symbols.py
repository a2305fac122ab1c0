#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""symbols.py BUILD: what the functions of the packet path call in the built archives.

The packet path allocates nothing, takes no lock, prints nothing and makes no system call, nor calls
what is listed below as being beside it. Functions named *_create and *_destroy run before the first
packet and after the last; they may. Needs objdump.
"""
import re
import subprocess
import sys
from pathlib import Path

PACKET_PATH = ('packet', 'flow', 'protocol', 'rules', 'shard', 'pipeline')
SET_UP_NAME = re.compile(r'_(create|destroy)$')
# Beside the packet path in spite of its folder and name, and who calls it: "folder/file.c", a
# function "folder/file.c:function", or one call alone, "folder/file.c:function>callee".
BESIDE = {
    'flow/key.c:tt_key_secret_make': 'start-up',
    'flow/table.c:tt_flow_table_populate': 'a worker, before its first packet',
    'pipeline/pipeline.c:tt_pipeline_launch': 'start-up',
    'pipeline/pipeline.c:tt_pipeline_set_rules': 'start-up and reload, beside the workers',
    'pipeline/pipeline.c:tt_pipeline_set_signatures': 'the same',
    'pipeline/pipeline.c:tt_pipeline_sync_clock': 'the control core, every second',
    'pipeline/worker.c:tt_worker_run>tt_flow_table_populate': 'before the first packet',
    'protocol/protocol.c:tt_protocol_number': 'start-up and reload, beside the workers',
    'protocol/dns_text.c': 'the control core and the command line, writing records',
    'protocol/tls_text.c': 'the control core and the command line, writing records',
    'rules/compile.c': 'start-up and reload, beside the workers',
    'rules/signature_compile.c': 'start-up and reload, beside the workers',
    'rules/service.c': 'the same, and whoever writes records',
}
FORBIDDEN = {
    'allocates': r'(re|m|c|v|pv)alloc|free|posix_memalign|(aligned_)?alloc|strn?dup|v?asprintf'
                 r'|m(un)?map|madvise|s?brk|rte_(re|m|z|c)alloc(_socket)?|rte_free|tt_memory_(map|unmap|populate)',
    'prints': r'v?[fsd]?n?printf|_*v?[fs]?n?printf_chk|f?put[cs]|puts|putchar|fwrite|perror|v?syslog'
              r'|rte_v?log|tt_log\w*',
    'takes a lock': r'pthread_(mutex|rwlock|cond|spin|barrier)_\w+|sem_\w+|mtx_\w+|cnd_\w+',
    'makes a system call': r'syscall|read|write|readv|writev|p(read|write)(64)?|open(at)?(64)?|close|ioctl'
                           r'|p?poll|p?select|epoll_\w+|send(to|msg|mmsg)?|recv(from|msg|mmsg)?'
                           r'|(clock_)?nanosleep|u?sleep|sched_yield|getrandom|getentropy|futex'
                           r'|clock_gettime|gettimeofday|time|getenv|f(open|close|read|flush)',
}
FORBIDDEN = {what: re.compile(r'(%s)$' % names) for what, names in FORBIDDEN.items()}
FUNCTION = re.compile(r'[0-9a-f]+ <([^>]+)>:$')
MEMBER = re.compile(r'(\S+):\s+file format ')
# A call within the file needs no relocation.
CALL = re.compile(r'.*\s(?:call|jmp)\s+[0-9a-f]+ <([A-Za-z_]\w*)(?:\.[\w.]+)?>$')
RELOCATION = re.compile(r'\s+[0-9a-f]+: R_\S+\s+([A-Za-z_]\w*)')


def source_of(member):
    """The source of an archive member: meson names the object by its path below the build file."""
    return re.sub(r'^.*\.p_|\.o$', '', Path(member).name)


def calls(archive):
    """(member, function, symbol that it calls or refers to), as often as it does."""
    listing = subprocess.run(['objdump', '--disassemble', '--reloc', archive],
                             check=True, text=True, stdout=subprocess.PIPE).stdout
    member = function = ''
    for line in listing.splitlines():
        if found := MEMBER.match(line):
            member = found[1]
        elif found := FUNCTION.match(line):
            # GCC's clones of a function: name.part.0, name.cold, name.constprop.0.
            function = found[1].split('.')[0]
        elif found := RELOCATION.match(line) or CALL.match(line):
            yield member, function, found[1]


def is_beside(source, function):
    return source in BESIDE or f'{source}:{function}' in BESIDE or SET_UP_NAME.search(function)


def faults(build):
    found = set()
    for folder in PACKET_PATH:
        for archive in sorted((build / 'lib' / folder).glob('*.a')):
            found.update((f'{folder}/{source_of(member)}', function, symbol)
                         for member, function, symbol in calls(archive))
    beside = {function for source, function, _ in found if is_beside(source, function)}
    for source, function, symbol in sorted(found):
        if is_beside(source, function) or f'{source}:{function}>{symbol}' in BESIDE:
            continue
        if symbol in beside:
            yield f'lib/{source}: {function}() leaves the packet path: {symbol}'
        for what, names in FORBIDDEN.items():
            if names.match(symbol):
                yield f'lib/{source}: {function}() {what}: {symbol}'


def main():
    found = list(faults(Path(sys.argv[1])))
    print('\n'.join(found), end='\n' if found else '')
    sys.exit(bool(found))


if __name__ == '__main__':
    main()
