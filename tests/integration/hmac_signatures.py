"""Signs requests for hmac_auth (RFC 9421), by a signer written from the RFC."""

import base64
import hmac
import time

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, utils

from harness import read_response
from identity import Answer
from tokens import key_pair, pem

SECRET = "shared-secret-of-at-least-32-bytes"


def indent(text):
    return text.replace("\n", "\\n")


CONSUMERS = f"""{{name: shop, credentials: {{signing_keys: [{{id: shop-1, secret: {SECRET}}}]}}}},
  {{name: bank, credentials: {{signing_keys: [
    {{id: ed, algorithm: ed25519, public_key: "{indent(pem('EdDSA'))}"}}, {{id: es, algorithm: ecdsa-p256-sha256, public_key: "{indent(pem('ES256'))}"}},
    {{id: ps, algorithm: rsa-pss-sha512, public_key: "{indent(pem('RS256'))}"}}, {{id: rs, algorithm: rsa-v1_5-sha256, public_key: "{indent(pem('RS256'))}"}}]}}}}"""


def sign_bytes(kind, base):
    if kind == "hmac":
        return hmac.digest(SECRET.encode(), base, "sha256")
    if kind == "ed":
        return key_pair("EdDSA").sign(base)
    if kind == "es":
        r, s = utils.decode_dss_signature(key_pair("ES256").sign(base, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")
    if kind == "ps":
        return key_pair("RS256").sign(base, padding.PSS(padding.MGF1(hashes.SHA512()), 64), hashes.SHA512())
    return key_pair("RS256").sign(base, padding.PKCS1v15(), hashes.SHA256())


def signed(port, method="GET", target="/orders?a=1", kind="hmac", keyid="shop-1", components=("@method", "@target-uri"), fields=None,
           created=0, body=b"", parameters_text=None, before="", **parameters):
    """The header lines of a signed request."""
    fields = {"host": f"127.0.0.1:{port}", **(fields or {})}
    values = {"@method": method, "@target-uri": f"http://{fields['host']}{target}", "@authority": fields["host"], "@request-target": target,
              "@path": target.split("?")[0], "@query": "?" + target.partition("?")[2], **fields}
    covered = "(" + " ".join(f'"{name}"' for name in components) + ")"
    params = covered + f";created={int(time.time()) + created}" + f';keyid="{keyid}"'
    for name, value in parameters.items():
        params += f";{name}={value}" if isinstance(value, int) else f';{name}="{value}"'
    sent = params
    if parameters_text:  # (as it is sent, as it is signed)
        sent, params = (covered + text for text in parameters_text)
    base = "".join(f'"{name}": {values[name]}\n' for name in components) + f'"@signature-params": {params}'
    signature = base64.b64encode(sign_bytes(kind, base.encode())).decode()
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return lines + f"Signature-Input: {before}sig1={sent}\r\nSignature: sig1=:{signature}:\r\n"


def send(gateway, lines, method="GET", target="/orders?a=1", body=b"", length=True):
    with gateway.connect() as connection:
        head = f"{method} {target} HTTP/1.1\r\n{lines}" + (f"Content-Length: {len(body)}\r\n" if body and length else "") + "\r\n"
        connection.sendall(head.encode() + body)
        return Answer(*read_response(connection))
