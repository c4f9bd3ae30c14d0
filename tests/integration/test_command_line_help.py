"""The command line: the help is correct, its examples work, and the manual pages have the same content."""

import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest

import harness
import sanitizers
from command_line import CONFIGURATION, COMMANDS, NAMES, EXAMPLES, TAKE_JSON, portcullis, serving
from store import write_store
from harness import BINARY, free_port

pytestmark = sanitizers.only_command_line


# --- help -------------------------------------------------------------------------------------------------------------


def test_the_program_alone_prints_the_help_and_ends_as_wrongly_called():
    out = portcullis()
    assert (out.returncode, out.stdout) == (64, "")
    assert out.stderr == portcullis("help").stdout == portcullis("--help").stdout == portcullis("-h").stdout


def test_the_help_names_every_command_and_the_exit_codes():
    out = portcullis("help")
    assert out.returncode == 0 and len(NAMES) >= 15
    for command in COMMANDS:
        assert re.search(rf"^  {command['name']} +\S", out.stdout, re.MULTILINE)
    assert re.findall(r"^  (\d+) ", out.stdout, re.MULTILINE) == ["0", "1", "2", "3", "10", "11", "64"]


@pytest.mark.parametrize("name", NAMES)
def test_each_command_has_a_description_exit_codes_and_examples_in_its_help(name):
    out = portcullis("help", name)
    assert (out.returncode, out.stderr) == (0, "")
    assert out.stdout == portcullis(name, "--help").stdout == portcullis(name, "-h").stdout
    assert f"\nUsage: portcullis {name}" in out.stdout
    description = out.stdout.split("\n\n")[2]
    assert description.endswith(".") and not description.startswith(("Operands", "Options"))
    codes, examples = re.search(r"\nExit codes:\n(.*)\nExamples:\n(.*)", out.stdout, re.DOTALL).groups()
    assert re.findall(r"^  (\d+) ", codes, re.MULTILINE)[0] == "0" and codes.rstrip().endswith("the command line is wrong")
    assert ("2" in re.findall(r"^  (\d+) ", codes, re.MULTILINE)) == (name in ("diff", "plan")), "2 is for differences"
    assert re.search(rf"^    .*portcullis {name}", examples, re.MULTILINE)
    assert max(map(len, out.stdout.splitlines())) <= 120


def test_help_for_an_unknown_command_suggests_one():
    out = portcullis("help", "relod")
    assert out.returncode == 64 and "unknown command `relod` - did you mean `reload`?" in out.stderr


OBJECT = "name: %s\nmatch: {path: /%s}\npolicies: [{respond: {status: 200}}]\n"


ASK_A_GATEWAY = re.compile(r"--(server|admin|running)\b|portcullis (doctor|reload|top|health)\b")


@pytest.fixture
def workplace(tmp_path, backend, start, name, line):
    """A folder with the files that the examples of the help use, what the example `line` of the command `name` asks or reads (a
    gateway with a store and objects, a store of revisions), and a function that adapts the examples to this machine."""
    admin = free_port()
    text = CONFIGURATION % {"admin": admin, "target": backend().port} + f"store: {{sqlite: '{tmp_path}/objects.db'}}\n"
    (tmp_path / "objects").mkdir()
    (tmp_path / "hello.yaml").write_text(OBJECT % ("hello", "hello"))
    both = "".join("  - " + (OBJECT % (route, route)).replace("\n", "\n    ").rstrip(" ") for route in ("hello", "old"))
    (tmp_path / "objects/routes.yaml").write_text(f"routes:\n{both}")
    if ASK_A_GATEWAY.search(line):
        start(text)
    else:
        (tmp_path / "gateway.yaml").write_text(text.replace("{port}", str(free_port())))
    if "--server" in line:
        applied = portcullis("apply", "-f", str(tmp_path / "objects"), "--server", f"127.0.0.1:{admin}")
        assert applied.returncode == 0, applied.stderr
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/portcullis").symlink_to(pathlib.Path(BINARY).resolve())
    (tmp_path / "key.txt").write_text("shop_abcdefghijklmnopqrstuvwxyz\n")
    (tmp_path / "password.txt").write_text("correct horse battery staple\n")
    if name == "store":
        write_store(tmp_path / "portcullis.db")
        assert portcullis("store", "backup", str(tmp_path / "monday.db"), "--store", str(tmp_path / "portcullis.db")).returncode == 0

    def real(line):
        for theirs, ours in (("/etc/portcullis/conf.d", tmp_path / "conf.d"), ("/run/portcullis", tmp_path), ("127.0.0.1:9080", f"127.0.0.1:{admin}"),
                             ("127.0.0.1:9001", f"127.0.0.1:{free_port()}"), ("--listen :80 ", f"--listen 127.0.0.1:{free_port()} ")):
            line = line.replace(theirs, str(ours))
        # Without --listen the default port is used, which another test may use.
        return line if "--to " not in line or "--listen " in line else line.replace("--to ", f"--listen 127.0.0.1:{free_port()} --to ", 1)

    return tmp_path, real


