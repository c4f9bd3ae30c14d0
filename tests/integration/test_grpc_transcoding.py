"""JSON for a real gRPC service, the Library of examples/grpc."""

import contextlib
import concurrent.futures
import http.client
import json
import subprocess
import time

import pytest

import grpc_web
import harness
import library_server
import sanitizers
from grpc_service import descriptors
from harness import free_port, log_lines, wait_for
from hyperframe import frame as frames
from transcoding import ask, transcoding

BOOK = {"name": "shelves/1/books/1", "title": "The Green Book", "pageCount": 320, "isbn": "9780306406157", "inPrint": True,
        "genre": "NOVEL", "tags": ["green", "old"]}
BOOK_PATH = "/v1/shelves/1/books/1"


@pytest.fixture
def library(library):
    return library()


def test_calls_by_path_query_and_body(start, library):
    gateway = start(transcoding(library.port, extra_listener="    ambiguous_paths: pass"))
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20)

    def on(method, path, body=None, **fields):
        return ask(gateway, method, path, body, connection, **fields)
    got = on("GET", BOOK_PATH)
    assert (got.status, got.json) == (200, BOOK)
    assert got.fields["content-length"] == str(len(got.body)) and "grpc-status" not in got.fields and "grpc-encoding" not in got.fields
    assert on("GET", "/v1/books/shelves%2F1%2Fbooks%2F1").json == BOOK  # the other binding, with one percent-encoded segment
    made = on("POST", "/v1/shelves/2/books?request_id=r%201&book.page_count=9", {"title": "New “one”", "page_count": 7, "published": "2026-11-26T10:00:00Z"})
    assert made.json == {"name": "shelves/2/books/2", "title": "New “one”", "pageCount": 9, "published": "2026-11-26T10:00:00Z"}
    assert (library.asked[-1].parent, library.asked[-1].request_id) == ("shelves/2", "r 1")
    changed = on("PATCH", "/v1/shelves/2/books/2", {"name": "shelves/9/books/9", "inPrint": True, "isbn": 12})
    assert changed.json["inPrint"] is True and changed.json["isbn"] == "12" and changed.json["name"] == "shelves/2/books/2"  # the name in the path takes precedence
    assert [book["name"] for book in on("GET", "/v1/shelves/1/books").json["books"]] == [BOOK["name"]]
    for query, found in (("tags=green&tags=old", 1), ("tags=red", 0), ("filter.in_print=true&pageSize=5", 1), ("filter.genre=NOVEL&filter.genre=1", None)):
        got = on("GET", "/v1/shelves/1/books?" + query)
        assert got.status == (400 if found is None else 200) and (found is None or len(got.json.get("books", [])) == found), query
    assert library.asked[-1].page_size == 5
    assert on("DELETE", BOOK_PATH).json == {} and on("GET", BOOK_PATH).status == 404
    assert on("POST", "/library.Library/CountBooks", {"parent": "shelves/2"}).json == {"count": 1}
    assert on("POST", "/library.Library/CountBooks").json == {"count": 1}
    assert library.metadata["x-request-id"] and "accept-encoding" not in library.metadata


