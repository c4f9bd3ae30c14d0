"""The checks of scripts/release.sh before it builds anything."""

import re
import shutil
import subprocess

import harness
import pytest


@pytest.fixture
def clone(tmp_path):
    folder = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", "--shared", harness.ROOT, folder], check=True)
    return folder


def edit(clone, file, before, after):
    path = clone / file
    text = path.read_text()
    changed = re.sub(before, after, text, count=1)
    assert changed != text
    path.write_text(changed)
    subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-qam", "An edit"], cwd=clone, check=True)


def look(clone):
    done = subprocess.run(["scripts/release.sh", "--check"], cwd=clone, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def test_this_tree_as_committed_is_ready(clone):
    code, said = look(clone)
    assert (code, "is ready for" in said) == (0, True), said


def test_what_is_not_committed_is_named(clone):
    (clone / "README.md").write_text("")
    code, said = look(clone)
    assert code == 1 and "not committed" in said and "README.md" in said


def test_a_tree_of_which_git_says_nothing_is_not_ready(clone):
    """A clone of another user, which git refuses to read."""
    shutil.rmtree(clone / ".git")
    code, said = look(clone)
    assert code == 1 and "git does not say what is committed here" in said, said


@pytest.mark.parametrize("file, before, after, expected", [
    ("CMakeLists.txt", r"VERSION \d+\.\d+\.\d+", "VERSION 9.8.7", "wants `## 9.8.7 (YYYY-MM-DD)`"),
    ("CHANGELOG.md", r"\((\d{4})-(\d\d)-(\d\d)\)", r"(\1-99-\3)", "is no date"),
    ("docs/upgrading.md", r"### To \d", "### For ", "docs/upgrading.md has no `### To"),
    ("SECURITY.md", r"x \| yes \|", "x | no |", "SECURITY.md does not name"),
    ("docs/installation.md", r"portcullis_\d+\.\d+\.\d+", "portcullis_1.2.3", "docs/installation.md names a package of version 1.2.3"),
])
def test_a_version_that_is_not_the_same_everywhere_is_named(clone, file, before, after, expected):
    edit(clone, file, before, after)
    code, said = look(clone)
    assert code == 1 and expected in said, said
