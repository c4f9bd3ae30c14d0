"""The command line: names, exit codes, help that is true, JSON for programs, completions, manual pages."""

import contextlib
import json
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest

import harness
import sanitizers
from harness import BINARY, free_port, wait_for

pytestmark = sanitizers.only_command_line


def portcullis(*words, **settings):
    # What the machine's environment names is no part of a test.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PORTCULLIS_")}
    environment |= settings.pop("variables", {})
    return subprocess.run([BINARY, *words], capture_output=True, text=True, timeout=60, env=environment, **settings)


COMMANDS = json.loads(portcullis("help", "--json").stdout)["commands"]
NAMES = [command["name"] for command in COMMANDS]
EXAMPLES = [(command["name"], example["line"]) for command in COMMANDS for example in command["examples"]]
TAKE_CONFIG = [command["name"] for command in COMMANDS if any(option["names"] == "-c,--config" for option in command["options"])]
TAKE_JSON = [command["name"] for command in COMMANDS if any(option["names"] == "--json" for option in command["options"])]

CONFIGURATION = """\
version: 1
admin: {address: '127.0.0.1:%(admin)d'}
listeners: [{name: web, address: '127.0.0.1:{port}'}]
upstreams: [{name: orders, targets: [{address: '127.0.0.1:%(target)d'}]}]
routes: [{name: orders, match: {path_prefix: /v1}, upstream: orders}]
"""


@pytest.fixture
def orders(start, backend):
    """A gateway with an admin listener, whose port is its `admin`, and the text of its configuration."""
    admin, target = free_port(), backend().port
    gateway = start(CONFIGURATION % {"admin": admin, "target": target})
    gateway.admin = admin
    return gateway


# --- help ---------------------------------------------------------------------------------------------------------


def test_the_program_alone_prints_the_help_and_ends_as_wrongly_called():
    out = portcullis()
    assert (out.returncode, out.stdout) == (64, "")
    assert out.stderr == portcullis("help").stdout == portcullis("--help").stdout == portcullis("-h").stdout


def test_the_help_names_every_command_and_the_exit_codes():
    out = portcullis("help")
    assert out.returncode == 0 and len(NAMES) >= 15
    for command in COMMANDS:
        assert re.search(rf"^  {command['name']} +\S", out.stdout, re.MULTILINE)
    assert re.findall(r"^  (\d+) ", out.stdout, re.MULTILINE) == ["0", "1", "3", "64"]


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
    assert "2" not in re.findall(r"^  (\d+) ", codes, re.MULTILINE), "2 is for differences"
    assert re.search(rf"^    .*portcullis {name}", examples, re.MULTILINE)
    assert max(map(len, out.stdout.splitlines())) <= 120


def test_help_for_an_unknown_command_suggests_one():
    out = portcullis("help", "relod")
    assert out.returncode == 64 and "unknown command `relod` - did you mean `reload`?" in out.stderr


