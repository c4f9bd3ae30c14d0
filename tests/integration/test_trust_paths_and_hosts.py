"""Each path, host and address has one spelling, so that no other spelling passes by a route or a policy."""

import re

import pytest

import harness
import sanitizers
from harness import simple_configuration
from trust import PROTECTED, ask, one_route, problems, routes, seen

pytestmark = sanitizers.one_worker


# Paths.

@pytest.mark.parametrize("target", ["//admin/x", "///admin/x", "/public/..;/admin/x", "/admin;x=1/y", "/;/admin/x", "/.;/admin",
                                    "/public/..%3B/admin/x", "/admin%3Bx", "/public/%E0%80%AF../admin", "/a//../admin/x", "/admin//x", "/./admin/x", "/%61dmin/x", "/x/../admin/x"])
def test_a_protected_prefix_has_no_other_form(target, shared, echo):
    gateway = shared(routes(echo(), *PROTECTED))
    assert ask(gateway, target=target)[0] in (400, 401)


@pytest.mark.parametrize("target, canonical", [("//a///b", "/a/b"), ("/a//", "/a/"), ("//", "/"), ("/a//b?c=//", "/a/b?c=//"),
                                               ("/a/.//b", "/a/b"), ("/a//../b", "/b")])
def test_the_backend_gets_merged_slashes(target, canonical, shared, echo):
    assert seen(shared(simple_configuration(echo())), target=target)["target"] == canonical


def test_slashes_and_parameters_pass_where_the_listener_says_so(shared, echo):
    gateway = shared(simple_configuration(echo(), extra_listener="    merge_slashes: false\n    ambiguous_paths: pass_parameters\n"))
    assert seen(gateway, target="//a;v=1//b")["target"] == "//a;v=1//b"
    assert ask(gateway, target="/a%2Fb")[0] == 400
    assert ask(gateway, target="/a/..;/b")[0] == 400


@pytest.mark.parametrize("hidden", ["..;", ".;x", "..%3B", "..%2Fadmin", "x%2F..", "x%5C..%5Cy", "..%00", ".%2F", "%C0%AE%C0%AE", "%F0%80%80%AF"])
def test_a_dot_segment_that_only_some_servers_see_is_always_refused(hidden, shared, echo):
    gateway = shared(simple_configuration(echo(), extra_listener="    ambiguous_paths: pass\n"))
    assert ask(gateway, target=f"/public/{hidden}/x")[0] == 400
    assert ask(gateway, target="/public/a%2Fb..c%3B%00/x")[0] == 200


def test_assertions_know_what_a_listener_lets_pass(tmp_path):
    asserted = routes(1, *PROTECTED, top="assertions: [{every_route: {path_prefix: /admin}, requires: [key_auth]}]")
    assert "good" in problems(tmp_path, asserted) or problems(tmp_path, asserted) == ""
    for passing in ("merge_slashes: false", "ambiguous_paths: pass", "ambiguous_paths: pass_parameters"):
        told = problems(tmp_path, asserted.replace('address: "127.0.0.1:{port}"', 'address: "127.0.0.1:{port}", ' + passing))
        assert "route `public`" in told and "lacks `key_auth`" in told


@pytest.mark.parametrize("target", ["/fwd/a/../admin/x", "/fwd/%61dmin/x", "/fwd//admin/x", "/fwd/./admin/x"])
def test_forward_auth_judges_the_path_that_the_backend_gets(target, start, echo, server):
    service = server(lambda request: (403 if request.headers["x-forwarded-uri"].startswith("/fwd/admin") else 200, {}, b""))
    gateway = start(one_route(echo(), f'forward_auth: {{url: "http://127.0.0.1:{service.port}/"}}'))
    assert ask(gateway, target=target + "?q=/../")[0] == 403
    headers = service.requests[-1].headers
    assert headers["x-forwarded-uri"] == "/fwd/admin/x?q=/../" and headers["x-forwarded-raw-uri"] == target + "?q=/../"


# Hosts.

@pytest.mark.parametrize("host, status", [("api.test", 401), ("api.test.", 401), ("API.test.:80", 401), ("api.test:80", 401),
                                          ("api%2etest", 400), ("api..test", 400), (".api.test", 400), ("api.test..", 400)])
def test_a_host_has_one_form(host, status, shared, echo):
    gateway = shared(routes(echo(), "{name: api, match: {hosts: [api.test]}, policies: [key_auth: {}], upstream: app}",
                           "{name: all, match: {path_prefix: /}, upstream: app}"))
    assert ask(gateway, host=host)[0] == status


