"""The access log: one JSON line for each request, with a named reason for its end."""

import json
import os
import re
import signal
import socket
import threading
import time
import urllib.error
import urllib.request

import harness
import sanitizers
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
                connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n")
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
    os.set_blocking(reader, True)
    lines = []

    def read_all():
        with os.fdopen(reader) as file:
            lines.extend(file)

    thread = threading.Thread(target=read_all)
    thread.start()
    # Every request is either a line or counted as lost, the last one shortly after its answer; each line is complete.
    harness.wait_for(lambda: len(lines) + dropped() == asked, what="all lines")
    lost = dropped()
    gateway.stop()
    thread.join()
    assert len([json.loads(line) for line in lines]) + lost == asked


def asking(gateway, path="/", *fields, method="GET"):
    with gateway.connect() as connection:
        connection.sendall(f"{method} {path} HTTP/1.1\r\nHost: a\r\n{''.join(one + chr(13) + chr(10) for one in fields)}\r\n".encode("latin-1"))
        return read_response(connection)


def with_log(start, tmp_path, settings, port):
    path = tmp_path / "access.log"
    return start(f"access_log: {{path: '{path}', {settings}}}\n" + simple_configuration(port)), path


def test_fields_and_queries_are_logged_without_what_is_secret(start, echo, tmp_path):
    gateway, path = with_log(start, tmp_path, "query: true, redact: [x-tenant, session], request_headers: [user-agent, Authorization, X-Auth-Token, "
                             "x-tenant, cookie, x-none], response_headers: [content-length, set-cookie]", echo())
    asking(gateway, "/a?x=1&access_token=s3cret&session=s&%74oken=t&y", "User-Agent: me\"", "Authorization: Bearer s3cret", "X-Auth-Token: s3cret",
           "X-Tenant: s3cret", "Cookie: a=s3cret")
    line = wait_for_lines(path, 1)[0]
    assert line["query"] == "x=1&access_token=[redacted]&session=[redacted]&%74oken=[redacted]&y"
    assert line["request_headers"] == {"user-agent": 'me"', "Authorization": "[redacted]", "X-Auth-Token": "[redacted]",
                                       "x-tenant": "[redacted]", "cookie": "[redacted]"}
    assert set(line["response_headers"]) == {"content-length"}
    assert "s3cret" not in path.read_text()


def test_fields_of_a_tunnels_answer_are_logged(start, backend, tmp_path):
    def upgrade(connection, made):
        made.read_head(connection)
        connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\nX-Told: yes\r\n\r\n")
        connection.recv(100)
    gateway, path = with_log(start, tmp_path, "response_headers: [x-told]", backend(upgrade).port)
    with gateway.connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n")
        assert " 101 " in harness.read_head(client)
        client.sendall(b"bye")
    assert wait_for_lines(path, 1)[0]["response_headers"] == {"x-told": "yes"}


def test_lines_by_a_template(start, echo, tmp_path):
    template = ('{client.address} {request.method} \\"{request.raw_path}\\" {response.status} {end.reason} {consumer.name} {request.header.user-agent} '
                '{request.header.cookie} {response.header.content-length} {duration.total_us} {request.version} {{{request.path}}')
    gateway, path = with_log(start, tmp_path, f'format: "{template}"', echo())
    asking(gateway, "/a%20b", 'User-Agent: "x\\', "Cookie: a=b")
    line = harness.wait_for(lambda: path.exists() and path.read_text(), what="the line")
    client, method, target, status, ended, consumer, agent, cookie, length, micros, version, canonical = line.split()
    assert (client, method, target, status, ended, consumer, agent, cookie, version, canonical) == \
        ("127.0.0.1", "GET", '"/a%20b"', "200", "complete", "-", "\\x22x\\x5c", "[redacted]", "HTTP/1.1", "{/a%20b}")
    assert int(length) >= 0 and int(micros) > 0


def test_lines_as_web_servers_write_them(start, echo, tmp_path):
    gateway, path = with_log(start, tmp_path, "format: combined", echo())
    asking(gateway, "/x", "Referer: http://r/", "User-Agent: agent/1")
    line = harness.wait_for(lambda: path.exists() and path.read_text(), what="the line")
    assert re.fullmatch(r'127\.0\.0\.1 - - \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d \+0000\] "GET /x HTTP/1\.1" 200 \d+ "http://r/" "agent/1"\n', line)


def test_only_some_are_logged(start, backend, tmp_path):
    def by_path(connection, made):
        while True:
            head = made.read_head(connection)
            if "/slow" in head:
                time.sleep(0.8)
            connection.sendall(b"HTTP/1.1 " + (b"503 No" if "/bad" in head else b"200 OK") + b"\r\nContent-Length: 0\r\n\r\n")
    made = backend(by_path)
    gateway, path = with_log(start, tmp_path, "sample: 0%, slower_than: 500ms", made.port)
    for target in ("/fine", "/bad", "/slow", "/fine", "/%2f"):
        asking(gateway, target)
    gateway.write(gateway.path.read_text().replace("sample: 0%, slower_than: 500ms", "status: [5xx]"))
    gateway.reload()
    for target in ("/fine", "/bad?2", "/slow"):
        asking(gateway, target)
    gateway.write(gateway.path.read_text().replace("status: [5xx]", "except_routes: [all]"))
    gateway.reload()
    for target in ("/fine", "/bad", "/%2F"):
        asking(gateway, target)
    gateway.stop()
    assert sorted(line["path"] for line in log_lines(path)) == sorted(["/bad", "/slow", "/%2f", "/bad", "/%2F"])


