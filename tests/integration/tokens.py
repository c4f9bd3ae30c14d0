"""Keys and tokens as a real issuer makes them, by PyJWT and cryptography."""

import base64
import datetime
import functools
import ipaddress
import json
import time

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, ed448, rsa
from cryptography.x509.oid import NameOID

CURVES = {"ES256": ec.SECP256R1, "ES384": ec.SECP384R1, "ES512": ec.SECP521R1}


def encode(number, size=None):
    size = size or (number.bit_length() + 7) // 8
    return base64.urlsafe_b64encode(number.to_bytes(size, "big")).rstrip(b"=").decode()


def key_pair(kind, name="one"):
    """A private key; a different name yields a different key."""
    return make_key(kind, name)


@functools.lru_cache(None)
def make_key(kind, name):
    if kind in CURVES:
        return ec.generate_private_key(CURVES[kind]())
    if kind == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    if kind == "Ed448":
        return ed448.Ed448PrivateKey.generate()
    return rsa.generate_private_key(65537, 2048)


def jwk(kind, kid, name="one", **members):
    key = key_pair(kind, name).public_key()
    out = {"kid": kid, "use": "sig", **members}
    if kind in CURVES:
        numbers, size = key.public_numbers(), (key.curve.key_size + 7) // 8
        curve = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}[key.curve.name]
        return {"kty": "EC", "crv": curve, "x": encode(numbers.x, size), "y": encode(numbers.y, size), **out}
    if kind in ("EdDSA", "Ed448"):
        raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return {"kty": "OKP", "crv": "Ed25519" if kind == "EdDSA" else kind,
                "x": base64.urlsafe_b64encode(raw).rstrip(b"=").decode(), **out}
    numbers = key.public_numbers()
    return {"kty": "RSA", "n": encode(numbers.n), "e": encode(numbers.e), **out}


def jwks(*keys):
    return json.dumps({"keys": list(keys)})


def token(algorithm, key, kid=None, typ=None, **claims):
    claims = {"exp": int(time.time()) + 600, **claims}
    headers = {name: value for name, value in (("kid", kid), ("typ", typ)) if value}
    return jwt.encode({name: value for name, value in claims.items() if value is not None}, key, algorithm, headers)


def whole_token(algorithm, key, claims):
    """A token that also contains the claims that are null."""
    return jwt.encode({"exp": int(time.time()) + 600, **claims}, key, algorithm)


def pem(kind, name="one"):
    return key_pair(kind, name).public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def certificate(directory):
    """A self-signed certificate for 127.0.0.1: (certificate file, key file)."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
    made = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
            .add_extension(x509.BasicConstraints(True, None), True)
            .sign(key, hashes.SHA256()))
    (directory / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (directory / "key.pem").write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return str(directory / "cert.pem"), str(directory / "key.pem")
