#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""embed.py FILE: a C source that holds the file's bytes, for config/signatures.h."""
import sys
from pathlib import Path

text = Path(sys.argv[1]).read_bytes()
print('#include "config/signatures.h"\n')
print(f'const size_t tt_signatures_built_in_bytes = {len(text)};')
print('const char tt_signatures_built_in[] = {')
for at in range(0, len(text), 20):
    print('\t' + ' '.join(f'{byte},' for byte in text[at:at + 20]))
print('};')
