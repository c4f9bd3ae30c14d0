"""What systemd thinks of the unit."""

import re
import subprocess

import debian


def test_systemd_rates_the_exposure_of_the_service_2_0_or_better(contents):
    unit = debian.Unit.of(contents)
    out = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", unit.path], capture_output=True, text=True, check=True).stdout
    rating = float(re.search(r"Overall exposure level for portcullis.service: (\d+\.\d+)", out)[1])
    assert rating <= 2.0, out


def test_the_unit_has_no_mistake(contents, tmp_path):
    # The commands are looked for on the machine that verifies: those of the package stand for what is there anywhere.
    text = debian.Unit.of(contents).path.read_text().replace("/usr/bin/portcullis", "/bin/true")
    (tmp_path / "portcullis.service").write_text(text)
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", tmp_path / "portcullis.service"], capture_output=True, text=True)
    assert (done.returncode, [line for line in done.stderr.splitlines() if "portcullis" in line]) == (0, [])


def test_the_service_tells_systemd_how_it_is(contents):
    unit = debian.Unit.of(contents)
    assert unit["Type"] == "notify"
    assert unit["NotifyAccess"] == "all"
    assert unit["WatchdogSec"]
    assert unit.values["CapabilityBoundingSet"] == ["CAP_NET_BIND_SERVICE"]
    assert unit["UMask"] == "0027"
