"""Settings permit no more than they say: a list replaces its default, an empty list admits no client, and an unsound key is refused."""

import base64
import json

import pytest

import harness
import sanitizers
import tokens
from harness import simple_configuration
from trust import ask, one_route, problems

pytestmark = sanitizers.one_worker


@pytest.mark.parametrize("on", ["timeout", "[timeout]", "[]"])
def test_a_reset_is_retried_only_where_the_list_says_so(on, start, backend):
    made = backend(lambda connection, b: (b.read_head(connection), harness.reset(connection)))
    gateway = start(simple_configuration(made.port, extra_upstream=f"    outlier_ejection: {{failures_in_row: 0}}\n    retries: {{attempts: 3, on: {on}}}\n"))
    assert ask(gateway)[0] == 502 and made.accepted == 1


def test_an_empty_list_of_addresses_admits_no_client(start, echo):
    assert ask(start(one_route(echo(), "ip_filter: {allow: []}")))[0] == 403


@pytest.mark.parametrize("exponent", [1, 2, 4])
@pytest.mark.parametrize("form", ["jwks", "pem"])
def test_a_key_with_an_unsound_exponent_is_refused_by_name(form, exponent, tmp_path):
    modulus = (1 << 2047) + 1
    if form == "jwks":
        members = {"kty": "RSA", "kid": "one", "alg": "RS256", "n": tokens.encode(modulus), "e": tokens.encode(exponent)}
        (tmp_path / "keys.json").write_text(json.dumps({"keys": [members]}))
        told = problems(tmp_path, one_route(1, 'jwt: {audience: "*", jwks: {file: keys.json}}'))
        assert "one" in told
    else:
        key = "\n".join(["-----BEGIN PUBLIC KEY-----", public_key(modulus, exponent), "-----END PUBLIC KEY-----", ""])
        (tmp_path / "key.pem").write_text(key)
        told = problems(tmp_path, one_route(1, 'jwt: {audience: "*", public_key: "${file:key.pem}"}'))
    assert "the RSA exponent is even, or less than 3" in told


def public_key(modulus, exponent):
    """A SubjectPublicKeyInfo, in base64, with numbers that no library would generate."""
    def der(tag, content):
        size = len(content)
        length = bytes([size]) if size < 128 else bytes([0x82]) + size.to_bytes(2, "big")
        return bytes([tag]) + length + content

    def integer(number):
        return der(2, b"\0" + number.to_bytes((number.bit_length() + 7) // 8, "big"))
    algorithm = der(0x30, bytes.fromhex("06092a864886f70d0101010500"))
    return base64.b64encode(der(0x30, algorithm + der(3, b"\0" + der(0x30, integer(modulus) + integer(exponent))))).decode()
