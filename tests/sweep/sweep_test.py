#!/usr/bin/env python3
"""gridlock sweep from outside: kills, full disks, two drivers, torn lines, and readers of its results.

usage: sweep_test.py GRIDLOCK [--kills N]     kill -9 at N random moments (default 5)
"""

import csv
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SCENARIO = ROOT / "examples/01-two-servers/scenario.textproto"
SWEEP = f"""
schema_version: 1
name: "test"
scenario: "{SCENARIO}"
set: "job[0].pretraining.micro_batch=2"
axis {{ name: "nic" path: "site[0].override.nic_bandwidth" values: "50, 100, ..., 400 Gbps" }}
axis {{ name: "tensor" path: "job[0].pretraining.layout.tensor" values: "1, 2, 4"
       with {{ path: "job[0].pretraining.layout.data" values: "16, 8, 4" }} }}
only: "nic != 50 Gbps || tensor == 2"
show: "mfu"
verdict {{
  claim: "NICs do not matter on two servers"
  value {{ name: "thin" output: "step_time" at: "nic = 50 Gbps" at: "tensor = 2" }}
  value {{ name: "thick" output: "step_time" at: "nic = 400 Gbps" at: "tensor = 2" }}
  holds_when: "thin / thick < 1.1"
  number: "thin / thick"
}}
"""
POINTS = 7 * 3 + 1


class Place:
    """A folder with the sweep file and a folder for its results."""

    def __init__(self, folder, text=SWEEP):
        self.file = Path(folder) / "sweep.textproto"
        self.file.write_text(text, encoding="utf-8")
        self.out = Path(folder) / "out"

    def command(self, gridlock, *more):
        return [gridlock, "sweep", str(self.file), "-o", str(self.out), "-q", *more]

    def run(self, gridlock, *more, **options):
        return subprocess.run(self.command(gridlock, *more), capture_output=True, text=True,
                              check=False, **options)

    def lines(self):
        text = (self.out / "journal.jsonl").read_text(encoding="utf-8")
        assert text.endswith("\n")
        return [json.loads(line) for line in text.splitlines()]

    def summary(self):
        return json.loads((self.out / "summary.json").read_text(encoding="utf-8"))


def check_whole(place):
    """Every point once, in order; nothing but the named files. Returns the lines."""
    lines = place.lines()
    assert [line["point"] for line in lines] == list(range(POINTS)), [line["point"] for line in lines]
    names = sorted(path.name for path in place.out.iterdir())
    assert names == ["journal.jsonl", "results.csv", "results.h5", "summary.json",
                     "sweep.json"], names
    return lines


def uninterrupted(gridlock, folder):
    place = Place(folder)
    run = place.run(gridlock)
    assert run.returncode == 0, run
    lines = check_whole(place)
    # One accelerator alone cannot hold the model: those points are refused, and say why.
    refused = [line for line in lines if line["status"] == "refused"]
    assert len(refused) == 7 and all("HBM overflows" in line["message"] for line in refused)
    assert all(SCENARIO.name in line["message"] for line in refused)
    assert place.summary()["points"] == {"all": POINTS, "done": 15, "refused": 7, "failed": 0,
                                         "timed_out": 0}
    assert "NICs do not matter" in run.stdout and "holds: " in run.stdout, run.stdout
    return place, lines


