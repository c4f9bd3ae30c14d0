"""quota and usage plans, through the built binary; counts persist in SQLite and in a real Redis."""

import sqlite3

import pytest

import sanitizers
from harness import wait_for
from identity import ask, complaints, configuration, flood, hashed

KEYS = {name: f"key-of-{name}-0123456789" for name in ("one", "two", "free", "none")}
PLAIN = ", ".join(f"{{name: {name}, credentials: {{keys: '{hashed(key)}'}}}}" for name, key in KEYS.items())
WITH_PLANS = ", ".join(f"{{name: {name}, {extra} credentials: {{keys: '{hashed(KEYS[name])}'}}}}"
                      for name, extra in (("one", "plan: gold,"), ("two", "plan: gold,"), ("free", "plan: free,"), ("none", "")))


def as_(name):
    return f"X-API-Key: {KEYS[name]}\r\n"


def counted(port, file, policy="quota: {limit: 5, per: day}", more=""):
    return configuration(port, f"key_auth: {{}}, {policy}", PLAIN, more=f"quotas: {{file: {file}, interval: 20ms}}\n{more}", workers=2)


def test_each_consumer_has_so_much(start, echo, tmp_path):
    gateway = start(counted(echo(), tmp_path / "quota.db"))
    answers = [ask(gateway, as_("one")) for _ in range(7)]
    assert [one.status for one in answers] == [200] * 5 + [429] * 2
    assert answers[0].fields["ratelimit-policy"] == '"quota";q=5;w=86400'
    assert answers[0].fields["ratelimit"].startswith('"quota";r=4;t=') and answers[-1].fields["ratelimit"].startswith('"quota";r=0;t=')
    assert answers[-1].detail == "quota_exceeded" and 1 <= int(answers[-1].fields["retry-after"]) <= 86400
    assert ask(gateway, as_("two")).status == 200


def test_the_count_is_exact_whichever_worker_answers(start, echo, tmp_path):
    gateway = start(counted(echo(), tmp_path / "quota.db", "quota: {limit: 300, per: month}"))
    statuses = flood([gateway], 50, as_("one"), clients=8)
    assert statuses.count(200) == 300 and statuses.count(429) == 100


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_counts_outlive_the_process(start, echo, tmp_path, end):
    port, file = echo(), tmp_path / "quota.db"
    gateway = start(counted(port, file))
    assert [ask(gateway, as_("one")).status for _ in range(3)] == [200] * 3
    if end == "kill":
        def stored():
            with sqlite3.connect(file) as database:
                return dict(database.execute("SELECT id, used FROM quota")).get("of:all/day/UTC/one") == 3
        wait_for(stored, what="the counts to be written")
        gateway.process.kill()
        gateway.expected = -9
    else:
        gateway.stop()
    gateway = start(counted(port, file))
    assert [ask(gateway, as_("one")).status for _ in range(3)] == [200, 200, 429]


def test_a_reload_keeps_the_counts_and_takes_a_new_limit(start, echo, tmp_path):
    port, file = echo(), tmp_path / "quota.db"
    gateway = start(counted(port, file))
    assert [ask(gateway, as_("one")).status for _ in range(6)] == [200] * 5 + [429]
    gateway.write(counted(port, file, "quota: {limit: 6, per: day}"))
    gateway.reload()
    assert [ask(gateway, as_("one")).status for _ in range(2)] == [200, 429]


def test_a_cluster_counts_together_and_survives_its_restart(start, echo, redis):
    port, server = echo(), redis()
    text = configuration(port, "key_auth: {}, quota: {limit: 10, per: day}", PLAIN,
                         more=f"redis: {{address: '127.0.0.1:{server.port}'}}\nquotas: {{redis: true, interval: 20ms}}")
    gateways = [start(text) for _ in range(2)]
    assert [ask(gateways[0], as_("one")).status for _ in range(6)] == [200] * 6
    wait_for(lambda: ":" in server.command("DBSIZE") and server.command("DBSIZE") != ":0\r\n", what="the counts to be written")
    assert ask(gateways[1], as_("one")).status == 200  # from now on this gateway asks the server about this consumer

    def exchanges():
        stats = server.command("INFO", "commandstats")
        return sum(int(line.split("calls=")[1].split(",")[0]) for line in stats.splitlines() if line.startswith("cmdstat_exec:"))
    seen = exchanges()
    wait_for(lambda: exchanges() > seen + 20, what="both to have exchanged their counts")
    assert [ask(gateways[1], as_("one")).status for _ in range(5)] == [200, 200, 200, 429, 429]
    for gateway in gateways:
        gateway.stop()
    assert ask(start(text), as_("one")).status == 429


