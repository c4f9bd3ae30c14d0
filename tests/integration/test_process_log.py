"""The process log: its format, and that faults at run time are logged, with limited frequency, and counted."""

import datetime
import json
import os
import re
import resource
import signal
import subprocess
import threading

import pytest

import harness
import pki
import sanitizers
from fake_dns import NameServer
from harness import free_port, get, metric, simple_configuration, wait_for
from identity import ask, configuration, hashed

TEXT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) (info|warning|error) portcullis\[(\d+)\]: (.*)")


def admin_at(port):
    return f'admin: {{address: "127.0.0.1:{port}"}}'


def faults(admin, kind):
    return metric(admin, f'portcullis_faults_total{{fault="{kind}"}}')


def told(gateway, *texts):
    return [line for line in gateway.lines if all(text in line for text in texts)]


class Logged(harness.Process):
    """A gateway with the environment or the limits that the test sets; its lines may have any format."""

    def __init__(self, folder, text, **settings):
        self.port, self.path = free_port(), folder / "gateway.yaml"
        self.path.write_text(text.replace("{port}", str(self.port)))
        reader, writer = os.pipe()
        self.lines = []
        environment = {**os.environ, **settings.pop("environment", lambda descriptor: {})(writer)}
        self.process = subprocess.Popen([harness.BINARY, "run", "-c", str(self.path)], stderr=writer,
                                        stdout=subprocess.DEVNULL, env=environment, **settings)
        os.close(writer)
        self.pipe = os.fdopen(reader)
        self.process.stderr = self.pipe
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        self.wait_for_line("listening on")

    def reload(self):
        seen = len(self.lines)
        self.process.send_signal(signal.SIGHUP)
        self.wait_for_line("serving configuration", after=seen)
        return self.lines[seen:]


@pytest.fixture
def logged(tmp_path):
    made = []

    def begin(text, **settings):
        made.append(Logged(tmp_path, text, **settings))
        return made[-1]
    yield begin
    for one in made:
        one.stop()


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


def test_json_lines_name_the_kind_of_fault(logged, echo):
    gateway = logged(simple_configuration(echo(), top="process_log: {format: json}\naccess_log: {path: /dev/full}"))
    wait_for(lambda: harness.answers(gateway.port) and told(gateway, "cannot be written"), what="the fault")
    fault = json.loads(told(gateway, "cannot be written")[0])
    assert (fault["fault"], fault["level"]) == ("access_log", "warning")
    assert "fault" not in json.loads(gateway.lines[0])


def test_messages_below_the_level_are_counted_and_left_out(start, echo):
    admin = free_port()
    text = simple_configuration(echo(), top=admin_at(admin))
    gateway = start(text)
    gateway.write("process_log: {level: error}\n" + text)
    gateway.process.send_signal(signal.SIGHUP)
    wait_for(lambda: metric(admin, "portcullis_config_version") == 2, what="the reload")
    seen, infos = len(gateway.lines), metric(admin, 'portcullis_log_messages_total{level="info"}')
    gateway.process.send_signal(signal.SIGHUP)
    wait_for(lambda: metric(admin, "portcullis_config_version") == 3, what="the reload")
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


def test_ejections_and_their_end_are_told_and_counted(start, echo):
    admin, dead = free_port(), free_port()
    text = simple_configuration(dead, echo("alive"), top=admin_at(admin), extra_upstream="    outlier_ejection: {failures_in_row: 2, ejection: 700ms}", workers=1)
    gateway = start(text)
    wait_for(lambda: get(gateway.port, "/") and told(gateway, f"upstream `backend`: target 127.0.0.1:{dead} is ejected for 0.7 s: 2 requests in a row failed"),
             what="the ejection to be told")
    gateway.wait_for_line(f"upstream `backend`: target 127.0.0.1:{dead} is used again: its ejection has ended")
    assert faults(admin, "target_ejected") >= 1
    assert TEXT.fullmatch(told(gateway, "is ejected")[0])[2] == "warning"
    assert TEXT.fullmatch(told(gateway, "is used again")[0])[2] == "info"


def test_the_first_failed_check_is_told_before_the_target_is_down(start, server):
    status = [200]
    made = server(lambda request: (status[0], {}, b"fine"))
    admin = free_port()
    gateway = start(simple_configuration(made.port, top=admin_at(admin), extra_upstream="    health_check: {path: /, interval: 30ms, unhealthy_interval: 30ms, unhealthy_after: 3, healthy_after: 1}"))
    status[0] = 500
    gateway.wait_for_line("has failed a health check: it answered 500; it is down after 3 in a row")
    gateway.wait_for_line("is down: it answered 500")
    status[0] = 200
    gateway.wait_for_line("is up")
    assert faults(admin, "health_check") >= 3
    assert len(told(gateway, "has failed a health check")) == 1


