"""TLS towards targets: their certificates are verified, and they see a client certificate, a server name and resumed sessions."""

import ssl
import time

import harness
from harness import wait_for
from tls import configuration


def plain(port, upstream):
    return configuration(port, "X", upstream=upstream).replace("    tls: X\n", "")


def test_targets_by_tls_are_verified(start, server, authority, edge):
    target = server(lambda request: (200, {}, request.path.encode()), certificate=edge.pair)
    gateway = start(plain(target.port, "tls: {ca: authority.pem}"))
    assert harness.get(gateway.port, "/one") == (200, "/one")
    for wrong in ("{ca: authority.pem, server_name: other.internal}", "{}"):
        gateway.write(plain(target.port, f"tls: {wrong}"))
        gateway.reload()
        assert harness.get(gateway.port, "/two")[0] == 502, wrong
    gateway.write(plain(target.port, "tls: {verify: false}"))
    gateway.reload()
    assert harness.get(gateway.port, "/three") == (200, "/three")


def test_targets_by_tls_see_a_client_certificate_a_name_and_resumed_sessions(start, backend, tmp_path, authority, edge):
    mine = authority.issue("gateway")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*edge.pair)
    context.load_verify_locations(str(authority.file))
    context.verify_mode = ssl.CERT_REQUIRED
    seen, names = [], []
    context.sni_callback = lambda connection, name, context: names.append(name)

    def once(raw, made):
        with context.wrap_socket(raw, server_side=True) as connection:
            made.read_head(connection)
            seen.append((connection.getpeercert()["subject"][0][0][1], connection.session_reused))
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
    gateway = start(plain(backend(once).port, "tls: {ca: authority.pem, cert: gateway.pem, key: gateway.key}").replace("workers: 2", "workers: 1"))
    for _ in range(3):
        assert harness.get(gateway.port, "/")[0] == 200
    assert [who for who, _ in seen] == ["gateway"] * 3 and set(names) == {"localhost"}
    assert [reused for _, reused in seen] == [False, True, True]


def test_a_target_that_does_not_speak_tls_or_never_answers(start, backend, tmp_path):
    silent = backend(lambda c, b: time.sleep(3))
    gateway = start(plain(silent.port, "tls: {verify: false}\n    timeouts: {connect: 200ms}").replace("localhost", "127.0.0.1").replace("workers: 2", f"workers: 1\naccess_log: {{path: {tmp_path}/access.log}}"))
    assert harness.get(gateway.port, "/")[0] == 502
    wait_for(lambda: '"connect_tls_timeout"' in (tmp_path / "access.log").read_text(), what="the log's reason")
    talkative = backend(lambda c, b: c.sendall(b"220 mail.example ESMTP\r\n"))
    gateway.write(plain(talkative.port, "tls: {verify: false}").replace("localhost", "127.0.0.1"))
    gateway.reload()
    assert harness.get(gateway.port, "/")[0] == 502
    wait_for(lambda: '"connect_tls_failed"' in (tmp_path / "access.log").read_text(), what="the log's reason")
