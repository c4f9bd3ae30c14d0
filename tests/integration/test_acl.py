"""acl, ip_filter's lists and assertions, through the built binary."""

import pytest

import harness
import sanitizers
from identity import ask, complaints, configuration, hashed
from tokens import key_pair, pem, whole_token

pytestmark = sanitizers.one_worker

KEYS = {name: f"key-of-{name}-0123456789" for name in ("admin", "reader", "nobody")}
CONSUMERS = ", ".join(f"{{name: {name}, groups: [{group}], credentials: {{keys: '{hashed(KEYS[name])}'}}}}"
                      for name, group in (("admin", "admins"), ("reader", "readers"), ("nobody", "")))


def as_(name):
    return f"X-API-Key: {KEYS[name]}\r\n"


def test_the_first_rule_that_holds_decides_and_the_default_is_to_deny(start, echo):
    gateway = start(configuration(echo(), """key_auth: {}, acl: {rules: [
        {deny: request.path under /secret},
        {allow: consumer.groups = admins},
        {allow: "consumer.groups in [readers, writers] and request.method in [GET, HEAD]"}]}""", CONSUMERS))
    for name, method, target, status in [("admin", "DELETE", "/x", 200), ("admin", "GET", "/secret/x", 403), ("admin", "GET", "/secret", 403),
                                         ("admin", "GET", "/secrets", 200), ("reader", "GET", "/x", 200), ("reader", "DELETE", "/x", 403),
                                         ("nobody", "GET", "/x", 403), ("admin", "GET", "/a/../secret/b", 403)]:
        answer = ask(gateway, as_(name), target, method)
        assert answer.status == status, (name, method, target)
        if status == 403:
            assert answer.detail == "forbidden"


def test_conditions_on_claims_scopes_headers_and_addresses(start, echo, tmp_path):
    (tmp_path / "key.pem").write_text(pem("ES256"))
    port, key = echo(), key_pair("ES256")
    for condition, claims, fields, status in [
            ("scope = a:b", {"scope": "x a:b"}, "", 200), ("scope = a:b", {"scope": "a:bc"}, "", 403),
            ("claim.role = admin or claim.role = root", {"role": ["user", "root"]}, "", 200),
            ("claim.role != admin", {"role": "admin"}, "", 403), ("claim.role != admin", {}, "", 200),
            ("claim.role exists", {"role": []}, "", 200), ("claim.role exists", {}, "", 403),
            ("not (claim.a = '1' and claim.b = '2')", {"a": 1, "b": 2}, "", 403), ("claim.level in ['3', '4']", {"level": 4}, "", 200),
            ("claim.role exists", {"role": None}, "", 403), ("claim.role = 'null'", {"role": None}, "", 403), ("claim.role = 'null'", {"role": "null"}, "", 200),
            ("request.header.x-env = \"pro d\"", {}, "X-Env: pro d\r\n", 200), ("request.header.x-env = prod", {}, "", 403),
            ("client.address under [10.0.0.0/8, 127.0.0.0/8]", {}, "", 200), ("client.address under 10.0.0.0/8", {}, "", 403),
            ("request.host = API.example.com and route.name = all and request.path = /", {}, "", 200), ("consumer.name exists", {"sub": "x"}, "", 403),
            ("request.scheme = http", {}, "", 200), ("query.tenant = a", {}, "", 403)]:
        text = condition.replace('"', '\\"')
        gateway = start(configuration(port, f'jwt: {{public_key: "${{file:key.pem}}"}}, acl: {{rules: [{{allow: "{text}"}}]}}'))
        answer = ask(gateway, f"Authorization: Bearer {whole_token('ES256', key, claims)}\r\n" + fields)
        assert answer.status == status, condition


@pytest.mark.parametrize("condition, status", [
    ("client.address = 127.0.0.1", 200), ("client.address = ::ffff:127.0.0.1", 200), ("client.address in [192.0.2.9, 127.0.0.0/8]", 200),
    ("client.address = 0:0::ffff:7f00:1", 200), ("client.address != 127.0.0.1", 403), ("client.address = 127.0.0.2", 403),
    ("client.address not in [::ffff:127.0.0.0/104]", 403), ("client.address = unix", 403)])
