#!/usr/bin/env python3
"""Runs a GoogleTest binary. Failed tests are run twice more, each alone; flaky.py describes the rest.

Usage: tests/tools/run_unit.py STAGE BINARY [ARGUMENT...]

Ends with a line of counts, `N passed, N failed`."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

import flaky


def results(binary, arguments):
    """(exit code, {test: failure or None}), without disabled and skipped tests."""
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "results.json"
        code = subprocess.run([binary, *arguments, f"--gtest_output=json:{file}"]).returncode
        if not file.exists():
            return code, None  # it crashed
        out = {}
        for suite in json.loads(file.read_text())["testsuites"]:
            for test in suite["testsuite"]:
                if test.get("result", "COMPLETED") == "COMPLETED":
                    failures = "\n".join(one["failure"] for one in test.get("failures", []))
                    out[f"{suite['name']}.{test['name']}"] = failures or None
        return code, out


def main(stage, binary, *arguments):
    binary = os.path.abspath(binary)
    code, tests = results(binary, arguments)
    if tests is None:
        print(f"{binary} ended with code {code} before its tests did", file=sys.stderr)
        return 1
    failed = {name: failure for name, failure in tests.items() if failure is not None}
    found = []
    if len(failed) <= flaky.MAX_RERUN:
        for name, failure in failed.items():
            def passes(name=name):
                again, alone = results(binary, [*arguments, f"--gtest_filter={name}"])
                return again == 0 and alone == {name: None}
            if flaky.passes_twice(passes):
                found.append(flaky.entry(stage, name, failure))
    too_many = flaky.record(stage, found)
    for one in found:
        print(f"flaky: {one['name']}")
    if too_many:
        print(too_many)
    else:
        for one in found:
            del failed[one["name"]]
    for name in failed:
        print(f"failed: {name}")
    print(f"{len(tests) - len(failed)} passed, {len(failed)} failed")
    # A different exit code than that of failed tests is an error of the process itself, for example of a sanitizer at exit.
    return 1 if failed or code != (1 if found else 0) else 0


if __name__ == "__main__":
    if len(sys.argv) < 3:
        print(__doc__, file=sys.stderr)
        sys.exit(64)
    sys.exit(main(*sys.argv[1:]))
