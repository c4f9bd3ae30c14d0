"""What is done about tests that fail once and then pass twice alone: build/flaky.json lists them, a few are let pass.

The file holds those of one run of scripts/test.sh, of all its stages, which may run side by side."""

import datetime
import fcntl
import json
import os
import pathlib

MAX_FLAKY = 2  # more than these fail the run
MAX_RERUN = 10  # where more tests than these failed, it was not by chance


def path():
    return pathlib.Path(os.environ.get("PORTCULLIS_FLAKY_FILE", pathlib.Path(__file__).resolve().parents[2] / "build/flaky.json"))


def is_fault_of_memory(failure):
    """True when the process under test crashed or a sanitizer spoke: such a fault may hide the next time."""
    return any(mark in failure for mark in ("Sanitizer", "runtime error:", "exit code -", "portcullis: crashed"))


def passes_twice(run):
    """`run()` tells whether the test passed."""
    return run() and run()


def entry(stage, name, failure):
    return {"name": name, "stage": stage, "time": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
            "failure": failure}


def record(stage, found):
    """Replaces what the file has of this stage. Returns why the run fails when there are too many, else None."""
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