LIMIT = "rate_limit: {limit: 1000/min, key: all, cluster: exact, on_error: deny}"


def redis_at(server, more="", admin=None):
    return f"redis: {{address: '127.0.0.1:{server.port}', timeout: 5s{more}}}" + (f"\n{admin_at(admin)}" if admin else "")


@pytest.mark.parametrize("options, settings, refuse, allow, words", [
    (["--requirepass", "secret"], ", password: wrong", None, None,
     "it refuses the user name or the password: WRONGPASS"),
    (["--requirepass", "secret"], "", None, None, "it requires a password: NOAUTH"),
    (["--user", "gate", "on", ">pass", "~*", "+@all", "-@scripting"], ", username: gate, password: pass", None, None,
     "its access control list does not allow this user the command: NOPERM"),
    ([], "", ["REPLICAOF", "127.0.0.1", "1"], ["REPLICAOF", "NO", "ONE"],
     "it is a read-only replica: `address` must be the primary's: READONLY"),
    ([], "", ["CONFIG", "SET", "maxmemory", "1"], ["CONFIG", "SET", "maxmemory", "0"], "it has no memory left for new keys: OOM"),
], ids=["password", "no password", "rights", "replica", "memory"])
def test_what_redis_refuses_is_told_once_counted_and_found_by_the_doctor(start, echo, redis, options, settings, refuse, allow, words):
    server, admin = redis(*options), free_port()
    gateway = start(configuration(echo(), LIMIT, more=redis_at(server, settings, admin), workers=2))
    if refuse:
        assert ask(gateway).status == 200
        server.command(*refuse)
    for _ in range(20):
        assert ask(gateway).status == 503
    gateway.wait_for_line(f"Redis 127.0.0.1:{server.port}: {words}")
    # Before a login the server closes the connection at such a long command, and soon counts as down.
    assert faults(admin, "redis_refused") >= (20 if "requirepass" not in str(options) else 2)
    assert len(told(gateway, "Redis 127.0.0.1")) <= 2, gateway.lines  # at most one per worker
    doctor = subprocess.run([harness.BINARY, "doctor", "-c", str(gateway.path)], capture_output=True, text=True)
    assert doctor.returncode == 1
    assert re.search(rf"^fault +redis +127.0.0.1:{server.port}: {re.escape(words)}", doctor.stdout, re.M), doctor.stdout
    if allow:
        server.command(*allow)
        wait_for(lambda: ask(gateway).status == 200, what="the server to be used again")
        gateway.wait_for_line(": works again")


@pytest.mark.parametrize("quotas", ["", "quotas: {redis: true}\n"])
def test_the_doctor_writes_keys_that_expire_and_is_content(tmp_path, redis, quotas):
    server, path = redis(), tmp_path / "gateway.yaml"
    path.write_text(configuration(free_port(), "respond: {}", more=quotas + redis_at(server)).replace("{port}", str(free_port())))
    doctor = subprocess.run([harness.BINARY, "doctor", "-c", str(path)], capture_output=True, text=True)
    assert re.search(rf"^good +redis +127.0.0.1:{server.port} answers, and accepts writes", doctor.stdout, re.M), doctor.stdout
    # An array with a batch of keys: the cursor and each key are bulk strings.
    keys = re.findall(r"\$\d+\r\n([^\r]+)\r\n", server.command("SCAN", "0"))[1:]
    assert keys or not quotas  # keys of limits expire after two seconds
    for key in keys:
        left = int(server.command("PTTL", key)[1:])  # -2: the key has expired; -1: the key never expires
        assert left == -2 or 0 < left <= 60_000, key


def test_the_doctor_tells_of_a_redis_that_is_away_or_lacks_the_rights_of_quotas(tmp_path, redis):
    server = redis("--user", "gate", "on", ">pass", "~*", "+@all", "-incrby")
    path = tmp_path / "gateway.yaml"

    def doctor():
        path.write_text(configuration(free_port(), "respond: {}", more="quotas: {redis: true}\n" + redis_at(server, ", username: gate, password: pass"))
                        .replace("{port}", str(free_port())))
        return subprocess.run([harness.BINARY, "doctor", "-c", str(path)], capture_output=True, text=True).stdout
    assert re.search(r"^fault +redis .*NOPERM.*\(it was asked for INCRBY\)", doctor(), re.M)
    server.kill()
    assert re.search(r"^fault +redis .*: it cannot be reached: Connection refused", doctor(), re.M)


