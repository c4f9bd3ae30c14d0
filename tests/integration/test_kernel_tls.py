"""TLS encrypted by the kernel. On a machine whose kernel does not support it, a preloaded library behaves as Linux
documents."""

import hashlib
import os
import pathlib
import re
import ssl
import subprocess

import pytest

import harness
from harness import check, free_port, metric, read_response, wait_for
from tls import EDGE, client, configuration, curl

KERNEL = pathlib.Path(harness.BINARY).parent / "tests/support/libkernel_tls.so"
IN_KERNEL = EDGE[:-1] + ", kernel: true}"


@pytest.fixture
def begin(start, edge, echo, monkeypatch):
    """begin(tls) -> (gateway, its admin port), with a kernel that supports TLS."""
    if not KERNEL.exists():
        pytest.skip("the sanitizers' runtime cannot be preloaded over")

    def make(tls=IN_KERNEL, more="", port=None):
        admin = free_port()
        monkeypatch.setenv("LD_PRELOAD", harness.preloadable(KERNEL))
        gateway = start(configuration(port or echo(), tls, more=f'admin: {{address: "127.0.0.1:{admin}"}}\n{more}'))
        monkeypatch.delenv("LD_PRELOAD")
        return gateway, admin
    return make


def in_kernel(admin):
    return metric(admin, "portcullis_tls_kernel_connections_total")


def context(gateway, version, ciphers=None):
    it = ssl.create_default_context(cafile=str(gateway.path.parent / "authority.pem"))
    it.minimum_version = it.maximum_version = version
    if ciphers:
        it.set_ciphers(ciphers)
    return it


@pytest.mark.parametrize("version, ciphers", [(ssl.TLSVersion.TLSv1_3, None), (ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES128-GCM-SHA256"),
                                              (ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES256-GCM-SHA384")])
def test_clients_cannot_tell(begin, version, ciphers):
    gateway, admin = begin()
    with client(gateway, context=context(gateway, version, ciphers)) as connection:
        for i in range(20):
            connection.sendall(f"GET /{i} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            head, body = read_response(connection)
            assert "200 OK" in head and f'"target": "/{i}"'.encode() in body
        connection.sendall(b"GET /last HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        read_response(connection)
        assert connection.recv(1) == b""  # an announced end, the only one that the client accepts
    assert in_kernel(admin) == 1
    # A cipher that the kernel does not support: OpenSSL encrypts.
    other = context(gateway, ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-CHACHA20-POLY1305")
    with client(gateway, context=other) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert "200 OK" in read_response(connection)[0]
    assert in_kernel(admin) == 1


def test_large_bodies_and_http2(begin, backend):
    content = os.urandom(3_000_000)
    gateway, admin = begin(port=backend(harness.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n" + content)).port)
    for version in ("--http1.1", "--http2"):
        out = subprocess.run(["curl", "-sS", version, "--max-time", "30", "--cacert", str(gateway.path.parent / "authority.pem"),
                              f"https://localhost:{gateway.port}/"], capture_output=True)
        assert hashlib.sha256(out.stdout).digest() == hashlib.sha256(content).digest(), out.stderr
    assert in_kernel(admin) == 2


def test_sessions_are_resumed(begin):
    gateway, admin = begin()
    for version in (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2):
        shared, session = context(gateway, version), None
        for resumed in (False, True):
            with client(gateway, context=shared, session=session) as connection:
                connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
                assert "200 OK" in read_response(connection)[0]
                assert connection.session_reused is resumed
                session = connection.session
    assert in_kernel(admin) == 4


def test_those_who_speak_no_tls_read_plain_http(begin):
    gateway, admin = begin()
    with gateway.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        head, body = read_response(connection)
        assert "400 Bad Request" in head and b"use https" in body
    assert in_kernel(admin) == 0


def test_without_such_a_kernel_it_says_so_and_goes_on(start, edge, echo, tmp_path):
    admin = free_port()
    gateway = start(configuration(echo(), IN_KERNEL, more=f'admin: {{address: "127.0.0.1:{admin}"}}'))
    code, text = curl(gateway)
    assert code == 0 and "200 OK" in text
    told = "`kernel: true` has no effect"
    if "tls" in pathlib.Path("/proc/sys/net/ipv4/tcp_available_ulp").read_text().split():
        wait_for(lambda: in_kernel(admin) == 1, what="the kernel")
    else:
        assert re.search(r"gateway.yaml:\d+:\d+.*" + told, check(gateway.path)) and in_kernel(admin) == 0
