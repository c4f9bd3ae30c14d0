"""What the tests of the process log share: the format of a line, counters of faults, and a gateway with its own environment and limits."""

import os
import re
import signal
import subprocess
import threading

import pytest

import harness
from harness import free_port, metric

TEXT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) (info|warning|error) portcullis\[(\d+)\]: (.*)")


def admin_at(port):
    return f'admin: {{address: "127.0.0.1:{port}"}}'


def faults(admin, kind):
    return metric(admin, f'portcullis_faults_total{{fault="{kind}"}}')


def told(gateway, *texts):
    return [line for line in gateway.lines if all(text in line for text in texts)]


class Logged(harness.Process):
    """A gateway with the environment or the limits that the test sets; its lines may have any format."""

    def __init__(self, folder, text, **settings):
        self.port, self.path = free_port(), folder / "gateway.yaml"
        self.path.write_text(text.replace("{port}", str(self.port)))
        reader, writer = os.pipe()
        self.lines = []
        environment = {**os.environ, **settings.pop("environment", lambda descriptor: {})(writer)}
        self.process = subprocess.Popen([harness.BINARY, "run", "-c", str(self.path)], stderr=writer,
                                        stdout=subprocess.DEVNULL, env=environment, **settings)
        os.close(writer)
        self.pipe = os.fdopen(reader)
        self.process.stderr = self.pipe
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        self.wait_for_line("listening on")

    def reload(self):
        seen = len(self.lines)
        self.process.send_signal(signal.SIGHUP)
        self.wait_for_line("serving revision", after=seen)
        return self.lines[seen:]


@pytest.fixture
def logged(tmp_path):
    made = []

    def begin(text, **settings):
        made.append(Logged(tmp_path, text, **settings))
        return made[-1]
    yield begin
    for one in made:
        one.stop()