@pytest.fixture
def workplace(tmp_path, orders):
    """A folder with what the examples of the help name, and a way to make their words fit this machine."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/portcullis").symlink_to(pathlib.Path(BINARY).resolve())
    (tmp_path / "key.txt").write_text("shop_abcdefghijklmnopqrstuvwxyz\n")
    (tmp_path / "password.txt").write_text("correct horse battery staple\n")

    def real(line):
        for theirs, ours in (("/etc/portcullis/conf.d", tmp_path / "conf.d"), ("/run/portcullis", tmp_path), ("127.0.0.1:9080", f"127.0.0.1:{orders.admin}"),
                             ("127.0.0.1:9001", f"127.0.0.1:{free_port()}"), ("--listen :80 ", f"--listen 127.0.0.1:{free_port()} ")):
            line = line.replace(theirs, str(ours))
        # Where no configuration says so, it is a port that another test may have.
        return line if "--to " not in line or "--listen " in line else line.replace("--to ", f"--listen 127.0.0.1:{free_port()} --to ", 1)

    return tmp_path, real


@contextlib.contextmanager
def serving(line, folder):
    """A line of the shell that serves until it is told to end."""
    with open(folder / "said", "w") as said:
        process = subprocess.Popen(["bash", "-c", f"exec {line}"], cwd=folder, stderr=said,
                                   env=os.environ | {"PATH": f"{folder}/bin:{os.environ['PATH']}"})
    try:
        wait_for(lambda: re.search("listening on|as a file", (folder / "said").read_text()) or process.poll() is not None, what=line)
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(40)


@pytest.mark.parametrize("name, line", EXAMPLES, ids=[line for _, line in EXAMPLES])
def test_each_example_in_the_help_works(name, line, workplace):
    folder, real = workplace
    if " --to " in line and "--print" not in line:
        line = re.sub(r" --listen \S+", "", line) + f" --listen 127.0.0.1:{free_port()}"
    if name in ("run", "demo-backend") and "--print" not in line:
        # The gateway of the workplace has the addresses of gateway.yaml: this one has others.
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


# --- what is wrong with a command line ----------------------------------------------------------------------------


@pytest.mark.parametrize("words, complaint", [
    (["chek"], "unknown command `chek` - did you mean `check`?"),
    (["generate_key"], "unknown command `generate_key` - did you mean `generate-key`?"),
    (["nonsense"], "unknown command `nonsense`\n"),
    (["--verion"], "unknown option `--verion` - did you mean `--version`?"),
    (["check", "--jsn", "gateway.yaml"], "unknown option `--jsn` - did you mean `--json`?"),
    (["check", "--cofig=gateway.yaml"], "unknown option `--cofig` - did you mean `--config`?"),
    (["run", "--watch-files", "gateway.yaml"], "unknown option `--watch-files`"),
    (["check", "-x"], "unknown option `-x`"),
    (["check", "gateway.yaml", "other.yaml"], "unexpected `other.yaml`"),
    (["schema", "--format", "jsn"], "`--format` is one of json, markdown, not `jsn` - did you mean `json`?"),
    (["schema", "--format"], "--format"),
    (["completion"], "`SHELL` is missing"),
    (["completion", "bsh"], "`SHELL` is one of bash, zsh, fish, not `bsh` - did you mean `bash`?"),
    (["demo-backend"], "`--listen` is missing"),
    (["demo-backend", "--listen", "nowhere"], "--listen: "),
    (["explain", "-c", "gateway.yaml"], "`METHOD` is missing"),
    (["explain", "-c", "gateway.yaml", "GET"], "`URL` is missing"),
    (["explain", "a.yaml", "GET", "/", "more"], "unexpected `more`"),
    (["explain", "a.yaml", "GET", "/", "--curl", "curl http://a/"], "unexpected `GET`"),
    (["explain", "a.yaml", "--curl", "curl --frobnicate http://a/"], "--curl: "),
    (["health", "a.yaml", "--admin", "127.0.0.1:1"], "not by both"),
    (["check", ""], "`CONFIG` is empty"),
    (["check", "-c", ""], "`--config` has an empty value"),
    (["health", "--admin", ""], "`--admin` has an empty value"),
    (["check", "a.yaml", "-c", "b.yaml"], "two configurations are named: `a.yaml` and, by --config, `b.yaml`"),
])
def test_a_wrong_command_line_is_refused_with_what_is_meant(words, complaint, tmp_path):
    out = portcullis(*words, cwd=tmp_path)
    assert (out.returncode, out.stdout) == (64, "")
    assert complaint in out.stderr
    assert re.search(r"^Try `portcullis help( \S+)?`\.$", out.stderr, re.MULTILINE)


# --- how a configuration is named ---------------------------------------------------------------------------------


def ask(name, *words):
    """The words of a command that takes a configuration, with what else it takes."""
    return [name, *words, *(["GET", "/v1"] if name == "explain" else []), *(["--once"] if name == "top" else [])]


@pytest.mark.parametrize("name", [name for name in TAKE_CONFIG if name != "run"])
def test_each_command_takes_its_configuration_in_the_same_ways(name, orders):
    path = str(orders.path)
    ways = [ask(name, path), ask(name, "-c", path), ask(name, "--config", path), ask(name, f"--config={path}"), [*ask(name), "-c", path]]
    for words in ways:
        out = portcullis(*words)
        assert out.returncode == 0, (words, out.stderr)
    out = portcullis(*ask(name), variables={"PORTCULLIS_CONFIG": path})
    assert out.returncode == 0, out.stderr
    # What the command line names counts for more.
    out = portcullis(*ask(name, path), variables={"PORTCULLIS_CONFIG": "/nowhere.yaml"})
    assert out.returncode == 0, out.stderr


@pytest.mark.parametrize("words", [["{path}"], ["-c", "{path}"], []], ids=["operand", "option", "variable"])
def test_run_takes_its_configuration_in_the_same_ways(words, tmp_path, demo):
    path = tmp_path / "gateway.yaml"
    path.write_text(CONFIGURATION.replace("{port}", str(free_port())) % {"admin": free_port(), "target": demo("one").port})
    line = " ".join([] if words else [f"PORTCULLIS_CONFIG={path}"]) + f" {BINARY} run " + " ".join(words).format(path=path)
    with serving(f"env {line}", tmp_path) as process:
        assert process.poll() is None, (tmp_path / "said").read_text()
    assert process.returncode == 0


@pytest.mark.parametrize("name", TAKE_CONFIG)
def test_a_command_without_a_configuration_says_how_to_name_one(name):
    if os.path.exists("/etc/portcullis/portcullis.yaml"):
        pytest.skip("this machine has a configuration at the default place")
    out = portcullis(*ask(name))
    assert out.returncode == 64 and "PORTCULLIS_CONFIG" in out.stderr and "/etc/portcullis/portcullis.yaml does not exist" in out.stderr


def test_the_default_configuration_is_used_when_it_exists(tmp_path):
    text = CONFIGURATION.replace("{port}", "8080") % {"admin": 9080, "target": 9001}
    (tmp_path / "portcullis.yaml").write_text(text)
    # An /etc of this command's own, with nothing else in it.
    inside = f"mount -t tmpfs none /etc && mkdir /etc/portcullis && cp {tmp_path}/portcullis.yaml /etc/portcullis/ && exec {BINARY} check"
    out = subprocess.run(["unshare", "--mount", "--map-root-user", "sh", "-c", inside], capture_output=True, text=True,
                         env={"PATH": os.environ["PATH"]})
    if "unshare" in out.stderr or "mount:" in out.stderr:
        pytest.skip("this kernel gives no mount namespace: " + out.stderr)
    assert (out.returncode, out.stdout) == (0, "/etc/portcullis/portcullis.yaml: good: 1 listeners, 1 routes, 1 upstreams\n"), out.stderr


# --- exit codes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TAKE_CONFIG)
def test_a_configuration_that_cannot_be_read_ends_with_3(name, tmp_path):
    out = portcullis(*ask(name, str(tmp_path / "nothing.yaml")))
    assert out.returncode == 3 and "nothing.yaml: No such file or directory" in out.stderr


@pytest.mark.parametrize("name", TAKE_CONFIG)
def test_a_wrong_configuration_ends_with_1(name, tmp_path):
    path = tmp_path / "gateway.yaml"
    path.write_text("version: 1\nlisteners: [\n")
    out = portcullis(*ask(name, str(path)))
    assert out.returncode == 1 and "gateway.yaml:" in out.stdout + out.stderr


def test_run_ends_with_3_when_an_address_cannot_be_bound(tmp_path):
    path = tmp_path / "gateway.yaml"
    path.write_text("version: 1\nlisteners: [{name: web, address: '192.0.2.1:80'}]\nroutes: [{name: a, match: {path_prefix: /}, policies: [{respond: {status: 204}}]}]\n")
    out = portcullis("run", str(path))
    assert out.returncode == 3 and "192.0.2.1:80" in out.stderr


def test_run_ends_with_3_when_a_file_cannot_be_written(tmp_path):
    path = tmp_path / "gateway.yaml"
    path.write_text(f"version: 1\naudit_log: {{path: {path}/audit.log}}\nlisteners: [{{name: web, address: '127.0.0.1:{free_port()}'}}]\n"
                    "routes: [{name: a, match: {path_prefix: /}, policies: [{respond: {status: 204}}]}]\n")
    out = portcullis("run", str(path))
    assert out.returncode == 3 and "gateway.yaml/audit.log" in out.stderr


@pytest.mark.parametrize("words", [["schema"], ["help"], ["version", "--json"], ["man", "portcullis.yaml"], ["completion", "bash"]], ids=" ".join)
def test_output_that_cannot_be_written_ends_with_3(words):
    with open("/dev/full", "w") as full:
        out = subprocess.run([BINARY, *words], stdout=full, stderr=subprocess.PIPE, text=True)
    assert (out.returncode, out.stderr) == (3, "portcullis: cannot write all to standard output\n")


def test_the_demo_backend_ends_with_3_when_its_address_cannot_be_bound():
    out = portcullis("demo-backend", "--listen", "192.0.2.1:80")
    assert out.returncode == 3 and "192.0.2.1:80" in out.stderr


@pytest.mark.parametrize("name", ["reload", "top", "health"])
def test_a_gateway_that_cannot_be_asked_ends_with_3(name, tmp_path):
    out = portcullis(name, "--admin", f"127.0.0.1:{free_port()}")
    assert out.returncode == 3 and "cannot ask the gateway: http://127.0.0.1:" in out.stderr
    out = portcullis(name, "--admin", "127.0.0.1:1", "--token-file", str(tmp_path / "none"))
    assert out.returncode == 3 and "cannot read the token" in out.stderr


@pytest.mark.parametrize("name", ["reload", "top", "health"])
def test_a_configuration_without_an_admin_listener_ends_with_1(name, tmp_path):
    path = tmp_path / "gateway.yaml"
    path.write_text("version: 1\nlisteners: [{name: web, address: '127.0.0.1:80'}]\n")
    out = portcullis(name, str(path))
    assert out.returncode == 1 and "has no `admin` listener to ask" in out.stderr


def test_explain_ends_with_1_when_no_route_takes_the_request(orders):
    assert portcullis("explain", str(orders.path), "GET", "/v2").returncode == 1


# --- JSON ---------------------------------------------------------------------------------------------------------


def told(*words, code=0, **settings):
    out = portcullis(*words, "--json", **settings)
    assert out.returncode == code, out.stderr
    return json.loads(out.stdout)


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
    assert told("explain", str(orders.path), "GET", "/v2", code=1)["outcome"] == "no_route"


def test_json_of_doctor(orders):
    answer = told("doctor", str(orders.path))
    assert answer["good"] is True and {"verdict": "good", "topic": "configuration", "text": f"{orders.path}: 1 routes"} in answer["findings"]


def test_json_of_top(orders):
    assert harness.get(orders.port, "/v1/orders")[0] == 200
    wait_for(lambda: [route["name"] for route in told("top", str(orders.path))["routes"]] == ["orders"])


def test_json_of_reload(orders):
    assert told("reload", str(orders.path)) == {"good": True, "report": "serving configuration 2"}
    orders.write(orders.path.read_text().replace("upstream: orders", "upstream: odrers"))
    answer = told("reload", str(orders.path), code=1)
    assert answer["good"] is False and "did you mean `orders`?" in answer["report"]


@pytest.mark.parametrize("name", [name for name in TAKE_CONFIG if name in TAKE_JSON])
def test_what_could_not_be_done_is_said_in_json_too(name, tmp_path):
    out = portcullis(*ask(name, str(tmp_path / "nothing.yaml")), "--json")
    assert out.returncode == 3
    assert json.loads(out.stdout) == {"error": f"cannot read the configuration {tmp_path}/nothing.yaml: No such file or directory"}


# --- health -------------------------------------------------------------------------------------------------------


def test_health_of_a_gateway_that_serves(orders):
    for place in ([str(orders.path)], ["--admin", f"127.0.0.1:{orders.admin}"]):
        out = portcullis("health", *place)
        assert (out.returncode, out.stdout, out.stderr) == (0, "ready\n", "")
        assert portcullis("health", *place, "--live").stdout == "ok\n"
        assert told("health", *place) == {"good": True, "state": "ready"}
        assert told("health", *place, "--live") == {"good": True, "state": "ok"}


def test_health_needs_no_environment(orders):
    out = subprocess.run([BINARY, "health", "--admin", f"127.0.0.1:{orders.admin}"], env={}, cwd="/", stdin=subprocess.DEVNULL, capture_output=True)
    assert (out.returncode, out.stdout) == (0, b"ready\n")


def test_a_gateway_that_drains_is_alive_but_not_ready(start, backend):
    arrived, release = threading.Event(), threading.Event()

    def hold(connection, its):
        its.read_head(connection)
        arrived.set()
        release.wait(60)
        connection.sendall(harness.ANSWER)

    gateway = start(CONFIGURATION % {"admin": free_port(), "target": backend(hold).port})
    path = str(gateway.path)
    with gateway.connect() as client:
        client.sendall(b"GET /v1/orders HTTP/1.1\r\nHost: a\r\n\r\n")
        assert arrived.wait(20)
        gateway.process.send_signal(signal.SIGTERM)
        wait_for(lambda: portcullis("health", path).returncode != 0, what="draining")
        out = portcullis("health", path)
        assert (out.returncode, out.stdout, out.stderr) == (3, "", "not ready\n")
        assert told("health", path, code=3) == {"good": False, "state": "not ready"}
        assert portcullis("health", "--live", path).returncode == 0
        release.set()
        assert harness.read_head(client).startswith("HTTP/1.1 200 ")


def test_health_does_not_depend_on_the_rest_of_the_configuration(orders):
    # Else an edit that is wrong would have a container's engine restart a gateway that serves well.
    orders.write(orders.path.read_text().replace("upstream: orders", "upstream: '${NOT_SET}', upstreem: x"))
    assert portcullis("check", str(orders.path)).returncode == 1
    assert portcullis("health", str(orders.path)).returncode == 0


def test_health_of_one_that_does_not_answer_ends_soon():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        out = portcullis("health", "--admin", f"127.0.0.1:{silent.getsockname()[1]}")
        assert out.returncode == 3 and "cannot ask the gateway" in out.stderr
        assert time.monotonic() - began < 20


def test_health_of_one_that_is_no_gateway(backend):
    other = backend(harness.answer(b"HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nwhat?"))
    out = portcullis("health", "--admin", f"127.0.0.1:{other.port}")
    assert out.returncode == 3 and "/readyz answers 404" in out.stderr


# --- the page -----------------------------------------------------------------------------------------------------


PAGE = (harness.ROOT / "docs/command-line.md").read_text()


def rows(heading):
    """The cells of the table whose head begins so."""
    table = re.search(rf"^\| {heading} \|.*\n\|[-|]*\|\n((?:\|.*\n)*)", PAGE, re.MULTILINE)[1]
    return [[cell.strip().strip("`") for cell in line.strip("|").split(" | ")] for line in table.splitlines()]


def test_the_page_lists_the_commands():
    assert rows(r"command \| what it does") == [[command["name"], command["summary"]] for command in COMMANDS]


def test_the_page_lists_the_variables_and_the_exit_codes():
    variables = {one["name"] for command in COMMANDS for one in command["environment"]}
    assert {name for name, _ in rows("variable")} == variables
    codes = {str(one["code"]) for command in COMMANDS for one in command["exit_codes"]}
    assert [code for code, _ in rows("code")] == sorted(codes, key=int) == ["0", "1", "3", "64"]


def test_the_page_describes_the_json_of_each_command_that_prints_some():
    described = {name for names, *_ in rows(r"command \| document") for name in re.findall(r"[\w-]+", names)}
    assert described == set(TAKE_JSON)


# --- completions --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def scripts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("completions")
    for shell in ("bash", "zsh", "fish"):
        (folder / shell).write_text(portcullis("completion", shell).stdout)
    work = folder / "work"
    work.mkdir()
    for name in ("gateway.yaml", "other file.yaml", "token"):
        (work / name).touch()
    return folder


COMPLETIONS = [
    (["che"], {"check"}),
    (["hash-"], {"hash-key", "hash-password"}),
    (["nonsense", "x"], set()),
    (["h"], {"help", "health", "hash-key", "hash-password"}),
    (["check", "--js"], {"--json"}),
    (["check", "ga"], {"gateway.yaml"}),
    (["check", "-c", "oth"], {"other file.yaml"}),
    (["explain", "--config", "gate"], {"gateway.yaml"}),
    (["explain", "gateway.yaml", "to"], set()),
    (["schema", "--format", ""], {"json", "markdown"}),
    (["schema", "--format", "m"], {"markdown"}),
    (["top", "--token-file", "tok"], {"token"}),
    (["top", "--admin", "tok"], set()),
    (["completion", ""], {"bash", "zsh", "fish"}),
    (["man", "portcullis."], {"portcullis.yaml"}),
    (["help", "hash-p"], {"hash-password"}),
]


def complete_in_bash(scripts, words):
    script = """source "$1"; shift
    COMP_WORDS=(portcullis "$@"); COMP_CWORD=$#; COMP_LINE="portcullis $*"; COMP_POINT=${#COMP_LINE}
    [[ $(complete -p portcullis) =~ -F\\ ([^ ]+) ]] && "${BASH_REMATCH[1]}" portcullis "${!#}" "${COMP_WORDS[COMP_CWORD-1]}"
    printf '%s\\n' "${COMPREPLY[@]}" """
    out = subprocess.run(["bash", "--norc", "-c", script, "bash", str(scripts / "bash"), *words], cwd=scripts / "work", capture_output=True, text=True)
    assert out.stderr == ""
    return {line for line in out.stdout.splitlines() if line}


@pytest.mark.parametrize("words, expected", COMPLETIONS, ids=[" ".join(words) for words, _ in COMPLETIONS])
def test_bash_completes(words, expected, scripts):
    assert complete_in_bash(scripts, words) == expected


def test_bash_completes_every_command_and_every_option(scripts):
    assert complete_in_bash(scripts, [""]) == {*NAMES, "--help", "--version"}
    for command in COMMANDS:
        options = {option["names"].split(",")[-1] for option in command["options"]}
        assert complete_in_bash(scripts, [command["name"], "--"]) == {*options, "--help"}


def test_bash_completes_a_value_after_an_equals_sign(scripts):
    assert complete_in_bash(scripts, ["schema", "--format", "="]) == {"json", "markdown"}
    assert complete_in_bash(scripts, ["schema", "--format", "=", "m"]) == {"markdown"}
    assert complete_in_bash(scripts, ["check", "--config", "=", "ga"]) == {"gateway.yaml"}


def complete_in_fish(scripts, words):
    line = "portcullis " + " ".join(word.replace(" ", "\\ ") for word in words)
    out = subprocess.run(["fish", "--no-config", "-c", "source $argv[1]; complete -C $argv[2]", str(scripts / "fish"), line],
                         cwd=scripts / "work", capture_output=True, text=True, env=os.environ | {"HOME": str(scripts)})
    assert out.stderr == ""
    return {part.split("\t")[0] for part in out.stdout.splitlines()}


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
@pytest.mark.parametrize("words, expected", COMPLETIONS, ids=[" ".join(words) for words, _ in COMPLETIONS])
def test_fish_completes(words, expected, scripts):
    found = {name.replace("\\ ", " ") for name in complete_in_fish(scripts, words)}
    if expected:
        assert found == expected
    else:
        assert not found & {"token", "gateway.yaml"} or words[0] == "explain"


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
def test_fish_reads_its_script(scripts):
    assert subprocess.run(["fish", "--no-execute", str(scripts / "fish")], env=os.environ | {"HOME": str(scripts)}).returncode == 0


class Zsh:
    """A zsh at a terminal of its own, with the completion."""

    def __init__(self, scripts):
        process, self.terminal = pty.fork()
        if process == 0:
            os.chdir(scripts / "work")
            os.execvpe("zsh", ["zsh", "-f", "-i"], {"PATH": os.environ["PATH"], "HOME": str(scripts), "TERM": "dumb"})
        self.process, self.said = process, b""
        self.type("PROMPT= PROMPT_EOL_MARK= LISTMAX=100000; autoload -U compinit; compinit -D -u; zstyle ':completion:*' verbose no; "
                  f"zle-line-init() print -n 'edit''ing'; zle -N zle-line-init; source {scripts / 'zsh'}\n", "editing")

    def type(self, text, end):
        """What is shown from then on up to `end`."""
        os.write(self.terminal, text.encode())
        wait_for(lambda: end.encode() in self._read(), what=end)
        shown, self.said = self.said.split(end.encode(), 1)
        return shown.decode()

    def _read(self):
        if select.select([self.terminal], [], [], 0.1)[0]:
            self.said += os.read(self.terminal, 65536)
        return self.said

    def completed(self, line):
        """What a tab makes of the line, and what it lists."""
        listed = self.type(f"{line}\t\x01print -r -- '<\x05>'; print do''ne\n", "done")
        return re.findall(r"<(.*)>\r\n", listed)[-1], listed.split("print")[0]

    def close(self):
        os.kill(self.process, signal.SIGKILL)
        os.waitpid(self.process, 0)
        os.close(self.terminal)


@pytest.fixture(scope="module")
def zsh(scripts):
    if shutil.which("zsh") is None:
        pytest.skip("zsh is not installed")
    it = Zsh(scripts)
    yield it
    it.close()


@pytest.mark.parametrize("words, expected", COMPLETIONS, ids=[" ".join(words) for words, _ in COMPLETIONS])
def test_zsh_completes(words, expected, zsh):
    *before, last = words
    before = " ".join(["portcullis", *before])
    completed, listed = zsh.completed(f"{before} {last}")
    if len(expected) == 1:
        assert completed.startswith(f"{before} " + next(iter(expected)).replace(" ", "\\ "))
    elif expected:
        lines = listed.split("\n", 1)[1].split("\n" + before)[0]
        assert set(re.findall(r"[\w.-]+", lines)) >= expected
    else:
        assert completed == f"{before} {last}"


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
def test_zsh_reads_its_script(scripts):
    out = subprocess.run(["zsh", "-n", str(scripts / "zsh")], capture_output=True, text=True)
    assert (out.returncode, out.stderr) == (0, "")
    assert (scripts / "zsh").read_text().startswith("#compdef portcullis\n")


# --- manual pages -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", ["portcullis", "portcullis.yaml"])
def test_manual_pages_are_formatted_without_a_warning(page, tmp_path):
    path = tmp_path / page
    path.write_text(portcullis("man", page).stdout)
    for width in ("80", "200"):
        out = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z", f"-rLL={width}n", str(path)], capture_output=True, text=True)
        # A word that is wider than the line, as a long name of a variable, cannot be helped.
        assert (out.returncode, out.stderr) == (0, "")


def plain(page):
    """The page as it is shown."""
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
    reference = portcullis("schema", "--format", "markdown").stdout
    rows = re.findall(r"^\| `(\w+)` \| ([^|]*) \| ([^|]*) \| (.*) \|$", reference, re.MULTILINE)
    words = " ".join(text.split())
    assert len(rows) > 300
    for key, kind, _, summary in rows:
        assert " ".join(f"{key} {kind}".split()) in words
        assert " ".join(summary.replace("`", "").split()) in words
    for title in re.findall(r"^## `(.*)`$", reference, re.MULTILINE):
        assert re.search(rf"^\s+{re.escape(title)}$", text, re.MULTILINE), title
