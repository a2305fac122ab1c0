# SPDX-License-Identifier: Apache-2.0
"""The programs of a build, and what their help says that they take."""
import os
import re
import subprocess
from pathlib import Path

TREE = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get('BUILD', TREE / 'build/gcc'))
TAPTRACE = BUILD / 'app/taptrace/taptrace'
TAPTRACED = BUILD / 'app/taptraced/taptraced'


def run(*command):
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


def commands():
    return re.findall(r'^  (\w+) +\S', run(TAPTRACE, '--help').stdout, re.MULTILINE)


def options(*program):
    """The long options in a program's help."""
    return re.findall(r'^  (?:-\w,|   ) (--[\w-]+)', run(*program, '--help').stdout, re.MULTILINE)
