"""The package's life cycle on a Debian: installed, started, upgraded under load, removed, purged."""

import os
import stat

import debian
import harness
import pytest

CONFIGURATION = "/etc/portcullis/portcullis.yaml"


def owner_and_mode(root, path):
    status = (root / path).stat()
    names = root.run("stat", "-c", "%U:%G", path).strip()
    return names, oct(stat.S_IMODE(status.st_mode))


@pytest.fixture
def manager(fresh_root):
    return debian.ServiceManager(fresh_root)


def test_the_installed_service_answers_at_once_and_says_where_its_configuration_is(fresh_root, manager, package):
    said = fresh_root.install(package)
    assert manager.failures == []
    assert any(command.endswith("start portcullis.service") for command in manager.commands), (manager.commands, said)
    answer = fresh_root.curl("http://localhost:8080/")
    assert CONFIGURATION in answer and "running" in answer
    assert "ready" in fresh_root.curl("-o", "/dev/null", "-w", "%{http_code} ready", "http://localhost:9080/readyz")
    # The admin listener is reachable from this machine only.
    with fresh_root.network():
        listening = os.popen("ss -Hltn 'sport = :9080'").read()
    assert "127.0.0.1:9080" in listening and "0.0.0.0:9080" not in listening and "[::]:9080" not in listening
    assert (fresh_root / "/etc/systemd/system/multi-user.target.wants/portcullis.service").is_symlink()


def test_the_configuration_and_the_logs_are_for_the_service_and_root_alone(fresh_root, manager, package):
    fresh_root.install(package)
    assert owner_and_mode(fresh_root, CONFIGURATION) == ("root:portcullis", "0o640")
    assert owner_and_mode(fresh_root, "/etc/portcullis") == ("root:portcullis", "0o750")
    for folder in ("/var/lib/portcullis", "/var/log/portcullis", "/run/portcullis"):
        assert owner_and_mode(fresh_root, folder) == ("portcullis:portcullis", "0o750")
    fresh_root.curl("http://localhost:8080/")
    assert owner_and_mode(fresh_root, "/var/log/portcullis/access.log") == ("portcullis:portcullis", "0o640")


def test_a_reload_takes_the_edited_configuration_and_refuses_a_wrong_one(fresh_root, manager, package):
    fresh_root.install(package)
    path = fresh_root / CONFIGURATION
    good = path.read_text()
    path.write_text(good.replace("Portcullis is running.", "Edited."))
    assert manager.reload() == ""
    harness.wait_for(lambda: "Edited." in fresh_root.curl("http://localhost:8080/"), what="the edited answer")
    path.write_text(good.replace("listeners:", "listners:"))
    assert "did you mean `listeners`" in manager.reload()
    assert "Edited." in fresh_root.curl("http://localhost:8080/")


def test_the_service_may_bind_a_port_below_1024_and_nothing_more(fresh_root, manager, package):
    fresh_root.install(package)
    path = fresh_root / CONFIGURATION
    path.write_text(path.read_text().replace("0.0.0.0:8080", "0.0.0.0:80"))
    assert manager.reload() == ""
    harness.wait_for(lambda: CONFIGURATION in fresh_root.curl("http://localhost/"), what="an answer on port 80")
    status = open(f"/proc/{manager.main}/status").read()
    assert "CapEff:\t0000000000000400" in status and "CapBnd:\t0000000000000400" in status  # CAP_NET_BIND_SERVICE
    assert "NoNewPrivs:\t1" in status


def test_an_upgrade_under_load_loses_no_request_and_keeps_the_edited_configuration(fresh_root, manager, package, next_package):
    fresh_root.install(package)
    path = fresh_root / CONFIGURATION
    edited = path.read_text().replace("Portcullis is running.", "Edited.")
    path.write_text(edited)
    assert manager.reload() == ""
    old = manager.main
    with debian.Load(fresh_root) as load:
        said = fresh_root.install(next_package)
        load.wait_for_more(200)
    assert load.failures == []
    assert "has not taken over" not in said
    assert manager.main != old
    harness.wait_for(lambda: fresh_root.gateways() == {manager.main: False}, timeout=40, what="the end of the old process")
    assert path.read_text() == edited
    assert "Edited." in fresh_root.curl("http://localhost:8080/")
    assert not any(" stop " in f" {command} " or "restart" in command for command in manager.commands)


