"""The content of /metrics; Prometheus accepts it, and the alert rules and the dashboard refer to existing metrics."""

import json
import os
import re
import subprocess
import time
import urllib.error
import urllib.parse

import pytest

import sanitizers
from cache_origin import Answer, Origin, ask
from harness import BINARY, ROOT, free_port, get, metric, simple_configuration, wait_for
from pki import Authority

MONITORING = ROOT / "examples/monitoring"


def hashed(key):
    return subprocess.run([BINARY, "hash-key"], input=key, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def world(start, tmp_path):
    origin, admin = Origin(), free_port()
    origin.answers["/a"], origin.answers["/b"] = [Answer({})], [Answer({}, 503)]
    consumers = "".join(f"  - {{name: c{i}, groups: [{'even' if i % 2 == 0 else 'odd'}, all], credentials: {{keys: ['{hashed(str(i) * 32)}']}}}}\n"
                        for i in range(4))
    gateway = start(f"""version: 1
workers: 2
admin: {{address: "127.0.0.1:{admin}"}}
metrics: {{consumers: 2, targets: 1}}
cache: {{disk: {{path: {tmp_path}/cache, size: 1GiB}}}}
listeners: [{{name: public, address: "127.0.0.1:{{port}}"}}]
upstreams:
  - {{name: main, targets: [{{address: "127.0.0.1:{origin.port}"}}]}}
  - {{name: other, targets: [{{address: "127.0.0.1:1"}}]}}
routes:
  - name: all
    match: {{path_prefix: /}}
    upstream: main
    policies:
      - key_auth: {{}}
      - request_limits: {{query_length: 10}}
      - cache: {{}}
consumers:
{consumers}""")
    yield gateway, admin, origin
    origin.close()


def test_who_was_asked_and_what_was_decided(world):
    gateway, admin, _ = world
    for i in (0, 0, 1, 2, 3):
        assert ask(gateway.port, "/a", fields={"x-api-key": str(i) * 32}).status == 200
    assert ask(gateway.port, "/b", fields={"x-api-key": "0" * 32}).status == 503
    assert ask(gateway.port, "/a").status == 401
    assert ask(gateway.port, "/a?" + "x" * 20, fields={"x-api-key": "0" * 32}).status == 414
    wait_for(lambda: metric(admin, 'portcullis_requests_total{route="all"') == 8, what="the counts")
    expected = {
        'consumer_requests_total{consumer="c0",status="2xx"}': 2, 'consumer_requests_total{consumer="c1",status="2xx"}': 1,
        'consumer_requests_total{consumer="other",status="2xx"}': 2, 'consumer_requests_total{consumer="c2"': 0,
        'group_requests_total{group="even",status="2xx"}': 3, 'group_requests_total{group="even",status="5xx"}': 1,
        'group_requests_total{group="odd",status="2xx"}': 2, 'group_requests_total{group="all",status="2xx"}': 5,
        'policy_decisions_total{route="all",policy="key_auth",outcome="continued"}': 7,
        'policy_decisions_total{route="all",policy="key_auth",outcome="refused"}': 1,
        'policy_decisions_total{route="all",policy="request_limits",outcome="refused"}': 1,
        'policy_decisions_total{route="all",policy="request_limits",outcome="continued"}': 6,
        'target_responses_total{upstream="main"': 6, 'target_responses_total{upstream="other"': 0,
        'target_response_seconds_count{upstream="main"': 6, 'target_response_seconds_bucket{upstream="main"': None,
        'request_duration_seconds_count{route="all"}': 8, 'request_duration_seconds_bucket{route="all",le="+Inf"}': 8,
    }
    for name, value in expected.items():
        found = metric(admin, "portcullis_" + name)
        assert found == value or (value is None and found > 0), name


def test_the_process_and_its_workers(world):
    gateway, admin, _ = world
    with open(f"/proc/{gateway.process.pid}/status") as status:
        resident = int(re.search(r"VmRSS:\s+(\d+)", status.read())[1]) * 1024
    assert abs(metric(admin, "process_resident_memory_bytes") - resident) < resident

    def opened():
        return len(os.listdir(f"/proc/{gateway.process.pid}/fd"))

    def is_told():  # except the connection that asks, and one that is being closed
        return abs(metric(admin, "process_open_fds") - opened()) <= 2

    wait_for(is_told, what="the descriptors")
    few = opened()
    held = [gateway.connect() for _ in range(few + 100)]
    wait_for(lambda: opened() > len(held) and is_told(), what="the descriptors of the connections")
    for one in held:
        one.close()
    assert metric(admin, "process_max_fds") >= 1024 and metric(admin, "process_start_time_seconds") > 1.7e9
    assert metric(admin, 'portcullis_worker_round_seconds_count{worker="1"}') > 0
    assert metric(admin, "portcullis_build_info{version=") == 1


@sanitizers.others_software
def test_promtool_finds_nothing_wrong(world):
    gateway, admin, _ = world
    for path in ("/a", "/b"):
        ask(gateway.port, path, fields={"x-api-key": "0" * 32})
    told = subprocess.run(["promtool", "check", "metrics"], input=get(admin, "/metrics")[1], capture_output=True, text=True)
    assert told.returncode == 0 and not told.stderr, told.stderr


@sanitizers.others_software
def test_the_alert_rules_fire_when_they_should():
    for command in (["check", "rules", "alerts.yaml"], ["test", "rules", "alerts_test.yaml"], ["check", "config", "prometheus.yaml"]):
        told = subprocess.run(["promtool", *command], cwd=MONITORING, capture_output=True, text=True)
        assert told.returncode == 0, told.stdout + told.stderr
    rules = re.findall(r"alert: (\w+)", (MONITORING / "alerts.yaml").read_text())
    tested = re.findall(r"- name: (\w+)", (MONITORING / "alerts_test.yaml").read_text())
    assert rules and sorted(rules) == sorted(tested)


def families(text):
    kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
    return {name + suffix for name, kind in kinds.items() for suffix in (("_bucket", "_sum", "_count") if kind == "histogram" else ("",))}


@sanitizers.documents
@pytest.mark.parametrize("file", ["alerts.yaml", "grafana.json", "../../docs/metrics.md"])
def test_what_is_spoken_of_exists(world, file):
    _, admin, _ = world
    named = set(re.findall(r"\b(?:portcullis|process)_[a-z0-9_]+\b", (MONITORING / file).read_text()))
    told = get(admin, "/metrics")[1]
    known = families(told) | set(re.findall(r"^# TYPE (\S+)", told, re.MULTILINE))
    assert len(named) > 8 and not named - known, named - known


@sanitizers.documents
def test_every_family_is_documented(world):
    _, admin, _ = world
    page = (ROOT / "docs/metrics.md").read_text()
    assert not {name for name in re.findall(r"^# TYPE (\S+)", get(admin, "/metrics")[1], re.MULTILINE) if f"`{name}`" not in page}


def test_every_help_text_is_a_sentence_that_names_the_labels(world):
    gateway, admin, _ = world
    for path in ("/a", "/b"):
        ask(gateway.port, path, fields={"x-api-key": "0" * 32})
    wait_for(lambda: metric(admin, 'portcullis_requests_total{route="all"') == 2, what="the counts")
    told = get(admin, "/metrics")[1]
    kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", told, re.MULTILINE))
    texts = dict(re.findall(r"^# HELP (\S+) (.*)$", told, re.MULTILINE))
    assert set(texts) == set(kinds)
    unclear = [name for name, text in texts.items() if not re.fullmatch(r"[A-Z1].*\w\)?\.", text) or re.match(r"(What|How many) ", text)]
    assert not unclear
    unnamed = set()
    for name, labels in re.findall(r"^(\w+)\{(.*)\} ", told, re.MULTILINE):
        family = name if name in texts else re.sub(r"_(bucket|sum|count)$", "", name)
        unnamed |= {(family, label) for label in re.findall(r'(\w+)="', labels) if label != "le" and label not in texts[family].lower()}
    assert not unnamed


class Prometheus:
    """A real Prometheus that scrapes a gateway each second."""

    def __init__(self, folder, admin, *flags):
        self.port = free_port()
        (folder / "alerts.yaml").write_text((MONITORING / "alerts.yaml").read_text())
        settings = (MONITORING / "prometheus.yaml").read_text().replace("127.0.0.1:9080", f"127.0.0.1:{admin}").replace("15s", "1s")
        (folder / "prometheus.yaml").write_text(settings)
        self.process = subprocess.Popen(["prometheus", f"--config.file={folder}/prometheus.yaml", f"--storage.tsdb.path={folder}/data",
                                         f"--web.listen-address=127.0.0.1:{self.port}", *flags],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def query(self, expression):
        """The result of a query; None when Prometheus does not answer, or refuses the query."""
        try:
            status, body = get(self.port, "/api/v1/query?query=" + urllib.parse.quote(expression))
        except urllib.error.URLError:
            return None
        return json.loads(body)["data"]["result"] if status == 200 else None

    def close(self):
        self.process.terminate()
        self.process.wait(20)


@pytest.fixture
def prometheus(tmp_path):
    made = []

    def begin(admin, *flags):
        made.append(Prometheus(tmp_path, admin, *flags))
        return made[-1]
    yield begin
    for one in made:
        one.close()


@sanitizers.others_software
def test_a_real_prometheus_draws_the_dashboard(world, prometheus):
    gateway, admin, _ = world
    server = prometheus(admin)

    def requests_counted():
        ask(gateway.port, "/a", fields={"x-api-key": "0" * 32})
        return server.query('rate(portcullis_requests_total{route="all",status="2xx"}[10s]) > 0')
    wait_for(requests_counted, timeout=30, what="two scrapes")
    for panel in json.loads((MONITORING / "grafana.json").read_text())["panels"]:
        for target in panel["targets"]:
            expression = target["expr"].replace("$__rate_interval", "10s").replace("$route", ".*")
            answer = server.query(expression)
            assert answer is not None, expression
            # In this test no request fails, and no limit is reached.
            if panel["title"] not in ("Failed (5xx)", "Rate limits", "Refused by policies"):
                assert answer, panel["title"]


@sanitizers.others_software
def test_native_histograms(world, prometheus):
    """Prometheus computes from native histograms what the classic buckets say, and more."""
    gateway, admin, _ = world
    server = prometheus(admin, "--enable-feature=native-histograms")
    for _ in range(50):
        ask(gateway.port, "/a", fields={"x-api-key": "0" * 32})
    count = 'histogram_count(portcullis_request_duration_seconds{route="all"})'

    def said(expression):
        return float(server.query(expression)[0]["value"][1])
    wait_for(lambda: server.query(count) and said(count) >= 50, timeout=30, what="a scrape")
    lines = get(admin, "/metrics")[1].splitlines()
    below = {float(line.split('le="')[1].split('"')[0]): float(line.split()[-1]) for line in lines
             if line.startswith('portcullis_request_duration_seconds_bucket{route="all"') and "+Inf" not in line}
    total = metric(admin, 'portcullis_request_duration_seconds_count{route="all"')
    assert said(count) == total
    assert said('histogram_sum(portcullis_request_duration_seconds{route="all"})') == pytest.approx(
        metric(admin, 'portcullis_request_duration_seconds_sum{route="all"'), abs=1e-6)
    for bound, counted in below.items():
        part = said(f'histogram_fraction(0, {bound}, portcullis_request_duration_seconds{{route="all"}})')
        assert part * total == pytest.approx(counted, abs=0.2 * total)  # within a bucket the value is interpolated
    median = said('histogram_quantile(0.5, portcullis_request_duration_seconds{route="all"})')
    # The bucket of the native histogram in which the bound of a classic bucket lies ends at most a fifth above the bound.
    assert min(bound for bound, counted in below.items() if counted >= total / 2) * 2 ** (1 / 4) >= median
    # Other metrics are unchanged.
    assert said('portcullis_requests_total{route="all",status="2xx"}') >= 50
    assert server.query('portcullis_build_info')


def test_certificates_tell_their_end(start, tmp_path):
    authority, admin = Authority(tmp_path), free_port()
    edge = authority.issue("edge", "localhost", days=40)
    tls = f"    tls: {{certificates: [{{cert: {edge.cert_file}, key: {edge.key_file}}}]}}"
    start(simple_configuration(9, top=f"admin: {{address: '127.0.0.1:{admin}'}}", extra_listener=tls))
    end = metric(admin, f'portcullis_tls_certificate_expiry_timestamp_seconds{{certificate="{edge.cert_file}"}}')
    assert end == pytest.approx(time.time() + 40 * 86400, abs=120)
