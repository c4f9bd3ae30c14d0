"""The documentation is correct: its configurations run, and its commands print the shown output."""

import collections
import contextlib
import json
import os
import re
import shlex
import subprocess
import xml.etree.ElementTree

import pytest

import harness
import sanitizers
from shell_session import Shell, shows
from store import write_store

pytestmark = sanitizers.documents

PAGES = sorted((harness.ROOT / "docs").rglob("*.md")) + [harness.ROOT / "examples/README.md", harness.ROOT / "README.md"]
# The command `portcullis` is the built program.
ENVIRONMENT = {**os.environ, "PATH": f"{os.path.dirname(harness.BINARY)}:{os.environ['PATH']}"}
BLOCK = re.compile(r"^```(yaml|console)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def sessions():
    """(page, configuration, console text, commands to run before) for each console block. The configuration is the example that
    the block names, or the YAML block before it. A block marked `before` runs before the gateway starts; blocks marked `run-to`
    and `session` start their own gateways."""
    for page in PAGES:
        configuration, before = None, ""
        for language, file, text in BLOCK.findall(page.read_text()):
            if language == "yaml":
                configuration = text
            elif file == "before":
                before = text
            elif file in ("run-to", "session"):
                continue
            else:
                yield page, (harness.ROOT / "examples" / file).read_text() if file else configuration, text, before


SESSIONS = list(sessions())
# Pages whose blocks marked `session` are the commands of one shell. Before them, each YAML block with a name becomes the file
# of that name.
STORIES = [page for page in PAGES if any(file == "session" for _, file, _ in BLOCK.findall(page.read_text()))]
# The ports that these pages use; each is replaced by a free one.
PORT = re.compile(r"\b(3000|6379|808[0-9]|844[0-9]|900[0-9]|908[0-9])\b")
WITHOUT_A_FILE = [(page, text) for page in PAGES for _, file, text in BLOCK.findall(page.read_text()) if file == "run-to"]


def printed_by(command, directory):
    """The text that a command writes to standard output and standard error."""
    return subprocess.run(["bash", "-c", command], cwd=directory, env=ENVIRONMENT, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=120).stdout


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
def test_the_commands_print_what_the_page_says(page, configuration, console, before, echo, library, start, tmp_path, tmp_path_factory, monkeypatch):
    installed = tmp_path_factory.mktemp("bin")
    (installed / "portcullis").symlink_to(os.path.abspath(harness.BINARY))
    monkeypatch.setenv("PATH", f"{installed}:{os.environ['PATH']}")
    configuration = configuration.replace("/var/lib/portcullis", str(tmp_path)).replace("/tmp/portcullis", f"{tmp_path}/portcullis")
    first, second = ("8443", "8080") if ":8443" in configuration else ("8080", "8443")
    ports = {first: "{port}", second: str(harness.free_port()), "9080": str(harness.free_port()), "9001": str(echo("one")), "9002": str(echo("two"))}
    if "50051" in configuration:
        ports["50051"] = str(library().port)
    for port, its in ports.items():
        configuration = configuration.replace(f"127.0.0.1:{port}", f"127.0.0.1:{its}").replace(f"port: {port}", f"port: {its}")

    def real(text):
        for port, its in ports.items():
            text = re.sub(rf"(127\.0\.0\.1|example\.com):{port}\b", rf"\1:{its}", text)
        return text
    for command, _ in steps(before):
        subprocess.run(["bash", "-c", real(command)], cwd=tmp_path, check=True, capture_output=True, timeout=120)
    (tmp_path / "examples").symlink_to(harness.ROOT / "examples")
    gateway = start(configuration)
    ports[first] = str(gateway.port)
    for command, expected in steps(console):
        command, expected = real(command), [real(line) for line in expected]
        out = printed_by(command, tmp_path)
        for line in expected:
            assert shows(line, out), f"{page}: {command}\n{out}"


@pytest.mark.parametrize("page, console", WITHOUT_A_FILE,
                         ids=[f"{page.relative_to(harness.ROOT)}-{i}" for i, (page, _) in enumerate(WITHOUT_A_FILE)])
def test_an_application_is_served_as_the_page_says(page, console, echo, tmp_path):
    ports = {"8080": harness.free_port(), "9080": harness.free_port(), "3000": echo("one"), "3001": echo("two")}
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
                assert shows(line, out), f"{page}: {command}\n{out}"


@pytest.mark.parametrize("page", STORIES, ids=lambda page: str(page.relative_to(harness.ROOT)))
def test_a_story_goes_as_the_page_says(page, tmp_path):
    ports = collections.defaultdict(harness.free_port)

    def real(text):
        text = text.replace("/var/lib/portcullis", str(tmp_path))
        return PORT.sub(lambda port: str(ports[port[0]]), text).replace("/tmp/portcullis", f"{tmp_path}/portcullis")
    write_store(tmp_path / "portcullis.db")
    with contextlib.closing(Shell(tmp_path, ENVIRONMENT)) as shell:
        for language, file, text in BLOCK.findall(page.read_text()):
            if language == "yaml" and file:
                (tmp_path / file).write_text(real(text))
            elif file == "session":
                for command, expected in steps(text):
                    shell.run(real(command), [real(line) for line in expected])


def test_every_policy_has_a_page_that_runs():
    schema = json.loads(subprocess.run([harness.BINARY, "schema"], capture_output=True, check=True).stdout)
    policies = set(schema["properties"]["policies"]["items"]["properties"]) - {"use"}  # which names a policy set
    assert policies and policies == {page.stem for page in (harness.ROOT / "docs/policies").glob("*.md")}
    assert policies <= {page.stem for page, *_ in SESSIONS}


def test_every_example_runs():
    named = {file for language, file, _ in BLOCK.findall((harness.ROOT / "examples/README.md").read_text())}
    assert {path.name for path in (harness.ROOT / "examples").glob("*.yaml")} == named


def anchors(page):
    """The names that GitHub gives to the headings of a page."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE)}


def links(page):
    """(target of the link, its anchor) for each link to another file or within the page."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    for link, anchor in re.findall(r"\]\(([^)#]*)(?:#([^)]*))?\)", text):
        if "://" not in link:
            yield (page.parent / link).resolve() if link else page, anchor


def test_links_between_pages_lead_somewhere():
    for page in PAGES + [harness.ROOT / name for name in ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")]:
        for target, anchor in links(page):
            assert target.exists(), f"{page}: {target}"
            assert not anchor or anchor in anchors(target), f"{page}: {target}#{anchor}"


def test_the_start_page_leads_to_every_page():
    start = harness.ROOT / "docs/README.md"
    reached = {target for target, _ in links(start)}
    assert [page for page in (harness.ROOT / "docs").rglob("*.md") if page not in reached | {start}] == []


def test_the_map_of_the_source_names_what_is_there():
    named = set(re.findall(r"`([a-z0-9_.]+/[a-z0-9_./]*)`", (harness.ROOT / "docs/architecture.md").read_text()))
    assert len(named) > 80
    assert [path for path in sorted(named) if not any((harness.ROOT / folder / path).exists() for folder in ("src", "."))] == []


def test_drawings_are_small_and_need_nothing_else():
    drawings = list((harness.ROOT / "docs").rglob("*.svg"))
    assert drawings
    for path in drawings:
        text = path.read_text()
        root = xml.etree.ElementTree.fromstring(text)
        assert root.find("{http://www.w3.org/2000/svg}title").text, path
        assert len(text) < 8192 and "prefers-color-scheme: dark" in text, path
        assert re.findall(r"(?:https?:|href|url\((?!#)|<script|<image)", text.replace("http://www.w3.org/2000/svg", "")) == [], path


@sanitizers.documents
def test_the_page_of_reasons_is_up_to_date():
    generated = subprocess.run([harness.BINARY, "schema", "--reasons", "--format", "markdown"], capture_output=True, check=True, text=True)
    assert (harness.ROOT / "docs/reasons.md").read_text() == generated.stdout, (
        "run: build/release/portcullis schema --reasons --format markdown > docs/reasons.md")


def test_every_end_that_the_troubleshooting_names_is_explained():
    ended = (harness.ROOT / "docs/reasons.md").read_text()
    tables = re.findall(r"^\| `ended` \|.*\n\|[-|]*\|\n((?:\|.*\n)+)", (harness.ROOT / "docs/troubleshooting.md").read_text(), re.MULTILINE)
    names = {name for table in tables for row in table.splitlines() for name in re.findall(r"`(\w+)`", row.split("|")[1])}
    assert len(names) > 40
    assert sorted(name for name in names if f"`{name}`" not in ended) == []


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
    # Reasons must not be defined anywhere else.
    elsewhere = {path for path in (harness.ROOT / "src").rglob("*.[hc]*") if re.search(r'EndReason( \w+)?[{(]\s*"', path.read_text())}
    assert elsewhere == set(tables)


@sanitizers.documents
def test_the_page_of_the_admin_api_is_up_to_date():
    generated = subprocess.run([harness.BINARY, "schema", "--api", "--format", "markdown"], capture_output=True, check=True, text=True)
    assert (harness.ROOT / "docs/admin-api.md").read_text() == generated.stdout, (
        "run: build/release/portcullis schema --api --format markdown > docs/admin-api.md")
