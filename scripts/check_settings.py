#!/usr/bin/env python3
"""Checks that a key of the configuration is the name of the member that it fills: `optional("head_size", &T::head_size`.

A key that is a keyword of C++ has a member whose name begins with the key: `default`, `default_plan`.
"""

import pathlib
import re
import sys

KEYWORDS = {"auto", "default", "delete", "export", "for", "import", "inline", "module", "new", "operator", "requires", "switch"}

CALL = re.compile(r'(?:->|\.)(?:optional|required)\(\s*"(\w+)",\s*(&[\w:]+::)?(\w+)?')

root = pathlib.Path(__file__).resolve().parents[1]
faults = []
bound = 0
for path in sorted([*root.glob("src/config/*"), *root.glob("src/policy/**/*.*")]):
    text = path.read_text()
    for call in CALL.finditer(text):
        key, pointer, member = call.groups()
        bound += 1
        good = member.startswith(key + "_") if key in KEYWORDS and pointer else member == key
        if not pointer or not good:
            line = text.count("\n", 0, call.start()) + 1
            faults.append(f"{path.relative_to(root)}:{line}: the key `{key}` fills the member `{member}`")
if bound < 300:
    faults.append(f"only {bound} keys are found in src/config and src/policy: has their description changed its form?")
print("\n".join(faults) or f"settings: {bound} keys have the names of their members")
sys.exit(1 if faults else 0)
