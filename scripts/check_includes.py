#!/usr/bin/env python3
"""Checks that includes point one way: a folder of src/ may include itself and the folders below it (docs/architecture.md).

Within a folder, some rooms are closed: what speaks one version of HTTP is behind the message streams, and a policy's folder is
its own. A class of another folder that is only declared counts as an include."""

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
    "client": RUNTIME | {"crypto"},
    "etcd": RUNTIME | {"client", "crypto"},
    "discovery": HTTP | {"client", "config", "etcd"},
    "identity": HTTP | {"client", "crypto", "config"},
    "redis": RUNTIME | {"crypto", "tls"},
    "sqlite": BASE,
    "store": BASE | {"crypto", "sqlite"},
    "cluster": RUNTIME | {"client", "compression", "crypto", "etcd", "store"},
    "limits": RUNTIME | {"crypto", "redis", "sqlite"},
    "cache": HTTP | {"telemetry"},
    "compression": BASE,
    "policy": HTTP | IDENTITY | {"cache", "compression", "limits", "redis", "routing", "telemetry", "tls"},
    "proxy": HTTP | IDENTITY | {"cache", "policy", "routing", "upstream", "telemetry", "tls"},
    "control": HTTP | IDENTITY | {"proxy", "policy", "cache", "limits", "redis", "routing", "upstream", "telemetry", "tls", "discovery",
                                 "cluster", "etcd", "sqlite", "store"},
    "cli": HTTP | IDENTITY | {"tls", "control", "limits", "policy", "routing", "store"},
}

# Enums with their words, and plain structs, that the configuration shares with the folder that acts by them. Such a
# header includes nothing of ours but base/ and other headers of this kind, so any folder may include it.
SHARED = {
    "cache/disk_settings.h",
    "etcd/settings.h",
    "http/h1/head_limits.h",
    "proxy/canary_rules.h",
    "proxy/listener_http2.h",
    "proxy/listener_limits.h",
    "proxy/listener_timeouts.h",
    "proxy/rollback_rules.h",
    "proxy/split_cookie.h",
    "redis/settings.h",
    "routing/match.h",
    "telemetry/access_log_settings.h",
    "telemetry/trace_collector.h",
    "telemetry/trace_sampling.h",
    "tls/choices.h",
    "tls/client_rules.h",
    "tls/server_rules.h",
    "upstream/breaker_limits.h",
    "upstream/choices.h",
    "upstream/dns.h",
    "upstream/ejection.h",
    "upstream/health_check.h",
    "upstream/hedging.h",
    "upstream/http2_windows.h",
    "upstream/retries.h",
    "upstream/sticky_cookie.h",
    "upstream/timeouts.h",
}

# The rooms that are closed to other folders, and the files that may enter them: those that make a stream of a connection.
ROOMS = {
    "http/h1/": {"http", "upstream", "client", "proxy/client_connection.cpp", "proxy/no_client.h", "proxy/rehearse.cpp",
                 "control/http_connection.h"},
    "http/h2/": {"http", "upstream", "proxy/client_connection.h", "proxy/client_http2.cpp"},
}
# Headers of such a room that hold only limits and errors, which settings and reasons are made of.
OPEN = {"http/h1/head_limits.h", "http/h1/head_parser.h"}
# Who may include the folder of one policy, besides the policy itself: the list of all policies.
POLICY_USERS = {"policy/registry.cpp"}
# Pointers that are passed on without a look at what they point to.
PASSED_ON = {("http/body_source.h", "telemetry")}

ROOT = pathlib.Path(__file__).resolve().parents[1] / "src"
FOLDERS = set(MAY_USE)


def fault_of_include(name, folder, included):
    """What is wrong with an include of the file `name`, or None."""
    target = included.split("/")[0]
    if included in SHARED:
        allowed = {target}
    elif name in SHARED:
        allowed = {"base"}
    else:
        allowed = MAY_USE[folder] | {folder}
    if target not in allowed:
        return f"{folder}/ may not use {target}/"
    for room, visitors in ROOMS.items():
        if included.startswith(room) and included not in OPEN and not {name, folder} & visitors:
            return f"{room} is behind the message streams"
    policy = re.match(r"policy/(\w+)/", included)
    if policy and not name.startswith(policy[0]) and name not in POLICY_USERS:
        return f"{policy[0]} is the room of one policy"
    return None


faults = []
for path in sorted(ROOT.rglob("*.[hc]*")):
    name = str(path.relative_to(ROOT))
    folder = name.split("/")[0]
    for number, line in enumerate(path.read_text().splitlines(), 1):
        fault = None
        if included := re.match(r'#include "(\w+/[^"]*)"', line):
            fault = fault_of_include(name, folder, included[1])
        elif declared := re.match(r"namespace portcullis::(\w+)", line):
            other = declared[1]
            if other in FOLDERS - MAY_USE[folder] - {folder} and (name, other) not in PASSED_ON:
                fault = f"{folder}/ may not declare what is in {other}/"
        if fault:
            faults.append(f"src/{name}:{number}: {fault}")
print("\n".join(faults) or "includes: all point one way")
sys.exit(1 if faults else 0)
