"""The cost of a scrape with the metrics of many routes, and its effect on clients."""

import http.client
import pathlib
import statistics
import threading
import time

from subjects import BUILD, PROXY_CORE, free_port, load, start, stop, wait_for_port

ROUTES = 1000


def scrape(directory, backend_port, seconds):
    """Scrapes continuously under a moderate load: the milliseconds of each scrape, and the load's p99.9 with and without
    scrapes."""
    port, admin, path = free_port(), free_port(), pathlib.Path(directory) / "scraped.yaml"
    routes = "".join(f"  - {{name: r{i}, match: {{path: '/{i}'}}, upstream: u{i % 100}}}\n" for i in range(ROUTES))
    upstreams = "".join(f"  - {{name: u{i}, targets: [{{address: '127.0.0.1:{backend_port}'}}]}}\n" for i in range(100))
    path.write_text(f"""version: 1
workers: 1
admin: {{address: '127.0.0.1:{admin}'}}
listeners: [{{name: bench, address: '127.0.0.1:{port}'}}]
upstreams:
{upstreams}
routes:
{routes}
""")
    process = start(PROXY_CORE, BUILD / "portcullis", "run", "-c", path)
    try:
        wait_for_port(port, process)
        connection = http.client.HTTPConnection("127.0.0.1", port)
        for i in range(ROUTES):
            connection.request("GET", f"/{i}")
            connection.getresponse().read()
        quiet = load(port, 64, seconds, 5000, target="/16")
        told, times = {}, []
        loading = threading.Thread(target=lambda: told.update(load(port, 64, seconds, 5000, target="/16")))
        loading.start()
        while loading.is_alive():
            began = time.monotonic()
            connection = http.client.HTTPConnection("127.0.0.1", admin)
            connection.request("GET", "/metrics")
            lines = connection.getresponse().read().count(b"\n")
            times.append((time.monotonic() - began) * 1e3)
            connection.close()
            time.sleep(0.05)
        loading.join()
    finally:
        stop(process)
    return {"routes": ROUTES, "lines": lines, "scrapes": len(times), "median_ms": round(statistics.median(times), 1),
            "p99_us_without": quiet["p99"], "p99_us_with": told["p99"]}
