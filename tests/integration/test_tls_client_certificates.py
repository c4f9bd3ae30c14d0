"""Certificates of clients: who is asked for one, which consumer it names, revocation and expiry."""

import datetime
import ssl
import subprocess

import pytest

import pki
from harness import wait_for
from tls import EDGE, ask, client, configuration, curl

REFUSED = (35, 55, 56)  # curl's errors for a connection that the peer ends during or after the handshake
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
