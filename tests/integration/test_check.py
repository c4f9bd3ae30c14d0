"""The warnings of `check`: as text, as JSON, with --strict, and in the log of a gateway. The files
tests/unit/*warnings_test.cpp test each check."""

import json
import re

import pytest

import harness
import sanitizers
from command_line import portcullis, told
from harness import free_port, wait_for

BLOCK = re.compile(r"^```yaml(?: \S+)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGES = sorted((harness.ROOT / "docs").rglob("*.md")) + [harness.ROOT / "README.md", harness.ROOT / "examples/README.md"]
WHOLE = {f"{page.relative_to(harness.ROOT)}-{i}": text for page in PAGES for i, text in enumerate(BLOCK.findall(page.read_text()))
         if text.startswith("version:") or "\nversion:" in text}

CONFIGURATION = """\
version: 1
listeners: [{name: web, address: '127.0.0.1:{port}'}]
consumers: [{name: shop, groups: [staff], credentials: {keys: "sha256:6ab9f1eb8f7d3388f4f9d586f66e99fd54080df2c446f0e58668b09c08a16dd0"}}]
routes:
  - name: orders
    match: {path_prefix: /}
    policies:
      - key_auth: {}
      - acl: {rules: [{allow: consumer.groups = staf}]}
      - respond: {}
"""
LINE = "9:23: warning: no consumer is in the group `staf` - did you mean `staff`? [unknown_group]"


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "checked.yaml"
    file.write_text(CONFIGURATION.replace("{port}", "8080"))
    return file


def test_a_warning_names_its_place_and_its_check(path):
    out = portcullis("check", str(path))
    assert (out.returncode, out.stderr) == (0, f"{path}:{LINE}\n") and ": good: " in out.stdout


def test_strict_makes_errors_of_warnings(path):
    out = portcullis("check", "--strict", str(path))
    assert (out.returncode, out.stdout, out.stderr) == (1, "", f"{path}:{LINE}\n".replace("warning", "error"))
    path.write_text(path.read_text().replace("staf}", "staff}"))
    out = portcullis("check", "--strict", str(path))
    assert (out.returncode, out.stderr) == (0, "") and ": good: " in out.stdout


def test_json_has_warnings_too(path):
    one = {"severity": "warning", "file": str(path), "line": 9, "column": 23, "check": "unknown_group",
           "message": "no consumer is in the group `staf` - did you mean `staff`?"}
    assert told("check", str(path)) == {"good": True, "diagnostics": [one]}
    assert told("check", "--strict", str(path), code=1) == {"good": False, "diagnostics": [one | {"severity": "error"}]}


def test_errors_that_have_no_check_have_no_name(path):
    path.write_text(path.read_text().replace("respond", "respnd"))
    found = told("check", str(path), code=1)["diagnostics"]
    assert found and not any("check" in one for one in found)


def test_one_mistake_in_many_places_does_not_fill_the_screen(path):
    """At most a hundred errors are printed, and a preceding warning hides none of them."""
    route = "  - {name: r%d, match: {path: /r%d}, polices: []}\n"
    path.write_text(path.read_text() + "".join(route % (i, i) for i in range(300)))
    out = portcullis("check", str(path))
    lines = out.stderr.splitlines()
    assert out.returncode == 1 and len([line for line in lines if "error: unknown key `polices`" in line]) == 100
    assert lines[-1] == "and 200 more: `portcullis check --json` prints all", lines[-3:]
    assert len([one for one in told("check", str(path), code=1)["diagnostics"] if one["severity"] == "error"]) == 300


def test_a_gateway_logs_warnings_when_it_starts_and_reloads(start):
    gateway = start(CONFIGURATION)
    assert any(line.endswith(f" warning portcullis[{gateway.process.pid}]: {gateway.path}:{LINE}") for line in gateway.lines), gateway.lines
    gateway.write(CONFIGURATION.replace("{allow: consumer.groups = staf}", "{allow: consumer.name = shp}"))
    gateway.reload()
    wait_for(lambda: any("there is no consumer `shp` - did you mean `shop`? [unknown_consumer]" in line for line in gateway.lines))


def test_every_check_is_explained():
    page = (harness.ROOT / "docs/warnings.md").read_text()
    names = re.findall(r'\{"(\w+)", find_', (harness.ROOT / "src/control/warnings/warnings.cpp").read_text())
    for policy in sorted((harness.ROOT / "src/policy").glob("*/*.cpp")):
        names += re.findall(r'with_warning<\w+>\(\S+, "(\w+)",', policy.read_text())
    assert len(names) > 8 and re.findall(r"^## `(\w+)`$", page, re.MULTILINE) == sorted(names)


@sanitizers.only_command_line
@pytest.mark.parametrize("name", sorted(path.name for path in (harness.ROOT / "examples").glob("*.yaml")))
def test_examples_have_no_warning(name):
    out = portcullis("check", "--strict", str(harness.ROOT / "examples" / name))
    assert (out.returncode, out.stderr) == (0, "")


@sanitizers.only_command_line
@pytest.mark.parametrize("name", [name for name in WHOLE if name != "docs/warnings.md-0"])
def test_documented_configurations_have_no_warning(name, tmp_path):
    path = tmp_path / "gateway.yaml"
    path.write_text(WHOLE[name])
    out = portcullis("check", "--json", str(path), cwd=tmp_path)
    named = [one for one in json.loads(out.stdout)["diagnostics"] if "check" in one]
    assert named == []
    # The remaining errors concern files that the page creates before it runs.
    assert out.returncode == 0 or all("cannot" in one["message"] or "No such file" in one["message"] for one in json.loads(out.stdout)["diagnostics"]), out.stdout
