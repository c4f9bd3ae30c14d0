#!/usr/bin/env python3
"""Checks that includes point one way: a folder of src/ may include itself and the folders below it (docs/architecture.md)."""

import pathlib
import re
import sys

# The folders that each folder may include besides itself.
BASE = {"base"}
RUNTIME = BASE | {"runtime"}
HTTP = RUNTIME | {"http", "crypto", "variables"}
IDENTITY = {"identity", "client", "crypto", "config"}
MAY_USE = {
    "base": set(),
    "runtime": BASE,
    "crypto": BASE,
    "variables": BASE,
    "http": RUNTIME | {"crypto"},  # for base64
    "config": HTTP,  # it describes and checks settings, and runs nothing
    "tls": RUNTIME | {"crypto"},
    "telemetry": HTTP,
    "routing": HTTP,
    "upstream": HTTP | {"telemetry", "tls"},
    "client": RUNTIME,
    "discovery": HTTP | {"client", "config"},
    "identity": HTTP | {"client", "crypto", "config"},
    "redis": RUNTIME | {"crypto"},
    "limits": RUNTIME | {"crypto", "redis"},
    "cache": HTTP | {"telemetry"},
    "compression": BASE,
    "policy": HTTP | IDENTITY | {"cache", "compression", "limits", "redis", "routing", "telemetry", "tls"},
    "proxy": HTTP | IDENTITY | {"cache", "policy", "routing", "upstream", "telemetry", "tls"},
    "control": HTTP | IDENTITY | {"proxy", "policy", "cache", "limits", "redis", "routing", "upstream", "telemetry", "tls", "discovery"},
    "cli": HTTP | IDENTITY | {"tls", "control", "limits", "policy", "routing"},
}

# Enums with their words, and plain structs, that the configuration shares with the folder that acts by them. Such a
# header includes nothing of ours but base/, so any folder may include it.
SHARED = {"routing/match.h", "tls/choices.h", "upstream/choices.h", "upstream/timeouts.h"}

root = pathlib.Path(__file__).resolve().parents[1] / "src"
faults = []
for path in sorted(root.rglob("*.[hc]*")):
    folder = path.relative_to(root).parts[0]
    for number, line in enumerate(path.read_text().splitlines(), 1):
        included = re.match(r'#include "(\w+)/([^"]*)"', line)
        if not included:
            continue
        if str(path.relative_to(root)) in SHARED:
            allowed = {"base"}
        elif f"{included[1]}/{included[2]}" in SHARED:
            allowed = {included[1]}
        else:
            allowed = MAY_USE[folder] | {folder}
        if included[1] not in allowed:
            faults.append(f"{path.relative_to(root.parent)}:{number}: {folder}/ may not use {included[1]}/")
print("\n".join(faults) or "includes: all point one way")
sys.exit(1 if faults else 0)
