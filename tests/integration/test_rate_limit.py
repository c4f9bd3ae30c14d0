"""rate_limit on one node, through the built binary."""

import time

import pytest

import harness
import sanitizers
from harness import log_lines, metric, wait_for
from identity import ask, complaints, configuration, flood, hashed, send

CONSUMERS = f"""{{name: one, credentials: {{keys: ["{hashed('key-one-0123456789')}"]}}}},
  {{name: two, credentials: {{keys: ["{hashed('key-two-0123456789')}"]}}}}"""
ONE, TWO = "X-API-Key: key-one-0123456789\r\n", "X-API-Key: key-two-0123456789\r\n"
BOTH = pytest.mark.parametrize("algorithm", ["token_bucket", "sliding_window"])


@BOTH
def test_what_comes_faster_than_allowed_is_refused_and_told_when_to_come_again(start, echo, algorithm):
    gateway = start(configuration(echo(), f"rate_limit: {{limit: 3/h, key: all, algorithm: {algorithm}}}"))
    for remaining in (2, 1, 0):
        answer = ask(gateway)
        assert answer.status == 200
        assert answer.fields["ratelimit-policy"] == '"default";q=3;w=3600'
        assert answer.fields["ratelimit"].startswith(f'"default";r={remaining};t=')
    answer = ask(gateway)
    assert answer.status == 429 and answer.detail == "rate_limited"
    assert answer.fields["ratelimit"].startswith('"default";r=0;t=')
    wait = int(answer.fields["retry-after"])
    assert 1000 < wait <= 1200 if algorithm == "token_bucket" else 1 <= wait <= 3600


@BOTH
def test_the_count_is_exact_whichever_worker_answers(start, echo, algorithm):
    gateway = start(configuration(echo(), f"rate_limit: {{limit: 500/day, key: all, algorithm: {algorithm}}}", workers=2))
    statuses = flood([gateway], 100, clients=8)
    assert statuses.count(200) == 500 and statuses.count(429) == 300


def test_a_token_bucket_fills_steadily(start, echo):
    gateway = start(configuration(echo(), "rate_limit: {limit: 20/s, burst: 1, key: all}"))
    with gateway.connect() as connection:
        began, passed = time.monotonic(), 0
        while passed < 10:
            passed += send(connection).status == 200
        assert time.monotonic() - began >= 9 / 20  # nine pauses of 50 ms


def test_consumers_addresses_and_templates_count_apart(start, echo):
    port = echo()
    gateway = start(configuration(port, "key_auth: {}, rate_limit: {limit: 1/h}", CONSUMERS))
    assert [ask(gateway, who).status for who in (ONE, ONE, TWO, TWO)] == [200, 429, 200, 429]
    gateway = start(configuration(port, 'rate_limit: {limit: 1/h, key: "{request.header.x-tenant}"}'))
    assert [ask(gateway, f"X-Tenant: {who}\r\n").status for who in "aabb"] == [200, 429, 200, 429]


