"""Where a redirection leads."""

import pytest

import harness
import sanitizers
from harness import read_response

pytestmark = sanitizers.one_worker


def configuration(to, listener="", more=""):
    return f"""version: 1
workers: 1
listeners: [{{name: main, address: "127.0.0.1:{{port}}"{listener}}}]
routes:
  - {{name: parts, match: {{path: "/go/{{where}}"}}, policies: [redirect: {{to: "{to}"{more}}}]}}
  - {{name: all, match: {{path_prefix: /}}, policies: [redirect: {{to: "{to}"{more}}}]}}
"""


def ask(gateway, target, fields=""):
    with gateway.connect() as connection:
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: a.test\r\n{fields}\r\n".encode("latin-1"))
        head = read_response(connection)[0]
        location = [line.split(": ", 1)[1] for line in head.split("\r\n") if line.lower().startswith("location:")]
        return int(head.split()[1]), location[0] if location else None


@pytest.mark.parametrize("to, target, location", [
    ("https://x.example/y#part", "/y?a=1", "https://x.example/y?a=1#part"), ("https://x.example/y?b=2#part", "/y?a=1", "https://x.example/y?b=2&a=1#part"),
    ("https://x.example/y#p?q", "/y?a=1", "https://x.example/y?a=1#p?q"), ("#part", "/y?a=1", "?a=1#part"),
    ("https://x.example/?a=1", "/q?", "https://x.example/?a=1"), ("https://x.example/", "/q?", "https://x.example/"),
    ("https://x.example/?", "/q?a=1", "https://x.example/?a=1"), ("https://x.example/?a=1&", "/q?b=2", "https://x.example/?a=1&b=2"),
    ("https://x.example/?a=1", "/q?b=2", "https://x.example/?a=1&b=2"), ("{request.path}/", "/a?b=1", "/a/?b=1"),
    ("{request.scheme}://{request.host}{request.path}", "/a", "http://a.test/a"), ("//x.example{request.path}", "/a", "//x.example/a"),
    ("https://x.example/a b", "/", "https://x.example/a%20b"), ("/a\\\\b", "/", "/a%5Cb"), ("http://[::1]/", "/", "http://[::1]/")])
def test_the_query_goes_where_it_belongs(start, to, target, location):
    assert ask(start(configuration(to)), target) == (308, location)


@pytest.mark.parametrize("to, target", [("{request.path}/", "//evil.example"), ("/{request.path}", "/evil.example"), ("/{request.path}", "//evil.example"),
                                        ("/{path.where}", "/go//evil.example"), ("{request.path}", "///evil.example")])
def test_a_path_leads_to_the_same_host(start, to, target):
    for listener in ("", ", merge_slashes: false"):
        status, location = ask(start(configuration(to, listener)), target)
        assert status == 308 and location.startswith("/") and not location.startswith("//")


@pytest.mark.parametrize("next, location", [("/b", "/b"), ("//evil.example", "/evil.example"), ("/\\evil.example", "/%5Cevil.example"), ("\\\\evil.example", "%5C%5Cevil.example"),
                                            ("/\t/evil.example", "/%09/evil.example"), ("b/c", "b/c"), ("?a", "?a"), ("/b:c", "/b:c"), ("/\xe9", "/%E9")])
def test_what_a_client_chooses_leads_to_the_same_host(start, next, location):
    assert ask(start(configuration("{request.header.x-next}", more=", keep_query: false")), "/x?q", f"X-Next: {next}\r\n") == (308, location)


@pytest.mark.parametrize("next", ["https://evil.example", "HTTPS://evil.example", "https:evil.example", "javascript:alert(1)", "data:x"])
def test_or_nowhere(start, next, tmp_path):
    gateway = start(configuration("{request.header.x-next}") + f"access_log: {{path: {tmp_path}/log}}\n")
    assert ask(gateway, "/x", f"X-Next: {next}\r\n") == (400, None)
    harness.wait_for(lambda: harness.log_lines(tmp_path / "log"), what="the log")
    assert harness.log_lines(tmp_path / "log")[0]["ended"] == "redirect_elsewhere"


def test_a_location_is_never_empty(start, tmp_path):
    gateway = start(configuration("{request.header.x-next}") + f"access_log: {{path: {tmp_path}/log}}\n")
    assert ask(gateway, "/next?a=1") == (400, None)
    harness.wait_for(lambda: harness.log_lines(tmp_path / "log"), what="the log")
    assert harness.log_lines(tmp_path / "log")[0]["ended"] == "redirect_without_location"
