"""Targets from discovery: files, SRV records, etcd, Consul."""

import collections
import http.client
import json
import os
import threading
import urllib.parse

import pytest

import sanitizers
from fake_dns import NameServer
from harness import check, free_port, get, metric, wait_for


def configuration(discover, upstream="", top="", routes="", workers=2):
    return f"""version: 1
workers: {workers}
{top}
listeners: [{{name: public, address: "127.0.0.1:{{port}}"}}]
upstreams:
  - name: backend
    discover: {discover}
{upstream}
routes:
{routes}
  - {{name: all, match: {{path_prefix: /}}, upstream: backend}}
"""


def ask(gateway):
    """The name of the backend that answers, or the status of a failure."""
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20)
    connection.request("GET", "/")
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return json.loads(body)["backend"] if response.status == 200 else response.status


def names(gateway, count=12):
    return set(ask(gateway) for _ in range(count))


def wait_for_names(gateway, *expected):
    """Waits until both workers know the targets; each new connection goes to either worker."""
    wait_for(lambda: all(names(gateway) == set(expected) for _ in range(3)), what=f"{expected}")


@pytest.fixture
def three(echo):
    return {name: echo(name) for name in ("one", "two", "three")}


def replace(path, text):
    """Replaces the file as deployment tools do."""
    fresh = path.with_suffix(".new")
    fresh.write_text(text)
    os.replace(fresh, path)


def test_a_file_is_followed(start, three, tmp_path):
    path = tmp_path / "targets.yaml"
    path.write_text(f'- {{address: "127.0.0.1:{three["one"]}"}}\n')
    gateway = start(configuration("{file: targets.yaml}"))
    assert names(gateway) == {"one"}
    replace(path, json.dumps([{"address": f"127.0.0.1:{three[name]}"} for name in ("one", "two")]))
    wait_for_names(gateway, "one", "two")
    path.write_text(f'- {{address: "127.0.0.1:{three["three"]}"}}\n')
    wait_for_names(gateway, "three")
    # Mistakes are reported, and the last list stays.
    for wrong, said in ((f'- {{addres: "127.0.0.1:{three["one"]}"}}\n', "targets.yaml:1:4: error: unknown key `addres` in target - did you mean `address`?"),
                        ("- [", "targets.yaml:")):
        before = len(gateway.lines)
        path.write_text(wrong)
        gateway.wait_for_line(said, after=before)
        assert names(gateway) == {"three"}
    path.unlink()
    gateway.wait_for_line("cannot read the file: No such file or directory")
    assert names(gateway) == {"three"}
    path.write_text(f'- {{address: "127.0.0.1:{three["one"]}"}}\n')
    gateway.wait_for_line("it answers again")
    wait_for_names(gateway, "one")
    path.write_text("[]")
    wait_for_names(gateway, 503)


def test_weights_priorities_and_metadata_count(start, three, tmp_path):
    path = tmp_path / "targets.yaml"
    targets = [{"address": f"127.0.0.1:{three['one']}", "weight": 3, "metadata": {"v": "1"}},
               {"address": f"127.0.0.1:{three['two']}", "weight": 1, "metadata": {"v": "1"}},
               {"address": f"127.0.0.1:{three['three']}", "priority": 1, "metadata": {"v": "2"}}]
    path.write_text(json.dumps(targets))
    gateway = start(configuration("{file: targets.yaml}", workers=1, routes=
                                  "  - {name: next, match: {path: /next}, upstream: backend, subset: {v: '2'}}"))
    assert collections.Counter(ask(gateway) for _ in range(40)) == {"one": 30, "two": 10}
    assert '"three"' in get(gateway.port, "/next")[1]
    targets[0]["weight"] = 1
    replace(path, json.dumps(targets))
    wait_for(lambda: collections.Counter(ask(gateway) for _ in range(40)) == {"one": 20, "two": 20}, what="the weight")


def test_discovered_targets_beside_others_and_their_connections_stay(start, three, backend, tmp_path):
    kept = backend()
    path = tmp_path / "targets.yaml"
    path.write_text(f'- {{address: "127.0.0.1:{kept.port}"}}\n')
    gateway = start(configuration("{file: targets.yaml}", workers=1, upstream=f'    targets: [{{address: "127.0.0.1:{three["one"]}"}}]'))

    def bodies():
        return {get(gateway.port, "/")[1][:12] for _ in range(8)}
    assert bodies() == {'{"backend": ', "ok"} and kept.accepted == 1
    replace(path, json.dumps([{"address": f"127.0.0.1:{kept.port}", "weight": 2}, {"address": f"127.0.0.1:{three['two']}"}]))
    wait_for(lambda: names_of(gateway) == {"one", "two", "ok"}, what="the third")
    # Neither the change nor a reload closes a connection.
    gateway.write(gateway.path.read_text().replace("version: 1", "version: 1\ndrain_timeout: 29s", 1))
    gateway.reload()
    assert names_of(gateway) == {"one", "two", "ok"} and kept.accepted == 1


