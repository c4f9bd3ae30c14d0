"""Creates certificates for a test: an authority, and the certificates that it issues."""

import datetime
import ipaddress
import pathlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import NameOID

DAY = datetime.timedelta(days=1)


def now():
    return datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)


def pem(thing):
    return thing.public_bytes(serialization.Encoding.PEM)


class Issued:
    """A certificate with its key, in files."""

    def __init__(self, folder, name, certificate, key):
        self.certificate, self.key = certificate, key
        self.cert_file, self.key_file = pathlib.Path(folder) / f"{name}.pem", pathlib.Path(folder) / f"{name}.key"
        self.write(self.cert_file, self.key_file)

    def write(self, cert_file, key_file):
        # Replaces each file as a whole, as deployment tools do.
        for path, content in ((key_file, self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                                                serialization.NoEncryption())),
                              (cert_file, pem(self.certificate))):
            fresh = path.with_name("." + path.name + ".new")
            fresh.touch(mode=0o600)
            fresh.write_bytes(content)
            fresh.replace(path)

    @property
    def fingerprint(self):
        return self.certificate.fingerprint(hashes.SHA256()).hex()

    @property
    def pair(self):
        return str(self.cert_file), str(self.key_file)


class Authority:
    def __init__(self, folder, name="authority"):
        self.folder = pathlib.Path(folder)
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate = (
            x509.CertificateBuilder().subject_name(self.name).issuer_name(self.name).public_key(self.key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(now() - DAY).not_valid_after(now() + 365 * DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(x509.KeyUsage(False, False, False, False, False, True, True, False, False), critical=True)
            .add_extension(self.key_name(self.key), critical=False)
            .sign(self.key, hashes.SHA256()))
        self.file = self.folder / f"{name}.pem"
        self.file.write_bytes(pem(self.certificate))

    @staticmethod
    def key_name(key):
        return x509.SubjectKeyIdentifier.from_public_key(key.public_key())

    def issue(self, name, *alternatives, kind="ec", days=120, file=None, ends=None):
        """`alternatives`: DNS names, addresses, URIs, e-mail addresses. `ends`: the expiry time, instead of `days`."""
        key = ec.generate_private_key(ec.SECP256R1()) if kind == "ec" else rsa.generate_private_key(65537, 2048)

        def general(text):
            if "://" in text:
                return x509.UniformResourceIdentifier(text)
            if "@" in text:
                return x509.RFC822Name(text)
            try:
                return x509.IPAddress(ipaddress.ip_address(text))
            except ValueError:
                return x509.DNSName(text)
        builder = (
            x509.CertificateBuilder().subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(self.name).public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now() - DAY).not_valid_after(ends or now() + days * DAY))
        # The list is never fetched, but testssl.sh reports a certificate that cannot be revoked.
        point = x509.DistributionPoint([x509.UniformResourceIdentifier("http://127.0.0.1:1/revoked.crl")], None, None, None)
        builder = builder.add_extension(x509.CRLDistributionPoints([point]), critical=False)
        # Python 3.13 refuses a certificate that does not name the keys.
        builder = builder.add_extension(self.key_name(key), critical=False)
        builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
        if alternatives:
            builder = builder.add_extension(x509.SubjectAlternativeName([general(one) for one in alternatives]), critical=False)
        return Issued(self.folder, file or name, builder.sign(self.key, hashes.SHA256()), key)

    def revoke(self, *issued, file="revoked.pem"):
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.name).last_update(now() - DAY).next_update(now() + DAY)
        for one in issued:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder().serial_number(one.certificate.serial_number).revocation_date(now() - DAY).build())
        path = self.folder / file
        path.write_bytes(pem(builder.sign(self.key, hashes.SHA256())))
        return path

    def ocsp(self, issued, file="staple.der", status=ocsp.OCSPCertStatus.GOOD, until=None):
        response = ocsp.OCSPResponseBuilder().add_response(
            cert=issued.certificate, issuer=self.certificate, algorithm=hashes.SHA1(), cert_status=status, this_update=now() - DAY,
            next_update=until or now() + DAY, revocation_time=None, revocation_reason=None,
        ).responder_id(ocsp.OCSPResponderEncoding.HASH, self.certificate).sign(self.key, hashes.SHA256())
        path = self.folder / file
        path.write_bytes(response.public_bytes(serialization.Encoding.DER))
        return path
