"""The command line: keys and passwords that are typed at a terminal, or cannot be sent."""

import os
import pty
import signal
import subprocess
import termios

import pytest

import harness
import sanitizers
from command_line import portcullis
from harness import BINARY, wait_for

pytestmark = sanitizers.only_command_line


@pytest.mark.parametrize("key", ["k" * 1025, "schlüssel" * 3, " " + "k" * 30], ids=["long", "not ASCII", "space"])
def test_a_key_that_no_request_can_send_has_no_hash(key):
    out = portcullis("hash-key", input=key + "\n")
    assert (out.returncode, out.stdout) == (64, "") and "a key " in out.stderr and key not in out.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
@pytest.mark.parametrize("name", ["hash-key", "hash-password"])
def test_a_signal_while_a_secret_is_typed_leaves_the_terminal_as_it_was(name, number):
    terminal, end = pty.openpty()
    before = termios.tcgetattr(end)
    process = subprocess.Popen([BINARY, name], stdin=end, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=harness.take_signals)
    try:
        wait_for(lambda: not termios.tcgetattr(end)[3] & termios.ECHO, what="a terminal without echo")
        process.send_signal(number)
        assert process.wait(20) == -number
        assert termios.tcgetattr(end) == before
    finally:
        process.kill()
        process.communicate()
        os.close(terminal)
        os.close(end)


@pytest.mark.skipif(os.geteuid() != 0, reason="it needs root, to make a namespace")
def test_a_signal_while_a_secret_is_typed_ends_process_1_too():
    terminal, end = pty.openpty()
    before = termios.tcgetattr(end)
    outer = subprocess.Popen(["unshare", "--pid", "--fork", "--kill-child", BINARY, "hash-password"], stdin=end, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, preexec_fn=harness.take_signals)
    try:
        wait_for(lambda: not termios.tcgetattr(end)[3] & termios.ECHO, what="a terminal without echo")
        inner = int(open(f"/proc/{outer.pid}/task/{outer.pid}/children").read())
        os.kill(inner, signal.SIGINT)
        assert outer.wait(20) == 128 + signal.SIGINT
        assert termios.tcgetattr(end) == before
    finally:
        outer.kill()
        outer.communicate()
        os.close(terminal)
        os.close(end)


def test_a_secret_that_is_typed_is_not_shown():
    terminal, end = pty.openpty()
    before = termios.tcgetattr(end)
    process = subprocess.Popen([BINARY, "hash-key"], stdin=end, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        wait_for(lambda: not termios.tcgetattr(end)[3] & termios.ECHO, what="a terminal without echo")
        os.write(terminal, b"shop_abcdefghijklmnopqrstuvwxyz\n")
        out, said = process.communicate(timeout=20)
        assert out == portcullis("hash-key", input="shop_abcdefghijklmnopqrstuvwxyz\n").stdout and said == "key: \n"
        assert termios.tcgetattr(end) == before
        os.set_blocking(terminal, False)
        with pytest.raises(BlockingIOError):
            os.read(terminal, 100)
    finally:
        process.kill()
        process.wait()
        os.close(terminal)
        os.close(end)
