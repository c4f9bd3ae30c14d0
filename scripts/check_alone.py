#!/usr/bin/env python3
"""Checks that each file of src/ compiles by itself: builds in groups hide an include that is missing.

Usage: scripts/check_alone.py [FILE...]   (default: every .cpp of src/)

The compiler only reads the files and writes nothing. A file is skipped when it, all headers of src/ that it reads, the compiler's flags
and the versions of the installed packages are those of its last clean check; the records are those of scripts/tidy.py."""

import concurrent.futures
import os
import pathlib
import subprocess
import sys

from tidy import CACHE, ROOT, SRC, compiler_flags, key_of, surroundings_of

COMPILER = "clang++-14"


def check(path, flags):
    """The complaints of the compiler; empty when the file compiles."""
    command = [COMPILER, "-fsyntax-only", "-w", *flags, str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def main():
    paths = [pathlib.Path(name).resolve() for name in sys.argv[1:]] or sorted(SRC.rglob("*.cpp"))
    flags = compiler_flags()
    surroundings = f"alone\n{surroundings_of(flags)}"
    CACHE.mkdir(parents=True, exist_ok=True)
    marks = {path: CACHE / key_of([path], surroundings) for path in paths}
    stale = [path for path in paths if not marks[path].exists()]
    failures = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, complaint in zip(stale, pool.map(lambda one: check(one, flags), stale)):
            if complaint:
                failures += 1
                print(f"{path.relative_to(ROOT)} does not compile by itself:\n{complaint}", flush=True)
            else:
                marks[path].touch()
    print(f"compiled alone: {len(paths) - len(stale)} files as they were, {len(stale)} checked")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