def test_a_store_that_goes_away_costs_no_request(start, echo, redis):
    server = redis()
    gateway = start(configuration(echo(), "key_auth: {}, quota: {limit: 1000, per: day}", PLAIN,
                                  more=f"redis: {{address: '127.0.0.1:{server.port}'}}\nquotas: {{redis: true, interval: 20ms}}"))
    assert ask(gateway, as_("one")).status == 200
    server.kill()
    gateway.wait_for_line("the store of the quotas:")
    assert [ask(gateway, as_("one")).status for _ in range(20)] == [200] * 20
    server.start()
    gateway.wait_for_line("the store of the quotas works again")


def test_who_is_nobody_has_no_quota(start, echo, tmp_path):
    text = configuration(echo(), "quota: {limit: 5}", more=f"quotas: {{file: {tmp_path / 'quota.db'}}}")
    assert ask(start(text)).status == 403


PLANS = """plans:
  - {name: gold, policies: [rate_limit: {limit: 4/day}, quota: {limit: 1000}], apis: [{routes: [orders, invoices], policies: [rate_limit: {limit: 2/day}]}]}
  - {name: free, policies: [quota: {limit: 1, per: day}]}
"""


def planned(port, file, settings="{}"):
    return configuration(port, f"key_auth: {{anonymous: none}}, usage_plan: {settings}", WITH_PLANS, more=PLANS + f"quotas: {{file: {file}, interval: 20ms}}") + "".join(
        f"  - {{name: {name}, match: {{path_prefix: /{name}}}, policies: [key_auth: {{}}, usage_plan: {{}}], upstream: backend}}\n"
        for name in ("orders", "invoices"))


def test_a_plan_gives_each_of_its_consumers_its_limits_and_those_of_the_api(start, echo, tmp_path):
    gateway = start(planned(echo(), tmp_path / "quota.db"))
    answer = ask(gateway, as_("one"), "/orders")
    assert answer.status == 200 and answer.fields["ratelimit-policy"].count("q=") == 3
    assert [ask(gateway, as_("one"), target).status for target in ("/invoices", "/orders", "/invoices")] == [200, 429, 429]  # both routes together
    assert [ask(gateway, as_("one")).status for _ in range(3)] == [200, 200, 429]  # the plan's own four a day
    assert [ask(gateway, as_("two"), target).status for target in ("/orders", "/")] == [200, 200]
    assert [ask(gateway, as_("free")).status for _ in range(2)] == [200, 429]


def test_who_has_no_plan_gets_the_default_or_nothing(start, echo, tmp_path):
    port = echo()
    gateway = start(planned(port, tmp_path / "quota.db"))
    assert ask(gateway).status == 403
    gateway = start(planned(port, tmp_path / "quota.db", "{default: free}"))
    assert [ask(gateway).status for _ in range(2)] == [200, 429]


@sanitizers.only_configuration
@pytest.mark.parametrize("policies, more, message", [
    ("quota: {limit: 5}", "", "the policy `quota` needs the settings `quotas` at the top level"),
    ("quota: {limit: 5, time_zone: Europe/Berlinn}", "quotas: {file: x.db}", "there is no time zone `Europe/Berlinn`"),
    ("quota: {per: day}", "quotas: {file: x.db}", "quota needs `limit`"),
    ("usage_plan: {default: god}", "plans: [{name: gold}]", "did you mean `gold`?"),
    ("usage_plan: {}", "plans: [{name: gold, apis: [{routes: [al], policies: []}]}]", "did you mean `all`?"),
    ("usage_plan: {}", "plans: [{name: gold, policies: [cors: {origins: []}]}]", "there is no policy `cors`"),
    ("usage_plan: {}", "plans: [{name: gold}, {name: gold}]", "a second plan named `gold`"),
    ("usage_plan: {}", "quotas: {redis: true}", "`quotas: {redis: true}` needs the settings `redis` at the top level"),
])
def test_mistakes_are_named(tmp_path, policies, more, message):
    said = complaints(tmp_path, policies, more=more)
    assert message in said


@sanitizers.only_configuration
def test_a_consumer_of_an_unknown_plan_is_a_mistake(tmp_path):
    said = complaints(tmp_path, "usage_plan: {}", "{name: a, plan: gld}", more="plans: [{name: gold}]")
    assert "there is no plan `gld` - did you mean `gold`?" in said
