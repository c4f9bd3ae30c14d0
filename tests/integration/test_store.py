"""The store of revisions: processes that are killed while they write, and the command `portcullis store`."""

import json
import pathlib
import random
import shutil
import signal
import stat
import subprocess

import pytest

import sanitizers
from command_line import portcullis, told
from harness import BINARY
from store import WRITER, write_store

OBJECTS = 20


def start_writer(path, *call):
    return subprocess.Popen([WRITER, path, "100000", str(OBJECTS), *map(str, call)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def checked(path):
    """The findings of a store that must be good."""
    found = told("store", "check", "--store", str(path))
    assert found["faults"] == [] and found["revisions"] == found["newest"]
    return found


@sanitizers.killed_process
def test_a_writer_that_is_killed_at_any_moment_leaves_whole_revisions(tmp_path):
    path, newest = tmp_path / "store.db", 0
    seed = random.randrange(1 << 32)
    moments = random.Random(seed)
    for _ in range(50):
        writer = start_writer(path)
        # The process goes on while this test reads the lines, so the signal meets it anywhere in an append.
        wanted = moments.randrange(12)
        with writer:
            lines = [writer.stdout.readline() for _ in range(wanted)]
            writer.kill()
            lines += writer.stdout.readlines()
            assert writer.wait(timeout=30) == -signal.SIGKILL, writer.stderr.read()
        printed = [int(line) for line in lines if line.endswith("\n")]
        assert printed == list(range(newest + 1, newest + 1 + len(printed))), f"seed {seed}"
        if not printed and newest == 0:
            continue  # it may have had no time to create the store
        after = checked(path)["newest"]
        # What was printed is there; the next revision is there as a whole or not at all.
        assert newest + len(printed) <= after <= newest + len(printed) + 1, f"seed {seed}"
        newest = after
    assert newest > 100


@sanitizers.killed_process
def test_a_writer_that_is_killed_at_each_of_its_writes_leaves_whole_revisions(tmp_path):
    for call in range(1, 1000):
        path = tmp_path / f"{call}.db"
        writer = subprocess.run([WRITER, path, "3", str(OBJECTS), str(call)], capture_output=True, text=True, timeout=30)
        if writer.returncode == 0:
            break
        assert writer.returncode == -signal.SIGKILL, writer.stderr
        printed = len(writer.stdout.splitlines())
        write_store(path, revisions=1, objects=OBJECTS)
        assert printed + 1 <= checked(path)["newest"] <= printed + 2, f"call {call}"
    assert 10 < call < 999


def test_a_backup_is_whole_while_a_process_writes(tmp_path):
    path = tmp_path / "store.db"
    with start_writer(path) as writer:
        for i in range(10):
            newest = int(writer.stdout.readline())
            backup = tmp_path / f"{i}.db"
            made = told("store", "backup", str(backup), "--store", str(path))
            assert made["newest"] >= newest and made["good"]
            assert not backup.with_name(f"{i}.db-wal").exists()
            assert stat.S_IMODE(backup.stat().st_mode) == 0o600
        writer.kill()
    checked(path)


def test_rekeying_loses_nothing_while_a_process_writes(tmp_path):
    path = tmp_path / "store.db"
    with start_writer(path) as writer:
        for _ in range(10):
            writer.stdout.readline()
            told("store", "rekey", "--store", str(path))
        assert writer.poll() is None, writer.stderr.read()
        writer.kill()
    assert checked(path)["secrets"] > 0


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace ends the process at a system call")
@sanitizers.only_command_line
@pytest.mark.parametrize("name", ["write", "pwrite64", "fsync", "fdatasync", "rename", "unlink", "ftruncate"])
def test_rekeying_that_is_killed_at_each_of_its_writes_loses_nothing(name, tmp_path):
    write_store(tmp_path / "store.db", objects=200)
    for call in range(1, 1000):
        folder = tmp_path / str(call)
        folder.mkdir()
        for file in ("store.db", "store.db.key"):
            shutil.copy2(tmp_path / file, folder)
        path = folder / "store.db"
        out = subprocess.run(["strace", "-f", "-o", "/dev/null", "-e", f"inject={name}:signal=KILL:when={call}",
                              BINARY, "store", "rekey", "--store", path], capture_output=True, text=True, timeout=60)
        if "ptrace" in out.stderr:
            pytest.skip("strace may not trace here: " + out.stderr)
        assert checked(path)["secrets"] == 2, f"call {call}"
        told("store", "rekey", "--store", str(path))
        assert checked(path)["secrets"] == 2, f"call {call}"
        assert (folder / "store.db.key").read_text().count("\nkey ") == 1
        if out.returncode == 0:
            break
    assert 1 < call < 999


def in_mount_namespace(script, folder):
    """What a shell script prints in a mount namespace of its own, in which it may mount things in `folder`."""
    out = subprocess.run(["unshare", "--mount", "sh", "-c", script], cwd=folder, capture_output=True, text=True, timeout=60,
                         env={"PATH": f"{WRITER.parent}:{pathlib.Path(BINARY).parent.resolve()}:/usr/bin:/bin"})
    if "unshare" in out.stderr or "mount:" in out.stderr:
        pytest.skip("this kernel gives no mount namespace: " + out.stderr)
    return out


def test_a_full_disk_stores_whole_revisions_and_says_so(tmp_path):
    out = in_mount_namespace("""
        mkdir disk && mount -t tmpfs -o size=1m none disk
        store_writer disk/store.db 100000 200 > written
        echo "exit code $?"; tail -n 1 written
        portcullis store check --store disk/store.db --json
    """, tmp_path)
    assert "disk/store.db: the disk is full: free some space" in out.stderr
    code, written, findings = out.stdout.split("\n", 2)
    found = json.loads(findings)
    assert code == "exit code 1" and int(written) > 10
    assert (found["newest"], found["faults"]) == (int(written), [])


def test_a_store_on_a_read_only_disk_can_be_read(tmp_path):
    write_store(tmp_path / "disk/st%6fre#?.db")
    out = in_mount_namespace("""
        mount --bind disk disk && mount -o remount,ro,bind disk
        portcullis store check --store 'disk/st%6fre#?.db' && portcullis store backup backup.db --store 'disk/st%6fre#?.db'
        portcullis store rekey --store 'disk/st%6fre#?.db'
        store_writer 'disk/st%6fre#?.db' 1 3
        store_writer disk/new.db 1 3
    """, tmp_path)
    check, *backup = out.stdout.splitlines()
    assert check == "disk/st%6fre#?.db: good: revision 2 is the newest of 2 revisions, with 1 secret"
    assert backup == ["backup.db: good: revision 2 is the newest of 2 revisions, with 1 secret"]
    rekey, writing, creating = out.stderr.splitlines()
    assert rekey == "portcullis: key file disk/st%6fre#?.db.key: cannot be written: Read-only file system"
    assert writing.startswith("disk/st%6fre#?.db: the file cannot be written: check who owns it")
    assert creating == "disk/new.db: cannot create the file: Read-only file system"


@pytest.fixture
def store(tmp_path):
    """The words that name a store with two revisions."""
    write_store(tmp_path / "portcullis.db", objects=200)
    return ["--store", str(tmp_path / "portcullis.db")]


@sanitizers.only_command_line
def test_the_life_of_a_backup(store, tmp_path):
    backup, path = tmp_path / "backup.db", tmp_path / "portcullis.db"
    out = portcullis("store", "check", *store)
    assert (out.returncode, out.stderr) == (0, "")
    assert out.stdout == f"{path}: good: revision 2 is the newest of 2 revisions, with 2 secrets\n"
    out = portcullis("store", "backup", str(backup), *store)
    assert (out.returncode, out.stderr) == (0, "") and out.stdout.startswith(f"{backup}: good: revision 2 is the newest")
    out = portcullis("store", "backup", str(backup), *store)
    assert (out.returncode, out.stdout) == (3, "") and "the file exists: name another one" in out.stderr
    write_store(path, revisions=1)
    out = portcullis("store", "restore", str(backup), *store)
    assert out.returncode == 3 and "with `--force` its content is replaced" in out.stderr
    assert checked(path)["newest"] == 3
    assert portcullis("store", "restore", str(backup), *store, "--force").returncode == 0
    assert checked(path)["newest"] == 2
    elsewhere = tmp_path / "elsewhere.db"
    told("store", "restore", str(backup), "--store", str(elsewhere), "--key-file", f"{path}.key")
    assert told("store", "check", "--store", str(elsewhere), "--key-file", f"{path}.key")["newest"] == 2


@sanitizers.only_command_line
def test_a_damaged_store_is_wrong_and_a_damaged_backup_replaces_nothing(store, tmp_path):
    path, backup = tmp_path / "portcullis.db", tmp_path / "backup.db"
    told("store", "backup", str(backup), *store)
    content = bytearray(backup.read_bytes())
    content[8192:12288] = b"x" * 4096
    backup.write_bytes(content)
    assert told("store", "restore", str(backup), *store, "--force", code=1)["faults"]
    checked(path)
    path.write_bytes(content)
    out = portcullis("store", "check", *store)
    assert out.returncode == 1 and out.stdout == ""
    assert out.stderr.endswith(f"portcullis: {path}: the store is not as it was written\n")


@sanitizers.only_command_line
def test_rekeying_makes_the_old_key_file_useless(store, tmp_path):
    path, key = tmp_path / "portcullis.db", tmp_path / "portcullis.db.key"
    stolen = tmp_path / "stolen.key"
    stolen.write_bytes(key.read_bytes())
    stolen.chmod(0o600)
    assert portcullis("store", "rekey", *store).stdout == f"{path}: the new key is in {key}, and encrypts 2 secrets\n"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    checked(path)
    fault, = told("store", "check", *store, "--key-file", str(stolen), code=1)["faults"]
    assert "these are not the keys of the store" in fault


@sanitizers.only_command_line
@pytest.mark.parametrize("words, why", [
    (["store"], "`ACTION` is missing"),
    (["store", "chek"], "did you mean `check`?"),
    (["store", "backup"], "`FILE` is missing"),
    (["store", "restore"], "`FILE` is missing"),
    (["store", "check", "a.db"], "`check` takes no file"),
    (["store", "backup", "a.db", "--force"], "`--force` is for `restore`"),
], ids=lambda words: " ".join(words) if isinstance(words, list) else "")
def test_wrong_command_lines(words, why):
    out = portcullis(*words)
    assert out.returncode == 64 and why in out.stderr


@sanitizers.only_command_line
@pytest.mark.parametrize("action", [["check"], ["backup", "made.db"], ["restore", "none.db"], ["rekey"]], ids=" ".join)
def test_a_store_that_is_absent_is_not_created(action, tmp_path):
    out = portcullis("store", *action, "--store", "absent.db", "--json", cwd=tmp_path)
    assert out.returncode == 3 and "error" in json.loads(out.stdout)
    assert list(tmp_path.iterdir()) == []
