"""The protections against attacks in the shipped binary, according to its ELF file."""

import re
import subprocess

import pytest


@pytest.fixture(scope="module")
def binary(contents):
    return contents / "usr/bin/portcullis"


def readelf(binary, *what):
    return subprocess.run(["readelf", *what, binary], capture_output=True, text=True, check=True).stdout


def undefined_symbols(binary):
    table = readelf(binary, "-W", "--dyn-syms")
    return {match[1] for match in re.finditer(r" UND (\w+)", table)}


def test_it_is_position_independent(binary):
    assert re.search(r"Type:\s+DYN", readelf(binary, "-h"))
    assert "PIE" in readelf(binary, "-dW")


def test_its_relocations_are_read_only_from_the_start(binary):
    assert "GNU_RELRO" in readelf(binary, "-lW")
    assert "BIND_NOW" in readelf(binary, "-dW") or "NOW" in readelf(binary, "-dW")


def test_no_part_of_it_is_writable_and_executable(binary):
    headers = readelf(binary, "-lW")
    assert re.search(r"GNU_STACK.* RW  0x", headers)
    assert not re.search(r"LOAD.* RWE ", headers)


def test_its_stack_is_protected(binary):
    assert "__stack_chk_fail" in undefined_symbols(binary)


def test_its_calls_of_the_c_library_are_fortified(binary):
    fortified = {name for name in undefined_symbols(binary) if name.endswith("_chk")} - {"__longjmp_chk"}
    assert len(fortified) >= 3, fortified


def test_functions_begin_with_the_mark_where_jumps_may_land(binary):
    """Compiled with -fcf-protection. The C library's start-up files also decide whether the processor checks the marks."""
    code = subprocess.run(["objdump", "-d", "--no-show-raw-insn", "-j", ".text", binary], capture_output=True, text=True, check=True).stdout
    assert code.count("endbr64") > 5000
