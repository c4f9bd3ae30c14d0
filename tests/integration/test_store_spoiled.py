"""A gateway whose disk is full or read-only, or whose store is damaged: what it serves goes on, changes are answered 503 with the reason,
and it writes again when the reason is gone."""

import os
import pathlib

import pytest

import sanitizers
from command_line import portcullis, told
from store_gateway import has_mount_namespaces, in_mount_namespace, route, store_gateway

needs_mounts = pytest.mark.skipif(not has_mount_namespaces(), reason="this kernel gives no mount namespace")
FILE_ROUTE = "routes: [{name: f, match: {path: /f}, policies: [{respond: {status: 200, body: f}}]}]\n"


def refused(reply, *texts):
    """Checks the answer to a change that could not be stored."""
    status, problem, text = reply
    assert status == 503 and "\r\nretry-after: " in text and "application/problem+json" in text, text
    for one in texts:
        assert one in problem["detail"], text


def goes_on(gateway, body, revision):
    """Checks that the gateway serves and answers as before."""
    assert gateway.served() == (200, body) and gateway.served("/f") == (200, "f")
    assert gateway.call("GET", "/v1/routes/all")[0] == 200
    status, _, reply = gateway.call("GET", "/v1/config")
    assert status == 200 and f"\r\nportcullis-revision: {revision}\r\n" in reply
    node, = gateway.call("GET", "/v1/nodes")[1]["items"]
    assert (node["revision"], node["state"]) == (revision, "ready")


def inside(gateway, path):
    """A path in the gateway's own mounts."""
    return pathlib.Path(f"/proc/{gateway.process.pid}/root{path}")


@needs_mounts
def test_a_full_disk_refuses_changes_until_there_is_space(tmp_path):
    (tmp_path / "disk").mkdir()
    with store_gateway(tmp_path, store="disk/portcullis.db", file_objects=FILE_ROUTE) as gateway:
        gateway.start(in_mount_namespace(f"mount -t tmpfs -o size=1m none '{tmp_path}/disk'"))
        assert gateway.publish("one")[0] == 201
        filler = inside(gateway, tmp_path / "disk/filler")
        with open(filler, "wb", buffering=0) as file:
            while True:
                try:
                    file.write(b"x" * 4096)
                except OSError:
                    break
        # What is written to the log before the disk is full may still fit.
        stored, number = "one", 2
        while (answer := gateway.publish(f"more {number}"))[0] == 200:
            stored, number = f"more {number}", number + 1
            assert number < 100
        refused(answer, "portcullis.db: the disk is full: free some space")
        goes_on(gateway, stored, number)
        assert gateway.revisions() == list(range(number, 0, -1))
        refused(gateway.call("DELETE", "/v1/routes/all"), "the disk is full")
        refused(gateway.call("POST", "/v1/revisions/1/restore"), "the disk is full")
        node, = gateway.call("GET", "/v1/nodes")[1]["items"]
        assert not node["store_reachable"] and "the disk is full" in node["last_error"], node
        # A change with a mistake is told so, and not that the disk is full.
        assert gateway.call("PUT", "/v1/routes/all", {"match": {"path": "x"}})[0] == 422
        filler.unlink()
        status, _, reply = gateway.publish("two")
        assert status == 200 and f"\r\nportcullis-revision: {number + 1}\r\n" in reply
        goes_on(gateway, "two", number + 1)
        node, = gateway.call("GET", "/v1/nodes")[1]["items"]
        assert node["store_reachable"] and node["last_error"] is None, node
        gateway.stop()


@needs_mounts
def test_a_read_only_store_is_served_and_refuses_changes(tmp_path):
    (tmp_path / "disk").mkdir()
    with store_gateway(tmp_path, store="disk/portcullis.db", file_objects=FILE_ROUTE) as gateway:
        gateway.start()
        assert gateway.publish("one")[0] == 201
        gateway.stop()
        gateway.start(in_mount_namespace(f"cd '{tmp_path}' && mount --bind disk disk && mount -o remount,ro,bind disk"))
        goes_on(gateway, "one", 2)
        refused(gateway.publish("two"), "the file cannot be written", "read-only")
        goes_on(gateway, "one", 2)
        assert gateway.revisions() == [2, 1]
        gateway.stop()
        assert gateway.start().publish("two")[0] == 200 and gateway.revisions() == [3, 2, 1]
        gateway.stop()


