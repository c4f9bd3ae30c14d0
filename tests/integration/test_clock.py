"""The wall clock jumps forward and back, as when a machine's clock is set: no count is lost, and nothing lasts longer than it
should."""

import contextlib
import mmap
import pathlib
import sqlite3
import struct

import pytest

import harness
from cache_origin import Answer
from harness import wait_for
from identity import ask, configuration, hashed

KEY = "key-of-one-0123456789"
AS_ONE = f"X-API-Key: {KEY}\r\n"
LIBRARY = pathlib.Path(harness.BINARY).parent / "tests/support/libshifted_clock.so"
YEAR_AND_MORE = 400 * 86400

pytestmark = pytest.mark.not_sanitized(reason="a library is preloaded, which a sanitizer's own does not allow")


@pytest.fixture
def clock(tmp_path):
    """clock.start(configuration) -> Gateway whose wall clock is `clock.shift(seconds)` away from the real time."""
    path = tmp_path / "shift"
    path.write_bytes(struct.pack("q", 0))
    with contextlib.ExitStack() as ended, open(path, "r+b") as file, mmap.mmap(file.fileno(), 8) as memory:
        class Clock:
            @staticmethod
            def shift(seconds):
                memory[:] = struct.pack("q", seconds)

            @staticmethod
            def start(text):
                made = harness.Gateway(tmp_path, text, prefix=("env", f"SHIFTED_CLOCK={path}", f"LD_PRELOAD={harness.preloadable(LIBRARY)}"))
                ended.callback(made.stop)
                return made
        yield Clock


def limited(port, file, per="day"):
    return configuration(port, f"key_auth: {{}}, quota: {{limit: 3, per: {per}}}",
                         f"{{name: one, credentials: {{keys: '{hashed(KEY)}'}}}}", more=f"quotas: {{file: {file}, interval: 20ms}}")


@pytest.mark.parametrize("per", ["hour", "day", "week", "month"])
def test_a_quota_that_is_used_up_stays_so(clock, echo, tmp_path, per):
    gateway = clock.start(limited(echo(), tmp_path / "quota.db", per))
    assert [ask(gateway, AS_ONE).status for _ in range(4)] == [200, 200, 200, 429]
    clock.shift(YEAR_AND_MORE)
    assert [ask(gateway, AS_ONE).status for _ in range(2)] == [200, 200]
    clock.shift(0)
    assert ask(gateway, AS_ONE).status == 429
    clock.shift(YEAR_AND_MORE)
    assert [ask(gateway, AS_ONE).status for _ in range(2)] == [200, 429]


def test_it_does_so_over_a_restart(clock, echo, tmp_path):
    port, file = echo(), tmp_path / "quota.db"

    def stored():
        with sqlite3.connect(file) as database:
            return sorted(used for (used,) in database.execute("SELECT used FROM quota WHERE used > 0"))
    gateway = clock.start(limited(port, file))
    assert [ask(gateway, AS_ONE).status for _ in range(3)] == [200] * 3
    wait_for(lambda: stored() == [3], what="the counts to be written")
    clock.shift(YEAR_AND_MORE)
    assert ask(gateway, AS_ONE).status == 200
    wait_for(lambda: stored() == [1, 3], what="those of the other day")
    gateway.stop()
    gateway = clock.start(limited(port, file))  # started while the clock is wrong
    assert ask(gateway, AS_ONE).status == 200
    gateway.stop()
    clock.shift(0)
    assert ask(clock.start(limited(port, file)), AS_ONE).status == 429


def cached(gateway, target="/a"):
    with gateway.connect() as connection:
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        head, body = harness.read_response(connection)
    return next(line for line in head.lower().split("\r\n") if line.startswith("cache-status")), body


@pytest.mark.parametrize("dated", [False, True])
def test_what_is_kept_while_the_clock_is_ahead_is_not_fresh_when_it_is_right(clock, origin, dated):
    # The origin's own clock is right, or its answers have no Date.
    origin.answers = {"/a": [Answer({"cache-control": "max-age=60"}, body=b"1", dated=dated), Answer({"cache-control": "max-age=60"}, body=b"2", dated=dated)]}
    gateway = clock.start(configuration(origin.port, "cache: {status_field: true}"))
    clock.shift(YEAR_AND_MORE)
    assert cached(gateway)[1] == b"1"
    clock.shift(0)
    status, body = cached(gateway)
    assert body == b"2" and "hit" not in status
    status, body = cached(gateway)
    assert body == b"2" and "hit" in status and int(status.split("ttl=")[1].split(";")[0]) <= 60


def test_what_was_kept_before_outlasts_the_jump_but_not_its_lifetime(clock, origin):
    origin.answers = {"/a": [Answer({"cache-control": "max-age=3"}, body=b"1", dated=False), Answer({"cache-control": "max-age=60"}, body=b"2", dated=False)]}
    gateway = clock.start(configuration(origin.port, "cache: {status_field: true}"))
    assert cached(gateway)[1] == b"1" and "hit" in cached(gateway)[0]
    clock.shift(-1)  # a small correction
    assert "hit" in cached(gateway)[0]
    wait_for(lambda: cached(gateway)[1] == b"2", what="its lifetime to end")


def test_an_answer_of_an_authority_is_not_believed_for_longer(clock, echo, server):
    answers = [b'{"active": true}', b'{"active": false}']
    authority = server(lambda request: (200, {"content-type": "application/json"}, answers[0]))
    gateway = clock.start(configuration(echo(), f"oauth2_introspection: {{url: '{authority.url()}', cache: 1s}}"))
    clock.shift(YEAR_AND_MORE)
    assert ask(gateway, "Authorization: Bearer a\r\n").status == 200
    clock.shift(0)
    answers.pop(0)
    wait_for(lambda: ask(gateway, "Authorization: Bearer a\r\n").status == 401, what="the answer to be forgotten")


def test_an_admission_is_not_believed_for_longer(clock, echo, server):
    statuses = [200, 403]
    service = server(lambda request: (statuses[0], {}, b""))
    gateway = clock.start(configuration(
        echo(), f"forward_auth: {{url: '{service.url()}', cache: {{key: '{{request.header.authorization}}', ttl: 1s}}}}"))
    clock.shift(YEAR_AND_MORE)
    assert ask(gateway, "Authorization: Bearer a\r\n").status == 200
    clock.shift(0)
    statuses.pop(0)
    wait_for(lambda: ask(gateway, "Authorization: Bearer a\r\n").status == 403, what="the admission to be forgotten")