def test_one_connection_serves_all_of_this(start, library, tmp_path):
    gateway = start(transcoding(library.port))
    with gateway.connect() as client:
        for _ in range(3):  # with a body, and pipelined
            client.sendall(b"POST /library.Library/CountBooks HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % BOOK_PATH.encode())
            for expected in ({"count": 1}, BOOK):
                head, body = harness.read_response(client)
                assert "200 OK" in head and json.loads(body) == expected


def test_a_response_body_and_bodies_that_are_not_json(start, library):
    gateway = start(transcoding(library.port))
    assert ask(gateway, "GET", BOOK_PATH + "/tags").json == ["green", "old"]
    library.add(library.book(name="shelves/1/books/8"))
    assert ask(gateway, "GET", "/v1/shelves/1/books/8/tags").json == []
    cover = ask(gateway, "GET", BOOK_PATH + "/cover")
    assert (cover.fields["content-type"], cover.body) == ("image/svg+xml", b"<svg/>")
    picture = bytes(range(256)) * 40
    assert ask(gateway, "PUT", BOOK_PATH + "/cover", picture, content_type="image/png").json == {}
    cover = ask(gateway, "GET", BOOK_PATH + "/cover")
    assert (cover.fields["content-type"], cover.body) == ("image/png", picture)


@pytest.mark.parametrize("form, type, text", [
    ("array", "application/json", lambda parts: "[" + ",".join(parts) + "]"),
    ("lines", "application/x-ndjson", lambda parts: "".join(part + "\n" for part in parts)),
    ("events", "text/event-stream", lambda parts: "".join(f"data: {part}\n\n" for part in parts))])
def test_streams_of_responses(start, library, form, type, text, tmp_path):
    log = tmp_path / "access.log"
    gateway = start(transcoding(library.port, f", stream: {form}", top=f"access_log: {{path: '{log}'}}"))
    library.add(library.book(name="shelves/1/books/2"))
    books = [json.dumps(BOOK, separators=(",", ":")), '{"name":"shelves/1/books/2"}']
    watch = "/v1/shelves/1/books:watch"
    got = ask(gateway, "GET", watch)
    assert (got.status, got.fields["content-type"], got.body.decode()) == (200, type, text(books))
    assert got.fields["transfer-encoding"] == "chunked"
    empty = ask(gateway, "GET", "/v1/shelves/7/books:watch")
    assert (empty.status, empty.body.decode()) == (200, text([]))
    # A failure before the first message is an ordinary answer.
    refused = ask(gateway, "GET", "/v1/shelves/0/books:watch")
    assert (refused.status, refused.json["code"]) == (403, 7)
    # A later failure breaks off the transfer, or is sent as an event.
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20)
    connection.request("GET", watch + "?page_size=13")
    if form == "events":
        assert connection.getresponse().read().decode() == text(books) + 'event: error\ndata: {"code":15,"message":"as asked"}\n\n'
    else:
        # If the call has ended before anything was sent, the whole answer describes the failure.
        with contextlib.suppress(http.client.IncompleteRead, ConnectionResetError):
            response = connection.getresponse()
            response.read()
            assert response.status >= 500
        wait_for(lambda: "grpc_stream_failed" in [line["ended"] for line in log_lines(log)], what="the log")
    # Each message is sent at once.
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20)
    connection.request("GET", watch + "?page_size=14")
    answer = connection.getresponse()
    early = b""
    while len(early) < len(text(books)) - (form == "array"):
        early += answer.read1()
    library.go_on.set()
    assert (early + answer.read()).decode() == text(books + ['{"title":"later"}'])


def test_a_stream_of_requests(start, library):
    gateway = start(transcoding(library.port))
    got = ask(gateway, "POST", "/v1/books:import", [{"name": "a", "title": "[x]"}, {"name": "b", "tags": ["}"]}])
    assert got.json == {"count": 2} and library.books["a"].title == "[x]" and list(library.books["b"].tags) == ["}"]
    assert ask(gateway, "POST", "/v1/books:import", []).json == {}
    for body in ("{}", "[1]", "[{}", "[{}] x", '[{"no": 1}]', ""):
        got = ask(gateway, "POST", "/v1/books:import", body)
        assert (got.status, got.json["code"]) == (400, 3), body


def test_errors_of_the_service(start, library, tmp_path):
    gateway = start(transcoding(library.port))
    got = ask(gateway, "GET", "/v1/shelves/1/books/none")
    assert (got.status, got.json) == (404, {"code": 5, "message": "no book shelves/1/books/none, nor “shelves/1/books/none”"})
    assert got.fields["x-request-id"]
    away = start(transcoding(free_port()))
    got = ask(away, "GET", BOOK_PATH)
    assert got.status == 502 and json.loads(got.body)["detail"] == "connect_failed"


