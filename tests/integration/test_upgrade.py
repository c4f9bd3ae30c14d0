"""A new process takes the sockets of the old one while requests go on."""

import re
import threading

import pytest

import harness
from harness import read_response


@pytest.mark.parametrize("workers", [(2, 2), (3, 1), (1, 3)])
def test_a_successor_takes_over_without_a_dropped_request(workers, tmp_path, echo):
    port, admin, backend = harness.free_port(), harness.free_port(), echo()
    path, point = tmp_path / "c.yaml", tmp_path / "upgrade.sock"

    def write(number):
        path.write_text(f"""version: 1
workers: {number}
admin: {{address: "127.0.0.1:{admin}"}}
listeners:
  - {{name: public, address: "127.0.0.1:{port}"}}
  - {{name: local, address: "unix:{tmp_path}/gateway.sock"}}
upstreams: [{{name: backend, targets: [{{address: "127.0.0.1:{backend}"}}]}}]
routes: [{{name: all, match: {{}}, upstream: backend}}]
""")

    stop, failures, served = threading.Event(), [], [0]

    def load(fresh):
        connection = None
        while not stop.is_set():
            try:
                if connection is None or fresh:
                    connection = harness.connect(port)
                connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                head, _ = read_response(connection)
                assert " 200 " in head
                served[0] += 1
                if "connection: close" in head or fresh:
                    connection.close()
                    connection = None
            except Exception as problem:  # noqa: BLE001 - every kind of failure is a dropped request
                failures.append(repr(problem))
                return

    arguments = ("run", "-c", str(path), "--upgrade-socket", str(point))
    write(workers[0])
    with harness.running(*arguments) as old:
        old.wait_for_line("listening on")
        threads = [threading.Thread(target=load, args=(fresh,)) for fresh in (True, True, False)]
        for thread in threads:
            thread.start()
        try:
            write(workers[1])
            with harness.running(*arguments) as new:
                new.wait_for_line("took over")
                old.wait_for_line("draining")
                assert old.process.wait(30) == 0
                before = served[0]
                harness.wait_for(lambda: failures or served[0] > before + 200, what="requests at the successor")
                assert not failures
                # A further upgrade works.
                with harness.running(*arguments) as third:
                    third.wait_for_line("took over")
                    assert new.process.wait(30) == 0
                    before = served[0]
                    harness.wait_for(lambda: failures or served[0] > before + 50, what="requests at the third")
                    stop.set()
                    for thread in threads:
                        thread.join()
        finally:
            stop.set()
    assert not failures


def test_a_successor_that_cannot_start_changes_nothing(tmp_path, start, echo):
    point = tmp_path / "upgrade.sock"
    path = tmp_path / "c.yaml"
    port = harness.free_port()
    good = harness.simple_configuration(echo()).replace("{port}", str(port))
    path.write_text(good)
    with harness.running("run", "-c", str(path), "--upgrade-socket", str(point)) as old:
        old.wait_for_line("listening on")
        assert point.stat().st_mode & 0o077 == 0
        path.write_text(good.replace("upstream: backend", "upstream: nowhere"))
        with harness.running("run", "-c", str(path), "--upgrade-socket", str(point), expect=1) as new:
            assert new.process.wait(20) == 1
        path.write_text(good.replace("listeners:", "access_log: {path: /dev/null/x}\nlisteners:"))
        with harness.running("run", "-c", str(path), "--upgrade-socket", str(point), expect=3) as new:
            assert new.process.wait(20) == 3  # after it has received the sockets
        with harness.connect(port) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert " 200 " in read_response(connection)[0]
        assert not any(re.search("draining", line) for line in old.lines)
