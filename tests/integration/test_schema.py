"""The JSON Schema accepts what `check` accepts, and reports mistakes at their place."""

import json
import re
import subprocess

import jsonschema
import pytest
import yaml

import harness
import sanitizers
from command_line import portcullis

pytestmark = sanitizers.only_command_line

BLOCK = re.compile(r"^```yaml(?: \S+)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGES = sorted((harness.ROOT / "docs").rglob("*.md")) + [harness.ROOT / "README.md", harness.ROOT / "examples/README.md"]
HASH = "sha256:" + "0" * 64


class Loader(yaml.SafeLoader):
    """Scalars as in YAML 1.2 and in editors: `on` is a text, and so is 2027-01-31."""


Loader.yaml_implicit_resolvers = {}
for tag, form, first in [("bool", r"true|false", "tf"), ("null", r"~|null|", ["~", "n", ""]), ("int", r"[-+]?[0-9]+", "-+0123456789"),
                         ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789"), ("merge", "<<", "<")]:
    Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(rf"^(?:{form})$"), first)


def read(text):
    return yaml.load(text, Loader)


SCHEMA = json.loads(portcullis("schema").stdout)
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def errors(text):
    """(path, message) of each error."""
    return [("/".join(map(str, one.absolute_path)), one.message) for one in VALIDATOR.iter_errors(read(text))]


def snippets():
    for path in sorted((harness.ROOT / "examples").glob("*.yaml")):
        yield path.name, path.read_text()
    for page in PAGES:
        for i, text in enumerate(BLOCK.findall(page.read_text())):
            yield f"{page.relative_to(harness.ROOT)}-{i}", text.replace("sha256:...", HASH)


SNIPPETS = dict(snippets())


def test_it_is_a_schema():
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", SNIPPETS)
def test_examples_and_snippets_validate(name):
    assert errors(SNIPPETS[name]) == []


# The policies of a route, and further keys of the top level.
ROUTE = "version: 1\nlisteners: [{{name: a, address: '127.0.0.1:80'}}]\n{top}\nroutes: [{{name: r, match: {{path: /}}, policies: [{policies}]}}]\n"


def whole(policies="respond: {}", top=""):
    return ROUTE.format(policies=policies, top=top)


TAKEN = {
    "a status as a number": whole("redirect: {to: /x, status: 302}"),
    "a status as a text": whole("redirect: {to: /x, status: '302'}"),
    "a version of TLS as a number": whole(top="upstreams: [{name: u, tls: {min_version: 1.3}, targets: [{address: 'a:1'}]}]"),
    "a version of TLS as a text": whole(top="upstreams: [{name: u, tls: {min_version: '1.3'}, targets: [{address: 'a:1'}]}]"),
    "numbers and truth values as texts": whole("cors: {origins: ['*'], credentials: 'false'}, respond: {}", "workers: '2'"),
    "texts as numbers": whole("respond: {body: 5}", "upstreams: [{name: 7, targets: [{address: 'a:1'}]}]"),
    "a variable for a number": whole(top="workers: '${PC_N:-2}'"),
    "a variable for a truth value": whole("redirect: {to: /, keep_query: '${PC_B:-true}'}"),
    "a variable for a word": whole("redirect: {to: /, status: '${PC_S:-302}'}"),
    "a variable for a duration": whole(top="drain_timeout: '${PC_D:-5}s'"),
    "a variable for a path": whole("redirect: {to: '${PC_P:-/x}'}").replace("path: /", "path: '${PC_P:-/x}'"),
    "a variable in a list": whole("ip_filter: {deny: ['${PC_A:-10.0.0.0/8}']}, respond: {}"),
    "a size as a number": whole("request_limits: {body_size: 512}, respond: {}"),
    "keys of one's own": "x-a: 1\n" + whole("{x-why: b, respond: {x-c: 2}}", "limits: {x-d: 3}"),
    "merge keys": whole(top="x-u: &u {balance: random}\nupstreams: [{<<: *u, name: u, targets: [{address: 'a:1'}]}]"),
    "required keys that are merged": whole(top="x-u: &u {name: u, targets: [{address: 'a:1'}]}\nupstreams: [{<<: *u, balance: random}]"),
    "empty lists and maps": whole(top="consumers:\nplans:\n"),
    "a list of one as its only element": whole("cache: {ttl_by_status: [{status: 404, ttl: 1s}]}, respond: {}"),
    "statuses as numbers and ranges": whole("cache: {ttl_by_status: [{status: [404, 5xx, 410-412], ttl: 1s}]}, respond: {}"),
    "a short form": whole(top=f"consumers: [{{name: c, credentials: {{keys: '{HASH}'}}}}]"),
    "the long form of it": whole(top=f"consumers: [{{name: c, credentials: {{keys: [{{hash: '{HASH}', name: k, expires: 2027-01-31}}]}}}}]"),
    "a socket's mode without quotes": whole().replace("'127.0.0.1:80'", "'unix:/run/a.sock', mode: 0660"),
    "a condition as a mapping": whole("acl: {rules: [{allow: {request.method: [GET, HEAD], request.path: /, claim.role: a, request.header.x-a: b}}]}, respond: {}"),
    "conditions on headers": whole().replace("path: /", "path: /, headers: {a: 1, b: true, c: {regex: x}, d: {present: false}}"),
}


@pytest.mark.parametrize("name", TAKEN)
def test_it_takes_what_check_takes(name, tmp_path):
    path = tmp_path / "gateway.yaml"
    path.write_text(TAKEN[name])
    out = portcullis("check", str(path))
    assert out.returncode == 0, out.stderr
    assert errors(TAKEN[name]) == []
    # The schema also works without resolving merge keys.
    if "<<" in TAKEN[name]:
        document = read(TAKEN[name])
        for upstream in document["upstreams"]:
            merged = {key: upstream.pop(key) for key in document["x-u"] if key in upstream}
            upstream["<<"] = merged
        assert list(VALIDATOR.iter_errors(document)) == []


def test_a_file_of_a_folder_is_good_by_itself(tmp_path):
    parts = {"main.yaml": "version: 1\nlisteners: [{name: a, address: '127.0.0.1:80'}]\n",
             "routes.yaml": "routes: [{name: r, match: {path: /}, policies: [respond: {}]}]\n"}
    for name, text in parts.items():
        (tmp_path / name).write_text(text)
        assert errors(text) == []
    assert portcullis("check", str(tmp_path)).returncode == 0


@pytest.mark.parametrize("text, place, word", [
    (whole("rate_limit: {limt: 1/s}"), "routes/0/policies/0/rate_limit", "limt"),
    (whole("rate_limit: {limit: 1/s, algorithm: tokn}"), "routes/0/policies/0/rate_limit/algorithm", "tokn"),
    (whole("rate_limit: {limits: [{limit: 1/s, nme: x}]}"), "routes/0/policies/0/rate_limit/limits/0", "nme"),
    (whole("rat_limit: {}"), "routes/0/policies/0", "rat_limit"),
    (whole("any_of: {methods: [key_auth: {heder: x}]}"), "routes/0/policies/0/any_of/methods/0/key_auth", "heder"),
    (whole("redirect: {status: 302}"), "routes/0/policies/0/redirect", "to"),
    (whole("{respond: {}, cors: {origins: ['*']}}"), "routes/0/policies/0", "too many properties"),
    (whole(top=f"consumers: [{{name: c, credentials: {{keys: {{hsh: '{HASH}'}}}}}}]"), "consumers/0/credentials/keys", "hsh"),
    (whole(top=f"consumers: [{{name: c, credentials: {{keys: [{{hsh: '{HASH}'}}]}}}}]"), "consumers/0/credentials/keys/0", "hsh"),
    (whole(top="upstreams: [{name: u, blance: random}]"), "upstreams/0", "blance"),
    (whole(top="upstreams: [{targets: [{address: 'a:1'}]}]"), "upstreams/0", "name"),
    (whole(top="drain_timeout: 5"), "drain_timeout", "5"),
    (whole(top="drain_timeout: 5 seconds"), "drain_timeout", "5 seconds"),
    (whole(top="workers: 2000"), "workers", "2000"),
    (whole(top="workers: two"), "workers", "two"),
    (whole(top="listner: []"), "", "listner"),
    (whole().replace("path: /", "path: /, headers: {a: {regexp: x}}"), "routes/0/match/headers/a", "regexp"),
    (whole().replace("path: /", "path: x"), "routes/0/match/path", "x"),
])
def test_what_is_wrong_is_said_at_its_place(text, place, word, tmp_path):
    path = tmp_path / "gateway.yaml"
    path.write_text(text)
    assert portcullis("check", str(path)).returncode == 1
    found = errors(text)
    assert any(where == place and word in message for where, message in found), found
    assert all(where.startswith(place) for where, _ in found), found


def properties(schema, place=""):
    """(place, schema) of every property of every object."""
    if isinstance(schema, list):
        for one in schema:
            yield from properties(one, place)
    if not isinstance(schema, dict):
        return
    for name, its in schema.get("properties", {}).items():
        yield f"{place}.{name}", its
    for key, its in schema.items():
        if key == "properties":
            for name, one in its.items():
                yield from properties(one, f"{place}.{name}")
        elif key not in ("default", "examples"):
            yield from properties(its, place)


# One object has this property, and its `if` names the required keys.
def test_every_property_has_a_description_a_default_and_an_example():
    all_of_them = dict(properties(SCHEMA))
    assert len(all_of_them) > 500
    lacking = {place: its for place, its in all_of_them.items() if not its.get("description") or not its.get("examples")}
    assert not lacking
    required = {f"{place}.{name}" for place, its in [("", SCHEMA), *all_of_them.items()] for form in forms(its)
                for name in form.get("else", {}).get("required", [])}
    policies = {place for place in all_of_them if re.search(r"\.(policies|methods)\.\w+$", place)}
    policies |= {place for place in all_of_them if re.search(r"\.(headers|query)\.(regex|present)$", place)}  # one of the two
    lacking = {place for place, its in all_of_them.items() if "default" not in its and "Default: " not in its["description"]}
    assert lacking - policies - {".version", ".listeners"} <= required


def forms(schema):
    """The schemas of objects at one place: the schema itself, and those within its alternatives and its lists."""
    out = []
    if isinstance(schema, dict):
        out.append(schema)
        for key in ("items", "then", "else"):
            out += forms(schema.get(key))
    return out


def test_defaults_and_examples_are_good_themselves():
    for place, its in properties(SCHEMA):
        validator = jsonschema.Draft202012Validator(its)
        for value in its["examples"] + ([its["default"]] if "default" in its else []):
            assert list(validator.iter_errors(value)) == [], (place, value)


def test_some_defaults_are_those_that_the_reference_tells():
    route, listener, upstream = (SCHEMA["properties"][name]["items"]["properties"] for name in ("routes", "listeners", "upstreams"))
    assert route["upgrades"]["default"] == ["websocket"] and route["idempotent"]["default"] is False
    assert listener["ambiguous_paths"]["default"] == "refuse" and listener["timeouts"]["properties"]["idle"]["default"] == "75s"
    assert upstream["balance"]["default"] == "round_robin" and "default" not in route["match"]["properties"]["hosts"]
    policies = route["policies"]["items"]["properties"]
    assert policies["redirect"]["properties"]["status"]["default"] == 308
    assert policies["jwt"]["properties"]["consumer_claim"]["default"] == "sub"


def variables(column):
    """The variables of the reference that have a value at a moment: column 0 is the request, 1 the response, 2 an error, 3 the log."""
    table = (harness.ROOT / "docs/configuration.md").read_text().split("\n# Variables\n")[1].split("\n# ")[0]
    rows = re.findall(r"^\| `([\w.]+)` \|.*\| (yes)? *\| (yes)? *\| (yes)? *\| (yes)? *\|$", table, re.MULTILINE)
    return [name for name, *moments in rows if moments[column]]


ROUTE_SCHEMA, UPSTREAM_SCHEMA, ERROR_SCHEMA = (
    SCHEMA["properties"][name]["items"]["properties"] for name in ("routes", "upstreams", "errors"))
POLICY_SCHEMA = {name: one.get("properties") for name, one in ROUTE_SCHEMA["policies"]["items"]["properties"].items()}


@pytest.mark.parametrize("column, form, schema", [
    (0, "{} exists", POLICY_SCHEMA["acl"]["rules"]["items"]["properties"]["allow"]),
    (0, "{} exists", POLICY_SCHEMA["cache"]["when"]),
    (0, "{} exists", ROUTE_SCHEMA["split"]["items"]["properties"]["when"]),
    (0, "{}", POLICY_SCHEMA["rate_limit"]["key"]),
    (0, "{}", POLICY_SCHEMA["concurrency_limit"]["queue"]["properties"]["fair_by"]),
    (0, "{}", UPSTREAM_SCHEMA["hash_key"]),
    (0, "{}", ROUTE_SCHEMA["split_sticky"]["properties"]["key"]),
    (0, "{{{}}}", POLICY_SCHEMA["redirect"]["to"]),
    (0, "{{{}}}", POLICY_SCHEMA["cache"]["key"]),
    (0, "{{{}}}", POLICY_SCHEMA["forward_auth"]["cache"]["properties"]["key"]),
    (0, "{{{}}}", POLICY_SCHEMA["headers"]["request"]["properties"]["set"]["additionalProperties"]),
    (1, "{{{}}}", POLICY_SCHEMA["headers"]["response"]["properties"]["add"]["additionalProperties"]),
    (0, "{} exists", ERROR_SCHEMA["when"]),
    (2, "{{{}}}", ERROR_SCHEMA["respond"]["properties"]["body"]),
    (2, "{{{}}}", ERROR_SCHEMA["respond"]["properties"]["fields"]["additionalProperties"]),
    (3, "{{{}}}", SCHEMA["properties"]["access_log"]["properties"]["format"]),
])
def test_editors_can_complete_every_variable(column, form, schema):
    names = variables(column)
    assert len(names) > 20
    assert schema["type"] == "string" or schema["type"][0] == "string"  # editors quote an example as the first type says
    offered = schema["examples"]
    assert [form.format(name) for name in names if form.format(name) not in offered] == []
    unknown = {name for other in (0, 1, 2, 3) for name in variables(other)} - set(names)
    assert [form.format(name) for name in unknown if form.format(name) in offered] == []


def test_the_page_about_editors_names_what_there_is():
    page = (harness.ROOT / "docs/editors.md").read_text()
    assert "yaml-language-server: $schema=" in page and "yaml.schemas" in page and "portcullis schema >" in page
    assert subprocess.run([harness.BINARY, "schema"], capture_output=True).returncode == 0