def names_of(gateway):
    out = set()
    for _ in range(16):
        body = get(gateway.port, "/")[1]
        out.add(json.loads(body)["backend"] if body.startswith("{") else body)
    return out


def test_a_reload_loses_no_request_and_forgets_no_target(start, three, tmp_path):
    path = tmp_path / "targets.yaml"
    path.write_text(f'- {{address: "127.0.0.1:{three["one"]}"}}\n')
    text = configuration("{file: targets.yaml}")
    gateway = start(text)
    failures, stopping = [], threading.Event()

    def load():
        while not stopping.is_set():
            if (answered := ask(gateway)) not in three:
                failures.append(answered)
    clients = [threading.Thread(target=load) for _ in range(3)]
    for client in clients:
        client.start()
    for i in range(20):
        gateway.write(text.replace("version: 1", f"version: 1\ndrain_timeout: {30 + i}s", 1)
                      .replace("discover:", f"timeouts: {{response: {10 + i}s}}\n    discover:"))
        gateway.reload()
        chosen = list(three)[i % 3]
        replace(path, f'- {{address: "127.0.0.1:{three[chosen]}"}}\n')
    stopping.set()
    for client in clients:
        client.join(20)
    assert not failures
    wait_for_names(gateway, list(three)[19 % 3])


def test_health_checks_watch_discovered_targets(start, three, tmp_path):
    path, admin, dead = tmp_path / "targets.yaml", free_port(), free_port()
    path.write_text(json.dumps([{"address": f"127.0.0.1:{port}"} for port in (three["one"], dead)]))
    gateway = start(configuration("{file: targets.yaml}", top=f'admin: {{address: "127.0.0.1:{admin}"}}',
                                  upstream="    health_check: {interval: 20ms, timeout: 500ms, unhealthy_after: 1}"))

    def up():
        return {one["address"]: one["up"] for one in json.loads(get(admin, "/v1/health/upstreams")[1])["upstreams"][0]["targets"]}
    wait_for(lambda: up() == {f"127.0.0.1:{three['one']}": True, f"127.0.0.1:{dead}": False}, what="the verdicts")
    replace(path, json.dumps([{"address": f"127.0.0.1:{three['two']}"}]))
    wait_for(lambda: up() == {f"127.0.0.1:{three['two']}": True}, what="the other one")
    assert names(gateway) == {"two"}
    # No data of removed targets is kept.
    wait_for(lambda: f"127.0.0.1:{three['one']}" not in get(admin, "/metrics")[1], what="its metrics to go")
    assert metric(admin, f'portcullis_target_tries_total{{upstream="backend",target="127.0.0.1:{three["two"]}",result="answered"}}') > 0


def test_srv_records_are_followed(start, three):
    server = NameServer({"a.test": ["127.0.0.1"], "b.test": ["127.0.0.1"]}, services={
        "_orders._tcp.test": [(1, 5, three["one"], "a.test"), (1, 5, three["two"], "b.test"), (2, 5, three["three"], "a.test")]})
    try:
        gateway = start(configuration("{srv: _orders._tcp.test}", top=f'dns: {{servers: ["127.0.0.1:{server.port}"], min_ttl: 50ms}}'))
        assert names(gateway) == {"one", "two"}  # the third target has another priority
        server.records["c.test"] = ["127.0.0.1"]
        server.services["_orders._tcp.test"] = [(1, 0, three["three"], "c.test")]
        wait_for_names(gateway, "three")
        # The last answer stays while no answer arrives.
        for trouble in ("gone", "silent"):
            before = len(gateway.lines)
            server.silent = trouble == "silent"
            server.services.pop("_orders._tcp.test", None)
            if trouble == "gone":
                gateway.wait_for_line("discovery, srv _orders._tcp.test: ", after=before)
            assert names(gateway) == {"three"}
        server.silent = False
        server.services["_orders._tcp.test"] = [(1, 1, three["one"], "a.test")]
        wait_for_names(gateway, "one")
    finally:
        server.close()


def test_etcd_is_followed(start, three, etcd):
    store = etcd()
    store.put("/services/orders/a", f"127.0.0.1:{three['one']}")
    store.put("/services/other/a", f"127.0.0.1:{three['three']}")
    gateway = start(configuration(f'{{etcd: {{urls: "http://127.0.0.1:{store.port}", prefix: /services/orders/}}}}'))
    assert names(gateway) == {"one"}
    store.put("/services/orders/b", json.dumps({"address": f"127.0.0.1:{three['two']}", "weight": 2, "metadata": {"v": "1"}}))
    wait_for_names(gateway, "one", "two")
    store.delete("/services/orders/a")
    wait_for_names(gateway, "two")
    store.put("/services/orders/bad", '{"address": "127.0.0.1:1", "wait": 3}')
    gateway.wait_for_line("a target is skipped: /services/orders/bad:1:")
    assert names(gateway) == {"two"}
    # etcd goes away, and returns with other content.
    store.kill()
    gateway.wait_for_line("discovery, etcd http://127.0.0.1:")
    assert names(gateway) == {"two"}
    store.start()
    store.put("/services/orders/b", f"127.0.0.1:{three['three']}")
    wait_for_names(gateway, "three")


