import pytest

import harness


@pytest.fixture
def start(tmp_path):
    """start(configuration) -> Gateway; stopped, with its exit code checked, when the test ends."""
    running = []

    def begin(configuration):
        gateway = harness.Gateway(tmp_path, configuration)
        running.append(gateway)
        return gateway

    yield begin
    for gateway in running:
        gateway.stop()


@pytest.fixture
def backend():
    """backend(handler) -> ScriptedBackend."""
    running = []

    def begin(handler=None):
        made = harness.ScriptedBackend(handler or harness.answer())
        running.append(made)
        return made

    yield begin
    for made in running:
        made.close()


@pytest.fixture
def echo():
    """A demo backend; echo() returns its port."""
    running = []

    def begin(name="demo"):
        port = harness.free_port()
        process = harness.Process("demo-backend", "--listen", f"127.0.0.1:{port}", "--name", name)
        process.wait_for_line("listening on")
        running.append(process)
        return port

    yield begin
    for process in running:
        process.stop()
