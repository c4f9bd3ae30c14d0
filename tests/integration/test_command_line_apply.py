"""The command line: files that are applied to a running gateway, planned and compared."""

import json

import pytest

import sanitizers
from command_line import portcullis
from harness import free_port, get
from test_command_line_objects import good, served  # noqa: F401 - a fixture
from test_objects_api import node

pytestmark = sanitizers.only_command_line

ROUTE = "  - name: {name}\n    match: {{path: /{name}}}\n    policies: [{{respond: {{status: 200, body: {body}}}}}]\n"


@pytest.fixture
def folder(tmp_path):
    """A folder with two files of routes, as JSON and as YAML, and settings of a node."""
    out = tmp_path / "objects"
    (out / "more").mkdir(parents=True)
    (out / "one.yaml").write_text("version: 1\nworkers: 1\nx-note: {}\nroutes:\n" + ROUTE.format(name="a", body="hi"))
    (out / "more/two.json").write_text(json.dumps({"routes": [{"name": "b", "match": {"path": "/b"}, "policies": [{"respond": {"status": 200}}]}]}))
    return out


def test_a_folder_is_applied_once(served, folder):
    out = served.ask("apply", "-f", str(folder), "--message", "begin")
    assert (out.returncode, out.stdout) == (0, "revision 2: +2 routes\n")
    assert out.stderr == f"{folder}/one.yaml:2:1: note: `workers` is a setting of the node: it stays in the node's own file\n"
    assert get(served.main_port, "/a") == (200, "hi") and get(served.main_port, "/b")[0] == 200
    out = served.ask("apply", "-f", str(folder), "--json")
    assert json.loads(out.stdout) == {"changed": False, "revision": 2, "summary": "", "skipped": ["workers"]}
    assert json.loads(good(served.ask("revisions", "--json")))["items"][0]["message"] == "begin"


def test_objects_that_the_files_do_not_have_stay_unless_they_are_pruned(served, folder):
    served.ask("apply", "-f", str(folder))
    (folder / "more/two.json").unlink()
    assert served.ask("apply", "-f", str(folder)).stdout == "nothing to do: revision 2 is in force\n"
    assert served.ask("plan", "-f", str(folder), "--prune").stdout == "- routes/b\n"
    assert served.ask("apply", "-f", str(folder), "--prune").stdout == "revision 3: -1 route\n"
    assert get(served.main_port, "/b")[0] == 404
    # A document without objects is a mistake, and no request to remove everything.
    out = served.ask("apply", "-f", "-", "--prune", input="version: 1\n")
    assert out.returncode == 1 and "there are no objects here" in out.stderr
    assert good(served.ask("apply", "-f", "-", "--prune", input="routes: []\n")) == "revision 4: -1 route\n"


def test_a_plan_says_what_would_change(served, folder):
    plan = ["plan", "-f", str(folder)]
    assert served.ask(*plan).returncode == 0 and served.ask(*plan, "--exit-code").returncode == 2
    assert sorted(served.ask(*plan).stdout.splitlines())[:2] == ["+ routes/a", "+ routes/b"]
    assert served.ask("apply", "-f", str(folder), "--plan").stdout == served.ask(*plan).stdout
    assert served.ask("diff", "-f", str(folder)).returncode == 2
    assert get(served.main_port, "/a")[0] == 404
    served.ask("apply", "-f", str(folder))
    assert served.ask(*plan, "--exit-code").returncode == 0 and served.ask("diff", "-f", str(folder)).returncode == 0
    one = folder / "one.yaml"
    one.write_text(one.read_text().replace("hi", "ho"))
    out = served.ask(*plan, "--exit-code")
    assert out.returncode == 2
    assert out.stdout.splitlines()[:2] == ["~ routes/a", '    /policies/0/respond/body: "hi" -> "ho"']
    told = json.loads(served.ask(*plan, "--json").stdout)
    assert [(one["kind"], one["name"], one["change"]) for one in told["diff"]["objects"]] == [("routes", "a", "changed")]


@pytest.mark.parametrize("command", [["apply"], ["apply", "--prune"], ["apply", "--plan"], ["plan", "--prune"], ["diff"]], ids=" ".join)
def test_a_mistake_is_named_with_file_line_and_column(command, served, folder):
    (folder / "more/two.yaml").write_text("routes:\n" + ROUTE.format(name="c", body="x") +
                                          "  - name: d\n    match: {path: /d}\n    upstream: nowhere\n"
                                          "  - name: e\n    match:\n      path: /e\n    policies:\n      - rate_limt: {limit: 5/min}\n")
    out = served.ask(*command, "-f", str(folder))
    assert out.returncode == 1, out
    assert f"{folder}/more/two.yaml:12:9: error: there is no policy `rate_limt` - did you mean `rate_limit`?" in out.stderr
    told = json.loads(served.ask(*command, "-f", str(folder), "--json").stdout)
    assert {"file": f"{folder}/more/two.yaml", "line": 12, "column": 9}.items() <= told["diagnostics"][-1].items()
    assert served.ask("get", "routes", "a").returncode == 3  # nothing has changed
    # The error of a reference is found when the other one has gone.
    path = folder / "more/two.yaml"
    path.write_text(path.read_text().replace("rate_limt", "rate_limit"))
    out = served.ask(*command, "-f", str(folder))
    assert out.returncode == 1 and f"{path}:7:15: error: there is no upstream `nowhere`" in out.stderr


