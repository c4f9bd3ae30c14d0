"""The command line: objects of a running gateway, read and changed one by one, and its revisions."""

import json

import pytest

import sanitizers
from admin_requests import FULL, READ, tokens
from command_line import portcullis
from harness import free_port, get
from pki import Authority, pem
from test_objects_api import node

pytestmark = sanitizers.only_command_line

HELLO = "name: hello\nmatch: {path: /hello}\npolicies: [{respond: {status: 200, body: hi}}]\n"


@pytest.fixture
def served(start, tmp_path):
    """A gateway with a store, and a function that runs a command against it."""
    admin = free_port()
    gateway = node(start, tmp_path, admin)
    gateway.ask = lambda *words, **settings: portcullis(*words, "--server", f"http://127.0.0.1:{admin}", **settings)
    gateway.admin = admin
    return gateway


def good(out):
    assert (out.returncode, out.stderr) == (0, ""), out
    return out.stdout


def test_an_object_is_put_got_and_deleted(served):
    assert good(served.ask("put", "routes", "-f", "-", input=HELLO)) == "routes/hello: created, revision 2\n"
    assert get(served.main_port, "/hello") == (200, "hi")
    printed = good(served.ask("get", "routes", "hello"))
    assert printed.startswith("# of the API, since revision 2\nname: hello\n") and "_origin" not in printed
    # What was printed can be sent back, and changes nothing.
    assert good(served.ask("put", "routes", "hello", "-f", "-", input=printed)) == "routes/hello: in force, revision 2\n"
    changed = HELLO.replace("hi", "ho")
    assert good(served.ask("put", "routes", "-f", "-", "-m", "louder", input=changed)) == "routes/hello: in force, revision 3\n"
    assert json.loads(good(served.ask("get", "routes", "hello", "--json")))["_origin"] == {"from": "api", "revision": 3}
    assert good(served.ask("delete", "routes", "hello")) == "routes/hello: deleted, revision 4\n"
    assert get(served.main_port, "/hello")[0] == 404
    for words in (["get", "routes", "hello"], ["delete", "routes", "hello"]):
        out = served.ask(*words)
        assert (out.returncode, out.stdout) == (3, "") and "there is no route `hello`" in out.stderr


def test_a_list_has_the_objects_of_all_pages(served, tmp_path):
    names = [f"r{i:04}" for i in range(1003)]
    routes = [{"name": name, "match": {"path": f"/{name}"}, "policies": [{"respond": {"status": 200}}]} for name in names]
    path = tmp_path / "many.json"
    path.write_text(json.dumps({"routes": routes}))
    assert good(served.ask("apply", "-f", str(path))) == "revision 2: +1003 routes\n"
    listed = json.loads(good(served.ask("get", "routes", "--json")))["routes"]
    assert [one["name"] for one in listed] == names
    # A list can be applied, too.
    assert good(served.ask("apply", "-f", "-", input=good(served.ask("get", "routes")))) == "nothing to do: revision 2 is in force\n"


def test_the_only_object_of_a_kind_has_no_name(served):
    assert good(served.ask("put", "policies", "-f", "-", input="- headers: {response: {set: {x-a: b}}}\n")) == "policies: created, revision 2\n"
    assert "x-a: b" in good(served.ask("get", "policies"))
    assert served.ask("get", "policies", "name").returncode == 64
    assert served.ask("delete", "policies", "name").returncode == 64


def test_secrets_are_not_printed(served):
    upstream = "name: u\ntargets: [{address: '127.0.0.1:9'}]\n"
    good(served.ask("put", "upstreams", "-f", "-", input=upstream))
    route = ("name: r\nmatch: {path: /r}\nupstream: u\npolicies:\n"
             "  - headers: {request: {set: {authorization: 'Bearer hidden-secret'}}}\n")
    good(served.ask("put", "routes", "-f", "-", input=route))
    for words in (["get", "routes", "r"], ["get", "routes", "--json"], ["export"], ["diff", "1", "3"]):
        out = served.ask(*words)
        assert "***" in out.stdout and "hidden-secret" not in out.stdout + out.stderr, words
    # What was printed keeps the secret that is stored.
    assert good(served.ask("put", "routes", "-f", "-", input=good(served.ask("get", "routes", "r")))) == "routes/r: in force, revision 3\n"


def test_a_mistake_is_named_with_its_line(served, tmp_path):
    path = tmp_path / "hello.yaml"
    path.write_text(HELLO.replace("path: /hello", "pth: /hello"))
    out = served.ask("put", "routes", "-f", str(path))
    assert (out.returncode, out.stdout) == (1, "")
    assert f"{path}:2:9: error: unknown key `pth`" in out.stderr
    told = json.loads(served.ask("put", "routes", "-f", str(path), "--json").stdout)
    assert told["status"] == 422 and (told["diagnostics"][0]["file"], told["diagnostics"][0]["line"]) == (str(path), 2)
    assert served.ask("put", "routes", "-f", str(tmp_path / "none.yaml")).returncode == 3
    path.write_text("{")
    assert served.ask("put", "routes", "-f", str(path)).returncode == 1
    path.write_text("match: {}\n")
    assert served.ask("put", "routes", "-f", str(path)).returncode == 64