def test_requests_that_say_it_wrong(start, library, tmp_path):
    log = tmp_path / "access.log"
    gateway = start(transcoding(library.port, ", body_size: 1KiB", top=f"access_log: {{path: '{log}'}}"))
    asked = len(library.asked)
    for method, path, body in (("POST", "/v1/shelves/1/books", '{"title": 1'), ("POST", "/v1/shelves/1/books", '{"nothing": 1}'),
                               ("POST", "/v1/shelves/1/books", '{"page_count": "many"}'), ("POST", "/v1/shelves/1/books", '{}, "request_id": "x"'),
                               ("POST", "/v1/shelves/1/books", "[" * 900), ("PATCH", BOOK_PATH, '{"title": "a"} {}'), ("PATCH", BOOK_PATH, '{"genre": "NO"}'),
                               ("PATCH", BOOK_PATH, '{"title": "\xff"}'.encode("latin-1")),
                               ("GET", "/v1/shelves/1/books?nothing=1", None), ("GET", "/v1/shelves/1/books?filter=1", None),
                               ("GET", "/v1/shelves/1/books?page_size=x", None), ("GET", "/v1/shelves/1/books?parent.x=1", None),
                               ("GET", "/v1/shelves/1/books?page_size=1&page_size=2", None), ("GET", "/v1/shelves/1/books?filter.in_print=perhaps", None)):
        got = ask(gateway, method, path, body)
        assert (got.status, got.json["code"]) == (400, 3) and got.json["message"], (path, body)
    for method, path, body, status, detail in (("PUT", BOOK_PATH, "{}", 404, "no_grpc_method"), ("GET", "/v1/nothing", None, 404, "no_grpc_method"),
                                               ("GET", "/v1/shelves//books/1", None, 404, "no_grpc_method"),
                                               ("POST", "/library.Library/GetBook", "{}", 404, "no_grpc_method"),
                                               ("PATCH", BOOK_PATH, "x" * 1025, 413, "body_too_large")):
        got = ask(gateway, method, path, body)
        assert (got.status, json.loads(got.body)["detail"]) == (status, detail), path
    got = ask(gateway, "PATCH", BOOK_PATH, "{}", content_encoding="gzip")
    assert (got.status, json.loads(got.body)["detail"]) == (415, "content_encoding_not_supported")
    assert len(library.asked) == asked
    wait_for(lambda: [line["ended"] for line in log_lines(log)].count("bad_json_request") == 14, what="the log")


def test_how_it_is_printed_and_what_is_ignored(start, library):
    gateway = start(transcoding(library.port, ", field_names: proto, enums: numbers, print_defaults: true, ignore_unknown: true"))
    library.add(library.book(name="shelves/1/books/2", genre=2))
    assert ask(gateway, "GET", "/v1/shelves/1/books/2?nothing=1").json == {
        "name": "shelves/1/books/2", "title": "", "page_count": 0, "isbn": "0", "in_print": False, "genre": 2, "tags": []}
    assert ask(gateway, "PATCH", "/v1/shelves/1/books/2", {"nothing": {"x": []}}).status == 200


def test_what_is_not_for_it(start, library, echo):
    gateway = start(transcoding(echo(), ", others: pass, unannotated: false").replace("    protocol: http2\n", ""))
    assert json.loads(ask(gateway, "GET", "/other?x=1").body)["target"] == "/other?x=1"
    assert ask(gateway, "POST", "/library.Library/CountBooks", "{}").status == 200  # passes unchanged
    # An answer that is not gRPC's passes unchanged, unless the client's body was converted.
    got = ask(gateway, "GET", BOOK_PATH)
    assert json.loads(got.body)["target"] == "/library.Library/GetBook"