def test_a_quota_store_that_refuses_says_why(start, echo, redis):
    server, admin = redis(), free_port()
    gateway = start(configuration(echo(), "key_auth: {}, quota: {limit: 1000, per: day}", f"{{name: one, credentials: {{keys: '{hashed('key-0123456789')}'}}}}",
                                  more="quotas: {redis: true, interval: 50ms}\n" + redis_at(server, admin=admin)))

    def charge():
        assert ask(gateway, "X-API-Key: key-0123456789\r\n").status == 200
        return True
    charge()
    server.command("REPLICAOF", "127.0.0.1", "1")
    wait_for(lambda: charge() and told(gateway, "the store of the quotas: Redis ", "it is a read-only replica"), what="the refusal")
    assert faults(admin, "quota_store") >= 1
    server.command("REPLICAOF", "NO", "ONE")
    gateway.wait_for_line("the store of the quotas works again")


def test_a_redis_that_is_away_is_told_once_and_when_it_is_back(start, echo, redis):
    server, admin = redis(), free_port()
    gateway = start(configuration(echo(), LIMIT.replace("deny", "allow"), more=redis_at(server, admin=admin)))
    assert ask(gateway).status == 200
    server.kill()
    wait_for(lambda: ask(gateway) and faults(admin, "redis_unavailable") >= 3, what="some tries to connect")
    assert len(told(gateway, f"Redis 127.0.0.1:{server.port}: the connection failed")) == 1
    server.start()
    wait_for(lambda: ask(gateway) and told(gateway, f"Redis 127.0.0.1:{server.port}: works again"), what="the server to be back")


def test_failed_lookups_are_counted_and_told_once(start, echo):
    names, admin, port = NameServer({}), free_port(), echo()
    try:
        gateway = start(f'dns: {{servers: ["127.0.0.1:{names.port}"], min_ttl: 50ms}}\n' + simple_configuration(1, top=admin_at(admin)).replace('"127.0.0.1:1"', f'"orders.test:{port}"'))
        wait_for(lambda: faults(admin, "name_lookup") >= 3, what="some failed lookups")
        assert len(told(gateway, "cannot resolve orders.test")) == 1
        names.records["orders.test"] = ["127.0.0.1"]
        gateway.wait_for_line("orders.test is resolved again")
        assert harness.answers(gateway.port)
        names.records.clear()
        gateway.wait_for_line("cannot resolve orders.test", "its last addresses are used")
    finally:
        names.close()


def test_an_access_log_on_a_full_disk_is_told_once_and_its_lines_are_counted(start, echo):
    admin = free_port()
    gateway = start(simple_configuration(echo(), top=f"access_log: {{path: /dev/full}}\n{admin_at(admin)}"))

    def dropped():
        assert harness.answers(gateway.port)
        return metric(admin, "portcullis_access_log_dropped_total") >= 5
    wait_for(dropped, what="the lost lines to be counted")
    assert faults(admin, "access_log") >= 1
    assert len(told(gateway, "the access log /dev/full: it cannot be written: No space left on device; lines are dropped")) == 1


def test_an_access_log_that_has_room_again_is_written_on(logged, echo, tmp_path):
    admin, log = free_port(), tmp_path / "access.log"
    gateway = logged(simple_configuration(echo(), top=f"access_log: {{path: {log}}}\n{admin_at(admin)}", workers=1),
                     preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY)))
    answered = 0

    def answer():
        nonlocal answered
        answered += harness.answers(gateway.port)
        return True

    wait_for(lambda: answer() and told(gateway, f"the access log {log}: it cannot be written: File too large"), what="the full disk")
    resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    wait_for(lambda: answer() and told(gateway, f"the access log {log}: works again"), what="the room to be used")
    lost = metric(admin, "portcullis_access_log_dropped_total")
    gateway.stop()
    lines = log.read_text().splitlines()
    assert all(json.loads(line)["status"] == 200 for line in lines), "lines are whole"
    assert len(lines) + lost == answered, "a line is written, or counted as lost"


def test_a_syslog_that_is_not_there_is_told_and_its_lines_are_counted(start, echo, tmp_path):
    admin = free_port()
    gateway = start(simple_configuration(echo(), top=f"access_log: {{path: 'syslog:unix:{tmp_path}/none'}}\n{admin_at(admin)}"))
    wait_for(lambda: harness.answers(gateway.port) and metric(admin, "portcullis_access_log_dropped_total") >= 3, what="the lost lines")
    assert len(told(gateway, f"the access log syslog:unix:{tmp_path}/none: it cannot be written: No such file or directory")) == 1


