#!/usr/bin/env python3
"""Checks that comments, messages and documentation avoid words that hide the subject of a sentence, such as `whoever`.

Texts in backticks and in code blocks are not checked, because `nobody` is also the name of a user."""
import ast
import io
import pathlib
import re
import subprocess
import sys
import tokenize

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Names of limits that ought to begin with `max` or `min`; `least_request` is the field's name for a way of balancing.
LIMITS = r"\bk(?:Most|Longest|Largest|Shortest|Smallest|Fewest)\w*|\b(?:most|least|longest|largest)_(?!request\b)\w+"
BANNED = re.compile(r"\b(whoever|whomever|somebody|nobody|everybody|likewise)\b|" + LIMITS, re.IGNORECASE)
# Folders whose texts have not been revised yet.
NOT_YET = ()
# String literals of tests and benchmarks are input rather than messages.
MESSAGES = "src/"
CPP = re.compile(r'R"(?P<mark>\w*)\((?:.|\n)*?\)(?P=mark)"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'|//[^\n]*')
NAME_OF_USER = re.compile(r'"nobody"')


def of_cpp(path, text):
    """(line, text) of each comment, and of each string literal of the gateway; and each name such as `kMostBytes`."""
    text = re.sub(r"(?<=[0-9A-Fa-f])'(?=[0-9A-Fa-f])", "_", text)  # digit separators are not character literals
    for match in CPP.finditer(text):
        if match[0].startswith("//") or (path.startswith(MESSAGES) and not NAME_OF_USER.fullmatch(match[0])):
            yield text.count("\n", 0, match.start()) + 1, match[0]
    for match in re.finditer(LIMITS, text):
        yield text.count("\n", 0, match.start()) + 1, match[0]


def of_python(text):
    """(line, text) of each comment and docstring."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.Module, ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(node) is not None:
            yield node.body[0].lineno, ast.get_docstring(node)


def of_markdown(text):
    """(line, text) of each line outside of code blocks."""
    in_code = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("```"):
            in_code = not in_code
        elif not in_code:
            yield number, line


def of_comments(text, mark):
    """(line, text) of each line that is a comment."""
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith(mark):
            yield number, line


def texts_of(path):
    text = (ROOT / path).read_text()
    kind = pathlib.PurePath(path).suffix
    if kind in (".h", ".cpp"):
        return of_cpp(path, text)
    if kind == ".py":
        return of_python(text)
    if kind == ".md":
        return of_markdown(text)
    return of_comments(text, "//" if kind in (".mjs", ".js") else "#")


def main():
    files = subprocess.run(["git", "ls-files", "*.h", "*.cpp", "*.py", "*.sh", "*.mjs", "*.js", "*.md"], cwd=ROOT, capture_output=True,
                           text=True, check=True).stdout.splitlines()
    found = []
    for path in files:
        if path.startswith(NOT_YET):
            continue
        for line, text in texts_of(path):
            for match in BANNED.finditer(re.sub(r"`[^`]*`", "", text)):
                found.append(f"{path}:{line}: `{match[0]}`: name the subject instead")
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
