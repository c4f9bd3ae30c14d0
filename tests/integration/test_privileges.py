"""`run --user`: root binds the addresses and reads the certificates, another user serves."""

import contextlib
import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import ssl

import pytest

import harness
import pki
from harness import free_port, read_response, simple_configuration

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
USER = "nobody"


def low_port():
    """A free port that only root may bind."""
    for port in range(700, 1000):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass
    raise AssertionError("no low port is free")


def status_of(process):
    lines = pathlib.Path(f"/proc/{process}/status").read_text().splitlines()
    return dict(line.split(":", 1) for line in lines)


@pytest.fixture
def run_as(public_folder):
    """run_as(configuration, ...) -> a gateway that becomes the user; ended when the test ends."""
    running = []

    def begin(configuration, *arguments, user=USER, port=None, prefix=()):
        port = port or free_port()
        path = public_folder / "c.yaml"
        path.write_text(configuration.replace("{port}", str(port)).replace("{folder}", str(public_folder)))
        process = harness.Process("run", "-c", str(path), "--user", user, *arguments, prefix=prefix)
        process.port, process.path = port, path
        running.append(process)
        return process
    yield begin
    for one in running:
        if one.process.poll() is None:
            one.stop()


def ask(port):
    with harness.connect(port) as connection:
        connection.sendall(REQUEST)
        assert " 200 " in read_response(connection)[0]


def test_all_threads_are_the_user_and_have_no_capability(run_as, echo):
    gateway = run_as(simple_configuration(echo()))
    gateway.wait_for_line("listening on")
    entry = pwd.getpwnam(USER)
    for thread in pathlib.Path(f"/proc/{gateway.process.pid}/task").iterdir():
        status = dict(line.split(":", 1) for line in (thread / "status").read_text().splitlines())
        assert status["Uid"].split() == [str(entry.pw_uid)] * 4
        assert status["Gid"].split() == [str(entry.pw_gid)] * 4
        assert set(status["Groups"].split()) <= {str(entry.pw_gid)}
        for kind in ("CapPrm", "CapEff", "CapInh", "CapAmb"):
            assert int(status[kind], 16) == 0, kind
    assert status_of(gateway.process.pid)["NoNewPrivs"].strip() == "1"
    ask(gateway.port)


def test_low_ports_are_bound_and_a_reload_may_add_another(run_as, echo):
    target = echo()
    gateway = run_as(simple_configuration(target), port=low_port())
    gateway.wait_for_line("listening on")
    assert int(status_of(gateway.process.pid)["CapEff"], 16) == 1 << 10  # only CAP_NET_BIND_SERVICE
    ask(gateway.port)
    more = low_port()
    seen = len(gateway.lines)
    gateway.path.write_text(gateway.path.read_text().replace("upstreams:", f'  - {{name: more, address: "127.0.0.1:{more}"}}\nupstreams:', 1))
    gateway.process.send_signal(signal.SIGHUP)
    gateway.wait_for_line("serving revision 2", after=seen)
    ask(more)


def test_certificates_that_only_root_may_read_are_served_also_those_that_no_client_has_asked_for_before(run_as, echo, public_folder):
    authority = pki.Authority(public_folder)
    authority.issue("localhost", "localhost", file="first")
    authority.issue("b.test", "b.test", file="second")
    for one in public_folder.glob("*.key"):
        os.chmod(one, 0o600)
    tls = """    tls:
      certificates:
        - {cert: first.pem, key: first.key, names: [localhost]}
        - {cert: second.pem, key: second.key, names: [b.test]}"""
    gateway = run_as(simple_configuration(echo(), extra_listener=tls))
    gateway.wait_for_line("listening on")
    for name in ("localhost", "b.test"):
        context = ssl.create_default_context(cafile=str(public_folder / "authority.pem"))
        with context.wrap_socket(harness.connect(gateway.port), server_hostname=name) as connection:
            connection.sendall(REQUEST)
            assert " 200 " in read_response(connection)[0]


def test_logs_quotas_and_cache_belong_to_the_user_or_it_says_that_it_cannot_use_them(run_as, echo, public_folder):
    files = """access_log: {path: "{folder}/data/access"}
audit_log: {path: "{folder}/data/audit"}
quotas: {file: "{folder}/data/quotas"}
cache: {disk: {path: "{folder}/data/cache", size: 100MiB}}
"""
    target = echo()
    refused = run_as(files + simple_configuration(target))
    assert refused.process.wait(20) == 3
    refused.reader.join(10)
    assert any(re.search(rf"cannot open the audit log: .*: (Permission denied|No such file or directory) \(as the user `{USER}`\)", line) for line in refused.lines), refused.lines
    data = public_folder / "data"
    data.mkdir()
    entry = pwd.getpwnam(USER)
    os.chown(data, entry.pw_uid, entry.pw_gid)
    gateway = run_as(files + simple_configuration(target))
    gateway.wait_for_line("listening on")
    ask(gateway.port)
    gateway.process.send_signal(signal.SIGUSR1)
    gateway.process.send_signal(signal.SIGHUP)
    gateway.wait_for_line("serving revision 1")
    assert {one.name for one in data.iterdir()} >= {"access", "audit", "quotas", "cache"}
    assert all(one.stat().st_uid == entry.pw_uid for one in data.rglob("*"))


def test_a_successor_takes_over_as_the_same_user(run_as, echo):
    gateway = run_as(simple_configuration(echo()), port=low_port())
    gateway.wait_for_line("listening on")
    gateway.process.send_signal(signal.SIGUSR2)
    gateway.wait_for_line("took over")
    successor = int(next(re.search(r"process (\d+) is starting", line) for line in gateway.lines if "is starting" in line)[1])
    try:
        assert gateway.process.wait(30) == 0
        ask(gateway.port)
        assert status_of(successor)["Uid"].split()[0] == str(pwd.getpwnam(USER).pw_uid)
    finally:
        os.kill(successor, signal.SIGTERM)


