"""key_auth, consumers and any_of, through the built binary."""

import json
import subprocess

import pytest

import harness
import sanitizers
from harness import log_lines, metric, wait_for
from identity import ask, complaints, configuration, hashed

pytestmark = sanitizers.one_worker

KEY, OLD, NEW = "shop-key-0123456789abcdef", "old-key-0123456789abcdef", "new-key-0123456789abcdef"
CONSUMERS = f"""{{name: shop, groups: [partners, eu], metadata: {{tier: gold}}, credentials: {{keys: ["{hashed(KEY)}"]}}}},
  {{name: robot, credentials: {{keys: [{{hash: "{hashed(OLD)}", name: old, expires: 2020-01-01}},
                                       {{hash: "{hashed(NEW)}", name: new, expires: 2990-01-01T00:00:00Z}}]}}}},
  {{name: guest}}"""


def test_a_known_key_tells_the_consumer_and_stays_with_the_gateway(start, echo):
    gateway = start(configuration(echo(), "key_auth: {}", CONSUMERS))
    answer = ask(gateway, f"X-API-Key: {KEY}\r\n")
    assert answer.status == 200
    assert answer.seen["x-consumer-name"] == "shop" and answer.seen["x-consumer-groups"] == "partners,eu"
    assert "x-api-key" not in answer.seen and KEY not in answer.body.decode()


def test_a_wrong_missing_or_expired_key_is_refused_and_only_the_log_says_why(start, echo, tmp_path):
    log = tmp_path / "log"
    gateway = start(configuration(echo(), "key_auth: {}", CONSUMERS, more=f"access_log: {{path: {log}}}"))
    cases = [("", "key_missing"), ("X-API-Key: wrong\r\n", "key_unknown"), ("X-API-Key: \r\n", "key_unknown"),
             (f"X-API-Key: {KEY[:-1]}\r\n", "key_unknown"), (f"X-API-Key: {OLD}\r\n", "key_expired"),
             (f"X-API-Key: {'k' * 2000}\r\n", "key_too_long")]
    for fields, _ in cases:
        answer = ask(gateway, fields)
        assert answer.status == 401 and answer.detail == "unauthorized"
        assert answer.fields["www-authenticate"] == "ApiKey"
    wait_for(lambda: len(log_lines(log)) == len(cases), what="the log")
    assert [line["ended"] for line in log_lines(log)] == [reason for _, reason in cases]


def test_metrics_know_the_consumer(start, echo):
    admin = harness.free_port()
    gateway = start(configuration(echo(), "key_auth: {}, ip_filter: {}", CONSUMERS, more=f"admin: {{address: '127.0.0.1:{admin}'}}"))
    for _ in range(3):
        ask(gateway, f"X-API-Key: {KEY}\r\n")
    ask(gateway, "X-API-Key: wrong\r\n")
    assert metric(admin, 'portcullis_consumer_requests_total{consumer="shop",status="2xx"}') == 3
    assert metric(admin, "portcullis_consumer_requests_total") == 3


def test_keys_overlap_so_that_they_can_be_changed_and_the_log_tells_which(start, echo, tmp_path):
    log = tmp_path / "log"
    gateway = start(configuration(echo(), "key_auth: {}", CONSUMERS, more=f"access_log: {{path: {log}}}"))
    answer = ask(gateway, f"X-API-Key: {NEW}\r\n")
    assert answer.seen["x-consumer-name"] == "robot" and answer.seen["x-consumer-credential"] == "new"
    wait_for(lambda: log_lines(log), what="the log")
    assert log_lines(log)[0]["consumer"] == "robot" and log_lines(log)[0]["credential"] == "new"


def test_a_client_cannot_say_itself_who_it_is(start, echo):
    port = echo()
    forged = "X-Consumer-Name: admin\r\nx-consumer-groups: root\r\nX_Consumer_Name: admin\r\nX-Consumer-Anything: 1\r\n"
    for policies in ("", "key_auth: {anonymous: guest}"):
        gateway = start(configuration(port, policies, CONSUMERS))
        seen = ask(gateway, forged).seen
        assert {name: value for name, value in seen.items() if name.lower().replace("_", "-").startswith("x-consumer")} == (
            {"x-consumer-name": "guest"} if policies else {})


