"""Handshakes of TLS with clients: versions, protocols, garbage, and the resumption of sessions."""

import contextlib
import os
import socket
import ssl

import pytest

import harness
from harness import check, metric
from tls import EDGE, ask, client, configuration, curl


def test_a_request_by_tls(start, echo, edge):
    gateway = start(configuration(echo(), EDGE))
    for version, told in (("--tls-max", "1.2"), ("--tlsv1.3", None)):
        code, out = curl(gateway, version, *([told] if told else []))
        assert code == 0 and out.startswith("HTTP/1.1 200") and '"x-forwarded-proto": "https"' in out, out


def test_the_oldest_version_and_what_is_older(start, echo, edge):
    gateway = start(configuration(echo(), EDGE[:-1] + ', min_version: "1.3"}'))
    assert curl(gateway, "--tls-max", "1.2")[0] == 35
    assert curl(gateway)[0] == 0


def test_plain_http_on_a_tls_port_is_answered(start, echo, edge):
    gateway = start(configuration(echo(), EDGE))
    out = gateway.raw(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert out.startswith(b"HTTP/1.1 400") and out.endswith(b"use https\n")


@pytest.mark.parametrize("garbage", [b"\x16\x03\x01\x00\x05hello", b"\x00" * 600, b"\x16\x03\x01\xff\xff" + b"a" * 70000, b"\x80\x2e\x01"])
def test_garbage_ends_the_connection(start, echo, edge, garbage):
    gateway = start(configuration(echo(), EDGE))
    with gateway.connect() as connection:
        with contextlib.suppress(OSError):
            connection.sendall(garbage)
            connection.shutdown(socket.SHUT_WR)
        harness.read_to_end(connection)
    assert curl(gateway)[0] == 0


def test_a_handshake_has_a_deadline(start, echo, edge):
    gateway = start(configuration(echo(), EDGE).replace("    tls:", "    timeouts: {head: 300ms}\n    tls:"))
    with gateway.connect() as connection:
        connection.sendall(b"\x16\x03\x01\x02\x00\x01")
        assert harness.read_to_end(connection) == b""


def test_alpn(start, echo, edge):
    gateway = start(configuration(echo(), EDGE))
    context = ssl.create_default_context(cafile=str(gateway.path.parent / "authority.pem"))
    context.set_alpn_protocols(["smtp", "http/1.1"])
    with client(gateway, context=context) as connection:
        assert connection.selected_alpn_protocol() == "http/1.1" and ask(connection) == 200
    context.set_alpn_protocols(["smtp"])
    with pytest.raises(ssl.SSLError):
        client(gateway, context=context)


def test_sessions_are_resumed_by_any_worker_and_after_a_reload(start, echo, edge):
    gateway = start(configuration(echo(), EDGE, workers=4, more="admin: {address: 127.0.0.1:{admin}}".replace("{admin}", str(admin := harness.free_port()))))
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = ssl.create_default_context(cafile=str(gateway.path.parent / "authority.pem"))
        context.minimum_version = context.maximum_version = version
        with client(gateway, context=context) as first:
            assert ask(first) == 200
            session = first.session
        for i in range(12):
            if i == 6:
                gateway.reload()
            with client(gateway, context=context, session=session) as again:
                assert again.session_reused and ask(again) == 200
                # A TLS 1.3 ticket is for one use, so there must be a new one.
                assert version == ssl.TLSVersion.TLSv1_2 or again.session.id != session.id
                session = again.session
    assert metric(admin, 'portcullis_tls_handshakes_total{address="127.0.0.1:%d",outcome="resumed"}' % gateway.port) == 24
    assert metric(admin, 'portcullis_tls_handshakes_total{address="127.0.0.1:%d",outcome="full"}' % gateway.port) == 2


def test_nodes_with_the_same_ticket_keys_resume_each_others_sessions(start, echo, edge, tmp_path):
    tmp_path.joinpath("ticket.key").write_bytes(os.urandom(80))
    tls = EDGE[:-1] + ", session_tickets: {key_files: [ticket.key]}}"
    one = start(configuration(port := echo(), tls))
    context = ssl.create_default_context(cafile=str(tmp_path / "authority.pem"))
    with client(one, context=context) as first:
        assert ask(first) == 200
        session = first.session
    one.stop()
    two = start(configuration(port, tls))
    with client(two, context=context, session=session) as again:
        assert again.session_reused and ask(again) == 200
    tmp_path.joinpath("ticket.key").write_bytes(b"short")
    assert "has 5 bytes; it needs 80" in check(two.path)


def test_tickets_can_be_switched_off(start, echo, edge):
    gateway = start(configuration(echo(), EDGE[:-1] + ", session_tickets: {enabled: false}}"))
    context = ssl.create_default_context(cafile=str(gateway.path.parent / "authority.pem"))
    with client(gateway, context=context) as first:
        assert ask(first) == 200
        session = first.session
    if session is not None:
        with client(gateway, context=context, session=session) as again:
            assert not again.session_reused
