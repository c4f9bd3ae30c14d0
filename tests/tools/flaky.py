"""Handles tests that fail once and then pass twice alone: build/flaky.json lists them, and a few are tolerated.

The file has the tests of one run of scripts/test.sh, of all its stages, which may run side by side."""

import datetime
import fcntl
import json
import os
import pathlib

MAX_FLAKY = 2  # more flaky tests than these fail the run
MAX_RERUN = 10  # more failed tests than these are not due to chance


def path():
    return pathlib.Path(os.environ.get("PORTCULLIS_FLAKY_FILE", pathlib.Path(__file__).resolve().parents[2] / "build/flaky.json"))


def is_fault_of_memory(failure):
    """True when the process under test crashed or a sanitizer reported an error: such a fault may not occur in the next run."""
    return any(mark in failure for mark in ("Sanitizer", "runtime error:", "exit code -", "portcullis: crashed"))


def passes_twice(run):
    """`run()` returns whether the test passed."""
    return run() and run()


def entry(stage, name, failure):
    return {"name": name, "stage": stage, "time": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
            "failure": failure}


def record(stage, found):
    """Replaces the file's entries of this stage. Returns the reason when the run fails because of too many flaky tests, else
    None."""
    file = path()
    file.parent.mkdir(parents=True, exist_ok=True)
    with open(file, "a+") as out:
        fcntl.flock(out, fcntl.LOCK_EX)
        out.seek(0)
        text = out.read()
        entries = [one for one in (json.loads(text) if text else []) if one["stage"] != stage] + found
        out.truncate(0)
        json.dump(entries, out, indent=2)
        out.write("\n")
    if found and len(entries) > MAX_FLAKY:
        return f"{len(entries)} tests passed only when run again alone ({file}); more than {MAX_FLAKY} fail the run"
    return None