def test_ipv6_clients_of_one_network_count_together(start, echo):
    text = configuration(echo(), "rate_limit: {limit: 1/h, key: client.address}")
    gateway = start(text.replace('"127.0.0.1:{port}"', '"127.0.0.1:{port}", trusted_proxies: [127.0.0.1]'))

    def status(address):
        return ask(gateway, f"X-Forwarded-For: {address}\r\n").status
    assert [status(a) for a in ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", "2001:db8:1:3::1")] == [200, 429, 200]
    assert [status(a) for a in ("192.0.2.1", "192.0.2.2", "192.0.2.1")] == [200, 200, 429]


def test_of_several_limits_all_are_charged_or_none(start, echo):
    gateway = start(configuration(echo(), """rate_limit: {limits: [
        {name: wide, limit: 3/h, key: all}, {name: narrow, limit: 1/h, key: "{request.header.x-tenant}"}]}"""))
    answers = [ask(gateway, f"X-Tenant: {who}\r\n") for who in "aaabcd"]
    # Refusals of `a` by the narrow limit must not be charged to the wide limit.
    assert [one.status for one in answers] == [200, 429, 429, 200, 200, 429]
    assert answers[0].fields["ratelimit-policy"] == '"wide";q=3;w=3600, "narrow";q=1;w=3600'


def test_policies_of_one_name_share_their_counts(start, echo):
    text = configuration(echo(), "rate_limit: {name: shared, limit: 2/h, key: all}")
    text += "  - {name: other, match: {path: /other}, policies: [rate_limit: {name: shared, limit: 2/h, key: all}], upstream: backend}\n"
    gateway = start(text)
    assert [ask(gateway, target=target).status for target in ("/", "/other", "/", "/other")] == [200, 200, 429, 429]


def test_a_response_may_tell_what_it_has_cost(start, backend):
    made = backend(harness.answer(b"HTTP/1.1 200 OK\r\nX-Tokens: 7\r\nContent-Length: 2\r\n\r\nok"))
    gateway = start(configuration(made.port, "rate_limit: {limit: 10/h, key: all, cost_field: x-tokens}"))
    assert ask(gateway).fields["ratelimit"].startswith('"default";r=3;')
    assert ask(gateway).fields["ratelimit"].startswith('"default";r=0;')  # 14 of 10 used, which is a debt
    answer = ask(gateway)
    assert answer.status == 429 and int(answer.fields["retry-after"]) > 4 * 360


def test_a_dry_run_refuses_nothing_and_tells(start, echo, tmp_path):
    log, admin = tmp_path / "log", harness.free_port()
    gateway = start(configuration(echo(), "rate_limit: {limit: 1/h, key: all, dry_run: on}",
                                  more=f"access_log: {{path: {log}}}\nadmin: {{address: '127.0.0.1:{admin}'}}"))
    assert [ask(gateway).status for _ in range(3)] == [200, 200, 200]
    wait_for(lambda: len(log_lines(log)) == 3, what="the log")
    assert [line.get("note") for line in log_lines(log)] == [None] + ["rate_limit_would_refuse"] * 2
    assert metric(admin, 'portcullis_rate_limit_decisions_total{limit="all",outcome="would_refuse"}') == 2
    assert metric(admin, 'portcullis_rate_limit_decisions_total{limit="all",outcome="allowed"}') == 1


def test_a_reload_keeps_the_counts(start, echo):
    text = configuration(echo(), "rate_limit: {limit: 2/h, key: all}")
    gateway = start(text)
    assert [ask(gateway).status for _ in range(3)] == [200, 200, 429]
    gateway.write(text + "# changed\n")
    gateway.reload()
    assert ask(gateway).status == 429


def test_a_flood_of_keys_does_not_clear_the_account_of_one_who_is_over_his_limit(start, echo):
    gateway = start(configuration(echo(), 'rate_limit: {limit: 5/h, key: "{request.header.x-k}"}', more="limits: {memory: 8KiB}"))
    for status in [200] * 5 + [429]:
        assert ask(gateway, "X-K: attacker\r\n").status == status
    with gateway.connect() as connection:
        for i in range(3000):  # the table holds 256 counters
            send(connection, f"X-K: flood-{i}\r\n")
    assert ask(gateway, "X-K: attacker\r\n").status == 429


@sanitizers.only_configuration
@pytest.mark.parametrize("settings, message", [
    ("{}", "`rate_limit` needs `limit` or `limits`"),
    ("{limit: 1/s, limits: [{limit: 1/s}]}", "`rate_limit` has both `limit` and `limits`: remove one of them"),
    ("{limit: 100}", "`100` is not a rate such as 100/s"),
    ("{limit: 0/s}", "`0/s` is not a rate"),
    ("{limit: 1/year}", "`1/year` is not a rate"),
    ("{limit: 1/s, key: callr}", "did you mean `caller`?"),
    ("{limit: 1/s, key: client_address}", "`client_address` is called `client.address` now"),
    ("{limit: 1/s, key: '{request.cookie.a}'}", "`request.cookie.a` is called `cookie.a` now"),
    ("{limit: 1/s, key: '{response.status}'}", "`response.status` cannot be read here: it has a value only once there is a response"),
    ("{limit: 1/s, key: '{request.heder.x}'}", "there is no variable `request.heder.x`"),
    ("{limits: [{burst: 3}]}", "an element of `limits` needs `limit`"),
    ("{limit: 5/s, burst: 3, algorithm: sliding_window}", "`burst` is only possible with `algorithm: token_bucket`"),
])
def test_mistakes_are_named(tmp_path, settings, message):
    said = complaints(tmp_path, f"rate_limit: {settings}")
    assert message in said
