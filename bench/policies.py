"""Scenarios with policies: the same work in the configuration of each subject."""

import hashlib
import pathlib
import sys

from subjects import ROOT

sys.path.insert(0, str(ROOT / "tests/integration"))
import pki  # noqa: E402
from tokens import jwk, jwks, key_pair, token  # noqa: E402

ROUTES = 1000
CONSUMERS = 1000
KEYS = [f"bench-key-{i:06}-{hashlib.md5(str(i).encode()).hexdigest()}" for i in range(CONSUMERS)]


def key_and_limit(directory):
    """An API key and a rate limit for each of 1,000 consumers, and 1,000 routes. Returns the header lines of the load."""
    fields = directory / "keys.txt"
    fields.write_text("".join(f"X-API-Key: {key}\n" for key in KEYS))
    (directory / "keys.map").write_text("".join(f"{key} consumer-{i}\n" for i, key in enumerate(KEYS)))
    (directory / "routes.map").write_text("".join(f"/service-{i}/ out\n" for i in range(ROUTES)))
    consumers = "".join(f"  - {{name: consumer-{i}, credentials: {{keys: ['sha256:{hashlib.sha256(key.encode()).hexdigest()}']}}}}\n"
                        for i, key in enumerate(KEYS))
    return str(fields), {
        "portcullis": {
            "TOP": f"consumers:\n{consumers}policies:\n  - key_auth: {{}}\n  - rate_limit: {{limit: 1000000/s, key: caller}}\n",
            "ROUTES": "".join(f"  - {{name: r{i}, match: {{path_prefix: /service-{i}}}, upstream: backend}}\n" for i in range(ROUTES)),
        },
        "nginx": {
            "HTTP": "  map_hash_bucket_size 256; map_hash_max_size 8192;\n  map $http_x_api_key $consumer { default \"\";\n"
                    + "".join(f"    {key} consumer-{i};\n" for i, key in enumerate(KEYS)) + "  }\n"
                    "  limit_req_zone $consumer zone=consumers:16m rate=1000000r/s;\n",
            "LOCATIONS": "".join(f"    location /service-{i}/ {{ proxy_pass http://backend; }}\n" for i in range(ROUTES)),
            "POLICY": "      if ($consumer = \"\") { return 401; }\n      limit_req zone=consumers burst=1000 nodelay;\n"
                      "      proxy_set_header X-API-Key \"\"; proxy_set_header X-Consumer-Name $consumer;\n",
        },
        "haproxy": {
            "POLICY": f"  http-request set-var(txn.consumer) req.hdr(x-api-key),map_str({directory}/keys.map)\n"
                      "  http-request deny deny_status 401 unless { var(txn.consumer) -m found }\n"
                      "  http-request track-sc0 var(txn.consumer) table consumers\n"
                      "  http-request deny deny_status 429 if { sc_http_req_rate(0) gt 100000000 }\n"
                      "  http-request del-header x-api-key\n  http-request set-header x-consumer-name %[var(txn.consumer)]\n"
                      f"  use_backend %[path,map_beg({directory}/routes.map,out)]\n",
            "TABLES": "backend consumers\n  stick-table type string len 32 size 100k expire 10m store http_req_rate(1s)\n",
        },
    }


def certificates(directory):
    """TLS 1.3 with one certificate with a P-256 key, in the configuration of each subject, and otherwise with its defaults."""
    edge = pki.Authority(directory).issue("localhost", "localhost", "127.0.0.1", file="edge")
    certificate, key = edge.pair
    both = directory / "both.pem"
    both.write_text(pathlib.Path(certificate).read_text() + pathlib.Path(key).read_text())
    return {
        "portcullis": {"LISTENER": f"    tls: {{certificates: [{{cert: {certificate}, key: {key}}}], min_version: '1.3'}}"},
        "nginx": {"LISTENER": " ssl", "LOCATIONS": f"    ssl_certificate {certificate}; ssl_certificate_key {key}; ssl_protocols TLSv1.3;"},
        "haproxy": {"LISTENER": f"ssl crt {both} ssl-min-ver TLSv1.3"},
    }


def cluster_limit(redis_port):
    """A rate limit for each of 1,000 keys: counted on the node, leased from a Redis server in batches, and exact."""
    def scenario(directory):
        fields = directory / "keys.txt"
        fields.write_text("".join(f"X-Tenant: {key}\n" for key in KEYS))

        def limit(cluster):
            return {"TOP": f"redis: {{address: '127.0.0.1:{redis_port}'}}\npolicies:\n"
                           f"  - rate_limit: {{limit: 60000000/min, key: '{{request.header.x-tenant}}', cluster: {cluster}}}\n"}
        return str(fields), {"portcullis:local": limit("off"), "portcullis:batched": limit("batched"), "portcullis:exact": limit("exact")}
    return scenario


TOKENS = 1000


def jwt(cache):
    """1,000 distinct RS256 tokens in turn; without a cache each is verified every time."""
    def scenario(directory):
        fields = directory / "tokens.txt"
        if not fields.exists():
            key = key_pair("RS256")
            fields.write_text("".join(
                f"Authorization: Bearer {token('RS256', key, 'k1', exp=4_000_000_000, sub=f'user-{i}', iss='https://id.example.com/', aud='orders', scope='orders:read orders:write')}\n"
                for i in range(TOKENS)))
        keys = jwks(jwk("RS256", "k1"))
        return str(fields), {"portcullis": {
            "TOP": "policies:\n  - jwt: {issuer: 'https://id.example.com/', audience: orders, require: {scope: 'orders:read'},"
                   f" cache: {cache}, jwks: {{inline: '{keys}'}}}}\n"}}
    return scenario