def test_a_service_of_authentication_that_is_away_is_told_with_its_reason(start, echo, server):
    status, admin, away = [500], free_port(), free_port()
    service = server(lambda request: (status[0], {}, b""))
    text = configuration(echo(), f"forward_auth: {{url: 'http://user:secret@127.0.0.1:{service.port}/auth?key=secret', timeout: 5s}}", more=admin_at(admin))
    gateway = start(text)
    for _ in range(5):
        assert ask(gateway).status == 503
    gateway.wait_for_line(f"forward_auth, http://127.0.0.1:{service.port}/auth: it answers 500")
    assert faults(admin, "auth_service") == 5 and len(told(gateway, "forward_auth, ")) == 1
    assert not told(gateway, "secret")
    status[0] = 200
    assert ask(gateway).status == 200
    gateway.wait_for_line(f"forward_auth, http://127.0.0.1:{service.port}/auth: works again")
    gateway.write(text.replace(f":{service.port}/", f":{away}/"))
    gateway.reload()
    for _ in range(5):
        assert ask(gateway).status == 503
    assert len(told(gateway, f"forward_auth, http://127.0.0.1:{away}/auth: ")) == 1, gateway.lines


def test_a_token_server_that_is_away_is_told(start, echo):
    admin, away = free_port(), free_port()
    gateway = start(configuration(echo(), f"oauth2_introspection: {{url: 'http://127.0.0.1:{away}/'}}", more=admin_at(admin)))
    for _ in range(3):
        assert ask(gateway, "Authorization: Bearer t\r\n").status == 503
    gateway.wait_for_line(f"oauth2_introspection, http://127.0.0.1:{away}/: ")
    assert faults(admin, "auth_service") == 3


def test_key_sets_that_cannot_be_fetched_are_counted(start, echo):
    admin, away = free_port(), free_port()
    start(configuration(echo(), f"jwt: {{audience: '*', jwks: {{url: 'http://127.0.0.1:{away}/keys', refresh: 50ms}}}}", more=admin_at(admin)))
    wait_for(lambda: faults(admin, "key_set") >= 2, what="failed fetches")


def test_a_collector_of_traces_that_is_away_is_told(start, echo):
    admin, away = free_port(), free_port()
    gateway = start(simple_configuration(echo(), top=f"tracing: {{endpoint: 'http://127.0.0.1:{away}/v1/traces', sample: 100%}}\n{admin_at(admin)}"))
    assert harness.answers(gateway.port)
    gateway.wait_for_line(f"the collector of traces, http://127.0.0.1:{away}/v1/traces: Could", " connect to server")
    wait_for(lambda: faults(admin, "trace_export") >= 2, what="another try")
    assert len(told(gateway, "the collector of traces")) == 1


def test_an_ocsp_response_that_ends_is_told_once(start, echo, authority):
    admin = free_port()
    authority.ocsp(authority.issue("localhost", "localhost", file="edge"), until=pki.now() + datetime.timedelta(seconds=2))
    gateway = start(simple_configuration(echo(), top=admin_at(admin),
                                         extra_listener="    tls: {certificates: [{cert: edge.pem, key: edge.key, ocsp: staple.der}]}"))

    def nothing_sent():
        out = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{gateway.port}", "-servername", "localhost", "-status"],
                             stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20).stdout
        return "OCSP response: no response sent" in out
    wait_for(nothing_sent, what="the end of the response")
    gateway.wait_for_line("the OCSP response in `", "is out of date: it is not sent to clients any more")
    assert nothing_sent() and len(told(gateway, "is out of date")) == 1
    assert faults(admin, "certificate") == 1


@sanitizers.only_configuration
def test_settings_that_are_wrong_are_refused(tmp_path):
    path = tmp_path / "gateway.yaml"
    path.write_text(simple_configuration(9001, top="process_log: {format: xml, level: warn}").replace("{port}", "8080"))
    said = harness.check(path)
    assert "`xml`" in said and "`warn`" in said, said


def test_every_kind_of_fault_is_described():
    """docs/logs.md lists the kinds of the metric."""
    source = (harness.ROOT / "src/base/faults.cpp").read_text()
    kinds = re.findall(r'case Fault::\w+: return "(\w+)";', source)
    page = (harness.ROOT / "docs/logs.md").read_text()
    assert kinds and [kind for kind in kinds if f"| `{kind}` |" not in page] == []
