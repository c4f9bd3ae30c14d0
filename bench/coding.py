"""Compression by gzip at level 1, in the configuration of each subject."""

REQUEST = {"connections": 64, "target": "/102400?json"}


def gzip_peers(directory):
    """The header lines of the load, and the settings of each subject."""
    fields = directory / "accept.txt"
    fields.write_text("Accept-Encoding: gzip\n")
    return str(fields), {
        "portcullis": {"TOP": "policies:\n  - compress: {algorithms: [gzip], gzip_level: 1}\n"},
        "nginx": {"HTTP": "  gzip on; gzip_comp_level 1; gzip_types application/json; gzip_proxied any; gzip_min_length 1024; gzip_buffers 32 8k;"},
        "haproxy": {"POLICY": "  compression algo gzip\n  compression type application/json"},
    }