def test_the_key_may_come_as_a_query_parameter_cookie_or_after_a_scheme(start, echo):
    port = echo()
    gateway = start(configuration(port, "key_auth: {query: key, cookie: k}", CONSUMERS))
    answer = ask(gateway, target=f"/p?a=1&key={KEY}&b=2")
    assert answer.status == 200 and KEY not in answer.body.decode()
    assert json.loads(answer.body)["target"] == "/p?a=1&b=2"
    assert json.loads(ask(gateway, target=f"/p?key=%73{KEY[1:]}").body)["target"] == "/p"
    answer = ask(gateway, f"Cookie: a=1; k={KEY}; b=2\r\n")
    assert answer.status == 200 and answer.seen["cookie"] == "a=1; b=2"
    assert ask(gateway, f"Cookie: k={KEY}\r\n").seen.get("cookie") is None
    gateway = start(configuration(port, "key_auth: {header: authorization, scheme: Bearer, credential: pass}", CONSUMERS))
    assert ask(gateway, f"Authorization: bearer {KEY}\r\n").seen["authorization"] == f"bearer {KEY}"
    assert ask(gateway, f"Authorization: Basic {KEY}\r\n").status == 401
    assert ask(gateway, f"Authorization: {KEY}\r\n").fields["www-authenticate"] == "Bearer"


def test_an_anonymous_consumer_stands_for_who_has_no_key_but_not_for_who_has_a_wrong_one(start, echo):
    gateway = start(configuration(echo(), "key_auth: {anonymous: guest}", CONSUMERS))
    assert ask(gateway).seen["x-consumer-name"] == "guest"
    assert ask(gateway, "X-API-Key: wrong\r\n").status == 401


def test_any_of_takes_the_first_method_that_accepts(start, echo):
    gateway = start(configuration(echo(), """any_of: {methods: [key_auth: {}, key_auth: {header: x-other}]}""", CONSUMERS))
    assert ask(gateway, f"X-API-Key: wrong\r\nX-Other: {KEY}\r\n").seen["x-consumer-name"] == "shop"
    answer = ask(gateway, f"X-API-Key: wrong\r\nX-Other: {KEY}\r\n")
    assert "www-authenticate" not in answer.fields
    assert ask(gateway, f"X-Other: {NEW}\r\n").seen["x-consumer-name"] == "robot"
    answer = ask(gateway)
    assert answer.status == 401 and answer.fields["www-authenticate"] == "ApiKey, ApiKey"
    assert ask(gateway, "X-Other: wrong\r\n").status == 401


def test_templates_know_the_consumer(start, echo):
    gateway = start(configuration(echo(), """key_auth: {}, headers: {request: {set: {
        x-who: "{consumer.name}/{consumer.groups}/{consumer.metadata.tier}/{consumer.credential}"}}}""", CONSUMERS))
    assert ask(gateway, f"X-API-Key: {KEY}\r\n").seen["x-who"] == "shop/partners,eu/gold/"


def test_a_reload_revokes_a_key(start, echo):
    port = echo()
    gateway = start(configuration(port, "key_auth: {}", CONSUMERS))
    assert ask(gateway, f"X-API-Key: {KEY}\r\n").status == 200
    gateway.write(configuration(port, "key_auth: {}", "{name: shop}"))
    assert any("serving revision" in line for line in gateway.reload())
    assert ask(gateway, f"X-API-Key: {KEY}\r\n").status == 401


@sanitizers.only_configuration
@pytest.mark.parametrize("policies, consumers, message", [
    ("key_auth: {anonymous: gest}", "{name: guest}", "there is no consumer `gest` - did you mean `guest`?"),
    ("key_auth: {}", "{name: a}, {name: a}", "a second consumer named `a`"),
    ("key_auth: {}", "{name: a, credentials: {keys: plain-text-key}}", "expected `sha256:` and 64 hexadecimal digits"),
    ("key_auth: {}", f"{{name: a, credentials: {{keys: '{hashed(KEY)}'}}}}, {{name: b, credentials: {{keys: '{hashed(KEY)}'}}}}",
     "a second key with this hash"),
    ("key_auth: {}", f"{{name: a, credentials: {{keys: {{hash: '{hashed(KEY)}', expires: tomorrow}}}}}}", "`tomorrow` is not a moment"),
    ("any_of: {methods: [keyauth: {}]}", "", "there is no policy `keyauth` - did you mean `key_auth`?"),
    ("any_of: {methods: []}", "", "`any_of` needs at least one policy in `methods`"),
])
def test_mistakes_are_named(tmp_path, policies, consumers, message):
    said = complaints(tmp_path, policies, consumers)
    assert message in said and "plain-text-key" not in said


@sanitizers.only_command_line
def test_generated_keys_and_hashes_fit_each_other():
    said = subprocess.run([harness.BINARY, "generate-key", "--prefix", "shop_"], capture_output=True, text=True, check=True).stdout
    key, told = (line.split()[1] for line in said.splitlines())
    assert key.startswith("shop_") and len(key) == 5 + 43 and told == hashed(key)
    again = subprocess.run([harness.BINARY, "hash-key"], input=key + "\n", capture_output=True, text=True, check=True).stdout
    assert again.strip() == told
