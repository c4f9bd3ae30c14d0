"""The access log: one JSON line for each request, with a named reason for its end."""

import json
import os
import socket
import threading

import harness
from harness import log_lines, metric, read_response, simple_configuration


def logged(start, tmp_path, *ports, **extra):
    path = tmp_path / "access.log"
    gateway = start(f"access_log: {{path: '{path}'}}\n" + simple_configuration(*ports, **extra))
    return gateway, path


def wait_for_lines(path, count):
    return harness.wait_for(lambda: lines if len(lines := log_lines(path)) >= count else None, what="log lines")


def test_a_line_says_who_asked_what_and_how_it_went(start, echo, tmp_path):
    port = echo()
    gateway, path = logged(start, tmp_path, port)
    with gateway.connect() as connection:
        connection.sendall(b"POST /a%2Db?secret=1 HTTP/1.1\r\nHost: API.example.com:80\r\nX-Request-Id: q\"1\r\n"
                           b"Content-Length: 5\r\n\r\nhello")
        _, body = read_response(connection)
    line = wait_for_lines(path, 1)[0]
    assert (line["client"], line["method"], line["host"]) == ("127.0.0.1", "POST", "api.example.com")
    assert line["path"] == "/a%2Db" and "secret" not in json.dumps(line)
    assert (line["route"], line["upstream"], line["target"]) == ("all", "backend", f"127.0.0.1:{port}")
    assert (line["status"], line["ended"], line["tries"], line["request_id"]) == (200, "complete", 1, 'q"1')
    assert (line["request_bytes"], line["response_bytes"]) == (5, len(body))
    assert 0 <= line["request_head_us"] <= line["response_head_us"] <= line["total_us"]
    assert line["time"].endswith("Z") and line["time"][10] == "T"


def test_every_end_has_its_name(start, backend, tmp_path):
    def by_path(connection, made):
        while True:
            head = made.read_head(connection)
            if "/cut" in head:
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
                return
            if "/garbage" in head:
                connection.sendall(b"what?\r\n\r\n")
                return
            if "/silent" in head:
                return
            if "/reset" in head:
                harness.reset(connection)
                return
            if "/upgraded" in head:
                connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")
                return
            if "/slow" in head:
                connection.recv(1)
                return
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    made = backend(by_path)
    gateway, path = logged(start, tmp_path, made.port, extra_upstream="    timeouts: {response: 200ms}")
    ask = "GET {} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    expected = []
    for target, status, ended in (("/fine", 200, "complete"), ("/cut", 200, "upstream_closed"),
                                  ("/garbage", 502, "upstream_malformed"), ("/silent", 502, "upstream_closed_early"),
                                  ("/reset", 502, "upstream_reset"), ("/upgraded", 502, "upstream_unasked_upgrade"),
                                  ("/slow", 504, "response_timeout"),
                                  ("/%2f", 400, "ambiguous_path")):
        reply = gateway.raw(ask.format(target).encode())
        assert status != 502 or b'"detail":"upstream_failed"' in reply
        expected.append((status, ended))
    gateway.raw(b"GET / HTTP/1.1\r\nHost : a\r\n\r\n")
    expected.append((400, "bad_field_name"))
    lines = wait_for_lines(path, len(expected))
    assert sorted((line["status"], line["ended"]) for line in lines) == sorted(expected)


def test_a_refused_connection_is_named(start, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: connections are refused
        gateway, path = logged(start, tmp_path, taken.getsockname()[1])
        reply = gateway.raw(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert b" 502 " in reply and b'"detail":"connect_failed"' in reply
        line = wait_for_lines(path, 1)[0]
        assert (line["status"], line["ended"]) == (502, "connect_refused")


def test_nothing_is_lost_at_the_end_and_rotation_opens_a_new_file(start, echo, tmp_path):
    gateway, path = logged(start, tmp_path, echo())
    ask = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"

    def hundred():
        with gateway.connect() as connection:
            for _ in range(100):
                connection.sendall(ask)
                read_response(connection)

    threads = [threading.Thread(target=hundred) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wait_for_lines(path, 400)
    path.rename(tmp_path / "old.log")
    gateway.reload()
    harness.wait_for(path.exists, what="the new file")
    hundred()
    gateway.stop()
    assert len(log_lines(path)) == 100 and len(log_lines(tmp_path / "old.log")) == 400


def test_a_log_that_nobody_reads_costs_lines_and_never_a_request(start, echo, tmp_path):
    pipe = tmp_path / "access.fifo"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    admin = harness.free_port()
    text = f"admin: {{address: '127.0.0.1:{admin}'}}\naccess_log: {{path: '{pipe}'}}\n" + simple_configuration(echo())
    gateway = start(text.replace("workers: 2", "workers: 1"))
    asked = 0

    def dropped():
        return metric(admin, "portcullis_access_log_dropped_total")

    with gateway.connect() as connection:
        while dropped() == 0:
            assert asked < 20_000, "the ring never filled"
            for _ in range(500):
                connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                assert "200 OK" in read_response(connection)[0]
            asked += 500
    lost = dropped()
    os.set_blocking(reader, True)
    lines = []

    def read_all():
        with os.fdopen(reader) as file:
            lines.extend(file)

    thread = threading.Thread(target=read_all)
    thread.start()
    gateway.stop()
    thread.join()
    # Every request is either a line or counted as lost; each line is whole.
    assert len([json.loads(line) for line in lines]) + lost == asked
