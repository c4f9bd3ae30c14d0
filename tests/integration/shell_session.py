"""Runs the commands of a page one after the other in one shell, as a reader does."""

import contextlib
import os
import re
import secrets
import signal
import subprocess
import threading

import harness


def shows(line, text):
    """Whether a line of `text` contains `line`, in which `...` stands for any characters."""
    return re.search(".*".join(re.escape(part) for part in line.split("...")), text) is not None


class Shell:
    """A shell. Background jobs continue while later commands run, and end with the shell."""

    def __init__(self, directory, environment):
        self.text, self._mark = "", f"done-{secrets.token_hex(8)}"
        self.process = subprocess.Popen(
            ["bash"], cwd=directory, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, start_new_session=True, preexec_fn=harness.take_signals)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        while piece := os.read(self.process.stdout.fileno(), 65536):
            self.text += piece.decode(errors="replace")

    def run(self, command, expected):
        """Runs a command, and waits until the command or a background job has printed all expected lines."""
        before = len(self.text)
        self.process.stdin.write(f"{command}\necho '{self._mark}'\n")
        self.process.stdin.flush()
        harness.wait_for(lambda: self._mark in self.text[before:], timeout=60, what=lambda: f"the end of: {command}\n{self.text[before:]}")
        for line in expected:
            harness.wait_for(lambda: shows(line, self.text[before:]), timeout=10,
                             what=lambda: f"`{line}` of: {command}\n{self.text[before:]}")

    def close(self):
        """Ends the shell and all processes that it has started, which form one process group."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)
            self._reader.join(10)  # until the last process has closed its output
            if not self._reader.is_alive():
                break
        self.process.wait(10)
        self.process.stdin.close()
        self.process.stdout.close()
