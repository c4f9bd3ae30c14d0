"""Who may use the admin listener, and what web pages of other sites cannot do with it."""

import json
import os
import socket
import subprocess

import pytest

import sanitizers
from admin_requests import FULL, READ, ask, bearer, tokens
from harness import BINARY, check, free_port, log_lines, read_chunk, read_head, simple_configuration, wait_for
from pki import Authority, pem


def configuration(settings, port=9, top=""):
    return simple_configuration(port, top=f"admin: {{{settings}}}\n{top}")


def test_tokens(start, tmp_path):
    admin, audit = free_port(), tmp_path / "audit.log"
    start(configuration(f"address: '127.0.0.1:{admin}', {tokens()}", top=f"audit_log: {{path: {audit}}}"))
    for path in ("/metrics", "/v1/health/upstreams", "/v1/now", "/v1/overview", "/v1/live", "/nothing"):
        status, reply = ask(admin, "GET", path)
        assert status == 401 and "www-authenticate: Bearer" in reply, path
    assert ask(admin, "POST", "/v1/reload")[0] == 401
    assert ask(admin, "POST", "/v1/explain")[0] == 401
    # Probes have no token, and the dashboard's files are not secret.
    for path in ("/healthz", "/readyz", "/", "/assets/app.js"):
        assert ask(admin, "GET", path)[0] == 200, path
    for token in (READ, FULL):
        assert ask(admin, "GET", "/metrics", bearer(token))[0] == 200
        assert ask(admin, "POST", "/v1/explain", bearer(token), body=b'{"method": "GET", "url": "/"}')[0] == 200
    assert ask(admin, "GET", "/metrics", bearer(FULL[:-1]))[0] == 401
    assert ask(admin, "GET", "/metrics", f"Authorization: Basic {FULL}")[0] == 401
    for path in ("/v1/reload", "/v1/cache/purge?all"):
        status, reply = ask(admin, "POST", path, bearer(READ))
        assert status == 403 and "the role `operator` is needed, and the token `prometheus` has the role `viewer`" in reply
        assert ask(admin, "POST", path, bearer(FULL), "Portcullis-Message: ein Grund – warum nicht")[0] == 200
    told = [(line["action"], line["by"], line["role"], line["message"]) for line in log_lines(audit)]
    assert told == [("reload", "ops", "admin", "ein Grund – warum nicht"), ("purge", "ops", "admin", "ein Grund – warum nicht")]
    assert all(line["address"].startswith("127.0.0.1:") and line["revision"] == 1 for line in log_lines(audit))


def test_bytes_that_are_not_utf8_reach_the_audit_log_as_text(start, tmp_path):
    admin, audit = free_port(), tmp_path / "audit.log"
    start(configuration(f"address: '127.0.0.1:{admin}'", top=f"audit_log: {{path: {audit}}}\ncache: {{memory: 1MiB}}"))
    for path in ("/v1/splits/%ff/resume", "/v1/splits/a%00/resume", "/v1/upstreams/%ff/targets/a/drain",
                 "/v1/upstreams/a/targets/%ff/undrain", "/v1/cache/purge?tag=%ff", "/v1/cache/purge?uri=http://a/%ff"):
        assert ask(admin, "POST", path)[0] in (200, 400, 404), path
    assert ask(admin, "GET", "/readyz")[0] == 200
    assert ask(admin, "POST", "/v1/splits/a/resume", "Content-Type: application/json", body=b'{"branch": "\xff"}')[0] == 400
    assert len(log_lines(audit)) >= 1


def test_sessions(start):
    admin = free_port()
    start(configuration(f"address: '127.0.0.1:{admin}', {tokens()}"))
    assert ask(admin, "POST", "/login", body=b"wrong")[0] == 401
    status, reply = ask(admin, "POST", "/login", "Origin: http://localhost", body=READ.encode())
    assert status == 204 and "HttpOnly; SameSite=Strict" in reply and "Secure" not in reply
    cookie = "Cookie: " + reply.split("set-cookie: ")[1].split(";")[0]
    assert ask(admin, "GET", "/v1/now", cookie)[0] == 200
    assert ask(admin, "POST", "/v1/reload", cookie)[0] == 403
    assert ask(admin, "GET", "/v1/now", cookie[:-1] + "x")[0] == 401
    # A session belongs to a browser, so it must not help a web page whose host name points to this machine.
    assert ask(admin, "GET", "/v1/now", cookie, host="evil.example")[0] == 421
    assert ask(admin, "POST", "/logout", cookie)[0] == 204
    assert ask(admin, "GET", "/v1/now", cookie)[0] == 401
    # A page of another site must not be able to log in.
    assert ask(admin, "POST", "/login", "Origin: http://evil.example", body=FULL.encode())[0] == 403


