"""`portcullis run --to ...`: a mistake is named by its option, and no password is shown."""

import pytest

import sanitizers
from run_to import run

pytestmark = sanitizers.only_command_line


@pytest.mark.parametrize("target", ["http://user:secret@host:80", "user:secret@host:80", "ftp://user:secret@host", "http://user:secret@host/path", "user:sec/secret@host"])
def test_a_password_in_a_target_is_never_shown(target):
    ended = run("--to", target)
    assert ended.returncode == 64 and "--to: a target has no user and no password" in ended.stderr
    assert "secret" not in ended.stderr and "user:" not in ended.stderr


@pytest.mark.parametrize("options, told", [
    (["--to", "localhost"], "--to: `localhost` has no port - did you mean `localhost:3000`?"),
    (["--to", "ftp://a:1"], "--to: `ftp://a:1`: a target speaks `http://` or `https://`"),
    (["--to", "http://a:1/x"], "did you mean `http://a:1`?"),
    (["--to", "a:1", "--to", "a:1"], "--to: `a:1` is given twice"),
    (["--to", "https://a", "--to", "b:1"], "--to: all targets must use the same scheme, but `https://a` uses TLS and `b:1` does not"),
    (["--to", ":8080"], "--to: `:8080` is the address at which Portcullis itself listens"),
    (["--to", "127.0.0.1:8080"], "--to: `127.0.0.1:8080` is the address at which Portcullis itself listens"),
    (["--to", "127.0.0.2:81", "--listen", ":81"], "--to: `127.0.0.2:81` is the address at which Portcullis itself listens"),
    (["--to", "[::1]:81", "--listen", "[::1]:81"], "--to: `[::1]:81` is the address at which Portcullis itself listens"),
    (["--to", "http://user:secret@host:80"], "--to: a target has no user and no password before `@host:80` (in a configuration file, `headers` can send "
                                             "`Authorization`) - did you mean `http://host:80`?"),
    (["--to", ":1", "--listen", "a.test:80"], "--listen: `a.test:80`: `a.test` is not an IP address of this machine"),
    (["--to", ":1", "--listen", "https://:443"], "--listen: `https://:443`: TLS needs a certificate"),
    (["--to", ":1", "--domain", "https://a.test/x"], "--domain: `https://a.test/x` is not a domain"),
    (["--to", ":1", "--domain", 'a"]\nadmin: {address: "0.0.0.0:1"}'], "--domain: `a\"]?admin: {address: \"0.0.0.0:1\"}` is not a domain"),
    (["--to", ":1", "--key", "sha256:abc"], "--key: expected `sha256:` and 64 hexadecimal digits"),
    (["--to", ":1", "--rate", "100/minn"], "--rate: `100/minn` is not a rate such as 100/s, 5000/min, 10/30s or 100000/day - did you mean `100/min`?"),
    (["--to", ":1", "--cache", "64MB"], "--cache: `64MB` is not a size such as 512, 64KiB or 10MiB - did you mean `64MiB`?"),
    (["--to", ":1", "--dashboard", ":9"], "--dashboard: `:9` can be reached by others than this machine"),
    (["--to", ":1", "--dashboard", ":0"], "--dashboard: `:0`: the port must be 1 to 65535\n"),
    (["--to", ":1", "--listen", ":0"], "--listen: `:0`: the port must be 1 to 65535\n"),
    (["--to", ":0"], "--to: `:0`: the port must be 1 to 65535\n"),
    (["--to", ":1", "--dashboard", "127.0.0.1:9", "--no-dashboard"], "--dashboard: cannot be combined with `--no-dashboard`"),
    (["--to", ":9080", "--dashboard", "127.0.0.1:9080"], "--dashboard: `:9080` is the address of the application (`--to`), so the dashboard cannot have it"),
    (["--to", "unix:/run/a.sock", "--dashboard", "unix:/run/a.sock"], "--dashboard: `unix:/run/a.sock` is the address of the application"),
    (["--to", ":1", "--watch"], "--watch: with `--to` there are no files to watch"),
    (["--to", ":1", "--key", "--upgrade-socket", "/tmp/x"], "--key: with `--upgrade-socket`, `--key` needs a key or its hash"),
    (["--to", ":1", "-c", "x.yaml"], "`--to` cannot be combined with a configuration file"),
    (["--to", ":1", "x.yaml"], "`--to` cannot be combined with a configuration file"),
    (["--rate", "1/s", "x.yaml"], "`--rate` can only be used with `--to`; otherwise set it in the configuration"),
    (["--key"], "`--key` can only be used with `--to`"),
    (["--print"], "`--print` can only be used with `--to`"),
    (["--tow", ":1"], "unknown option `--tow` - did you mean `--to`?"),
])
def test_a_mistake_is_named_by_its_option(options, told):
    for further in ([], ["--print"]):
        ended = run(*options, *further)
        assert ended.returncode == 64 and told in ended.stderr and ended.stdout == "", ended
        assert all(line.startswith(("portcullis run: ", "Try ")) for line in ended.stderr.splitlines()), ended.stderr


def test_all_mistakes_are_told_at_once():
    ended = run("--to", "x", "--rate", "y", "--cache", "z")
    assert [line.split()[2] for line in ended.stderr.splitlines()[:-1]] == ["--to:", "--rate:", "--cache:"]