def test_grpc_passes_and_grpc_web_goes_with_it(start, library):
    gateway = start(transcoding(library.port, before="      - grpc_web: {}\n"))
    classes, service = library.classes, library.service
    request = classes.GetPrototype(service.methods_by_name["GetBook"].input_type)(name=BOOK["name"]).SerializeToString()
    with library_server.grpc.insecure_channel(f"127.0.0.1:{gateway.port}", options=[("grpc.enable_http_proxy", 0)]) as channel:
        book = channel.unary_unary("/library.Library/GetBook", response_deserializer=library.book.FromString)(request, timeout=10)
    assert book.title == BOOK["title"]
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20)
    connection.request("POST", "/library.Library/GetBook", body=grpc_web.message(request), headers={"Content-Type": "application/grpc-web"})
    messages, trailers = grpc_web.frames(connection.getresponse().read())
    assert library.book.FromString(messages[0]).title == BOOK["title"] and trailers["grpc-status"] == "0"
    assert ask(gateway, "GET", BOOK_PATH).json == BOOK


def test_by_http2(start, library, speak):
    client = speak(start(transcoding(library.port)))
    for _ in range(2):
        got = client.ask(BOOK_PATH)
        assert got.fields[":status"] == "200" and json.loads(bytes(got.body)) == BOOK and not got.trailers
        got = client.ask("/v1/shelves/1/books", method="POST", body=b'{"title": "x"}')
        assert json.loads(bytes(got.body))["title"] == "x"
        got = client.ask("/v1/shelves/1/books:watch")
        assert json.loads(bytes(got.body))[0] == BOOK


def test_rewritten_paths_are_matched(start, library):
    text = transcoding(library.port).replace("match: {path_prefix: /}", "match: {path_prefix: /api}\n    rewrite: {strip_prefix: /api}")
    gateway = start(text)
    assert ask(gateway, "GET", "/api" + BOOK_PATH).json == BOOK


def test_a_large_message_and_one_that_is_too_large(start, library):
    gateway = start(transcoding(library.port, ", body_size: 4MiB, response_size: 1MiB"))
    for size, status in ((900_000, 200), (1_100_000, 502)):
        got = ask(gateway, "PATCH", BOOK_PATH, {"title": "x" * size})
        assert got.status == status
        assert status == 502 or got.json["title"] == "x" * size


def test_a_get_is_asked_again_although_the_service_gets_a_post(start, library, backend2):
    asked = []

    def resets(peer, stream):
        asked.append(peer.streams[stream].fields[":path"])
        peer.send(frames.RstStreamFrame(stream, error_code=2))
    text = transcoding(backend2(resets).port, upstream="    retries: {attempts: 2, budget: 100%}\n")
    gateway = start(text.replace("    targets:", f"    targets:\n      - address: 127.0.0.1:{library.port}"))
    for _ in range(4):
        assert ask(gateway, "GET", BOOK_PATH).status == 200
    assert asked and set(asked) == {"/library.Library/GetBook"}
    del asked[:]
    statuses = {ask(gateway, "POST", "/v1/shelves/1/books", {"title": "x"}).status for _ in range(4)}
    assert statuses == {200, 502}  # the request must not be repeated