def test_names_that_pages_make_mean_this_machine(start):
    admin = free_port()
    gateway = start(configuration(f"address: '127.0.0.1:{admin}', hosts: [admin.internal]"))
    for host in ("localhost", f"localhost:{admin}", "127.0.0.1", f"127.0.0.1:{admin}", "[::1]:80", "ADMIN.internal", "a.localhost"):
        assert ask(admin, "GET", "/v1/now", host=host)[0] == 200, host
    for host in ("evil.example", f"evil.example:{admin}", "127.0.0.1.evil.example", "localhost.evil.example", "notlocalhost"):
        for path in ("/v1/now", "/metrics", "/v1/reload"):
            status, reply = ask(admin, "POST" if path == "/v1/reload" else "GET", path, host=host)
            assert status == 421 and "is not a name of the admin listener" in reply, (host, path)
    # A client with a token is not a web page, and probes may use any host name.
    assert ask(admin, "GET", "/healthz", host="evil.example")[0] == 200
    gateway.write(configuration(f"address: '127.0.0.1:{admin}', {tokens()}"))
    gateway.reload()
    assert ask(admin, "GET", "/metrics", bearer(READ), host="gateway-7.cluster")[0] == 200
    assert ask(admin, "GET", "/metrics", host="localhost")[0] == 401


@pytest.mark.parametrize("fields", [
    ["Origin: http://evil.example"], ["Origin: null"], ["Origin: https://localhost"], ["Origin: http://localhost:1"],
    ["Sec-Fetch-Site: cross-site"], ["Sec-Fetch-Site: same-site"], ["Origin: http://localhost", "Sec-Fetch-Site: cross-site"]])
def test_pages_of_other_sites_change_nothing(start, fields):
    admin = free_port()
    start(configuration(f"address: '127.0.0.1:{admin}'"))
    for path in ("/v1/reload", "/v1/cache/purge?all", "/v1/splits/a/resume", "/v1/explain", "/login", "/logout"):
        assert ask(admin, "POST", path, *fields)[0] == 403, path
    assert ask(admin, "POST", "/v1/cache/purge?all", "Origin: http://localhost", "Sec-Fetch-Site: same-origin")[0] == 200


def test_what_browsers_are_told(start):
    admin = free_port()
    start(configuration(f"address: '127.0.0.1:{admin}'"))
    for path in ("/", "/assets/app.js", "/v1/now", "/nothing"):
        reply = ask(admin, "GET", path)[1].lower()
        assert "content-security-policy: default-src 'none'; script-src 'self';" in reply and "frame-ancestors 'none'" in reply
        assert "x-content-type-options: nosniff" in reply and "referrer-policy: no-referrer" in reply
        assert "access-control-allow" not in reply
    for path, kind in (("/", "text/html; charset=utf-8"), ("/assets/app.js", "text/javascript; charset=utf-8"),
                       ("/assets/style.css", "text/css; charset=utf-8"), ("/assets/icon.svg", "image/svg+xml")):
        assert f"content-type: {kind}\r\n" in ask(admin, "GET", path)[1]
    assert ask(admin, "GET", "/assets/../app.js")[0] == 404
    assert ask(admin, "POST", "/")[0] == 405
    # The page works offline: it loads nothing from other hosts.
    page = ask(admin, "GET", "/")[1]
    assert "http://" not in page.split("\r\n\r\n")[1] and "https://" not in page.split("\r\n\r\n")[1]


def curl(*arguments):
    return subprocess.run(["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", *arguments], capture_output=True, text=True)


def test_certificates(start, tmp_path):
    admin, authority = free_port(), Authority(tmp_path)
    edge, operator = authority.issue("edge", "localhost", "127.0.0.1"), authority.issue("operator")
    ca = tmp_path / "ca.pem"
    ca.write_bytes(pem(authority.certificate))
    tls = f"tls: {{certificates: [{{cert: {edge.cert_file}, key: {edge.key_file}}}], client_certificate: required, client_ca: {ca}}}"
    gateway = start(configuration(f"address: '0.0.0.0:{admin}', {tls}"))
    url = f"https://localhost:{admin}"
    shown = ["--cert", str(operator.cert_file), "--key", str(operator.key_file)]
    assert curl("--cacert", str(ca), *shown, f"{url}/metrics").stdout == "200"
    assert curl("--cacert", str(ca), f"{url}/metrics").returncode != 0
    assert curl(f"http://localhost:{admin}/metrics").returncode != 0
    command = [BINARY, "top", "--once", "--ca", str(ca)]
    out = subprocess.run([*command, *shown, "--admin", f"https://127.0.0.1:{admin}"], capture_output=True, text=True)
    assert out.returncode == 0 and "ROUTE" in out.stdout, out.stderr
    assert subprocess.run([*command, "--admin", f"https://127.0.0.1:{admin}"], capture_output=True).returncode == 3
    # A replaced certificate is used without a restart.
    before = edge.fingerprint
    authority.issue("edge", "localhost", "127.0.0.1", days=30)

    def now_shown():
        reader = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{admin}", *("-cert", shown[1], "-key", shown[3])],
                                input="", capture_output=True, text=True)
        text = subprocess.run(["openssl", "x509", "-noout", "-fingerprint", "-sha256"], input=reader.stdout, capture_output=True, text=True)
        return text.stdout.strip().split("=")[-1].replace(":", "").lower()
    wait_for(lambda: now_shown() not in (before, ""), what="the new certificate")
    gateway.stop()


