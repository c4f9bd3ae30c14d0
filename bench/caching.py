"""Scenarios with a cache: every subject answers from stored responses, in memory or in files."""

import pathlib
import re
import subprocess

from subjects import BUILD, LOAD_CORE, free_port, start, stop, wait_for_port
from harness import metric  # found by subjects

SIZES = {"cache_hit_small": "/1024?cacheable", "cache_hit_large": "/102400?cacheable", "cache_hit_disk": "/4194304?cacheable"}


def caches(scenario, directory):
    """The settings of each subject for a shared cache in memory; in files for nginx, whose workers may run as another user."""
    if scenario == "cache_hit_disk":
        disk = f"cache: {{disk: {{path: {directory}/portcullis-cache, size: 1GiB}}}}\n"
        peers = caches("", directory)
        return {"portcullis": {"TOP": disk + peers["portcullis"]["TOP"]}, "nginx": peers["nginx"]}
    directory.chmod(0o711)
    (directory / "nginx-cache").mkdir(exist_ok=True)
    (directory / "nginx-cache").chmod(0o777)
    return {
        "portcullis": {"TOP": "policies:\n  - cache: {}\n"},
        "nginx": {
            "HTTP": f"  proxy_cache_path {directory}/nginx-cache levels=1:2 keys_zone=cache:16m max_size=64m inactive=1h use_temp_path=off;\n"
                    "  open_file_cache max=1000 inactive=1h; open_file_cache_valid 1h;\n  sendfile on; tcp_nopush on;",
            "POLICY": "      proxy_cache cache; proxy_cache_valid 200 1h; proxy_cache_lock on; add_header X-Cache $upstream_cache_status;",
        },
        "haproxy": {
            "POLICY": "  http-request cache-use cache\n  http-response cache-store cache",
            "TABLES": "cache cache\n  total-max-size 64\n  max-object-size 1000000\n  max-age 3600\n",
        },
        "varnish": {},
    }

WAITING = 100_000  # requests, by 1,000 HTTP/2 connections


def one_fetch(directory, patience=10):
    """How often a cold object is fetched when many requests for it arrive while the upstream is slow."""
    port, admin, backend_port = free_port(), free_port(), free_port()
    path = pathlib.Path(directory) / "one_fetch.yaml"
    path.write_text(f"""version: 1
workers: 2
admin: {{address: '127.0.0.1:{admin}'}}
listeners: [{{name: bench, address: '127.0.0.1:{port}'}}]
upstreams: [{{name: backend, targets: [{{address: '127.0.0.1:{backend_port}'}}], timeouts: {{response: 60s}}}}]
routes: [{{name: all, match: {{path_prefix: /}}, upstream: backend, policies: [cache: {{}}]}}]
""")
    backend = start(LOAD_CORE, BUILD / "bench/bench_backend", backend_port, patience * 1_000_000)
    gateway = start(None, BUILD / "portcullis", "run", "-c", path)
    try:
        wait_for_port(backend_port, backend)
        wait_for_port(port, gateway)
        wait_for_port(admin, gateway)
        told = subprocess.run(["h2load", "-n", str(WAITING), "-c", "1000", "-m", "100", "-t", "1", f"http://127.0.0.1:{port}/1024?cacheable"],
                              capture_output=True, text=True, check=True).stdout
        succeeded = int(re.search(r"(\d+) succeeded", told)[1])
        waited = metric(admin, "portcullis_cache_waits_total")
        fetches = metric(admin, 'portcullis_target_tries_total{upstream="backend"')
        peak = int(re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{gateway.pid}/status").read_text())[1]) * 1024
    finally:
        stop(gateway)
        stop(backend)
    return {"requests": WAITING, "succeeded": succeeded, "waited": int(waited), "fetches": int(fetches), "peak_bytes_per_request": round(peak / WAITING)}
