"""What real clients send beyond the standards, and how the gateway reacts."""

import pytest

import sanitizers
from harness import log_lines, read_head, simple_configuration, wait_for
from interoperability import ask

pytestmark = sanitizers.one_worker


# Targets.

LOOSE = {'/a?filter={"x":[1]}': "/a?filter=%7B%22x%22:[1]%7D", "/a?x={1}": "/a?x=%7B1%7D", "/a?p=a|b^c`d\\e<f>": "/a?p=a%7Cb%5Ec%60d%5Ce%3Cf%3E",
         "/a|b^c": "/a%7Cb%5Ec", '/{id}/"x"/`<y>': "/%7Bid%7D/%22x%22/%60%3Cy%3E", "/caf\u00c3\u00a9?q=\u00c3\u00a9\u00ff": "/caf%C3%A9?q=%C3%A9%FF",
         "/a?already=%7b%22": "/a?already=%7b%22"}


@pytest.mark.parametrize("target", LOOSE, ids=ascii)
@pytest.mark.parametrize("version", [1, 2])
def test_targets_that_clients_do_not_encode_are_encoded_for_the_backend(version, target, shared, recorder, speak):
    gateway = shared(simple_configuration(recorder.port))
    if version == 1:
        assert ask(gateway, target)[0] == 200
    else:
        assert speak(gateway).ask(target.encode("latin-1")).status == 200
    assert recorder.received.startswith(f"GET {LOOSE[target]} HTTP/1.1\r\n".encode()), recorder.received


def test_everybody_sees_the_encoded_target(start, echo, tmp_path):
    log = tmp_path / "log"
    gateway = start(simple_configuration(echo(), top=f"access_log: {{path: {log}}}", extra_route="""    policies:
      - headers: {response: {set: {x-path: "{request.path}", x-query: "{request.query}"}}}
"""))
    _, head, _ = ask(gateway, "/a{b?q=\u00e9|")
    assert "x-path: /a%7Bb\r\n" in head and "x-query: q=%E9%7C\r\n" in head
    wait_for(lambda: log_lines(log), what="the log")
    assert log_lines(log)[0]["path"] == "/a%7Bb"


@pytest.mark.parametrize("target", [one for one in LOOSE if "already" not in one], ids=ascii)
@pytest.mark.parametrize("version", [1, 2])
def test_a_listener_can_insist_on_the_standard(version, target, shared, recorder, speak):
    gateway = shared(simple_configuration(recorder.port, extra_listener="    strict_targets: true\n"))
    status = ask(gateway, target)[0] if version == 1 else speak(gateway).ask(target.encode("latin-1")).status
    assert status == 400 and recorder.received == b"" and recorder.accepted == 0


@pytest.mark.parametrize("target", ["/a\x01", "/a\x7f", "/a?b\tc", "/a\x00", "/a#b", "/a?b#c"], ids=ascii)
def test_control_characters_and_fragments_stay_refused(target, shared, recorder):
    assert ask(shared(simple_configuration(recorder.port)), target)[0] == 400 and recorder.received == b"" and recorder.accepted == 0


def test_a_backslash_in_a_path_is_ambiguous(start, backend):
    made = backend()
    assert ask(start(simple_configuration(made.port)), "/a\\b")[0] == 400
    gateway = start(simple_configuration(made.port, extra_listener="    ambiguous_paths: pass\n"))
    assert ask(gateway, "/a\\b")[0] == 200 and made.received.startswith(b"GET /a%5Cb HTTP/1.1\r\n")


@pytest.mark.parametrize("head", [b"GET / HTTP/1.1\rH", b"GET /\r/", b"GET / HTTP/1.1\r\nHost: a\rX", b"GET / HTTP/1.1\r\nHost: a\r\n\rX"])
def test_a_bare_cr_is_refused_when_it_is_seen(head, start, backend, tmp_path):
    log = tmp_path / "log"
    gateway = start(simple_configuration(backend().port, top=f"access_log: {{path: {log}}}", extra_listener="    timeouts: {head: 60s}\n"))
    with gateway.connect() as client:
        client.sendall(head)  # and nothing more
        assert "400" in read_head(client)
    wait_for(lambda: log_lines(log), what="the log")
    assert log_lines(log)[0]["ended"] == "bare_cr"


# Lengths.

@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
@pytest.mark.parametrize("version", [1, 2])
def test_a_request_that_may_have_a_body_tells_that_it_has_none(version, method, shared, recorder, speak):
    gateway = shared(simple_configuration(recorder.port))
    if version == 1:
        assert ask(gateway, method=method)[0] == 200
    else:
        assert speak(gateway).ask("/", method=method).status == 200
    assert recorder.received.lower().count(b"content-length: 0\r\n") == 1


def test_other_requests_tell_no_length(shared, recorder, speak):
    assert speak(shared(simple_configuration(recorder.port))).ask("/").status == 200
    assert b"content-length" not in recorder.received.lower()


# Cookies in HTTP/2.

@pytest.mark.parametrize("count", [101, 400])
def test_the_pieces_of_a_cookie_field_count_as_one(count, shared, recorder, speak):
    cookies = [("cookie", f"c{i}=v") for i in range(count)]
    assert speak(shared(simple_configuration(recorder.port))).ask("/", more=cookies).status == 200
    assert ("cookie: " + "; ".join(value for _, value in cookies) + "\r\n").encode() in recorder.received.lower()


def test_they_count_for_the_size_of_a_head(start, backend, speak):
    client = speak(start(simple_configuration(backend().port)))
    assert client.ask("/", more=[("cookie", "c" * 1000)] * 40).status == 431
