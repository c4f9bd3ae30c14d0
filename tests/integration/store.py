"""Stores of revisions, written by the program tests/support/store_writer.cpp."""

import pathlib
import subprocess

import harness

WRITER = pathlib.Path(harness.BINARY).parent.resolve() / "tests/support/store_writer"


def write_store(path, revisions=2, objects=3):
    """Appends revisions to a store, and creates it when it is absent."""
    path.parent.mkdir(exist_ok=True)
    subprocess.run([WRITER, path, str(revisions), str(objects)], check=True, capture_output=True, timeout=60)
