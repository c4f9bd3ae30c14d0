"""Stuck readers of standard output and standard error do not block the gateway."""

import fcntl
import os
import re
import signal
import subprocess
import threading
import time

import pytest

import harness
from harness import BINARY, free_port, read_response, simple_configuration

REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


class Piped:
    """A gateway whose standard output and standard error are files, or pipes that only the test reads."""

    def __init__(self, folder, configuration, **outputs):
        self.port, self.path = free_port(), folder / "gateway.yaml"
        self.write(configuration)
        self.log = folder / "messages"
        outputs.setdefault("stdout", subprocess.DEVNULL)
        outputs.setdefault("stderr", self.log.open("w"))
        self.process = subprocess.Popen([BINARY, "run", "-c", str(self.path)], **outputs)
        harness.wait_for(self.answers, what="an answer")

    def write(self, configuration):
        self.path.write_text(configuration.replace("{port}", str(self.port)))

    def answers(self):
        try:
            self.ask(1)
            return True
        except OSError:
            return False

    def ask(self, count):
        with harness.connect(self.port) as connection:
            for _ in range(count):
                connection.sendall(REQUEST)
                assert " 200 " in read_response(connection)[0]

    def end(self, number):
        """The time that the gateway takes to end after a signal."""
        began = time.monotonic()
        self.process.send_signal(number)
        assert self.process.wait(20) == 0
        return time.monotonic() - began


@pytest.fixture
def piped(tmp_path):
    made = []

    def begin(*arguments, **outputs):
        made.append(Piped(tmp_path, *arguments, **outputs))
        return made[-1]
    yield begin
    for one in made:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()


