"""The documentation is true: its configurations run, and its commands print what it says they print."""

import contextlib
import json
import os
import re
import shlex
import subprocess

import pytest

import harness
import sanitizers

pytestmark = sanitizers.documents

PAGES = sorted((harness.ROOT / "docs").rglob("*.md")) + [harness.ROOT / "examples/README.md", harness.ROOT / "README.md"]
# `portcullis` in a command is the built one.
ENVIRONMENT = {**os.environ, "PATH": f"{os.path.dirname(harness.BINARY)}:{os.environ['PATH']}"}
BLOCK = re.compile(r"^```(yaml|console)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def sessions():
    """(page, configuration, console text, what to run before) for each console block; its configuration is the example
    that it names, or the YAML block before it. A block marked `before` runs before the gateway starts; one marked
    `run-to` starts its own."""
    for page in PAGES:
        configuration, before = None, ""
        for language, file, text in BLOCK.findall(page.read_text()):
            if language == "yaml":
                configuration = text
            elif file == "before":
                before = text
            elif file == "run-to":
                continue
            else:
                yield page, (harness.ROOT / "examples" / file).read_text() if file else configuration, text, before


SESSIONS = list(sessions())
WITHOUT_A_FILE = [(page, text) for page in PAGES for _, file, text in BLOCK.findall(page.read_text()) if file == "run-to"]


def printed_by(command, directory):
    """What a command writes to standard output and standard error."""
    return subprocess.run(["bash", "-c", command], cwd=directory, env=ENVIRONMENT, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=30).stdout


def steps(console):
    """(command, lines that its output must contain) for each command."""
    out = []
    for line in console.splitlines():
        if line.startswith("$ "):
            out.append((line[2:], []))
        else:
            out[-1][1].append(line)
    return out


@pytest.mark.parametrize("page, configuration, console, before", SESSIONS,
                         ids=[f"{page.relative_to(harness.ROOT)}-{i}" for i, (page, *_) in enumerate(SESSIONS)])
def test_the_commands_print_what_the_page_says(page, configuration, console, before, demo, library, start, tmp_path, tmp_path_factory, monkeypatch):
    installed = tmp_path_factory.mktemp("bin")
    (installed / "portcullis").symlink_to(os.path.abspath(harness.BINARY))
    monkeypatch.setenv("PATH", f"{installed}:{os.environ['PATH']}")
    configuration = configuration.replace("/var/lib/portcullis", str(tmp_path)).replace("/tmp/portcullis", f"{tmp_path}/portcullis")
    first, second = ("8443", "8080") if ":8443" in configuration else ("8080", "8443")
    ports = {first: "{port}", second: str(harness.free_port()), "9080": str(harness.free_port()), "9001": str(demo("one").port), "9002": str(demo("two").port)}
    if "50051" in configuration:
        ports["50051"] = str(library().port)
    for port, its in ports.items():
        configuration = configuration.replace(f"127.0.0.1:{port}", f"127.0.0.1:{its}").replace(f"port: {port}", f"port: {its}")

    def real(text):
        for port, its in ports.items():
            text = text.replace(f"127.0.0.1:{port}", f"127.0.0.1:{its}")
        return text
    for command, _ in steps(before):
        subprocess.run(["bash", "-c", real(command)], cwd=tmp_path, check=True, capture_output=True, timeout=30)
    (tmp_path / "examples").symlink_to(harness.ROOT / "examples")
    gateway = start(configuration)
    ports[first] = str(gateway.port)
    for command, expected in steps(console):
        command, expected = real(command), [real(line) for line in expected]
        out = printed_by(command, tmp_path)
        for line in expected:
            assert line in out, f"{page}: {command}\n{out}"


@pytest.mark.parametrize("page, console", WITHOUT_A_FILE,
                         ids=[f"{page.relative_to(harness.ROOT)}-{i}" for i, (page, _) in enumerate(WITHOUT_A_FILE)])
def test_an_application_is_served_as_the_page_says(page, console, demo, tmp_path):
    ports = {"8080": harness.free_port(), "9080": harness.free_port(), "3000": demo("one").port, "3001": demo("two").port}
    added = f" --listen 127.0.0.1:{ports['8080']} --dashboard 127.0.0.1:{ports['9080']}"

    def real(text):
        for port, its in ports.items():
            text = re.sub(rf"(127\.0\.0\.1|localhost|--listen ):{port}\b", rf"\1:{its}", text)
        return text
    with contextlib.ExitStack() as running:
        for command, expected in steps(console):
            if "--print" in command:
                out = printed_by(command, tmp_path)
            elif command.startswith("portcullis run "):
                served = running.enter_context(harness.running(*shlex.split(real(command))[1:], *shlex.split(added)))
                served.wait_for_line("as a file")
                out, expected = "\n".join(served.lines).replace(added, ""), [real(line) for line in expected]
            else:
                out, expected = printed_by(real(command), tmp_path), [real(line) for line in expected]
            for line in expected:
                assert line in out, f"{page}: {command}\n{out}"


def test_every_policy_has_a_page_that_runs():
    schema = json.loads(subprocess.run([harness.BINARY, "schema"], capture_output=True, check=True).stdout)
    policies = set(schema["properties"]["policies"]["items"]["properties"])
    assert policies and policies == {page.stem for page in (harness.ROOT / "docs/policies").glob("*.md")}
    assert policies <= {page.stem for page, *_ in SESSIONS}


def test_every_example_runs():
    named = {file for language, file, _ in BLOCK.findall((harness.ROOT / "examples/README.md").read_text())}
    assert {path.name for path in (harness.ROOT / "examples").glob("*.yaml")} == named


def test_links_between_pages_lead_somewhere():
    for page in PAGES:
        for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
            if "://" not in link:
                assert os.path.exists(page.parent / link), f"{page}: {link}"


@sanitizers.documents
def test_the_page_of_reasons_is_up_to_date():
    generated = subprocess.run([harness.BINARY, "schema", "--reasons", "--format", "markdown"], capture_output=True, check=True, text=True)
    assert (harness.ROOT / "docs/reasons.md").read_text() == generated.stdout, (
        "run: build/release/portcullis schema --reasons --format markdown > docs/reasons.md")


@sanitizers.documents
def test_every_reason_has_a_name_of_its_own_and_a_sentence():
    told = json.loads(subprocess.run([harness.BINARY, "schema", "--reasons"], capture_output=True, check=True).stdout)["reasons"]
    names = [one["name"] for one in told]
    assert len(names) > 120 and len(names) == len(set(names))
    for one in told:
        assert re.fullmatch(r"[a-z][a-z0-9_]+", one["name"]) and re.fullmatch(r"[A-Z].*\.", one["meaning"]), one


@sanitizers.documents
def test_every_table_of_reasons_is_told():
    told = subprocess.run([harness.BINARY, "schema", "--reasons", "--format", "markdown"], capture_output=True, check=True, text=True).stdout
    tables = [harness.ROOT / "src/telemetry/ends.h", *(harness.ROOT / "src/policy").glob("*/reasons.h")]
    names = [re.findall(r'EndReason \w+\{\s*"(\w+)"', path.read_text()) for path in tables]
    assert len(names) > 18 and all(names)
    assert sorted(sum(names, [])) == sorted(set(re.findall(r"^\| `(\w+)` \|", told, re.MULTILINE)) - {"ended"})
    # There is no other place where a reason could be made up.
    elsewhere = {path for path in (harness.ROOT / "src").rglob("*.[hc]*") if re.search(r'EndReason( \w+)?[{(]\s*"', path.read_text())}
    assert elsewhere == set(tables)
