"""What the tests of the cache share besides their origin: a gateway's configuration, requests at the same time, and purges."""

import json
import threading
import urllib.request

from harness import metric, wait_for

FRESH = {"cache-control": "max-age=100"}


def configuration(origin, settings="", admin=None, top="", before="", workers=2, upstream=""):
    admin = f'admin: {{address: "127.0.0.1:{admin}"}}\n' if admin else ""
    return f"""version: 1
workers: {workers}
{admin}{top}
listeners: [{{name: public, address: "127.0.0.1:{{port}}"}}]
upstreams: [{{name: main, targets: [{{address: "127.0.0.1:{origin.port}"}}]{upstream}}}]
routes:
  - name: all
    match: {{path_prefix: /}}
    upstream: main
    policies:
{before}      - cache: {{{settings}}}
"""


def together(count, call):
    """The results of `count` concurrent calls."""
    out = [None] * count

    def one(i):
        out[i] = call(i)
    threads = [threading.Thread(target=one, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return out


def purge(admin, query):
    request = urllib.request.Request(f"http://127.0.0.1:{admin}/v1/cache/purge?{query}", method="POST")
    (node,) = json.load(urllib.request.urlopen(request, timeout=10))["nodes"].values()
    return node["purged"]


def waiting(admin, count):
    wait_for(lambda: metric(admin, "portcullis_cache_waits_total") == count, what="those who wait")