def test_mistakes_that_are_found_before_the_gateway_is_asked(served, folder):
    (folder / "one.yaml").write_text("rutes: []\nroutes: []\n")
    out = served.ask("apply", "-f", str(folder))
    assert out.returncode == 1 and f"{folder}/one.yaml:1:1: error: unknown key `rutes` - did you mean `routes`?" in out.stderr
    (folder / "one.yaml").write_text("routes: [\n")
    assert served.ask("plan", "-f", str(folder)).returncode == 1
    assert served.ask("apply", "-f", str(folder / "none.yaml")).returncode == 3
    assert served.ask("apply").returncode == 64 and served.ask("apply", "-f", str(folder), "-m", "a\nb").returncode == 64


def test_an_object_of_a_file_of_the_gateway_is_changed_there(start, tmp_path):
    admin = free_port()
    gateway = node(start, tmp_path, admin, "routes:\n" + ROUTE.format(name="a", body="hi"))
    ask = ["--server", f"127.0.0.1:{admin}"]
    # An equal one is accepted, and so is a whole export.
    assert portcullis("apply", "-f", str(gateway.path), *ask).stdout == "nothing to do: revision 1 is in force\n"
    out = portcullis("apply", "-f", "-", *ask, input="routes:\n" + ROUTE.format(name="a", body="ho"))
    assert out.returncode == 1 and f"the gateway's {gateway.path}:" in out.stderr and "change it there" in out.stderr
    assert "+++ " in out.stderr


def test_references_are_sent_as_they_are_written(served):
    text = "routes:\n" + ROUTE.format(name="a", body="'${SECRET}'")
    out = served.ask("apply", "-f", "-", input=text, variables={"SECRET": "mine"})
    assert out.returncode == 1 and "standard input:4:46: error: `SECRET` is not in this node's `store.references`" in out.stderr, out.stderr


def test_files_are_read_and_compared_without_a_gateway(tmp_path, folder):
    more = ("upstreams: [{name: u, targets: [{address: '127.0.0.1:9'}]}]\nroutes:\n  - name: r\n    match: {path: /r}\n    upstream: u\n"
            "    policies: [{headers: {request: {set: {authorization: 'hidden-%s'}}}}]\n")
    first, second = tmp_path / "first.yaml", tmp_path / "second.yaml"
    first.write_text(more % "one")
    second.write_text((more % "one").replace("path: /r", "path: '${WHERE}'"))
    assert good(portcullis("diff", str(first), str(first))) == ""
    out = portcullis("diff", str(first), str(second), variables={"WHERE": "/s"})
    assert out.returncode == 2 and out.stdout.startswith("--- routes/r\n+++ routes/r\n")
    assert "-  path: /r\n" in out.stdout and "+  path: /s\n" in out.stdout and "hidden" not in out.stdout
    assert portcullis("diff", str(first), str(second)).returncode == 1  # the variable is not set
    second.write_text(more % "two")
    out = portcullis("diff", str(first), str(second))
    assert (out.returncode, out.stdout) == (2, "routes/r: another secret\n")
    told = json.loads(portcullis("diff", str(first), str(folder), "--json").stdout)
    assert [(one["name"], one["change"]) for one in told["objects"]] == [("u", "removed"), ("a", "added"), ("b", "added"), ("r", "removed")]
    assert portcullis("diff", str(first), str(tmp_path / "none")).returncode == 3
    assert portcullis("diff", str(first), str(second), "--server", "127.0.0.1:1").returncode == 64

    printed = good(portcullis("get", "routes", "r", "-c", str(first)))
    assert printed.startswith("name: r\n") and "***" in printed and "hidden" not in printed
    assert "- name: a\n" in good(portcullis("get", "routes", "-c", str(folder)))
    assert json.loads(good(portcullis("get", "consumers", "--json", "-c", str(first)))) == {"consumers": []}
    assert portcullis("get", "routes", "x", "-c", str(first)).returncode == 3
    exported = good(portcullis("export", "-c", str(folder)))
    assert "version: 1\n" in exported and "workers" not in exported
    first.write_text("routes: [{}]\n")
    assert portcullis("export", "-c", str(first)).returncode == 1
    assert portcullis("export", "-c", str(first), "--server", "x").returncode == 64
