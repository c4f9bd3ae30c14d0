"""`kill -9` of a gateway that publishes: a revision is in the store as a whole or not at all, and the next start serves the last one.

PORTCULLIS_STORE_KILLS is the number of kills at random moments, and PORTCULLIS_STORE_EVERY_CALL has the process killed at every system
call that changes the store instead of at some of them."""

import contextlib
import os
import random
import shutil
import subprocess
import threading
import time

import pytest

import sanitizers
from command_line import told
from harness import get, wait_for
from store_gateway import store_gateway

KILLS = int(os.environ.get("PORTCULLIS_STORE_KILLS", "8" if sanitizers.SANITIZER else "40"))
EVERY_CALL = "PORTCULLIS_STORE_EVERY_CALL" in os.environ
ANSWERED = (200, 201)
NOT_ANSWERED = (OSError, IndexError, ValueError)  # the process was killed before or within its answer


class Author:
    """Publishes one number after the other until the gateway is killed, on a thread of its own."""

    def __init__(self, gateway, first):
        self.gateway, self.sent, self.answered, self.wrong = gateway, first - 1, {}, None
        self.thread = threading.Thread(target=self._publish, daemon=True)
        self.thread.start()

    def _publish(self):
        while True:
            self.sent += 1
            try:
                status, told_of, reply = self.gateway.publish(self.sent)
            except NOT_ANSWERED:
                return
            if status not in ANSWERED:
                self.wrong = reply
                return
            self.answered[told_of["_origin"]["revision"]] = str(self.sent)

    def end(self):
        self.thread.join(30)
        assert not self.thread.is_alive() and self.wrong is None, self.wrong


class Client:
    """Sends requests through the gateway all the time; while it does not run, they are refused."""

    def __init__(self, gateway):
        self.gateway, self.ended, self.answers, self.wrong = gateway, threading.Event(), 0, []
        self.thread = threading.Thread(target=self._ask, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join(30)

    def _ask(self):
        while not self.ended.wait(0.002):
            with contextlib.suppress(OSError, IndexError, ValueError):
                status, body = get(self.gateway.port, "/")
                self.answers += 1
                if status not in (200, 404) or (status == 200 and not body.isdigit()):
                    self.wrong.append((status, body))


def check_after_kill(gateway, before, author):
    """Checks what a new process has and serves, and returns the number of the newest revision. `before` is the newest one from before
    the kill."""
    numbers = gateway.revisions()
    newest = numbers[0]
    assert numbers == list(range(newest, 0, -1))
    last = max(author.answered, default=before)
    # What was answered is there. The one that was being published is there as a whole or not at all.
    assert last <= newest <= last + 1, (before, author.answered, newest)
    for number, body in author.answered.items():
        assert gateway.body_in(number) == body
    if newest > last:
        assert gateway.body_in(newest) == str(author.sent)
    body, (status, served) = gateway.body_in(newest), gateway.served()
    assert (status, served) == (200, body) if body is not None else status == 404
    return newest


def test_kills_at_random_moments_under_publishing_lose_no_answered_revision(tmp_path):
    seed = random.randrange(1 << 32)
    moments = random.Random(seed)
    print(f"seed {seed}")
    with store_gateway(tmp_path) as gateway, Client(gateway) as client:
        newest, sent = gateway.start().revisions()[0], 0
        for _ in range(KILLS):
            author = Author(gateway, sent + 1)
            wanted = moments.randrange(6)
            wait_for(lambda: len(author.answered) >= wanted or author.wrong, what="publications")
            time.sleep(moments.random() * 0.02)  # the signal meets the publication under way anywhere
            gateway.kill()
            author.end()
            sent = author.sent
            newest = check_after_kill(gateway.start(), newest, author)
        gateway.stop()
        found = told("store", "check", "--store", str(gateway.store))
        assert (found["faults"], found["newest"], found["revisions"]) == ([], newest, newest)
    assert client.wrong == [] and client.answers > KILLS
    print(f"{KILLS} kills, {newest} revisions, {client.answers} requests answered")


def tracing(name, call):
    """Kills the program when one of its threads makes its system call of this name and number."""
    return ["strace", "-f", "-o", "/dev/null", "-e", f"trace={name}", "-e", f"inject={name}:signal=KILL:when={call}"]


def may_trace():
    return shutil.which("strace") is not None and subprocess.run([*tracing("pwrite64", 1), "true"], capture_output=True).returncode == 0


at_system_calls = pytest.mark.skipif(not may_trace(), reason="strace, which ends the process at a system call, may not trace here")


@at_system_calls
@sanitizers.same_path
@pytest.mark.parametrize("name, step", [("pwrite64", 13), ("fdatasync", 2)])
def test_a_kill_at_a_system_call_of_the_start_leaves_a_store_that_the_next_start_uses(name, step, tmp_path):
    kills = 0
    for call in range(1, 1000, 1 if EVERY_CALL else step):
        folder = tmp_path / str(call)
        folder.mkdir()
        with store_gateway(folder) as gateway:
            gateway.begin(["strace", "-D", *tracing(name, call)[1:]])  # the gateway is the child, and not the tracer
            wait_for(lambda: gateway.process.poll() is not None or gateway.listens(), what="the start or its end")
            if gateway.process.poll() is None:
                break  # the start has fewer calls
            kills += 1
            assert gateway.start().revisions() == [1], f"call {call}"
            assert gateway.publish("after")[0] == 201 and gateway.served() == (200, "after")
            gateway.stop()
            assert told("store", "check", "--store", str(gateway.store))["faults"] == []
    assert kills > 2 and call < 999


@at_system_calls
@sanitizers.same_path
@pytest.mark.parametrize("name, calls, step", [("pwrite64", 60, 9), ("fdatasync", 4, 1)])
def test_a_kill_at_a_system_call_of_a_publication_leaves_it_whole_or_not_there(name, calls, step, tmp_path):
    with store_gateway(tmp_path) as gateway:
        newest, sent = gateway.start().revisions()[0], 0
        for call in range(1, calls, 1 if EVERY_CALL else step):
            # The calls of the thread that stores revisions are counted from here on.
            tracer = subprocess.Popen([*tracing(name, call), "-p", str(gateway.process.pid)], stderr=subprocess.PIPE, text=True)
            with tracer:
                assert "attached" in tracer.stderr.readline()
                author = Author(gateway, sent + 1)
                gateway.process.wait(30)
            author.end()
            assert len(author.answered) <= call, f"call {call}"
            sent = author.sent
            newest = check_after_kill(gateway.start(), newest, author)
        gateway.stop()
        assert told("store", "check", "--store", str(gateway.store))["faults"] == []
