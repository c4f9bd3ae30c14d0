"""The command line: what bash, zsh and fish complete."""

import os
import pty
import re
import select
import shutil
import signal
import subprocess

import pytest

import sanitizers
from command_line import COMMANDS, NAMES, portcullis
from harness import wait_for

pytestmark = sanitizers.only_command_line


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
    """A zsh with the completion, on a terminal of its own."""

    def __init__(self, scripts):
        process, self.terminal = pty.fork()
        if process == 0:
            os.chdir(scripts / "work")
            os.execvpe("zsh", ["zsh", "-f", "-i"], {"PATH": os.environ["PATH"], "HOME": str(scripts), "TERM": "dumb"})
        self.process, self.said = process, b""
        self.type("PROMPT= PROMPT_EOL_MARK= LISTMAX=100000; autoload -U compinit; compinit -D -u; zstyle ':completion:*' verbose no; "
                  f"zle-line-init() print -n 'edit''ing'; zle -N zle-line-init; source {scripts / 'zsh'}\n", "editing")

    def type(self, text, end):
        """Types `text`, and returns the output up to `end`."""
        os.write(self.terminal, text.encode())
        return self.output_up_to(end)

    def output_up_to(self, end):
        wait_for(lambda: end.encode() in self._read(), what=end)
        shown, self.said = self.said.split(end.encode(), 1)
        return shown.decode()

    def _read(self):
        if select.select([self.terminal], [], [], 0.1)[0]:
            self.said += os.read(self.terminal, 65536)
        return self.said

    def completed(self, line):
        """The line after pressing tab, and the listed choices."""
        listed = self.type(f"{line}\t\x01print -r -- '<\x05>'; print do''ne\n", "done")
        self.output_up_to("editing")  # what is typed before that is shown twice: by the terminal, and by zsh
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
