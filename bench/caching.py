"""Scenarios with a cache: everybody answers from memory what the backend said once."""

SIZES = {"cache_hit_small": "/1024", "cache_hit_large": "/102400"}


def caches(directory):
    """What everybody is told: keep responses that say nothing for an hour."""
    return {
        "portcullis": {"TOP": "policies:\n  - cache: {ttl: 1h}\n"},
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