@pytest.mark.parametrize("name, line", EXAMPLES, ids=[line for _, line in EXAMPLES])
def test_each_example_in_the_help_works(name, line, workplace):
    folder, real = workplace
    if " --to " in line and "--print" not in line:
        line = re.sub(r" --listen \S+", "", line) + f" --listen 127.0.0.1:{free_port()}"
    if name in ("run", "demo-backend") and "--print" not in line:
        # The workplace's gateway uses the addresses of gateway.yaml, so this configuration uses others.
        text = CONFIGURATION.replace("{port}", str(free_port())) % {"admin": free_port(), "target": free_port()}
        (folder / "gateway.yaml").write_text(text)
        (folder / "conf.d").mkdir()
        (folder / "conf.d/one.yaml").write_text(text)
        with serving(real(line), folder) as process:
            assert process.poll() is None, (folder / "said").read_text()
        assert process.returncode == 0
        return
    (folder / "conf.d").mkdir()
    shutil.copy(folder / "gateway.yaml", folder / "conf.d")
    if "man -l" in line and shutil.which("man") is None:
        line = line.replace("man -l -", "cat")
    out = subprocess.run(["bash", "-c", real(line)], cwd=folder, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL,
                         env=os.environ | {"PATH": f"{folder}/bin:{os.environ['PATH']}"})
    assert out.returncode == 0, out.stdout + out.stderr
    assert out.stderr == ""
    if "--json" in line:
        json.loads(out.stdout)


# --- the page ---------------------------------------------------------------------------------------------------------


PAGE = (harness.ROOT / "docs/command-line.md").read_text()


def rows(heading):
    """The cells of the table with that heading."""
    table = re.search(rf"^\| {heading} \|.*\n\|[-|]*\|\n((?:\|.*\n)*)", PAGE, re.MULTILINE)[1]
    return [[cell.strip().strip("`") for cell in line.strip("|").split(" | ")] for line in table.splitlines()]


def test_the_page_lists_the_commands():
    assert rows(r"command \| what it does") == [[command["name"], command["summary"]] for command in COMMANDS]


def test_the_page_lists_the_variables_and_the_exit_codes():
    variables = {one["name"] for command in COMMANDS for one in command["environment"]}
    assert {name for name, _ in rows("variable")} == variables
    codes = {str(one["code"]) for command in COMMANDS for one in command["exit_codes"]}
    assert [code for code, _ in rows("code")] == sorted(codes, key=int) == ["0", "1", "2", "3", "10", "11", "64"]


def test_the_page_describes_the_json_of_each_command_that_prints_some():
    described = {name for names, *_ in rows(r"command \| document") for name in re.findall(r"[\w-]+", names)}
    assert described == set(TAKE_JSON)


# --- manual pages -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", ["portcullis", "portcullis.yaml"])
def test_manual_pages_are_formatted_without_a_warning(page, tmp_path):
    path = tmp_path / page
    path.write_text(portcullis("man", page).stdout)
    for width in ("80", "200"):
        out = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z", f"-rLL={width}n", str(path)], capture_output=True, text=True)
        # A word that is wider than the line, such as a variable's long name, causes a warning that cannot be avoided.
        assert (out.returncode, out.stderr) == (0, "")


def plain(page):
    """The page as text."""
    out = subprocess.run(["groff", "-man", "-Tascii", "-P-cbou", "-rLL=400n"], input=portcullis("man", page).stdout, capture_output=True, text=True, check=True)
    return out.stdout


def test_the_manual_page_of_the_program_says_what_help_says():
    text = plain("portcullis")
    assert portcullis("man").stdout == portcullis("man", "portcullis").stdout
    assert re.search(r"^NAME\n\s+portcullis - an API gateway$", text, re.MULTILINE)
    words = " ".join(text.split())
    for command in COMMANDS:
        for said in [command["usage"], command["summary"]] + [example["line"] for example in command["examples"]] + \
                [option["summary"].replace("`", "") for option in command["options"]] + [one["name"] for one in command["environment"]]:
            assert " ".join(said.split()) in words


def test_the_manual_page_of_the_configuration_has_every_key():
    text = plain("portcullis.yaml")
    reference = portcullis("schema", "--format", "markdown").stdout.split("\n# Variables\n")[0]
    rows = re.findall(r"^\| `(\w+)` \| ([^|]*) \| ([^|]*) \| (.*) \|$", reference, re.MULTILINE)
    words = " ".join(text.split())
    assert len(rows) > 300
    for key, kind, _, summary in rows:
        assert " ".join(f"{key} {kind}".split()) in words
        assert " ".join(summary.replace("`", "").split()) in words
    for title in re.findall(r"^## `(.*)`$", reference, re.MULTILINE):
        assert re.search(rf"^\s+{re.escape(title)}$", text, re.MULTILINE), title
