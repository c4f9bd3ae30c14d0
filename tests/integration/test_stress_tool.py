"""The preloaded library that delays system calls changes the timing, and nothing else."""

import os
import pathlib
import subprocess
import sys

import pytest

import harness

LIBRARY = pathlib.Path(harness.BINARY).parent / "tests/support/libstress.so"
pytestmark = pytest.mark.skipif(not LIBRARY.exists(), reason="the sanitizers' runtime cannot be preloaded over")

CALLS = """
import os, socket, subprocess, threading, time
began = time.monotonic()
path = "/tmp/portcullis-stress-%d" % os.getpid()
with open(path, "w") as file: file.write("text")
mode = os.stat(path).st_mode & 0o777
left, right = socket.socketpair()
left.setblocking(False)
kept = 0
for _ in range(3000):
    left.send(b"x")
    assert right.recv(1) == b"x"
    try: left.recv(1)
    except BlockingIOError: kept += 1
with socket.create_server(("127.0.0.1", 0)) as server:
    client = socket.create_connection(server.getsockname()); peer = server.accept()[0]
    client.sendall(b"hello"); peer.shutdown(socket.SHUT_WR)
    met = (peer.recv(5), client.recv(1))
threads = [threading.Thread(target=lambda: None) for _ in range(50)]
for one in threads: one.start()
for one in threads: one.join()
try: os.open("/nowhere/at/all", os.O_RDONLY)
except FileNotFoundError as error: missing = error.errno
child = os.fork()
if child == 0: os._exit(7)
code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
said = subprocess.run(["echo", "hi"], capture_output=True, text=True).stdout
text = open(path).read(); os.unlink(path)
print((oct(mode), kept, met, missing, code, said, text, os.path.exists(path)))
print(time.monotonic() - began)
"""


def run(program, **variables):
    """(results of the calls, seconds)"""
    out = subprocess.run([program, "-c", CALLS], env={**os.environ, "LD_PRELOAD": harness.preloadable(LIBRARY), **variables},
                         capture_output=True, text=True, check=True).stdout.splitlines()
    return out[0], float(out[1])


def test_results_stay_as_they_are(monkeypatch):
    monkeypatch.delenv("PORTCULLIS_STRESS_SEED", raising=False)
    plain, _ = run(sys.executable)
    delayed, seconds = run(sys.executable, PORTCULLIS_STRESS_SEED="1")
    assert delayed == plain
    assert seconds > 0.2  # thousands of calls and fifty threads, some of which were delayed