def test_an_upgrade_whose_binary_cannot_start_says_so_and_the_old_one_goes_on_serving(fresh_root, manager, package, next_package):
    fresh_root.install(package)
    old = manager.main
    path = fresh_root / CONFIGURATION
    path.write_text("version: 1\n")  # a configuration that cannot start
    with debian.Load(fresh_root) as load:
        said = fresh_root.install(next_package)
        load.wait_for_more(50)
    assert load.failures == []
    assert "has not taken over" in said
    assert manager.main == old


def test_installing_the_same_package_again_changes_nothing(fresh_root, manager, package):
    fresh_root.install(package)
    process = manager.main
    fresh_root.run("chmod", "0440", CONFIGURATION)
    for _ in range(2):
        fresh_root.run("dpkg", "-i", "/tmp/portcullis.deb")
        fresh_root.run("dpkg-reconfigure", "portcullis", check=False)
    assert owner_and_mode(fresh_root, CONFIGURATION) == ("root:portcullis", "0o440")
    assert CONFIGURATION in fresh_root.curl("http://localhost:8080/")
    harness.wait_for(lambda: list(fresh_root.gateways()) == [manager.main], timeout=40, what="one gateway")
    assert process != manager.main  # the binary has been replaced by an equal one


def test_removing_stops_the_service_and_keeps_the_configuration(fresh_root, manager, package):
    fresh_root.install(package)
    fresh_root.run("apt-get", "remove", "-y", "portcullis")
    assert fresh_root.gateways() == {}
    assert (fresh_root / CONFIGURATION).exists()
    assert (fresh_root / "/var/log/portcullis").exists()


def test_purging_leaves_no_file_but_the_user(fresh_root, manager, package):
    before = fresh_root.run("find", "/etc", "/var/lib", "/var/log", "/run", "/usr", "-path", "*portcullis*")
    fresh_root.install(package)
    fresh_root.curl("http://localhost:8080/")
    for _ in range(2):
        fresh_root.run("dpkg", "--purge", "portcullis")
    assert fresh_root.gateways() == {}
    assert fresh_root.run("find", "/etc", "/var/lib", "/var/log", "/run", "/usr", "-path", "*portcullis*") == before
    assert "portcullis" in (fresh_root / "/etc/passwd").read_text()


def test_without_systemd_the_package_installs_upgrades_under_load_and_purges(fresh_root, package, next_package):
    fresh_root.install(package)
    assert fresh_root.gateways() == {}  # no service manager starts services here
    assert owner_and_mode(fresh_root, "/var/lib/portcullis") == ("portcullis:portcullis", "0o750")
    gateway = debian.start_by_hand(fresh_root)
    with debian.Load(fresh_root) as load:
        said = fresh_root.install(next_package)
        load.wait_for_more(200)
    assert load.failures == []
    assert "has not taken over" not in said
    assert gateway.wait(40) == 0
    assert list(fresh_root.gateways().values()) == [False]
    fresh_root.run("apt-get", "purge", "-y", "portcullis")
    assert fresh_root.gateways() == {}
    assert not (fresh_root / "/var/lib/portcullis").exists()


def test_logs_are_rotated_without_losing_a_line(fresh_root, manager, package):
    fresh_root.install(package)
    log = fresh_root / "/var/log/portcullis/access.log"
    with debian.Load(fresh_root) as load:
        fresh_root.run("logrotate", "--force", "/etc/logrotate.d/portcullis")
        load.wait_for_more(50)
    assert load.failures == []
    served = load.served
    harness.wait_for(lambda: log.exists() and log.with_suffix(".log.1").exists(), what="both files")
    harness.wait_for(lambda: sum(len(p.read_text().splitlines()) for p in (log, log.with_suffix(".log.1"))) == served, what="a line for each request")
    assert log.read_text() != ""
    assert owner_and_mode(fresh_root, "/var/log/portcullis/access.log") == ("portcullis:portcullis", "0o640")
