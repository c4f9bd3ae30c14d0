"""The command line: what commands print as JSON for programs."""

import json

import pytest

import harness
import sanitizers
from command_line import orders  # noqa: F401 - a fixture
from command_line import NAMES, TAKE_CONFIG, TAKE_JSON, ask, portcullis, told
from harness import wait_for

pytestmark = sanitizers.only_command_line


def test_every_command_that_prints_something_prints_json_too():
    assert set(NAMES) - set(TAKE_JSON) == {"run", "demo-backend", "completion", "man"}


def test_json_of_version():
    assert told("version") == {"name": "portcullis", "version": portcullis("--version").stdout.split()[1]}
    assert portcullis("version").stdout == portcullis("--version").stdout == portcullis("-V").stdout


def test_json_of_keys_and_hashes():
    made = told("generate-key", "--prefix", "shop_")
    assert set(made) == {"key", "hash"} and made["key"].startswith("shop_")
    assert told("hash-key", input=made["key"] + "\n") == {"hash": made["hash"]}
    assert told("hash-password", input="secret\n")["hash"].startswith("$y$")


def test_json_of_schema():
    assert told("schema")["title"] == "Portcullis configuration"
    assert portcullis("schema", "--json", "--format", "markdown").returncode == 64


def test_json_of_check(orders, tmp_path):
    assert told("check", str(orders.path)) == {"good": True, "diagnostics": []}
    path = tmp_path / "wrong.yaml"
    path.write_text("version: 1\nlistners: []\nlisteners: [{name: web, address: '127.0.0.1:80'}]\n")
    one, = told("check", str(path), code=1)["diagnostics"]
    assert (one["severity"], one["file"], one["line"], one["column"]) == ("error", str(path), 2, 1) and "did you mean `listeners`?" in one["message"]


def test_json_of_explain(orders):
    answer = told("explain", str(orders.path), "GET", "/v1/orders")
    assert (answer["outcome"], answer["route"], answer["upstream"]) == ("matched", "orders", "orders")
    assert told("explain", str(orders.path), "GET", "/v2", code=11)["outcome"] == "no_route"


def test_json_of_doctor(orders):
    answer = told("doctor", str(orders.path))
    assert answer["good"] is True and {"verdict": "good", "topic": "configuration", "text": f"{orders.path}: 1 routes"} in answer["findings"]


def test_json_of_top(orders):
    assert harness.get(orders.port, "/v1/orders")[0] == 200
    wait_for(lambda: [route["name"] for route in told("top", str(orders.path))["routes"]] == ["orders"])


def test_json_of_reload(orders):
    assert told("reload", str(orders.path)) == {"good": True, "report": "serving revision 1"}
    orders.write(orders.path.read_text().replace("upstream: orders", "upstream: odrers"))
    answer = told("reload", str(orders.path), code=1)
    assert answer["good"] is False and "did you mean `orders`?" in answer["report"]


@pytest.mark.parametrize("name", [name for name in TAKE_CONFIG if name in TAKE_JSON])
def test_what_could_not_be_done_is_said_in_json_too(name, tmp_path):
    out = portcullis(*ask(name, str(tmp_path / "nothing.yaml")), "--json")
    assert out.returncode == 3
    assert json.loads(out.stdout) == {"error": f"cannot read the configuration {tmp_path}/nothing.yaml: No such file or directory"}
