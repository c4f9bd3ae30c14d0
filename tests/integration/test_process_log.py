"""The process log: the format and the level of its lines."""

import datetime
import json
import os
import re
import signal

import pytest

import harness
import sanitizers
from harness import free_port, metric, simple_configuration, wait_for
from identity import ask, configuration
from process_log import logged  # noqa: F401 - a fixture
from process_log import TEXT, admin_at


def test_a_line_of_text_has_the_time_the_level_and_the_process(start, echo):
    gateway = start(simple_configuration(echo()))
    gateway.write("version: 1\nlisteners: 5\n")
    gateway.reload()
    lines = [TEXT.fullmatch(line) for line in gateway.lines]
    assert all(lines), gateway.lines
    assert {line[3] for line in lines} == {str(gateway.process.pid)}
    moment = datetime.datetime.strptime(lines[0][1], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=datetime.timezone.utc)
    assert abs((datetime.datetime.now(datetime.timezone.utc) - moment).total_seconds()) < 60
    levels = {line[4].split(":")[-1].strip(): line[2] for line in lines}
    assert any(text.startswith("expected a list of listener") and level == "error" for text, level in levels.items())
    assert any(line[2] == "error" and line[4].startswith("reload refused") for line in lines)
    assert any(line[2] == "info" and line[4].startswith("listening on") for line in lines)


def test_json_lines_have_the_same_and_a_reload_changes_form_and_level(logged, echo):
    text = simple_configuration(echo(), top="process_log: {format: json}")
    gateway = logged(text)
    first = json.loads(gateway.lines[0])
    assert first["level"] == "info" and first["process"] == gateway.process.pid and first["message"].startswith("listening on")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", first["time"])
    gateway.path.write_text(gateway.path.read_text().replace("format: json", "format: text"))
    assert TEXT.fullmatch(gateway.reload()[-1])


def test_messages_below_the_level_are_counted_and_left_out(start, echo):
    admin = free_port()
    text = simple_configuration(echo(), top=admin_at(admin))
    gateway = start(text)
    gateway.write("process_log: {level: error}\n" + text)
    gateway.process.send_signal(signal.SIGHUP)
    wait_for(lambda: metric(admin, "portcullis_reloads_total") == 1, what="the reload")
    seen, infos = len(gateway.lines), metric(admin, 'portcullis_log_messages_total{level="info"}')
    gateway.process.send_signal(signal.SIGHUP)
    wait_for(lambda: metric(admin, "portcullis_reloads_total") == 2, what="the reload")
    gateway.write("version: 1\nlisteners: 5\n")
    gateway.process.send_signal(signal.SIGHUP)
    gateway.wait_for_line("reload refused")
    assert {TEXT.fullmatch(line)[2] for line in gateway.lines[seen:]} == {"error"}, gateway.lines[seen:]
    assert metric(admin, 'portcullis_log_messages_total{level="info"}') > infos
    assert metric(admin, 'portcullis_log_messages_total{level="error"}') == 2


@pytest.mark.parametrize("form", ["text", "json"])
def test_where_the_journal_reads_lines_begin_with_their_priority(logged, echo, form):
    def environment(descriptor):
        status = os.fstat(descriptor)
        return {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
    gateway = logged(simple_configuration(echo(), top=f"process_log: {{format: {form}}}"), environment=environment)
    assert gateway.lines[0].startswith("<6>")
    if form == "text":
        assert gateway.lines[0] == f"<6>listening on 127.0.0.1:{gateway.port} (public)"
    else:
        assert json.loads(gateway.lines[0][3:])["level"] == "info"
    gateway.path.write_text("version: 1\nlisteners: 5\n")
    gateway.process.send_signal(signal.SIGHUP)
    gateway.wait_for_line("<3>", "reload refused")


def test_a_journal_that_reads_something_else_changes_nothing(logged, echo):
    gateway = logged(simple_configuration(echo()), environment=lambda descriptor: {"JOURNAL_STREAM": "8:12345"})
    assert TEXT.fullmatch(gateway.lines[0])


def test_what_others_say_begins_no_line_of_its_own(start, backend, echo):
    def answer(connection, made):
        while connection.recv(65536):
            connection.sendall(b"-ERR \x1b[31mred \x07bell\r\n")
    server = backend(answer)
    gateway = start(configuration(echo(), "rate_limit: {limit: 3/min, cluster: exact, on_error: allow}",
                                  more=f"redis: {{address: '127.0.0.1:{server.port}', timeout: 5s}}"))
    assert ask(gateway).status == 200
    gateway.wait_for_line(r"it refuses a command: ERR \x1b[31mred \x07bell")
    assert all(TEXT.fullmatch(line) for line in gateway.lines)


@sanitizers.only_configuration
def test_settings_that_are_wrong_are_refused(tmp_path):
    path = tmp_path / "gateway.yaml"
    path.write_text(simple_configuration(9001, top="process_log: {format: xml, level: warn}").replace("{port}", "8080"))
    said = harness.check(path)
    assert "`xml`" in said and "`warn`" in said, said