def test_a_share_is_sampled(start, echo, tmp_path):
    gateway, path = with_log(start, tmp_path, "sample: 20%", echo())
    with gateway.connect() as connection:
        for _ in range(1000):
            connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            read_response(connection)
    gateway.stop()
    assert 120 < len(log_lines(path)) < 280


def test_sigusr1_opens_new_files(start, echo, tmp_path):
    log, audit = tmp_path / "access.log", tmp_path / "audit.log"
    gateway = start(f"access_log: {{path: '{log}'}}\naudit_log: {{path: '{audit}'}}\n" + simple_configuration(echo()))
    asking(gateway)
    wait_for_lines(log, 1)
    for path in (log, audit):
        path.rename(str(path) + ".1")
    gateway.process.send_signal(signal.SIGUSR1)
    harness.wait_for(lambda: log.exists() and audit.exists(), what="the new files")
    asking(gateway)
    assert len(wait_for_lines(log, 1)) == 1 and len(log_lines(tmp_path / "access.log.1")) == 1


def datagrams(path):
    server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    server.bind(str(path))
    server.settimeout(20)
    return server


def test_lines_to_syslog(start, echo, tmp_path):
    server = datagrams(tmp_path / "log.socket")
    gateway = start(f"access_log: {{path: 'syslog:unix:{tmp_path}/log.socket', format: '{{request.method}} {{request.raw_path}}'}}\n" + simple_configuration(echo()))
    asking(gateway, "/one")
    assert re.fullmatch(rf"<134>1 \d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\dZ \S+ portcullis {gateway.process.pid} access - GET /one", server.recv(4096).decode())
    server.close()
    (tmp_path / "log.socket").unlink()
    asking(gateway, "/lost")
    time.sleep(0.2)  # gives the gateway time to send the line to the missing reader
    server = datagrams(tmp_path / "log.socket")
    asking(gateway, "/two")
    assert server.recv(4096).decode().endswith("GET /two")


def test_lines_to_a_remote_syslog(start, echo):
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))
    server.settimeout(20)
    gateway = start(f"access_log: {{path: 'syslog:127.0.0.1:{server.getsockname()[1]}'}}\n" + simple_configuration(echo()))
    asking(gateway, "/one")
    text = server.recv(4096).decode()
    assert json.loads(text[text.index("{"):])["path"] == "/one"


def test_the_audit_log_names_every_change(start, echo, tmp_path):
    audit, admin = tmp_path / "audit.log", harness.free_port()
    gateway = start(f"admin: {{address: '127.0.0.1:{admin}'}}\naudit_log: {{path: '{audit}'}}\n" + simple_configuration(echo()))

    def post(path, body=None):
        request = urllib.request.Request(f"http://127.0.0.1:{admin}{path}", body, {"Content-Type": "application/json"} if body else {}, method="POST")
        try:
            urllib.request.urlopen(request, timeout=10).read()
        except urllib.error.HTTPError:
            pass
    post("/v1/cache/purge?tag=x")
    post("/v1/splits/a/resume", b'{"branch": "b"}')
    post("/v1/reload")
    gateway.wait_for_line("serving revision 1")
    gateway.write(gateway.path.read_text().replace("name: all", "name: other"))
    gateway.reload()
    good = gateway.path.read_text()
    gateway.write("version: 2\n")
    gateway.reload()
    gateway.write(good)
    harness.get(admin, "/metrics")
    gateway.stop()
    lines = log_lines(audit)
    told = [(line["action"], line["by"], line.get("outcome")) for line in lines]
    assert told == [("purge", "local", None), ("resume_branch", "local", "refused"), ("reload", "local", "succeeded"),
                    ("reload", "signal", "succeeded"), ("reload", "signal", "refused"), ("drain", "signal", None)]
    assert lines[0]["query"] == "tag=x" and lines[0]["purged"] == 0 and lines[0]["time"].endswith("Z") and lines[4]["revision"] == 2


@sanitizers.only_configuration
def test_mistakes_in_logs_are_named(tmp_path):
    path = tmp_path / "gateway.yaml"
    path.write_text("access_log: {path: 'syslog:nowhere', format: '{client.adress} {request.method}'}\naudit_log: {path: ''}\n" + simple_configuration(9001).replace("{port}", "8080"))
    told = harness.check(path)
    assert ":1:20: error: `nowhere` is not an address" in told
    assert ":1:46: error: there is no variable `client.adress` - did you mean `client.address`?" in told
    for format, message in (("{client} x", "`client` is called `client.address` now"), ("{request_header.host}", "`request_header.host` is called `request.header.host` now"),
                            ("{claim.sub}", "`claim.sub` cannot be read here")):
        path.write_text(f"access_log: {{path: stdout, format: '{format}'}}\n" + simple_configuration(9001).replace("{port}", "8080"))
        assert f":1:36: error: {message}" in harness.check(path)
    path.write_text("access_log: {path: stdout, format: jsn}\n" + simple_configuration(9001).replace("{port}", "8080"))
    assert "`jsn` is not a log format: expected json, common, combined, or a template with variables in braces - did you mean `json`?" in harness.check(path)
