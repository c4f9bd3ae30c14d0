"""The default configuration as testssl.sh grades it."""

import json
import os
import subprocess

import pytest

import sanitizers

pytestmark = sanitizers.others_software

CONFIGURATION = """version: 1
listeners:
  - name: public
    address: 127.0.0.1:{port}
    tls:
      certificates: [{cert: edge.pem, key: edge.key}]
      hsts: {max_age: 8760h}
routes:
  - name: all
    match: {path_prefix: /}
    policies: [respond: {status: 200, body: hello}]
"""


@pytest.mark.timeout(1000)  # two minutes on an idle machine
@pytest.mark.skipif("PORTCULLIS_TESTSSL" not in os.environ, reason="takes two minutes; scripts/test.sh grade runs it")
def test_nothing_above_low_is_found(start, tmp_path, authority, edge):
    gateway = start(CONFIGURATION)
    told = tmp_path / "testssl.json"
    # Protocols, ciphers, forward secrecy, preferences, the certificate, and every vulnerability that testssl.sh knows. Response
    # headers and simulated browsers would test nothing more of the listener.
    done = subprocess.run(["testssl", "--quiet", "--color", "0", "--warnings", "batch", "--nodns", "min", "--connect-timeout", "10",
                           "--openssl-timeout", "10", "--jsonfile", str(told), "--add-CA", str(authority.file),
                           "-p", "-s", "-f", "-P", "-S", "-U", f"localhost:{gateway.port}"], capture_output=True, text=True, timeout=900)
    findings = json.loads(told.read_text())
    kinds = {one["id"] for one in findings}
    assert {"TLS1_3", "cert_chain_of_trust", "heartbleed", "ROBOT", "secure_renego", "PFS"} <= kinds, done.stdout
    serious = [one for one in findings if one["severity"] in ("MEDIUM", "HIGH", "CRITICAL", "FATAL")]
    assert not serious, serious
    assert "DH_groups" not in kinds  # such a group would let a client request 8192-bit key exchanges
    by_kind = {one["id"]: one["finding"] for one in findings}
    assert by_kind["SSLv3"] == by_kind["TLS1"] == by_kind["TLS1_1"] == "not offered"
