#!/usr/bin/env python3
"""Runs clang-tidy over src/, several files at a time, and skips batches that have not changed since their last clean run.

Usage: scripts/tidy.py [FILE...]   (default: every .cpp of src/; with names, the batches that contain these files)

A batch of neighbouring files is one translation unit, so shared headers are parsed and checked once. The analyzer follows calls
within a translation unit, so its findings depend on the whole batch: the batches are the same on every machine, whatever was
checked before. A batch is skipped when the texts of its files, all headers of src/ that they read, the configuration, the
compiler's flags and the versions of the installed packages are those of its last clean run. The records of clean runs are next
to ccache's folder."""

import concurrent.futures
import functools
import hashlib
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
SRC = ROOT / "src"
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "portcullis-tidy"
TIDY = "clang-tidy-14"
MAX_BATCH = 24  # files; reading the headers costs as much as checking a dozen files


def command_words():
    """The words of the command by which the preset `develop` compiles a file of src/."""
    entries = json.loads((ROOT / "build/develop/compile_commands.json").read_text())
    command = next(entry["command"] for entry in entries if entry["file"] == str(SRC / "cli/main.cpp"))
    return shlex.split(command)


def compiler_flags():
    """The flags of that command which change what a file means: definitions, folders of headers, the language."""
    words = command_words()
    kept = [word for word in words if re.match(r"-[DI]|-std=|-f(?!file-prefix-map)", word)]
    for at, word in enumerate(words):
        if word == "-isystem":
            kept += [word, words[at + 1]]
    return kept + ["-Wno-unknown-warning-option"]


@functools.lru_cache(maxsize=None)
def included(path):
    """The headers of src/ that the file at `path` includes directly."""
    names = re.findall(r'^#include "([^"]+)"', path.read_text(), re.MULTILINE)
    return [SRC / name for name in names if (SRC / name).exists()]


@functools.lru_cache(maxsize=None)
def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def all_included(path):
    seen, waiting = set(), [path]
    while waiting:
        for header in included(waiting.pop()):
            if header not in seen:
                seen.add(header)
                waiting.append(header)
    return sorted(seen)


def key_of(batch, surroundings):
    read = {*batch, *(header for path in batch for header in all_included(path))}
    parts = [surroundings, *(f"{path.relative_to(ROOT)} {digest(path)}" for path in sorted(read))]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def surroundings_of(flags):
    """Everything besides the files that may change a result."""
    packages = subprocess.run(["dpkg-query", "-W", "-f", "${Package} ${Version}\n"], capture_output=True, text=True)
    relevant = [line for line in packages.stdout.splitlines() if "-dev" in line or line.startswith(("clang", "libclang"))]
    relative = [word.replace(str(ROOT), "") for word in flags]
    return "\n".join([(ROOT / ".clang-tidy").read_text(), digest(pathlib.Path(__file__)), *relative, *relevant])


def batches_of(paths):
    """Files of one folder (of one of src/'s folders, in order), at most MAX_BATCH in each batch."""
    folders = {}
    for path in paths:
        folders.setdefault(path.relative_to(SRC).parts[0], []).append(path)
    for files in folders.values():
        parts = -(-len(files) // MAX_BATCH)
        for part in range(parts):
            yield files[part * len(files) // parts:(part + 1) * len(files) // parts]


def check(batch, flags, scratch):
    """The complaints of clang-tidy; empty when the batch is clean."""
    if len(batch) == 1:
        subject, extra = batch[0], []
    else:
        handle, name = tempfile.mkstemp(dir=scratch, prefix="batch_", suffix=".cpp")
        os.close(handle)
        subject = pathlib.Path(name)
        subject.write_text("".join(f'#include "{path.relative_to(SRC)}"\n' for path in batch))
        # The files of a batch are included, so the analyzer takes them for headers, which it would skip.
        extra = ["--checks=-bugprone-suspicious-include", "--extra-arg=-Xclang", "--extra-arg=-analyzer-opt-analyze-headers"]
    command = [TIDY, "--quiet", f"--config-file={ROOT / '.clang-tidy'}", *extra, str(subject), "--", *flags]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def main():
    named = {pathlib.Path(name).resolve() for name in sys.argv[1:]}
    batches = [batch for batch in batches_of(sorted(SRC.rglob("*.cpp"))) if not named or named & set(batch)]
    flags = compiler_flags()
    surroundings = surroundings_of(flags)
    CACHE.mkdir(parents=True, exist_ok=True)
    marks = [(CACHE / key_of(batch, surroundings), batch) for batch in batches]
    stale = [(mark, batch) for mark, batch in marks if not mark.exists()]
    files, files_stale = sum(map(len, batches)), sum(len(batch) for _, batch in stale)
    failures = 0
    with tempfile.TemporaryDirectory() as scratch, concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        running = {pool.submit(check, batch, flags, scratch): (mark, batch) for mark, batch in stale}
        checked = 0
        for future in concurrent.futures.as_completed(running):
            mark, batch = running[future]
            checked += len(batch)
            if complaint := future.result():
                failures += 1
                print(complaint, flush=True)
            else:
                mark.touch()
            print(f"[{checked}/{files_stale}] clang-tidy", flush=True)
    print(f"clang-tidy: {files - files_stale} files as they were, {files_stale} checked")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