@needs_mounts
def test_a_read_only_folder_without_a_store_is_told_at_the_start(tmp_path):
    (tmp_path / "disk").mkdir()
    with store_gateway(tmp_path, store="disk/portcullis.db") as gateway:
        gateway.begin(in_mount_namespace(f"cd '{tmp_path}' && mount --bind disk disk && mount -o remount,ro,bind disk"))
        assert gateway.process.wait(20) == 3
        gateway.running.reader.join(10)
        assert any("portcullis.db: cannot create the file: Read-only file system" in line for line in gateway.running.lines)


def damage(path, first, last=None):
    """Overwrites pages of a database; the first page is number 0."""
    size = os.path.getsize(path)
    with open(path, "r+b") as file:
        for page in range(first, last or size // 4096):
            file.seek(page * 4096)
            file.write(b"x" * 4096)


def store_with_objects(gateway):
    """Makes a store of more pages than SQLite keeps in memory, all of them in the file itself."""
    gateway.start()
    changes = [{"put": {"kind": "routes", "name": f"r{i}", "value": route("x" * 12000, f"r{i}", f"/r{i}/")}} for i in range(1000)]
    assert gateway.call("POST", "/v1/changes", {"changes": changes})[0] == 200
    assert gateway.publish("one")[0] == 201
    gateway.stop()
    assert os.path.getsize(gateway.store) > 9 << 20 and not gateway.store.with_name(gateway.store.name + "-wal").exists()


@sanitizers.damaged_file
def test_a_store_that_is_damaged_while_the_gateway_runs_is_told_and_serving_goes_on(tmp_path):
    with store_gateway(tmp_path, file_objects=FILE_ROUTE) as gateway:
        store_with_objects(gateway)
        backup = tmp_path / "backup.db"
        told("store", "backup", str(backup), "--store", str(gateway.store))
        gateway.start()
        damage(gateway.store, 1)
        refused(gateway.call("GET", "/v1/config?revision=2"), "portcullis.db: the file is damaged: put back a backup")
        goes_on(gateway, "one", 3)
        # Pages that SQLite has in memory are good, so a change may find what it needs; no answer is wrong.
        answer = gateway.publish("two")
        if answer[0] == 503:
            refused(answer, "portcullis.db: the file is damaged: put back a backup")
        served, number = ("one", 3) if answer[0] == 503 else ("two", 4)
        goes_on(gateway, served, number)
        assert portcullis("store", "check", "--store", str(gateway.store)).returncode != 0
        # The backup takes its place while the gateway runs, and the next start serves it.
        out = portcullis("store", "restore", str(backup), "--store", str(gateway.store), "--force")
        assert out.returncode == 0, out.stderr
        goes_on(gateway, served, number)
        gateway.stop()
        goes_on(gateway.start(), "one", 3)
        assert gateway.publish("three")[0] == 200 and gateway.revisions() == [4, 3, 2, 1]
        gateway.stop()


@sanitizers.damaged_file
@pytest.mark.parametrize("first, last", [(0, 1), (1, 2), (2, 12), (1, None)], ids=["header", "revisions", "some", "all"])
def test_a_damaged_store_is_told_at_the_start_and_nothing_is_overwritten(first, last, tmp_path):
    with store_gateway(tmp_path, file_objects=FILE_ROUTE) as gateway:
        store_with_objects(gateway)
        damage(gateway.store, first, last)
        content = gateway.store.read_bytes()
        gateway.begin()
        assert gateway.process.wait(20) == 3
        gateway.running.reader.join(10)
        lines = "\n".join(gateway.running.lines)
        assert f"{gateway.store}: " in lines and "damaged" in lines and "put back a backup" in lines, lines
        assert gateway.store.read_bytes() == content


def test_a_limit_of_the_size_of_files_is_told(tmp_path):
    with store_gateway(tmp_path, file_objects=FILE_ROUTE) as gateway:
        gateway.start(["prlimit", "--fsize=200000"])
        number = 1
        while (answer := gateway.publish(str(number)))[0] in (200, 201):
            number += 1
            assert number < 1000
        refused(answer, "portcullis.db: ")
        goes_on(gateway, str(number - 1), number)
        gateway.stop()
        assert gateway.start().served() == (200, str(number - 1))
        gateway.stop()
