"""Faults at run time are written to the process log, with limited frequency, and counted."""

import datetime
import json
import re
import resource
import subprocess

import harness
import pki
from fake_dns import NameServer
from harness import free_port, get, metric, simple_configuration, wait_for
from identity import ask, configuration
from process_log import logged  # noqa: F401 - a fixture
from process_log import TEXT, admin_at, faults, told


def test_json_lines_name_the_kind_of_fault(logged, echo):
    gateway = logged(simple_configuration(echo(), top="process_log: {format: json}\naccess_log: {path: /dev/full}"))
    wait_for(lambda: harness.answers(gateway.port) and told(gateway, "cannot be written"), what="the fault")
    fault = json.loads(told(gateway, "cannot be written")[0])
    assert (fault["fault"], fault["level"]) == ("access_log", "warning")
    assert "fault" not in json.loads(gateway.lines[0])


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


def test_failed_lookups_are_counted_and_told_once(start, echo):
    names, admin, port = NameServer({}), free_port(), echo()
    try:
        gateway = start(f'dns: {{servers: ["127.0.0.1:{names.port}"], min_ttl: 50ms}}\n' + simple_configuration(1, top=admin_at(admin)).replace('"127.0.0.1:1"', f'"orders.test:{port}"'))
        wait_for(lambda: faults(admin, "name_lookup") >= 3, what="some failed lookups")
        assert len(told(gateway, "cannot resolve orders.test")) == 1
        names.records["orders.test"] = ["127.0.0.1"]
        gateway.wait_for_line("orders.test is resolved again")
        wait_for(lambda: harness.answers(gateway.port), what="a worker that has the new address")
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


def test_every_kind_of_fault_is_described():
    """docs/logs.md lists the kinds of the metric."""
    source = (harness.ROOT / "src/base/faults.h").read_text()
    kinds = re.findall(r'\{Fault::\w+, "(\w+)"\}', source)
    page = (harness.ROOT / "docs/logs.md").read_text()
    assert kinds and [kind for kind in kinds if f"| `{kind}` |" not in page] == []
