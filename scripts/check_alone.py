#!/usr/bin/env python3
"""Checks that each file of src/ compiles by itself without a warning: builds in groups hide an include that is missing, and warnings.

Usage: scripts/check_alone.py [FILE...]   (default: every .cpp of src/)

The compiler only reads the files and writes nothing. A file is skipped when it, all headers of src/ that it reads, the compiler's flags
and the versions of the installed packages are those of its last clean check; the records are those of scripts/tidy.py."""

import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys

from tidy import CACHE, ROOT, SRC, command_words, compiler_flags, key_of, surroundings_of

COMPILER = ["g++", "-fsyntax-only", "-Werror"]


def check(path, flags):
    """The complaints of the compiler; empty when the file compiles."""
    done = subprocess.run([*COMPILER, *flags, str(path)], cwd=ROOT, capture_output=True, text=True)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def main():
    paths = [pathlib.Path(name).resolve() for name in sys.argv[1:]] or sorted(SRC.rglob("*.cpp"))
    flags = compiler_flags() + [word for word in command_words() if re.match(r"-W(?!l,|p,|a,)", word)]
    version = subprocess.run([COMPILER[0], "--version"], capture_output=True, text=True).stdout
    surroundings = f"alone {COMPILER}\n{version}\n{surroundings_of(flags)}"
    CACHE.mkdir(parents=True, exist_ok=True)
    marks = {path: CACHE / key_of([path], surroundings) for path in paths}
    stale = [path for path in paths if not marks[path].exists()]
    failures = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        complaints = pool.map(lambda one: check(one, flags), stale)
        for count, (path, complaint) in enumerate(zip(stale, complaints), 1):
            if complaint:
                failures += 1
                print(f"{path.relative_to(ROOT)} does not compile by itself:\n{complaint}", flush=True)
            else:
                marks[path].touch()
            if count % 10 == 0:
                print(f"[{count}/{len(stale)}] compiled alone", flush=True)
    print(f"compiled alone: {len(paths) - len(stale)} files as they were, {len(stale)} checked")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
