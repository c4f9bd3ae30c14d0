"""A gateway with large responses on disk, for the tests of the cache's disk."""

import random

import pytest

import harness
from cache_gateway import configuration
from cache_origin import Answer, ask
from harness import free_port, metric, wait_for

MIB = 1 << 20
FRESH = {"cache-control": "max-age=1000", "etag": '"1"'}


def bytes_of(size, seed=1):
    return random.Random(seed).randbytes(size)


class Kept:
    """A gateway with large responses on disk, which can be stopped and started again."""

    def __init__(self, origin, directory, disk="", settings="", memory="64MiB", before="", prefix=()):
        self.origin, self.directory, self.prefix = origin, directory, prefix
        self.path = directory / "cache"
        self.admin = free_port()
        self.text = configuration(origin, settings, self.admin, f"cache: {{memory: {memory}, disk: {{path: {self.path}, size: 64MiB, {disk}}}}}\n", before)
        self.begin()

    def begin(self):
        self.gateway = harness.Gateway(self.directory, self.text, prefix=self.prefix)
        self.port = self.gateway.port

    def restart(self):
        self.gateway.stop()
        self.begin()

    def ask(self, path, **settings):
        return ask(self.port, path, **settings)

    def store(self, body):
        """Has the response to /a, which is the only one, stored on disk."""
        self.origin.answers["/a"] = [Answer(FRESH, body=body)]
        self.ask("/a")
        self.wait_for_files(1)

    def files(self, ending):
        return sorted(self.path.glob(f"*/*.{ending}"))

    def metric(self, name):
        return metric(self.admin, f"portcullis_cache_disk_{name}")

    def wait_for_files(self, count):
        """Waits until that many objects are complete on disk."""
        wait_for(lambda: len(self.files("head")) == count, what=f"{count} objects on disk")

    def wait_for_restored(self, count):
        """Waits until that many objects have been restored after a start."""
        wait_for(lambda: self.metric("restored_total") == count, what="what was there")


@pytest.fixture
def kept(origin, tmp_path):
    made = []

    def begin(**settings):
        made.append(Kept(origin, tmp_path, **settings))
        return made[-1]
    yield begin
    for one in made:
        one.gateway.stop()
