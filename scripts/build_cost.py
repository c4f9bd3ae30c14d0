#!/usr/bin/env python3
"""Prints the CPU seconds of a clean build: the total, the ten most expensive files, and the ten most expensive headers.

Usage: scripts/build_cost.py [PRESET] [--headers N] [--all]   (PRESET: release, develop, ...; it must be configured)

The compiler runs without ccache, one process per core, and its CPU time is read from the kernel. A header's price is the cost
of a file that includes only that header, minus the cost of an empty file. Its total is the price times the number of files of
src/ that include the header, directly or indirectly. A header of an outside library counts as a header of this project when its
price is requested by name (see OUTSIDE)."""

import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
OUTSIDE = ["nlohmann/json.hpp", "CLI/CLI.hpp", "re2/re2.h", "openssl/ssl.h", "curl/curl.h", "functional", "regex"]


def cpu_seconds(command, folder):
    """Runs `command` in `folder`; returns its user and system time, including its children's."""
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    complaint = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    if process.returncode != 0:
        sys.exit(f"{shlex.join(command)}\n{complaint}")
    return usage.ru_utime + usage.ru_stime


def compile_command(entry, output):
    """The entry's command without ccache, writing to `output`."""
    words = shlex.split(entry["command"])
    if pathlib.Path(words[0]).name == "ccache":
        words = words[1:]
    words[words.index("-o") + 1] = output
    return words


def name_of(entry):
    path = pathlib.Path(entry["file"])
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def in_parallel(function, items):
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(function, items))


def print_files(entries):
    with tempfile.TemporaryDirectory() as scratch:
        outputs = [f"{scratch}/{index}.o" for index in range(len(entries))]
        seconds = in_parallel(lambda pair: cpu_seconds(compile_command(*pair), pair[0]["directory"]), list(zip(entries, outputs)))
    print(f"{len(entries)} units, {sum(seconds):.0f} CPU seconds in all")
    print("\nmost expensive files:")
    for cost, entry in sorted(zip(seconds, entries), key=lambda row: -row[0])[:10]:
        print(f"{cost:7.1f} s  {name_of(entry)}")


def included_by(entry):
    """Every header that this unit reads, under the name that the compiler reports."""
    words = [word for word in compile_command(entry, "-") if word != "-c"] + ["-M", "-MG"]
    words = [word for word in words if word not in ("-MD", "-MMD")]
    for option in ("-o", "-MF", "-MT", "-MQ"):
        if option in words:
            at = words.index(option)
            del words[at:at + 2]
    text = subprocess.run(words, cwd=entry["directory"], check=True, capture_output=True, text=True).stdout
    return {os.path.normpath(os.path.join(entry["directory"], word)) for word in re.split(r"[\s\\]+", text.split(":", 1)[1]) if word}


def print_headers(entries, count):
    readers = collections.Counter(path for names in in_parallel(included_by, entries) for path in names)
    own = [str(path) for path in sorted((ROOT / "src").rglob("*.h"))]
    subjects = [(path, path, os.path.relpath(path, ROOT / "src")) for path in own if readers[path] > 1]
    for name in OUTSIDE:
        found = [path for path in readers if path.endswith("/" + name)]
        if found:
            subjects.append((found[0], name, name))
    # A header that few units read is cheap in total, whatever its price, so such headers are not measured.
    subjects = sorted(subjects, key=lambda row: -readers[row[0]])[:count]
    with tempfile.TemporaryDirectory() as scratch:
        def price(text):
            source = pathlib.Path(tempfile.mkstemp(dir=scratch, suffix=".cpp")[1])
            source.write_text(text)
            words = compile_command(entries[0], str(source) + ".o")
            words[words.index("-c") + 1] = str(source)
            return cpu_seconds(words, entries[0]["directory"])
        nothing = price("")
        prices = in_parallel(lambda row: price(f'#include "{row[1]}"\n') - nothing, subjects)
    print("\nmost expensive headers (seconds for one unit, units that read it, seconds in all):")
    rows = sorted(zip(prices, subjects), key=lambda row: -row[0] * readers[row[1][0]])
    for cost, (path, _, name) in rows[:10]:
        print(f"{cost:7.1f} s x {readers[path]:4} = {cost * readers[path]:6.0f} s  {name}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("preset", nargs="?", default="release")
    parser.add_argument("--headers", type=int, default=120, help="how many of the most included headers to weigh (0: none)")
    parser.add_argument("--all", action="store_true", help="count the tests and benchmarks too, not the binary alone")
    wanted = parser.parse_args()
    database = ROOT / "build" / wanted.preset / "compile_commands.json"
    if not database.exists():
        sys.exit(f"{database.relative_to(ROOT)} is missing: run cmake --preset {wanted.preset}")
    entries = json.loads(database.read_text())
    if not wanted.all:
        entries = [entry for entry in entries if " -o CMakeFiles/portcullis" in entry["command"]]
    print_files(entries)
    if wanted.headers:
        print_headers(entries, wanted.headers)


if __name__ == "__main__":
    main()
