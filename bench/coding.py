"""Compression by gzip in the configuration of each subject. HAProxy has one level."""

REQUEST = {"connections": 64, "target": "/102400?json"}


def gzip_peers(directory, level):
    """The header lines of the load, and the settings of each subject."""
    fields = directory / "accept.txt"
    fields.write_text("Accept-Encoding: gzip\n")
    return str(fields), {
        "portcullis": {"TOP": f"policies:\n  - compress: {{algorithms: [gzip], gzip_level: {level}}}\n"},
        "nginx": {"HTTP": f"  gzip on; gzip_comp_level {level}; gzip_types application/json; gzip_proxied any; gzip_min_length 1024; gzip_buffers 32 8k;"},
        "haproxy": {"POLICY": "  compression algo gzip\n  compression type application/json"},
    }
