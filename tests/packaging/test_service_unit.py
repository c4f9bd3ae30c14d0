"""systemd's opinion of the unit, and whether the gateway can work within the unit's restrictions."""

import ctypes
import errno
import grp
import os
import platform
import pwd
import re
import signal
import struct
import subprocess

import debian
import harness
import pytest


def test_systemd_rates_the_exposure_of_the_service_2_0_or_better(contents):
    unit = debian.Unit.of(contents)
    out = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", unit.path], capture_output=True, text=True, check=True).stdout
    rating = float(re.search(r"Overall exposure level for portcullis.service: (\d+\.\d+)", out)[1])
    assert rating <= 2.0, out


def test_the_unit_has_no_mistake(contents, tmp_path):
    # The verifying machine looks for the commands, so they are replaced by a command that exists on every machine.
    text = debian.Unit.of(contents).path.read_text().replace("/usr/bin/portcullis", "/bin/true")
    (tmp_path / "portcullis.service").write_text(text)
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", tmp_path / "portcullis.service"], capture_output=True, text=True)
    assert (done.returncode, [line for line in done.stderr.splitlines() if "portcullis" in line]) == (0, [])


def test_the_service_tells_systemd_how_it_is(contents):
    unit = debian.Unit.of(contents)
    assert unit["Type"] == "notify"
    assert unit["NotifyAccess"] == "all"
    assert unit["WatchdogSec"]
    assert unit.values["CapabilityBoundingSet"] == ["CAP_NET_BIND_SERVICE"]
    assert unit["UMask"] == "0027"


def test_the_folders_modes_are_those_that_the_package_gives_them(contents):
    """Otherwise systemd complains at each start."""
    unit = debian.Unit.of(contents)
    assert "chmod 0750 /etc/portcullis\n" in (harness.ROOT / "packaging/debian/portcullis.postinst").read_text()
    assert {unit[f"{kind}DirectoryMode"] for kind in ("Configuration", "State", "Logs", "Runtime")} == {"0750"}


# --- the filter of system calls ---------------------------------------------------------------------------------------


def members(name, cache={}):  # noqa: B006 - remembered
    """The system calls of one of systemd's sets, such as @system-service."""
    if name not in cache:
        listed = subprocess.run(["systemd-analyze", "syscall-filter", "--no-pager", name], capture_output=True, text=True, check=True).stdout
        words = [line.strip() for line in listed.splitlines() if line.startswith("    ") and not line.strip().startswith("#")]
        cache[name] = set().union(*(members(word) if word.startswith("@") else {word} for word in words))
    return cache[name]


def allowed_calls(unit):
    """The system calls that SystemCallFilter= permits (systemd.exec(5))."""
    allowed = set(members("@default"))
    for line in unit.values["SystemCallFilter"]:
        named = set().union(*(members(word) if word.startswith("@") else {word} for word in line.lstrip("~").split()))
        allowed = allowed - named if line.startswith("~") else allowed | named
    return allowed


def numbers():
    text = subprocess.run(["gcc", "-E", "-dM", "-include", "sys/syscall.h", "-x", "c", "/dev/null"], capture_output=True, text=True, check=True).stdout
    return {name: int(number) for name, number in re.findall(r"^#define __NR_(\w+) (\d+)$", text, re.MULTILINE)}


def filter_of(unit):
    """A function that installs the unit's filter in the calling process, for `preexec_fn`."""
    known = numbers()
    load, equal, give = 0x20, 0x15, 0x06  # from linux/bpf_common.h
    program = [struct.pack("HBBI", load, 0, 0, 0)]  # loads the number of the system call
    for name in sorted(allowed_calls(unit) & set(known)):
        program += [struct.pack("HBBI", equal, 0, 1, known[name]), struct.pack("HBBI", give, 0, 0, 0x7FFF0000)]
    program.append(struct.pack("HBBI", give, 0, 0, 0x00050000 | errno.EPERM))
    code = ctypes.create_string_buffer(b"".join(program))
    whole = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(program), ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    kept = (code, whole)

    def enter():
        assert kept and libc.prctl(38, 1, 0, 0, 0) == 0  # PR_SET_NO_NEW_PRIVS
        assert libc.prctl(22, 2, whole, 0, 0) == 0  # PR_SET_SECCOMP with a filter
    return enter


CONFIGURATION = """version: 1
admin: {address: "unix:%(folder)s/admin.sock", mode: "0660", group: %(group)s}
access_log: {path: %(folder)s/access.log}
audit_log: {path: %(folder)s/audit.log}
quotas: {file: %(folder)s/quotas}
cache: {disk: {path: %(folder)s/cache, size: 10MiB}}
listeners:
  - {name: public, address: "127.0.0.1:%(port)d"}
  - {name: local, address: "unix:%(folder)s/local.sock", mode: "0660", group: %(group)s}
routes: [{name: all, match: {path_prefix: /}, policies: [{respond: {body: served}}]}]
"""


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the filter is made for x86-64 alone")
def test_the_filter_of_system_calls_lets_the_gateway_do_what_its_documentation_says(contents, tmp_path):
    """Uses a Unix socket with a group, logs, quotas and a cache on the disk, a reload, and a successor."""
    if subprocess.run([contents / "usr/bin/portcullis", "--version"], capture_output=True).returncode == 127:
        pytest.skip("the package is of another Debian than this machine's, whose libraries are not here")
    user, group = pwd.getpwnam("nobody"), next(one for one in grp.getgrall() if one.gr_name == "www-data")
    folder = tmp_path / "run"
    folder.mkdir()
    os.chown(folder, user.pw_uid, user.pw_gid)
    for path in (tmp_path, *tmp_path.parents[:2], *contents.parents[:1], contents):
        path.chmod(0o755)
    port = harness.free_port()
    (tmp_path / "c.yaml").write_text(CONFIGURATION % {"folder": folder, "group": group.gr_name, "port": port})
    enter = filter_of(debian.Unit.of(contents))
    with open(tmp_path / "said", "w+") as said:
        process = subprocess.Popen([contents / "usr/bin/portcullis", "run", "-c", tmp_path / "c.yaml"], stderr=said, preexec_fn=enter,
                                   user=user.pw_uid, group=user.pw_gid, extra_groups=[group.gr_gid])

        def told(text):
            return harness.wait_for(lambda: re.search(text, (tmp_path / "said").read_text()) or process.poll() is not None and text,
                                    what=lambda: text + " in " + (tmp_path / "said").read_text())
        try:
            told("listening on unix:")
            assert process.poll() is None, (tmp_path / "said").read_text()
            assert harness.get(port, "/") == (200, "served")
            for name in ("local.sock", "admin.sock"):
                status = (folder / name).stat()
                assert (status.st_gid, status.st_mode & 0o777) == (group.gr_gid, 0o660)
            process.send_signal(signal.SIGHUP)
            told("serving revision 2")
            process.send_signal(signal.SIGUSR2)
            told("took over")
            assert process.wait(40) == 0
            assert harness.get(port, "/") == (200, "served")
            assert not re.search(" (error|warning) ", (tmp_path / "said").read_text()), (tmp_path / "said").read_text()
        finally:
            successor = re.search(r"process (\d+) is starting as the successor", (tmp_path / "said").read_text())
            for one in ([int(successor[1])] if successor else []) + ([process.pid] if process.poll() is None else []):
                os.kill(one, signal.SIGTERM)
            process.wait(40)