@sanitizers.only_configuration
@pytest.mark.parametrize("change, complaint", [
    (("library.pb", "away.pb"), "away.pb"),
    (("library.pb", "gateway.yaml"), "the file is not a descriptor set, as protoc writes it with --descriptor_set_out"),
    (("library.pb", "alone.pb"), 'annotations.proto" has not been loaded'),
    (("library.pb", "library.pb, services: [library.Libary]"), "no service named `library.Libary` in the descriptor set - did you mean `library.Library`?"),
    (("library.pb", "library.pb, stream: arrays"), "did you mean `array`?"),
    (("library.pb", "its.pb"), "its.Service.A: `{thing}` is not a single value of its.Request"),
    (("library.pb", "its.pb"), "its.Service.B: `/v1/{x`: a variable has no `}`"),
    (("library.pb", "its.pb"), "its.Service.C: its body `y` is not a field of its.Request"),
    (("library.pb", "its.pb"), "its.Service.D: `GET /v1/d/{x}` belongs to another method too"),
    (("library.pb", "its.pb"), "its.Service.E: `/v1/**/x`: nothing may follow `**`"),
    (("library.pb", "its.pb"), "its.Service.F: a stream of requests needs `body: \"*\"`"),
    (("library.pb", "its.pb"), "its.Service.G: its response_body `z` is not a field of its.Request"),
])
def test_mistakes_are_named(tmp_path, change, complaint):
    descriptors(tmp_path)
    descriptors(tmp_path, None, "alone.pb", "--include_source_info")  # without the imported files
    methods = "".join(f'rpc {name}({kind} Request) returns (Request) {{ option (google.api.http) = {{{rule}}}; }}\n' for name, kind, rule in (
        ("A", "", 'get: "/v1/{thing}"'), ("B", "", 'get: "/v1/{x"'), ("C", "", 'post: "/v1/c" body: "y"'), ("D0", "", 'get: "/v1/d/{x}"'),
        ("D", "", 'get: "/v1/d/{x}"'), ("E", "", 'get: "/v1/**/x"'), ("F", "stream", 'get: "/v1/f"'), ("G", "", 'get: "/v1/g" response_body: "z"')))
    descriptors(tmp_path, 'syntax = "proto3"; package its; import "google/api/annotations.proto";\n'
                f'message Request {{ string x = 1; Request thing = 2; }}\nservice Service {{ {methods} }}', "its.pb")
    path = tmp_path / "gateway.yaml"
    path.write_text(transcoding(1).replace("{port}", "1").replace(*change))
    told = harness.check(path)
    assert complaint in told and "gateway.yaml:" in told


@sanitizers.only_command_line
def test_explain_says_which_method(tmp_path):
    descriptors(tmp_path)
    path = tmp_path / "gateway.yaml"
    path.write_text(transcoding(1).replace("{port}", "1"))

    def explain(*request):
        return subprocess.run([harness.BINARY, "explain", "-c", str(path), *request], capture_output=True, text=True).stdout
    assert "would call /library.Library/GetBook" in explain("GET", BOOK_PATH)
    assert "no method of the descriptor set is bound to this method and path" in explain("GET", "/v1/nothing")


def test_a_new_descriptor_set_is_read_on_reload(start, library, tmp_path):
    gateway = start(transcoding(library.port))
    assert ask(gateway, "GET", BOOK_PATH).status == 200
    descriptors(tmp_path, (harness.ROOT / "examples/grpc/library.proto").read_text().replace("/v1/{name=shelves", "/v2/{name=shelves"))
    gateway.reload()
    wait_for(lambda: ask(gateway, "GET", "/v2/shelves/1/books/1").status == 200, what="the new set")
    assert ask(gateway, "GET", BOOK_PATH).status == 404
    (tmp_path / "library.pb").write_bytes(b"nonsense")
    gateway.reload()
    gateway.wait_for_line("not a descriptor set")
    assert ask(gateway, "GET", "/v2/shelves/1/books/1").json == BOOK


def test_many_at_once(start, library):
    gateway = start(transcoding(library.port))
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        assert all(one.json == BOOK for one in pool.map(lambda _: ask(gateway, "GET", BOOK_PATH), range(300)))


@pytest.mark.not_thread_sanitized(reason="the conversion of so many messages takes longer than a client waits")
def test_a_body_of_many_messages_keeps_no_other_request_waiting(start, tmp_path):
    descriptors(tmp_path)
    # There is no service: the measured time is spent before a service is asked.
    gateway = start(transcoding(free_port(), workers=1) + "  - {name: ping, match: {path: /ping}, policies: [respond: {body: pong}]}\n")
    body = "[" + ",".join(["{}"] * 300_000) + "]"

    def timed(*request):
        began = time.monotonic()
        return ask(gateway, *request).status, time.monotonic() - began
    with concurrent.futures.ThreadPoolExecutor() as pool:
        importing = pool.submit(timed, "POST", "/v1/books:import", body)
        others = []
        while not importing.done():
            others.append(timed("GET", "/ping"))
    assert importing.result()[0] == 502
    assert {status for status, _ in others} == {200}
    assert max(took for _, took in others) < importing.result()[1] / 2