def check_readers(place, lines):
    """The CSV, and the netCDF-4 file by every reader that is installed."""
    with open(place.out / "results.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["point"]) for row in rows] == list(range(POINTS))
    times = {line["point"]: line["outputs"]["step_time"] for line in lines
             if line["status"] == "done"}
    assert {int(row["point"]): float(row["step_time (s)"]) for row in rows
            if row["status"] == "done"} == times
    if shutil.which("h5dump"):
        dump = subprocess.run(["h5dump", "-d", "step_time", str(place.out / "results.h5")],
                              capture_output=True, text=True, check=True)
        assert '"s"' in dump.stdout and '"nic"' in dump.stdout, dump.stdout
    try:
        import xarray
    except ImportError:
        print("xarray is not here: results.h5 was not read")
        return
    for engine in ("netcdf4", "h5netcdf"):
        with xarray.open_dataset(place.out / "results.h5", engine=engine) as data:
            assert data.step_time.dims == ("nic", "tensor"), data.step_time.dims
            assert data.step_time.attrs["units"] == "s" and data.nic.attrs["units"] == "byte/s"
            assert data.breakdown.dims == ("nic", "tensor", "activity")
            assert float(data.nic[1]) == 100e9 / 8 and list(data.tensor.values) == [1, 2, 4]
            flags = data.status.values
            assert (flags == 4).sum() == 2 and (flags == 1).sum() == 7, flags
            assert (data.point.values[flags == 4] == -1).all()
            one = {"nic": 25e9, "tensor": 2}
            assert float(data.step_time.sel(one)) == times[int(data.point.sel(one))]
            assert data.step_time.isnull().values[flags != 0].all()


def check_kills(gridlock, expected, fingerprint, times):
    """kill -9 of the driver, then --resume: every point once, and the same as without the kill."""
    done, early = 0, 0
    while done < times:
        with tempfile.TemporaryDirectory() as folder:
            place = Place(folder)
            for _ in range(3):
                run = subprocess.Popen(place.command(gridlock, "--resume"),
                                       stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
                time.sleep(random.uniform(0.02, 0.35))
                killed = run.poll() is None
                run.kill()
                message = run.communicate()[1]
                assert killed or run.returncode in (0, -signal.SIGKILL), message
                done += killed
                early += any((place.out / "early").glob("*.json"))
            run = place.run(gridlock, "--resume")
            assert run.returncode == 0, run
            assert check_whole(place) == expected
            assert place.summary()["fingerprint"] == fingerprint
    print(f"{done} kills, then resumed; {early} of them between a result and its journal line")


def check_torn(gridlock, expected):
    """A last line of any length is cut off and said; a broken line before it is refused."""
    with tempfile.TemporaryDirectory() as folder:
        place = Place(folder)
        assert place.run(gridlock).returncode == 0
        journal = place.out / "journal.jsonl"
        whole = journal.read_bytes()
        last = len(whole.splitlines()[-1])
        for cut in (1, 2, last // 2, last):
            journal.write_bytes(whole[:len(whole) - cut])
            run = place.run(gridlock, "--resume")
            said = "its point is simulated anew"
            assert run.returncode == 0 and said in run.stderr, run
            assert check_whole(place) == expected
        journal.write_bytes(whole.replace(b'"point":3,', b'"point":4,', 1))
        run = place.run(gridlock, "--resume")
        assert run.returncode == 3 and "journal.jsonl:4" in run.stderr, run


def check_refusals(gridlock, place):
    """Folders that have results, of this sweep or another; wrong options. Nothing is lost."""
    journal = place.out / "journal.jsonl"
    before = journal.read_bytes()
    run = place.run(gridlock)
    assert run.returncode == 2 and "--resume" in run.stderr and "--overwrite" in run.stderr, run
    place.file.write_text(SWEEP.replace('"test"', '"other"'), encoding="utf-8")
    run = place.run(gridlock, "--resume")
    assert run.returncode == 2 and "another sweep" in run.stderr, run
    place.file.write_text(SWEEP, encoding="utf-8")
    run = place.run(gridlock, "--overwrite", "--refine", "step_tme")
    assert run.returncode == 2 and 'did you mean "step_time"' in run.stderr, run
    assert journal.read_bytes() == before
    run = place.run(gridlock, "--resume")  # nothing is left to do
    assert run.returncode == 0 and journal.read_bytes() == before, run


def check_two_drivers(gridlock):
    with tempfile.TemporaryDirectory() as folder:
        place = Place(folder)
        first = subprocess.Popen(place.command(gridlock), stdout=subprocess.DEVNULL,
                                 stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + 20
        while not (place.out / "sweep.json").exists() and time.monotonic() < deadline:
            time.sleep(0.002)
        first.send_signal(signal.SIGSTOP)
        second = place.run(gridlock, "--resume")
        first.send_signal(signal.SIGCONT)
        assert first.wait() == 0, first.stderr.read()
        first.stderr.close()
        assert second.returncode == 3 and "another sweep is writing" in second.stderr, second
        check_whole(place)


def little_room():
    """In the child: no file grows beyond 9,000 bytes, as on a disk that is full."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000))


def check_full_disk(gridlock, expected):
    """A disk that is full in the middle: a message, whole lines only; --resume finishes."""
    with tempfile.TemporaryDirectory() as folder:
        place = Place(folder)
        run = place.run(gridlock, preexec_fn=little_room)
        assert run.returncode == 3 and "File too large" in run.stderr, run
        assert 0 < len(place.lines()) < POINTS
        run = place.run(gridlock, "--resume")
        assert run.returncode == 0, run
        assert check_whole(place) == expected


def check_read_only(gridlock):
    with tempfile.TemporaryDirectory() as folder:
        place = Place(folder)
        place.out = Path("/proc/gridlock-results")  # nobody may write there, not even root
        run = place.run(gridlock)
        assert run.returncode == 3 and "/proc/gridlock-results" in run.stderr, run


def check_timeout(gridlock):
    """A point that takes too long is recorded, and its child is ended."""
    scenario = ROOT / "examples/02-llama-405b-16k/scenario.textproto"
    with tempfile.TemporaryDirectory() as folder:
        place = Place(folder, f'schema_version: 1 name: "slow" scenario: "{scenario}" '
                              'fidelity: "full" axis { name: "seed" seeds { count: 2 } }')
        begin = time.monotonic()
        run = place.run(gridlock, "--timeout", "0.3")
        assert time.monotonic() - begin < 20, "the children were not ended"
        assert run.returncode == 1, run
        for line in place.lines():
            assert line["status"] == "timed_out" and "longer than 0.3 s" in line["message"], line
        # Points that took too long run again.
        run = place.run(gridlock, "--resume", "--timeout", "0.4")
        assert run.returncode == 1 and all("longer than 0.4 s" in line["message"]
                                           for line in place.lines()), run


def check_refine(gridlock):
    """More values where the curve bends; the same ones after a resume."""
    with tempfile.TemporaryDirectory() as folder:
        place = Place(folder, f"""schema_version: 1 name: "bend" scenario: "{SCENARIO}"
            axis {{ name: "nic" path: "site[0].override.nic_bandwidth"
                    values: "1, 10, 100, 400 Gbps" }}""")
        more = ["--refine", "step_time", "--refine-points", "3"]
        run = place.run(gridlock, *more)
        assert run.returncode == 0, run
        assert len(place.lines()) == 7, place.lines()
        values = place.summary()["axes"][0]["values"]
        assert values == sorted(values) and len(values) == 7, values
        journal = place.out / "journal.jsonl"
        whole = journal.read_bytes()
        journal.write_bytes(b"".join(whole.splitlines(True)[:5]))
        run = place.run(gridlock, "--resume", *more)
        assert run.returncode == 0 and journal.read_bytes() == whole, run


def check_caps(gridlock):
    """A cap on a life and on a test of a collective: the results lie along `cap`."""
    for scenario, link, output in (
            ("examples/07-hbm-cap/scenario.textproto", "hbm", "request_tpot_p50"),
            ("examples/08-all-reduce/scenario.textproto", "nic", "time")):
        with tempfile.TemporaryDirectory() as folder:
            run = subprocess.run([gridlock, "cap", scenario, "--link", link, "--values", "100%,50%",
                                  "-o", folder, "-q"], cwd=ROOT, capture_output=True, text=True,
                                 check=False)
            assert run.returncode == 0 and "baseline" in run.stdout, run
            with open(folder + "/trace.csv", encoding="utf-8", newline="") as file:
                rows = list(csv.DictReader(file))
            columns = [name for name in rows[0] if name.startswith(output + ".")]
            for name in columns:  # half of the bandwidth is never faster; the whole is the baseline
                base, half = (float(row[name]) for row in rows)
                assert base <= half * 1.000001, (name, base, half)
            assert any(float(rows[1][name]) > 1.3 * float(rows[0][name]) for name in columns)


def main():
    gridlock = os.path.abspath(sys.argv[1])
    times = int(sys.argv[sys.argv.index("--kills") + 1]) if "--kills" in sys.argv else 5
    with tempfile.TemporaryDirectory() as folder:
        place, lines = uninterrupted(gridlock, folder)
        check_readers(place, lines)
        check_refusals(gridlock, place)
        check_kills(gridlock, lines, place.summary()["fingerprint"], times)
        check_torn(gridlock, lines)
        check_full_disk(gridlock, lines)
    check_two_drivers(gridlock)
    check_read_only(gridlock)
    check_timeout(gridlock)
    check_refine(gridlock)
    check_caps(gridlock)
    print("PASS")


if __name__ == "__main__":
    main()
