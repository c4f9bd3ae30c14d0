"""TLS towards clients and targets: real handshakes by curl, openssl and Python's own client."""

import contextlib
import datetime
import os
import re
import socket
import ssl
import subprocess
import threading
import time

import pytest

import harness
import pki
import sanitizers
from harness import check, metric, read_response, simple_configuration, wait_for


def configuration(port, tls, more="", upstream="", workers=2):
    return f"""version: 1
workers: {workers}
{more}
listeners:
  - name: public
    address: 127.0.0.1:{{port}}
    tls: {tls}
upstreams:
  - name: backend
    targets: [{{address: "localhost:{port}"}}]
    {upstream}
routes:
  - name: all
    match: {{path_prefix: /}}
    upstream: backend
"""


REFUSED = (35, 55, 56)  # curl's errors for a connection that the peer ends during or after the handshake
EDGE = "{certificates: [{cert: edge.pem, key: edge.key}]}"


def curl(gateway, *arguments, path="/", ca="authority.pem"):
    """(exit code, head and body)"""
    done = subprocess.run(["curl", "-sSi", "--http1.1", "--max-time", "20", "--cacert", str(gateway.path.parent / ca), *arguments,
                           f"https://localhost:{gateway.port}{path}"], capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def client(gateway, name="localhost", certificate=None, session=None, context=None):
    """A connection after its handshake."""
    if context is None:
        context = ssl.create_default_context(cafile=str(gateway.path.parent / "authority.pem"))
        context.check_hostname = name is not None
        if certificate:
            context.load_cert_chain(*certificate.pair)
    return context.wrap_socket(gateway.connect(), server_hostname=name, session=session,
                               suppress_ragged_eofs=False)  # an end without close_notify is an error


def ask(connection, path="/", host="localhost"):
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    return int(read_response(connection)[0].split()[1])


def shown_to(gateway, name):
    """The common name of the certificate that a client gets for the server name `name`."""
    context = ssl.create_default_context(cafile=str(gateway.path.parent / "authority.pem"))
    context.check_hostname = False
    with client(gateway, name, context=context) as connection:
        return dict(part[0] for part in connection.getpeercert()["subject"])["commonName"]


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


def test_large_bodies_both_ways(start, backend, edge):
    body = os.urandom(1 << 20) * 8

    def handle(connection, made):
        head = made.read_head(connection)
        received = 0
        while received < len(body):
            received += len(connection.recv(1 << 20))
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    gateway = start(configuration(backend(handle).port, EDGE))
    context = ssl.create_default_context(cafile=str(gateway.path.parent / "authority.pem"))
    with client(gateway, context=context) as connection:
        def send():
            connection.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        # Sequentially on one thread: the answer comes after the whole request.
        send()
        out = b""
        while not (b"\r\n\r\n" in out and len(out.split(b"\r\n\r\n", 1)[1]) == len(body)):
            piece = connection.recv(1 << 20)
            assert piece
            out += piece
    assert out.split(b"\r\n\r\n", 1)[1] == body


def test_requests_in_one_write_are_all_answered(start, echo, edge):
    gateway = start(configuration(echo(), EDGE))
    with client(gateway) as connection:
        connection.sendall(b"GET /one HTTP/1.1\r\nHost: a\r\n\r\nGET /two HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        out = b""
        while piece := connection.recv(65536):
            out += piece
    assert out.count(b"HTTP/1.1 200") == 2 and b'"/two"' in out


def test_the_end_of_a_connection_is_announced_and_a_truncation_is_not(start, backend, edge):
    cut = backend(lambda c, b: (b.read_head(c), c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort")))
    whole = backend()
    text = configuration(cut.port, EDGE)
    gateway = start(text)

    def end_of(request):
        context = ssl.create_default_context(cafile=str(gateway.path.parent / "authority.pem"))
        with client(gateway, context=context) as connection:
            connection.sendall(request)
            while True:
                piece = connection.recv(65536)  # raises at an end without close_notify
                if not piece:
                    return "announced"
    with pytest.raises(OSError):
        end_of(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    gateway.write(configuration(whole.port, EDGE))
    gateway.reload()
    assert end_of(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n") == "announced"


def test_certificates_by_name(start, echo, authority, edge):
    for name, names in (("exact", ["api.example.com"]), ("wild", ["*.example.com"]), ("plain", [])):
        authority.issue(name, *names)
    certificates = ", ".join(f"{{cert: {one}.pem, key: {one}.key}}" for one in ("edge", "exact", "wild", "plain"))
    gateway = start(configuration(echo(), f"{{certificates: [{certificates}]}}"))
    told = {"api.example.com": "exact", "API.example.COM": "exact", "www.example.com": "wild", "a.b.example.com": "localhost",
            "example.com": "localhost", "plain": "plain", "other.org": "localhost"}
    assert {name: shown_to(gateway, name) for name in told} == told
    gateway.write(configuration(echo(), f"{{certificates: [{certificates}], unknown_names: refuse}}"))
    gateway.reload()
    assert shown_to(gateway, "www.example.com") == "wild" and shown_to(gateway, None) == "localhost"
    with pytest.raises(ssl.SSLError):
        shown_to(gateway, "other.org")


def test_a_name_that_is_not_served_is_refused_by_its_own_alert(start, echo, edge):
    gateway = start(configuration(echo(), EDGE[:-1] + ", unknown_names: refuse}"))
    with pytest.raises(ssl.SSLError) as refused:
        client(gateway, "other.example", context=unverified())
    assert "UNRECOGNIZED_NAME" in refused.value.reason
    assert curl(gateway)[0] == 0


def unverified():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def test_two_kinds_of_keys_for_one_name(start, echo, authority):
    authority.issue("localhost", "localhost", file="ecdsa")
    authority.issue("localhost", "localhost", file="rsa", kind="rsa")
    gateway = start(configuration(echo(), "{certificates: [{cert: ecdsa.pem, key: ecdsa.key}, {cert: rsa.pem, key: rsa.key}]}"))
    for kind, other in (("ECDSA", "RSA"), ("RSA", "ECDSA")):
        assert curl(gateway, "--tls-max", "1.2", "--ciphers", f"ECDHE-{kind}-AES128-GCM-SHA256")[0] == 0, kind


@pytest.mark.not_sanitized(reason="its time goes to writing and listing ten thousand files")
def test_ten_thousand_certificates_in_a_folder_are_read_when_asked_for(start, echo, authority, edge, tmp_path):
    folder = tmp_path / "certificates"
    folder.mkdir()
    for name in ("first.example", "wild"):
        one = authority.issue(name, "*.wild.example" if name == "wild" else name)
        one.write(folder / ("_.wild.example.crt" if name == "wild" else name + ".crt"),
                  folder / ("_.wild.example.key" if name == "wild" else name + ".key"))
    (folder / "certbot.example").mkdir()
    authority.issue("certbot.example", "certbot.example").write(folder / "certbot.example/fullchain.pem", folder / "certbot.example/privkey.pem")
    # Only names are known until clients ask for the certificates.
    for i in range(10_000):
        (folder / f"broken-{i}.example.crt").write_text("not yet")
        (folder / f"broken-{i}.example.key").write_text("not yet")
    begun = time.monotonic()
    gateway = start(configuration(echo(), "{certificates: [{cert: edge.pem, key: edge.key}], certificate_folder: certificates}"))
    print(f"started within {time.monotonic() - begun:.2f} s")
    assert shown_to(gateway, "first.example") == "first.example" and shown_to(gateway, "a.wild.example") == "wild"
    assert shown_to(gateway, "certbot.example") == "certbot.example"
    with pytest.raises(ssl.SSLError):
        shown_to(gateway, "broken-77.example")
    gateway.wait_for_line("broken-77.example")
    later = authority.issue("later.example", "later.example")
    later.write(folder / "later.example.crt", folder / "later.example.key")
    gateway.wait_for_line("certificates have changed")
    assert shown_to(gateway, "later.example") == "later.example"


def test_a_changed_certificate_is_shown_and_no_connection_is_lost(start, echo, authority, edge):
    gateway = start(configuration(echo(), EDGE))
    with client(gateway) as old:
        assert ask(old) == 200
        fresh = authority.issue("renewed", "localhost", file="renewed")
        fresh.write(edge.cert_file, edge.key_file)
        gateway.wait_for_line("certificates have changed")
        assert ask(old) == 200
        assert shown_to(gateway, "localhost") == "renewed"
        # A broken certificate is reported by name, and the last good one stays in use.
        edge.cert_file.write_text("-----BEGIN CERTIFICATE-----\nbroken\n")
        gateway.wait_for_line("changed certificates refused")
        gateway.wait_for_line("gateway.yaml:", "no certificate in")
        assert shown_to(gateway, "localhost") == "renewed" and ask(old) == 200


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


def test_an_ocsp_response_is_stapled(start, echo, authority, edge):
    authority.ocsp(edge)
    gateway = start(configuration(echo(), "{certificates: [{cert: edge.pem, key: edge.key, ocsp: staple.der}]}"))
    out = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{gateway.port}", "-servername", "localhost", "-status"],
                         stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20).stdout
    assert "OCSP Response Status: successful" in out and "Cert Status: good" in out
    authority.ocsp(authority.issue("other", file="other"))
    assert "is about another certificate" in check(gateway.path)


def test_alpn(start, echo, edge):
    gateway = start(configuration(echo(), EDGE))
    context = ssl.create_default_context(cafile=str(gateway.path.parent / "authority.pem"))
    context.set_alpn_protocols(["smtp", "http/1.1"])
    with client(gateway, context=context) as connection:
        assert connection.selected_alpn_protocol() == "http/1.1" and ask(connection) == 200
    context.set_alpn_protocols(["smtp"])
    with pytest.raises(ssl.SSLError):
        client(gateway, context=context)


def test_hsts(start, echo, edge):
    gateway = start(configuration(echo(), EDGE[:-1] + ", hsts: {max_age: 8760h, include_subdomains: true}}"))
    assert "strict-transport-security: max-age=31536000; includeSubDomains" in curl(gateway)[1]


MTLS = EDGE[:-1] + ", client_certificate: {how}, client_ca: authority.pem, forward_client_certificate: true}"
CONSUMERS = """
consumers:
  - {name: by-print, credentials: {certificates: {fingerprint: "PRINT", name: laptop}}}
  - {name: by-subject, credentials: {certificates: {subject: "CN=subject"}}}
  - {name: by-uri, credentials: {certificates: {uri: "spiffe://example.org/uri"}}}
  - {name: by-dns, credentials: {certificates: {dns_name: "dns.internal"}}}
  - {name: by-mail, credentials: {certificates: {email: "mail@example.org"}}}
policies:
  - mtls: {}
"""


def test_who_comes_in_the_clear_is_sent_to_tls(start, echo, edge):
    text = simple_configuration(echo(), extra_listener="    redirect_to_https: {port: 8443}")
    gateway = start(text)

    def location(target, *fields):
        with gateway.connect() as connection:
            connection.sendall(f"GET {target} HTTP/1.1\r\n{''.join(f'{one}' + chr(13) + chr(10) for one in fields)}\r\n".encode())
            head, _ = read_response(connection)
            return int(head.split()[1]), (re.findall(r"(?i)^location: (.*)\r$", head, re.MULTILINE) or [None])[0]
    assert location("/a%20b/../c?x=1&y", "Host: API.example.com:80") == (308, "https://api.example.com:8443/a%20b/../c?x=1&y")
    assert location("/", "Host: [::1]:80") == (308, "https://[::1]:8443/")
    assert location("http://other.example/p", "Host: other.example") == (308, "https://other.example:8443/p")
    assert location("/", "Host: a", "X-Forwarded-Proto: https")[0] == 308  # the client is not a trusted proxy
    gateway.write(text.replace("port: 8443}", "port: 443}\n    trusted_proxies: [127.0.0.1]"))
    gateway.reload()
    assert location("/", "Host: a") == (308, "https://a/")
    assert location("/", "Host: a", "X-Forwarded-Proto: https") == (200, None)


def test_clients_with_certificates(start, echo, authority, edge):
    issued = {"by-print": authority.issue("print"), "by-subject": authority.issue("subject"),
              "by-uri": authority.issue("uri", "spiffe://example.org/uri"), "by-dns": authority.issue("dns", "dns.internal"),
              "by-mail": authority.issue("mail", "mail@example.org")}
    more = CONSUMERS.replace("PRINT", issued["by-print"].fingerprint.upper())
    gateway = start(configuration(echo(), MTLS.replace("{how}", "optional"), more=more))
    for name, one in issued.items():
        code, out = curl(gateway, "--cert", one.pair[0], "--key", one.pair[1], "-H", "Client-Cert: :AAAA:", "-H", "client_cert_chain: x")
        assert code == 0 and f'"x-consumer-name": "{name}"' in out, out
        der = __import__("base64").b64encode(one.certificate.public_bytes(pki.serialization.Encoding.DER)).decode()
        assert f'"client-cert": ":{der}:"' in out and "AAAA" not in out.split("\n\n")[1].replace(der, "") and "chain" not in out
    assert '"x-consumer-credential": "laptop"' in curl(gateway, "--cert", issued["by-print"].pair[0], "--key", issued["by-print"].pair[1])[1]
    stranger = authority.issue("stranger")
    assert "401" in curl(gateway, "--cert", stranger.pair[0], "--key", stranger.pair[1])[1]
    assert "www-authenticate: ClientCertificate" in curl(gateway)[1]
    # A certificate that does not verify prevents every request, whatever its issuer.
    other = pki.Authority(gateway.path.parent, "impostor").issue("subject", file="forged")
    assert curl(gateway, "--cert", other.pair[0], "--key", other.pair[1])[0] in REFUSED


def test_a_certificate_may_be_required_and_revoked(start, echo, authority, edge):
    good, bad = authority.issue("good"), authority.issue("bad")
    authority.revoke(file="revoked.pem")
    gateway = start(configuration(echo(), MTLS.replace("{how}", "required")[:-1] + ", client_crl: revoked.pem}"))
    context = ssl.create_default_context(cafile=str(gateway.path.parent / "authority.pem"))
    context.load_cert_chain(*bad.pair)
    with client(gateway, context=context) as connection:
        assert ask(connection) == 200
        session = connection.session
    assert curl(gateway)[0] in REFUSED  # no certificate at all
    fresh = authority.revoke(bad, file="fresh.pem")
    fresh.replace(gateway.path.parent / "revoked.pem")
    gateway.wait_for_line("certificates have changed")
    with pytest.raises(OSError):
        # A session from before the revocation must not bypass it.
        with client(gateway, context=context, session=session) as connection:
            ask(connection)
    assert curl(gateway, "--cert", good.pair[0], "--key", good.pair[1])[0] == 0


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("how", ["required", "optional"])
def test_an_expired_certificate_is_refused_on_resumption_too(start, echo, authority, edge, how, version):
    consumers = "consumers: [{name: shop, credentials: {certificates: [{subject: CN=shop}]}}]\npolicies: [mtls: {}]"
    gateway = start(configuration(echo(), MTLS.replace("{how}", how), more=consumers))
    ends = pki.now().replace(microsecond=0) + datetime.timedelta(seconds=4)
    shop = authority.issue("shop", ends=ends)
    context = ssl.create_default_context(cafile=str(gateway.path.parent / "authority.pem"))
    context.load_cert_chain(*shop.pair)
    context.minimum_version = context.maximum_version = version
    with client(gateway, context=context) as connection:
        assert ask(connection) == 200
        session = connection.session
    with client(gateway, context=context, session=session) as connection:
        assert connection.session_reused and ask(connection) == 200
        # OpenSSL reads the clock by time(2), which the system advances in ticks, so it is up to 10 ms late.
        wait_for(lambda: pki.now() > ends + datetime.timedelta(milliseconds=100), what="the certificate to expire")
        assert ask(connection) == 401  # on the earlier connection
    for kept in (session, None):
        with pytest.raises(OSError):
            with client(gateway, context=context, session=kept) as connection:
                ask(connection)


HOSTS = MTLS[:-1] + ', client_certificate_hosts: [api.test, "*.bank.test"]}'


def asked(gateway, name):
    """Whether the gateway requests a client certificate under this server name."""
    out = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{gateway.port}", *(["-servername", name] if name else ["-noservername"])],
                         stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20).stdout
    assert "BEGIN CERTIFICATE" in out
    return "No client certificate CA names sent" not in out


def test_certificates_are_asked_for_by_name(start, echo, authority, edge):
    gateway = start(configuration(echo(), HOSTS.replace("{how}", "optional")))
    names = ("api.test", "API.test", "a.bank.test", "a.b.bank.test", "bank.test", "www.test", "xapi.test", "localhost", None)
    assert {name for name in names if asked(gateway, name)} == {"api.test", "API.test", "a.bank.test", "a.b.bank.test"}
    gateway.write(configuration(echo(), MTLS.replace("{how}", "optional")))
    gateway.reload()
    assert all(asked(gateway, name) for name in names)


def by_name(gateway, name, certificate=None, session=None):
    context = ssl.create_default_context(cafile=str(gateway.path.parent / "authority.pem"))
    context.check_hostname = False
    if certificate:
        context.load_cert_chain(*certificate.pair)
    return client(gateway, name, context=context, session=session), context


def test_a_connection_of_another_name_is_no_way_around(start, echo, authority, edge):
    gateway = start(configuration(echo(), HOSTS.replace("{how}", "required")))
    shop = authority.issue("shop")
    for host, status in (("www.test", 200), ("api.test", 421), ("API.test:443", 421), ("api.test.", 421), ("x.bank.test", 421)):
        with by_name(gateway, "www.test")[0] as connection:
            assert ask(connection, host=host) == status
    with by_name(gateway, "api.test", shop)[0] as connection:
        assert [ask(connection, host=host) for host in ("api.test", "x.bank.test", "www.test")] == [200, 200, 200]
    with pytest.raises(OSError):
        with by_name(gateway, "api.test")[0] as connection:
            ask(connection, host="api.test")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_nor_is_a_session_of_another_name(start, echo, authority, edge, version):
    gateway = start(configuration(echo(), HOSTS.replace("{how}", "required")))
    context = ssl.create_default_context(cafile=str(gateway.path.parent / "authority.pem"))
    context.check_hostname = False
    context.minimum_version = context.maximum_version = version
    with client(gateway, "www.test", context=context) as connection:
        assert ask(connection, host="www.test") == 200
        session = connection.session
    with client(gateway, "www.test", context=context, session=session) as connection:
        assert connection.session_reused
    with pytest.raises(OSError):
        with client(gateway, "api.test", context=context, session=session) as connection:
            ask(connection, host="api.test")


def test_variables_of_the_certificate(start, echo, authority, edge):
    one = authority.issue("client", "a@b.example")
    gateway = start(configuration(echo(), MTLS.replace("{how}", "required"), more="""
policies:
  - headers: {request: {set: {x-who: "{client.certificate.subject} {client.certificate.issuer} {client.certificate.fingerprint}"}}}
"""))
    assert f'"x-who": "CN=client CN=authority {one.fingerprint}"' in curl(gateway, "--cert", one.pair[0], "--key", one.pair[1])[1]


@sanitizers.only_configuration
@pytest.mark.parametrize("tls, told", [
    ("{}", "`tls` needs `certificates` or `certificate_folder`"),
    ("{certificates: [{cert: missing.pem, key: edge.key}]}", "cannot read `"),
    ("{certificates: [{cert: edge.key, key: edge.key}]}", "no certificate in `"),
    ("{certificates: [{cert: edge.pem, key: edge.pem}]}", "no private key in `"),
    ("{certificates: [{cert: edge.pem, key: other.key}]}", "does not belong to the certificate"),
    (EDGE[:-1] + ", ciphers: NONSENSE}", "OpenSSL does not support the ciphers `NONSENSE`"),
    (EDGE[:-1] + ", groups: NONSENSE}", "OpenSSL does not support the groups `NONSENSE`"),
    (EDGE[:-1] + ", client_certificate: required}", "`client_certificate` needs `client_ca`"),
    (EDGE[:-1] + ", client_certificate_hosts: [a.test]}", "clients are not asked for a certificate"),
    (EDGE[:-1] + ", client_certificate: optional, client_ca: authority.pem, client_certificate_hosts: [A.test]}", "in lower case"),
    (EDGE[:-1] + ", client_ca: authority.pem}", "clients are not asked for a certificate"),
    (EDGE[:-1] + ", client_certificate: optional, client_ca: edge.key}", "no certificates in `"),
    (EDGE[:-1] + ", client_certificate: optional, client_ca: authority.pem, client_crl: edge.pem}", "no revocation list in `"),
    (EDGE[:-1] + ', min_version: "1.1"}', "1.1"),
    (EDGE[:-1] + ", certificat_folder: x}", "did you mean `certificate_folder`?"),
])
def test_mistakes_are_named_with_their_place(tmp_path, authority, edge, tls, told):
    authority.issue("other")
    path = tmp_path / "bad.yaml"
    path.write_text(configuration(1, tls).replace("{port}", "1"))
    out = check(path)
    assert re.search(r"bad\.yaml:[78]:\d+: error: ", out) and told in out, out


@sanitizers.only_configuration
def test_warnings(tmp_path, authority, edge):
    path = tmp_path / "gateway.yaml"
    path.write_text(configuration(1, EDGE).replace("{port}", "2"))
    assert check(path) == ""
    edge.key_file.chmod(0o644)
    assert "warning: every user of this machine may read the private key" in check(path)
    edge.key_file.chmod(0o600)
    authority.issue("localhost", file="edge", days=4.5)
    assert "expires in 4 days" in check(path)
    path.write_text(configuration(1, EDGE, upstream="tls: {verify: false}").replace("{port}", "1"))
    assert "are not verified" in check(path)
    path.write_text(configuration(1, EDGE, more="policies: [{mtls: {}}]").replace("{port}", "1"))
    assert "no listener asks clients for a certificate" in check(path)


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


def test_a_client_that_leaves_ends_the_exchange(start, backend, edge):
    asked, ended = threading.Event(), threading.Event()

    def handle(connection, made):
        made.read_head(connection)
        asked.set()
        connection.settimeout(20)
        if connection.recv(1) == b"":
            ended.set()
    gateway = start(configuration(backend(handle).port, EDGE))
    connection = client(gateway)
    connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert asked.wait(20)
    connection.settimeout(0)
    with contextlib.suppress(OSError):  # the gateway's close_notify is not awaited
        connection.unwrap()
    connection.close()
    assert ended.wait(10)