@sanitizers.only_configuration
@pytest.mark.parametrize("settings, told", [
    ("address: '0.0.0.0:9080'", "others than this machine can reach `0.0.0.0:9080`"),
    ("address: '[::]:9080'", "give `admin` `tokens`"),
    ("tokens: [{name: a, hash: secret}]", "expected `sha256:` and 64 hexadecimal digits"),
    ("hosts: ['admin.internal:9080']", "is not a name"),
    ("token: x", "did you mean `tokens`?"),
    ("tls: {}", "`tls` needs `certificates`"),
    (f"tokens: [{{name: a, hash: 'sha256:{64 * '0'}', access: full}}]", "unknown key `access` in token - here it is `role`: `viewer` for `read`"),
    (f"tokens: [{{name: a, hash: 'sha256:{64 * '0'}', role: reader}}]", "`reader` is not one of viewer, operator, publisher, admin"),
    (f"tokens: [{{name: a, hash: 'sha256:{64 * '0'}', labels: {{team: x}}}}]", "`labels` limit a token with the role `publisher`"),
    (f"tokens: [{{name: a, hash: 'sha256:{64 * '0'}', role: publisher, labels: {{team: 'a b'}}}}]", "`a b` is not a label"),
])
def test_mistakes(tmp_path, settings, told):
    path = tmp_path / "gateway.yaml"
    path.write_text(configuration(settings).replace("{port}", "8080"))
    said = check(path)
    assert told in said and f"{path}:3:" in said


@sanitizers.only_configuration
def test_tokens_without_tls_are_warned_of(tmp_path):
    path = tmp_path / "gateway.yaml"
    path.write_text(configuration(f"address: '0.0.0.0:9080', {tokens()}").replace("{port}", "8080"))
    assert "without TLS: every machine on the way can read them" in check(path)


def test_a_reload_never_opens_what_was_closed(start, tmp_path):
    """The listener's address does not change in a reload, so its protection must not either."""
    admin = free_port()
    gateway = start(configuration(f"address: '0.0.0.0:{admin}', {tokens()}"))
    for settings in ("address: '127.0.0.1:9'", f"address: '127.0.0.1:{admin}'"):
        gateway.write(configuration(settings))
        assert any("the admin listener is not moved by a reload" in line for line in gateway.reload())
        assert ask(admin, "GET", "/metrics")[0] == 401
        assert ask(admin, "GET", "/metrics", bearer(FULL))[0] == 200
    gateway.write(simple_configuration(9))
    gateway.reload()
    assert ask(admin, "GET", "/metrics")[0] == 401


def test_commands_show_their_token(start, tmp_path):
    admin, file = free_port(), tmp_path / "token"
    file.write_text(FULL + "\n")
    start(configuration(f"address: '127.0.0.1:{admin}', {tokens()}"))

    def reload(*arguments, **variables):
        return subprocess.run([BINARY, "reload", "--admin", f"127.0.0.1:{admin}", *arguments], capture_output=True, text=True,
                              env={**os.environ, **variables})
    assert reload().returncode == 3 and "401" in reload().stderr
    assert reload("--token-file", str(file)).returncode == 0
    assert reload(PORTCULLIS_ADMIN_TOKEN=FULL).returncode == 0
    assert "the role `operator` is needed" in reload(PORTCULLIS_ADMIN_TOKEN=READ).stderr


def test_a_unix_socket(start, tmp_path):
    path = tmp_path / "admin.sock"
    start(configuration(f"address: 'unix:{path}'"))
    assert curl("--unix-socket", str(path), "http://localhost/readyz").stdout == "200"
    out = subprocess.run([BINARY, "top", "--json", "--admin", f"unix:{path}"], capture_output=True, text=True)
    assert json.loads(out.stdout)["revision"] == 1


def test_events(start, demo):
    """Events are sent once a second, to all clients, without end."""
    admin = free_port()
    start(configuration(f"address: '127.0.0.1:{admin}'", port=demo().port))
    with socket.create_connection(("127.0.0.1", admin), timeout=20) as one, socket.create_connection(("127.0.0.1", admin), timeout=20) as two:
        for client in (one, two):
            client.sendall(b"GET /v1/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
            head = read_head(client).lower()
            assert "content-type: text/event-stream" in head and "transfer-encoding: chunked" in head and "content-length" not in head
            chunks = [read_chunk(client).decode() for _ in range(3)]
            assert all(chunk.endswith("\n\n") for chunk in chunks)
            blocks = [block for block in "".join(chunks).split("\n\n") if block.startswith("event: live")]
            assert len(blocks) == 3 and all(json.loads(block.split("data: ")[1])["whole"] for block in blocks)