def test_etcd_with_users_and_a_member_that_is_away(start, three, etcd):
    store = etcd()
    store.ask("auth/user/add", name="root", password="top-secret")
    store.ask("auth/user/grant", user="root", role="root")
    store.ask("auth/role/add", name="reader")
    store.ask("auth/role/grant", name="reader", perm={"permType": "READ", "key": "L3Mv", "range_end": "L3Mw"})
    store.ask("auth/user/add", name="gateway", password="secret")
    store.ask("auth/user/grant", user="gateway", role="reader")
    store.put("/s/a", f"127.0.0.1:{three['one']}")
    store.ask("auth/enable")
    root = {"Authorization": store.ask("auth/authenticate", name="root", password="top-secret")["token"]}
    gateway = start(configuration(f"{{etcd: {{urls: ['http://127.0.0.1:{free_port()}', 'http://127.0.0.1:{store.port}'], prefix: /s/, "
                                  "username: gateway, password: secret}}"))
    wait_for_names(gateway, "one")
    store.ask("kv/put", root, key=b"/s/b", value=f"127.0.0.1:{three['two']}".encode())
    wait_for_names(gateway, "one", "two")
    gateway.write(gateway.path.read_text().replace("password: secret", "password: wrong"))
    gateway.reload()
    gateway.wait_for_line("it refuses the user `gateway`")


class Consul:
    """Consul's health endpoint with blocking queries; Debian has no package of the real one."""

    def __init__(self, server):
        self.changed, self.index, self.instances, self.asked, self.broken = threading.Condition(), 1, [], [], False
        self.server = server(self.respond)

    def set(self, *instances):
        with self.changed:
            self.instances, self.index = list(instances), self.index + 1
            self.changed.notify_all()

    def respond(self, request):
        path, _, query = request.path.partition("?")
        query = dict(urllib.parse.parse_qsl(query))
        self.asked.append((path, query, request.headers.get("X-Consul-Token")))
        with self.changed:
            if query["index"] == str(self.index):
                self.changed.wait_for(lambda: query["index"] != str(self.index) or self.broken, timeout=20)
            if self.broken:
                return 500, {}, b"No cluster leader"
            return 200, {"X-Consul-Index": str(self.index), "Content-Type": "application/json"}, json.dumps(self.instances).encode()


def instance(port, address="127.0.0.1", node="10.9.9.9", weight=1, **meta):
    return {"Node": {"Node": "n", "Address": node}, "Service": {"Service": "orders", "Address": address, "Port": port,
            "Weights": {"Passing": weight, "Warning": 1}, "Meta": meta}, "Checks": []}


def test_consul_is_followed(start, three, server):
    consul = Consul(server)
    consul.set(instance(three["one"], version="v1"))
    gateway = start(configuration(f'{{consul: {{url: "http://127.0.0.1:{consul.server.port}", service: "my orders", tag: live, '
                                  'datacenter: dc1, token: secret}}'))
    assert names(gateway) == {"one"}
    path, query, token = consul.asked[0]
    assert path == "/v1/health/service/my%20orders" and token == "secret"
    assert query == {"passing": "1", "wait": "60s", "index": "0", "tag": "live", "dc": "dc1"}
    consul.set(instance(three["one"]), instance(three["two"], address="", node="127.0.0.1"), instance(0), {"Service": 7}, instance(three["three"], address="no host"))
    wait_for_names(gateway, "one", "two")

    def left_out():
        return sum("an instance is skipped" in line for line in gateway.lines)
    wait_for(lambda: left_out() >= 3, what="what is said of the three")  # the gateway's lines are read by another thread
    assert left_out() == 3
    assert len(consul.asked) <= 4  # the queries block instead of being repeated
    consul.broken = True
    consul.set(instance(three["three"]))
    gateway.wait_for_line("it answers 500")
    assert names(gateway) == {"one", "two"}
    consul.broken = False
    wait_for_names(gateway, "three")
    consul.set()
    wait_for_names(gateway, 503)


@sanitizers.only_configuration
@pytest.mark.parametrize("discover, upstream, said", [
    ("{}", "", "`discover` needs exactly one of `srv`, `file`, `consul` and `etcd`"),
    ("{srv: a, file: b}", "", "`discover` needs exactly one of"),
    ("{file: nowhere.yaml}", "", "cannot read `nowhere.yaml`: No such file or directory"),
    ("{file: bad.yaml}", "", "bad.yaml:1:4: error: unknown key `adress` in target - did you mean `address`?"),
    ("{etcd: {urls: 'ftp://x', prefix: /a}}", "", "ftp://x"),
    ("{consol: {}}", "", "did you mean `consul`?"),
])
def test_mistakes_are_named(tmp_path, discover, upstream, said):
    (tmp_path / "bad.yaml").write_text("- {adress: 1}\n")
    path = tmp_path / "gateway.yaml"
    path.write_text(configuration(discover, upstream).replace("{port}", "8080"))
    assert said in check(path)