def test_an_address_is_the_same_however_it_is_written(shared, echo, condition, status):
    gateway = shared(configuration(echo(), f"acl: {{rules: [{{allow: '{condition}'}}]}}"))
    assert ask(gateway).status == status


@pytest.mark.parametrize("fields, status", [
    ("X-Role: a\r\n", 200), ("X-Role: guest\r\n", 403), ("X-Role: a\r\nX-Role: guest\r\n", 403), ("x-role: guest\r\nB: 1\r\nX-ROLE: a\r\n", 403),
    ("X-Role: a, guest\r\n", 403), ("X-Role: a\r\nX-Role: b ,guest\r\n", 403), ("X-Role: guests\r\nX-Role: a guest\r\n", 200),
    ("Cookie: r=a; role=guest\r\n", 403), ("Cookie: role=a; role=guest\r\n", 403), ("Cookie: role=a\r\nCookie: role=guest\r\n", 403),
    ("Cookie: role=a; other=guest\r\n", 200)])
def test_what_comes_more_than_once_is_looked_at_whole(shared, echo, fields, status):
    gateway = shared(configuration(echo(), "acl: {rules: [{deny: request.header.x-role = guest}, {deny: cookie.role = guest}], default: allow}"))
    assert ask(gateway, fields).status == status


def test_a_key_of_a_header_is_that_of_all_its_fields(start, echo):
    gateway = start(configuration(echo(), """headers: {request: {set: {x-all: "{request.header.x-tenant}"}}},
        rate_limit: {limit: 1/h, key: "{request.header.x-tenant}"}"""))
    answers = [ask(gateway, fields) for fields in ("X-Tenant: a\r\nX-Tenant: b\r\n", "X-Tenant: a\r\nX-Tenant: c\r\n", "X-Tenant: a, b\r\n")]
    assert [one.status for one in answers] == [200, 200, 429] and answers[0].seen["x-all"] == "a, b"


def test_a_mapping_is_a_condition_whose_entries_must_all_hold(start, echo):
    gateway = start(configuration(echo(), "key_auth: {}, acl: {rules: [{allow: {consumer.groups: [admins, readers], request.method: GET}}]}", CONSUMERS))
    assert [ask(gateway, as_(n), method=m).status for n, m in (("admin", "GET"), ("admin", "PUT"), ("nobody", "GET"))] == [200, 403, 403]


def test_address_lists_may_be_long_and_stand_in_files(start, echo, tmp_path):
    blocks = [f"10.{a}.{b}.0/25" for a in range(200) for b in range(0, 250)] + [f"2001:db8:{a:x}::/48" for a in range(50000)]
    (tmp_path / "list.txt").write_text("# ours\n" + "\n".join(blocks) + "\n192.0.2.7 # one\n\n")
    text = configuration(echo(), "ip_filter: {allow_file: list.txt, deny: [10.5.5.5]}")
    gateway = start(text.replace('"127.0.0.1:{port}"', '"127.0.0.1:{port}", trusted_proxies: [127.0.0.1]'))
    for address, status in [("10.5.5.4", 200), ("10.5.5.5", 403), ("10.5.5.127", 200), ("10.5.5.128", 403), ("10.199.249.1", 200),
                            ("10.200.0.1", 403), ("192.0.2.7", 200), ("192.0.2.8", 403), ("2001:db8:c34f::1", 200), ("2001:db8:c350::1", 403)]:
        assert ask(gateway, f"X-Forwarded-For: {address}\r\n").status == status, address


ASSERTED = """version: 1
listeners: [{name: public, address: "127.0.0.1:1"}]
upstreams: [{name: backend, targets: [{address: "127.0.0.1:1"}]}]
policies: [%(top)s]
assertions: [%(assertions)s]
routes:
  - {name: admin, match: {path_prefix: /admin, methods: [GET]}, policies: [jwt: {secret: 0123456789abcdef0123456789abcdef}], upstream: backend}
  - {name: reports, match: {path: "/admin/reports/{id}"}, upstream: backend}
  - {name: wild, match: {path: "/{area}/x"}, upstream: backend}
  - {name: shop, match: {path_prefix: /shop, hosts: [shop.example.com]}, upstream: backend}
  - {name: rest, match: {path_prefix: /}, upstream: backend}
"""


