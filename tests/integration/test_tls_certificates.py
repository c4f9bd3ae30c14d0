"""The gateway's own certificates: which one a client gets, changed files, stapled responses, and what `check` says about them."""

import re
import ssl
import subprocess
import time

import pytest

import sanitizers
from harness import check
from tls import EDGE, ask, client, configuration, curl


def shown_to(gateway, name):
    """The common name of the certificate that a client gets for the server name `name`."""
    context = ssl.create_default_context(cafile=str(gateway.path.parent / "authority.pem"))
    context.check_hostname = False
    with client(gateway, name, context=context) as connection:
        return dict(part[0] for part in connection.getpeercert()["subject"])["commonName"]


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


def test_an_ocsp_response_is_stapled(start, echo, authority, edge):
    authority.ocsp(edge)
    gateway = start(configuration(echo(), "{certificates: [{cert: edge.pem, key: edge.key, ocsp: staple.der}]}"))
    out = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{gateway.port}", "-servername", "localhost", "-status"],
                         stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20).stdout
    assert "OCSP Response Status: successful" in out and "Cert Status: good" in out
    authority.ocsp(authority.issue("other", file="other"))
    assert "is about another certificate" in check(gateway.path)


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