def test_the_backend_gets_the_host_that_was_matched(shared, echo):
    got = seen(shared(simple_configuration(echo())), host="api.test.:81")
    assert got["host"] == got["x-forwarded-host"] == "api.test:81"


def test_the_cache_keeps_ports_apart(start, backend):
    def handle(connection, made):
        while True:
            host = re.search(r"(?i)\r\nhost: ([^\r]*)", made.read_head(connection))[1]
            connection.sendall(f"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: {len(host)}\r\n\r\n{host}".encode())
    gateway = start(one_route(backend(handle).port, "cache: {}"))
    answers = {host: ask(gateway, host=host)[2] for host in ("shop.example:1337", "shop.example", "shop.example:1338")}
    assert answers == {host: host.encode() for host in answers}
    for same in ("shop.example:80", "SHOP.example", "shop.example."):
        assert ask(gateway, host=same)[2] == b"shop.example"


@pytest.mark.parametrize("target, host, status", [
    ("HTTP://a/x", "a", 200), ("http://a:80/x", "a", 200), ("http://a/x", "a:80", 200), ("https://a:443/x", "a", 200),
    ("http://A./x", "a", 200), ("http://a:81/x", "a", 400), ("http://a:443/x", "a", 400), ("ftp://a/x", "a", 400)])
def test_the_absolute_form_names_the_same_resource(target, host, status, shared, echo):
    assert ask(shared(simple_configuration(echo())), target=target, host=host)[0] == status


def test_without_a_host_there_is_no_https_to_redirect_to(shared, echo):
    gateway = shared(simple_configuration(echo(), extra_listener="    redirect_to_https: {port: 443}\n"))
    assert b" 400 " in gateway.raw(b"GET / HTTP/1.0\r\n\r\n")
    assert b" 400 " in gateway.raw(b"GET / HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n")


@pytest.mark.parametrize("host", ["api.test:80", "a..b", "api%2etest", "[::1]:80", "api.test."])
def test_check_refuses_hosts_that_no_request_has(host, tmp_path):
    told = problems(tmp_path, routes(1, f"{{name: all, match: {{hosts: ['{host}']}}, upstream: app}}"))
    assert f"`{host}`" in told


@pytest.mark.parametrize("host", ["[::1]", "[0:0::1]", "[0:0:0:0:0:0:0:1]:80", "[::0001]"])
def test_an_address_is_one_host_however_it_is_written(host, shared, echo):
    for written in ("[::1]", "[0:0::1]"):
        gateway = shared(routes(echo(), f"{{name: own, match: {{hosts: ['{written}']}}, policies: [key_auth: {{}}], upstream: app}}", "{name: all, match: {path_prefix: /}, upstream: app}"))
        assert ask(gateway, host=host)[0] == 401
        assert ask(gateway, host="[::2]")[0] == 200


def test_what_is_no_address_is_no_host(shared, echo):
    gateway = shared(simple_configuration(echo()))
    for host in ("[1:2]", "[:::]", "[1.2.3.4]"):
        assert ask(gateway, host=host)[0] == 400


# Addresses of clients.

MAPPED = ["::ffff:192.0.2.9", "192.0.2.9", "::FFFF:192.0.2.9", "::ffff:c000:209"]


@pytest.mark.parametrize("form, field", [("x_forwarded", "X-Forwarded-For: {}"), ("forwarded", 'Forwarded: for="[{}]:99"')])
@pytest.mark.parametrize("address", MAPPED)
def test_an_address_has_one_form(address, form, field, start, echo, tmp_path):
    log = tmp_path / "access.log"
    text = one_route(echo(), "acl: {rules: [{allow: client.address = 192.0.2.9}]}", top=f"access_log: {{path: '{log}'}}")
    gateway = start(text.replace('{port}"', '{port}", trusted_proxies: [127.0.0.1], forwarded: ' + form))
    if ":" not in address and form == "forwarded":
        field = "Forwarded: for={}"
    assert ask(gateway, field.format(address) + "\r\n")[0] == 200
    harness.wait_for(lambda: harness.log_lines(log), what="the line")
    assert harness.log_lines(log)[0]["client"] == "192.0.2.9"


def test_mapped_addresses_do_not_share_a_limit(start, echo):
    text = one_route(echo(), "rate_limit: {limit: 3/min, key: client.address}")
    gateway = start(text.replace('{port}"', '{port}", trusted_proxies: [127.0.0.1]'))
    got = [ask(gateway, f"X-Forwarded-For: ::ffff:198.51.100.{n}\r\n")[0] for n in range(6)]
    assert got == [200] * 6