@sanitizers.only_configuration
@pytest.mark.parametrize("top, assertion, named", [
    ("", "{every_route: {path_prefix: /admin}, requires: [jwt]}", {"reports", "wild", "rest"}),
    ("", "{every_route: {path_prefix: /admin, except: [wild, rest]}, requires: [jwt]}", {"reports"}),
    ("", "{every_route: {path_prefix: /admin/reports}, requires: [jwt]}", {"reports", "rest"}),
    ("", "{every_route: {}, requires_any: [jwt, key_auth]}", {"reports", "wild", "shop", "rest"}),
    ("key_auth: {}", "{every_route: {}, requires_any: [jwt, key_auth]}", set()),
    ("key_auth: {}", "{every_route: {}, requires: [jwt, key_auth]}", {"reports", "wild", "shop", "rest"}),
    ("", "{every_route: {hosts: [SHOP.example.com], path_prefix: /shop}, requires: [jwt]}", {"wild", "shop", "rest"}),
    ("", "{every_route: {hosts: [other.example.com], path_prefix: /shop/a}, requires: [jwt]}", {"rest"}),
])
def test_an_assertion_names_the_routes_that_break_it(tmp_path, top, assertion, named):
    path = tmp_path / "gateway.yaml"
    path.write_text(ASSERTED % {"top": top, "assertions": assertion})
    said = harness.check(path)
    assert {name for name in ("admin", "reports", "wild", "shop", "rest") if f"route `{name}`" in said} == named, said
    if named:
        assert "gateway.yaml:5:" in said and "the assertion does not hold" in said


@sanitizers.only_configuration
def test_a_route_that_takes_all_of_an_area_shields_the_wider_ones(tmp_path):
    path = tmp_path / "gateway.yaml"
    path.write_text("""version: 1
listeners: [{name: public, address: "127.0.0.1:1"}]
assertions: [{every_route: {path_prefix: /admin}, requires: [ip_filter]}]
routes:
  - {name: admin, match: {path_prefix: /admin}, policies: [ip_filter: {}, respond: {}]}
  - {name: rest, match: {path_prefix: /}, policies: [respond: {}]}
""")
    assert harness.check(path) == ""


@sanitizers.only_configuration
@pytest.mark.parametrize("policies, message", [
    ("acl: {rules: [{}]}", "a rule needs exactly one of `allow` and `deny`"),
    ("acl: {rules: [{allow: a = b}]}", "there is no variable `a`"),
    ("acl: {rules: [{allow: {consumer.gruops: x}}]}", ":9:76: error: there is no variable `consumer.gruops` - did you mean `consumer.groups`?"),
    ("acl: {rules: [{allow: request.method under /x}]}", "`under` is only possible with `request.path` and `client.address`"),
    ("acl: {rules: [{allow: client.address under 10.0.0.1/8}]}", "bits set beyond its prefix"),
    ("acl: {rules: [{allow: client.address = localhost}]}", "`localhost` is not an address or a block"),
    ("acl: {rules: [{allow: {client.address: [127.0.0.1, 10.0.0]}}]}", "`10.0.0` is not an address or a block"),
    ("acl: {rules: [{allow: group = admins}]}", "`group` is called `consumer.groups` now"),
    ("acl: {rules: [{allow: {header.x-tenant: a}}]}", "`header.x-tenant` is called `request.header.x-tenant` now"),
    ("acl: {rules: [{allow: response.status = '200'}]}", "`response.status` cannot be read here"),
    ("ip_filter: {deny_file: absent.txt}", "cannot read the address list"),
])
def test_mistakes_are_named(tmp_path, policies, message):
    said = complaints(tmp_path, policies)
    assert message in said