def small_pipe():
    """A pipe with a buffer of one page, which is full soon."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    return reader, writer


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT])
def test_a_reader_of_the_access_log_that_is_stuck_holds_up_neither_requests_nor_the_end(number, piped, echo):
    reader, writer = small_pipe()
    gateway = piped(simple_configuration(echo(), top="access_log: {path: stdout}"), stdout=writer)
    gateway.ask(300)  # far more lines than fit into the pipe
    assert gateway.end(number) < 8
    assert re.search(r"the access log: \d+ lines could not be written and were dropped", gateway.log.read_text())
    os.close(writer)
    with os.fdopen(reader) as text:
        lines = text.read().split("\n")
    assert all(line.startswith("{") and line.endswith("}") for line in lines[:-1]) and lines[:-1]


def test_a_reader_of_the_access_log_that_goes_on_reading_gets_every_line(piped, echo):
    reader, writer = small_pipe()
    gateway = piped(simple_configuration(echo(), top="access_log: {path: stdout}"), stdout=writer)
    gateway.ask(100)
    lines = []

    def read():
        with os.fdopen(reader) as text:
            lines.extend(text)

    thread = threading.Thread(target=read)
    os.close(writer)
    thread.start()
    gateway.ask(100)
    gateway.end(signal.SIGTERM)
    thread.join(20)
    assert sum('"status":200' in line for line in lines) >= 200
    assert "dropped" not in gateway.log.read_text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT])
def test_a_reader_of_messages_that_is_stuck_holds_up_no_reload_and_not_the_end(number, piped, echo):
    reader, writer = small_pipe()
    admin, target = free_port(), echo()
    good = simple_configuration(target, top=f'admin: {{address: "127.0.0.1:{admin}"}}')
    # Each reload reports that many errors.
    bad = good + "".join(f"mistake_{i}: {{}}\n" for i in range(200))
    gateway = piped(good, stderr=writer)
    gateway.write(bad)
    for count in range(1, 4):
        gateway.process.send_signal(signal.SIGHUP)
        harness.wait_for(lambda: harness.metric(admin, 'portcullis_reloads_total{result="refused"}') == count, what="the reload's end")
        gateway.ask(10)
    gateway.write(good)
    gateway.process.send_signal(signal.SIGHUP)
    harness.wait_for(lambda: harness.metric(admin, "portcullis_revision") > 1, what="the reload's end")
    assert gateway.end(number) < 8
    os.close(writer)
    os.close(reader)


def test_messages_that_were_dropped_are_counted_once_the_reader_goes_on(piped, echo):
    reader, writer = small_pipe()
    admin, target = free_port(), echo()
    good = simple_configuration(target, top=f'admin: {{address: "127.0.0.1:{admin}"}}')
    gateway = piped(good, stderr=writer)
    os.close(writer)
    gateway.write(good + "".join(f"mistake_{i}: {{}}\n" for i in range(200)))
    gateway.process.send_signal(signal.SIGHUP)
    harness.wait_for(lambda: harness.metric(admin, 'portcullis_reloads_total{result="refused"}') == 1, what="the reload's end")
    lines = []

    def read():
        with os.fdopen(reader) as text:
            lines.extend(text)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    harness.wait_for(lambda: lines, what="what was written before")
    gateway.end(signal.SIGTERM)
    thread.join(20)
    assert any(re.search(r" warning portcullis\[\d+\]: standard error could not be written: \d+ messages were dropped$", line) for line in lines)
    assert any(re.search(r" info portcullis\[\d+\]: draining$", line) for line in lines)


@pytest.mark.not_sanitized(reason="a sanitizer reports a crash itself")
def test_a_crash_ends_the_process_although_its_report_is_not_read(piped, echo):
    reader, writer = small_pipe()
    target = echo()
    good = simple_configuration(target)
    gateway = piped(good, stderr=writer)
    gateway.write(good + "".join(f"mistake_{i}: {{}}\n" for i in range(200)))
    gateway.process.send_signal(signal.SIGHUP)
    gateway.ask(10)
    gateway.process.send_signal(signal.SIGSEGV)
    assert gateway.process.wait(20) == -signal.SIGSEGV
    os.close(writer)
    os.close(reader)


def test_lines_of_standard_output_and_standard_error_on_one_pipe_are_whole(piped, echo):
    reader, writer = small_pipe()
    gateway = piped(simple_configuration(echo(), top="access_log: {path: stdout}"), stdout=writer, stderr=writer)
    os.close(writer)
    pieces = []

    def read():
        while piece := os.read(reader, 1000):  # the pipe is full most of the time
            pieces.append(piece)
            time.sleep(0.0005)

    thread = threading.Thread(target=read)
    thread.start()
    asking = [threading.Thread(target=gateway.ask, args=(400,)) for _ in range(3)]
    for one in asking:
        one.start()
    while any(one.is_alive() for one in asking):
        gateway.process.send_signal(signal.SIGHUP)
        time.sleep(0.005)  # reloads between the requests, each with one line of output
    gateway.end(signal.SIGTERM)
    thread.join(60)
    os.close(reader)
    lines = b"".join(pieces).decode().split("\n")
    assert lines.pop() == ""
    broken = [line for line in lines if not re.fullmatch(r"\{(?!.* portcullis\[).*\}|\S+ (info|warning|error) portcullis\[\d+\]: [^{]*", line)]
    assert not broken, broken[:5]
    assert sum(line.startswith("{") for line in lines) >= 1200
    assert sum("serving revision" in line for line in lines) > 1


def test_an_audit_log_that_cannot_be_written_is_said_with_the_reason(start, echo):
    gateway = start(simple_configuration(echo(), top="audit_log: {path: /dev/full}"))
    gateway.reload()
    gateway.wait_for_line("the audit log /dev/full: it cannot be written: No space left on device")
    assert not any("is not read" in line for line in gateway.lines)


def test_a_log_that_cannot_be_made_again_is_said_once_and_goes_on_in_the_file_before(start, echo, tmp_path):
    folder = tmp_path / "logs"
    log, moved = folder / "audit", tmp_path / "before"
    gateway = start(simple_configuration(echo(), top=f"audit_log: {{path: {log}}}"))
    gateway.reload()
    os.rename(folder, moved)
    folder.write_text("in the way")
    for _ in range(3):
        gateway.reload()
    harness.wait_for(lambda: len((moved / "audit").read_text().splitlines()) == 4, what="the lines")
    assert sum(f"cannot open {log}: Not a directory" in line for line in gateway.lines) == 1
    folder.unlink()
    gateway.process.send_signal(signal.SIGUSR1)
    harness.wait_for(log.exists, what="the new file")