@pytest.mark.parametrize("user, message", [
    ("nobdy", "there is no user `nobdy` - did you mean `nobody`?"),
    ("nobody:nogrup", "there is no group `nogrup` - did you mean `nogroup`?"),
    ("root", "choose a user other than root"),
    ("4294000000", "no user has the number 4294000000"),
    ("4294967397", "4294967397 is too large for the number of a user"),  # 101 and 2^32
    ("nobody:4294967397", "4294967397 is too large for the number of a group"),
])
def test_a_user_that_cannot_be_is_refused(user, message, run_as, echo):
    gateway = run_as(simple_configuration(echo()), user=user)
    assert gateway.process.wait(20) == 3
    gateway.reader.join(10)
    assert len(gateway.lines) == 1 and message in gateway.lines[0]


def test_a_process_that_is_not_root_cannot_become_another_user(run_as, echo, public_folder):
    gateway = run_as(simple_configuration(echo()), user="daemon", prefix=("setpriv", f"--reuid={USER}", "--regid=nogroup", "--clear-groups"))
    assert gateway.process.wait(20) == 3
    gateway.reader.join(10)
    assert f"only root can become `daemon`; this process is the user `{USER}`" in gateway.lines[0]


@pytest.fixture
def member_of_many():
    """A user with supplementary groups: (name, numbers of the groups)."""
    for entry in pwd.getpwall():
        groups = set(os.getgrouplist(entry.pw_name, entry.pw_gid)) - {entry.pw_gid}
        if entry.pw_uid != 0 and groups:
            return entry, groups
    return pytest.skip("no user but root has supplementary groups")


def test_a_user_that_is_given_by_number_has_its_groups(member_of_many, run_as, echo):
    entry, groups = member_of_many
    gateway = run_as(simple_configuration(echo()), user=str(entry.pw_uid))
    gateway.wait_for_line("listening on")
    assert groups <= {int(one) for one in status_of(gateway.process.pid)["Groups"].split()}
    gateway.wait_for_line(f"running as the user `{entry.pw_name}`")


def test_no_file_is_made_as_root_when_the_process_may_not_act_as_the_user(run_as, echo, public_folder):
    data = public_folder / "data"
    data.mkdir()
    gateway = run_as(f"audit_log: {{path: {data}/audit}}\n" + simple_configuration(echo()),
                     prefix=("setpriv", "--bounding-set=-setuid", "--inh-caps=-setuid"))
    assert gateway.process.wait(20) == 3
    gateway.reader.join(10)
    assert any(f"cannot act as the user `{USER}`: Operation not permitted" in line for line in gateway.lines), gateway.lines
    assert not list(data.iterdir())


def test_files_of_unix_sockets_have_the_permissions_that_the_umask_leaves_and_belong_to_the_user(run_as, echo, public_folder):
    place = public_folder / "socket"
    gateway = run_as(simple_configuration(echo()).replace("127.0.0.1:{port}", f"unix:{place}"),
                     prefix=("sh", "-c", 'umask 007; exec "$0" "$@"'))
    gateway.wait_for_line("listening on")
    state = place.stat()
    assert state.st_mode & 0o777 == 0o770 and state.st_uid == pwd.getpwnam(USER).pw_uid


@pytest.mark.not_sanitized(reason="the leak sanitizer does not work in a process that is traced")
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.parametrize("other", ["symbolic link", "hard link"])
def test_a_file_that_takes_the_place_of_a_unix_socket_is_not_changed(other, run_as, echo, public_folder):
    """The folder's owner replaces the socket as soon as it is bound, while the gateway is still root."""
    folder, secret = public_folder / "run", public_folder / "secret"
    folder.mkdir()
    secret.write_text("for root alone")
    secret.chmod(0o600)
    place = folder / "socket"
    # strace reports each bound socket; the process then stops.
    told = public_folder / "strace"
    gateway = run_as(simple_configuration(echo()).replace("127.0.0.1:{port}", f"unix:{place}"),
                     prefix=("strace", "-f", "-qq", "-o", str(told), "-e", "trace=bind", "-e", "inject=bind:signal=STOP:when=1+"))
    continued = 0

    def replaced():
        nonlocal continued
        stops = re.findall(r"(\d+) +--- stopped by SIGSTOP", told.read_text() if told.exists() else "")
        for tracee in stops[continued:]:
            if place.is_socket():
                place.unlink()
                place.symlink_to(secret) if other == "symbolic link" else os.link(secret, place)
            with contextlib.suppress(ProcessLookupError):  # a thread that has ended
                os.kill(int(tracee), signal.SIGCONT)
        continued = len(stops)
        return place.is_symlink() or place.is_file()

    try:
        harness.wait_for(lambda: replaced() and gateway.process.poll() is not None, what="the end")
    finally:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            for tracee in children_of(gateway.process.pid) if gateway.process.poll() is None else []:
                os.kill(tracee, signal.SIGKILL)
        gateway.process.wait(20)
    assert gateway.process.returncode == 3
    gateway.reader.join(10)
    assert any(f"another program has replaced the socket {place}" in line for line in gateway.lines), gateway.lines
    assert secret.stat().st_mode & 0o777 == 0o600 and secret.stat().st_uid == 0


def children_of(process):
    return [int(one) for one in pathlib.Path(f"/proc/{process}/task/{process}/children").read_text().split()]