def test_an_object_to_which_others_refer_stays(served):
    good(served.ask("put", "upstreams", "-f", "-", input="name: u\ntargets: [{address: '127.0.0.1:9'}]\n"))
    good(served.ask("put", "routes", "-f", "-", input="name: r\nmatch: {path: /r}\nupstream: u\n"))
    out = served.ask("delete", "upstreams", "u")
    assert out.returncode == 1 and out.stderr.startswith("routes/r: error: there is no upstream `u`"), out.stderr


def test_revisions_are_listed_compared_and_restored(served):
    good(served.ask("put", "routes", "-f", "-", "--message", "first", input=HELLO))
    good(served.ask("put", "routes", "-f", "-", "--message", "größer", input=HELLO.replace("hi", "ho")))
    lines = good(served.ask("revisions")).splitlines()
    assert lines[0].split() == ["number", "time", "author", "summary", "message"]
    assert [line.split()[0] for line in lines[1:]] == ["3", "2", "1"] and "größer" in lines[1]
    assert len(json.loads(good(served.ask("revisions", "-n", "1", "--json")))["items"]) == 1
    out = served.ask("diff", "2", "3")
    assert out.returncode == 2 and "--- routes/hello\n+++ routes/hello\n" in out.stdout
    assert "-      body: hi\n" in out.stdout and "+      body: ho\n" in out.stdout
    assert good(served.ask("diff", "3", "3")) == ""
    assert good(served.ask("rollback", "2", "-m", "too loud")) == "revision 4: ~1 route\n"
    assert get(served.main_port, "/hello") == (200, "hi")
    assert good(served.ask("rollback", "2")).startswith("nothing to do: ")
    assert "body: ho" in good(served.ask("export", "--revision", "3"))
    for words in (["rollback", "99"], ["diff", "1", "99"], ["export", "--revision", "99"]):
        assert served.ask(*words).returncode == 3, words
    for words in (["rollback", "x"], ["revisions", "-n", "0"], ["rollback", "2", "-m", "a\nb"], ["diff", "1"], ["diff"]):
        assert served.ask(*words).returncode == 64, words


def test_nodes_are_listed(served):
    lines = good(served.ask("nodes")).splitlines()
    assert lines[0].split()[:3] == ["id", "state", "revision"] and lines[1].split()[1:3] == ["ready", "1"]
    assert len(json.loads(good(served.ask("nodes", "--json")))["items"]) == 1


def test_a_gateway_that_does_not_answer_and_a_wrong_token(start, tmp_path):
    away = f"http://127.0.0.1:{free_port()}"
    for words in (["get", "routes"], ["delete", "routes", "x"], ["put", "routes", "-f", "-"], ["apply", "-f", "-"], ["plan", "-f", "-"],
                  ["diff", "1", "2"], ["export"], ["revisions"], ["rollback", "1"], ["nodes"]):
        out = portcullis(*words, "--server", away, input="routes: []" if "apply" in words or "plan" in words else HELLO)
        assert out.returncode == 3 and f"cannot ask the gateway: {away}: " in out.stderr, (words, out)
    admin = free_port()
    node(start, tmp_path, admin, settings=f", {tokens()}")
    ask = ["--server", f"127.0.0.1:{admin}"]
    assert portcullis("get", "routes", *ask).returncode == 3
    out = portcullis("put", "routes", "-f", "-", *ask, input=HELLO, variables={"PORTCULLIS_ADMIN_TOKEN": READ})
    assert out.returncode == 3 and "`publisher`" in out.stderr
    (tmp_path / "token").write_text(FULL + "\n")
    assert good(portcullis("put", "routes", "-f", "-", *ask, "--token-file", str(tmp_path / "token"), input=HELLO)).endswith("revision 2\n")


def test_a_gateway_is_found_by_its_configuration_its_socket_and_its_certificate(start, tmp_path):
    admin = free_port()
    gateway = node(start, tmp_path, admin)
    assert good(portcullis("nodes", variables={"PORTCULLIS_CONFIG": str(gateway.path)}))
    gateway.stop()
    authority = Authority(tmp_path)
    edge = authority.issue("edge", "localhost", "127.0.0.1")
    ca = tmp_path / "ca.pem"
    ca.write_bytes(pem(authority.certificate))
    tls = f", tls: {{certificates: [{{cert: {edge.cert_file}, key: {edge.key_file}}}]}}"
    node(start, tmp_path, admin, settings=tls)
    assert good(portcullis("put", "routes", "-f", "-", "--server", f"https://127.0.0.1:{admin}/", "--ca", str(ca), input=HELLO))
    assert portcullis("nodes", "--server", f"https://127.0.0.1:{admin}").returncode == 3
    socket = tmp_path / "admin.sock"
    start(f"version: 1\nadmin: {{address: 'unix:{socket}'}}\nlisteners: [{{name: main, address: '127.0.0.1:{{port}}'}}]\n"
          f"store: {{sqlite: {tmp_path}/second.db}}\n")
    assert good(portcullis("put", "routes", "-f", "-", "--server", f"unix:{socket}", input=HELLO))
    if portcullis("check").returncode == 64:  # this machine has no configuration at the default place
        out = portcullis("nodes")
        assert out.returncode == 64 and "name the gateway: by --server" in out.stderr
