#!/usr/bin/env python3
"""Every row of a cap's trace runs again from what the file holds: its scenario and its overrides.

usage: rerun_check.py GRIDLOCK SCENARIO
"""

import json
import sys
import tempfile
from pathlib import Path

import program

try:
    import netCDF4
except ImportError:
    print("SKIP: netCDF4 for Python is not installed")
    sys.exit(0)

CAPS = {"scale_up": "900,300GBps", "nic": "400,100Gbps", "hbm": "37%", "flops": "333 TFLOPS",
        "power": "0.5kW"}


def main():
    gridlock, scenario = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    folder = Path(tempfile.mkdtemp())

    def run(*arguments):
        done = program.run([gridlock, *arguments], cwd=folder, capture_output=True, text=True,
                           check=False)
        assert done.returncode == 0, (arguments, done.returncode, done.stdout, done.stderr)

    rows = 0
    for link, values in CAPS.items():
        # With an override of the user's own below: the rows are on top of that.
        run("cap", scenario, "--set", "site[0].override.flops_factor=0.9", "--link", link,
            "--values", values, "-o", link)
        with netCDF4.Dataset(folder / link / "trace.h5") as trace:
            (folder / "again.textproto").write_text(trace.scenario, encoding="utf-8")
            for label, lines, fingerprint in zip(trace["cap"][:], trace["overrides"][:],
                                                 trace["fingerprint_text"][:]):
                assert (label == "baseline") == (lines == ""), (label, lines)
                overrides = [part for line in lines.splitlines() for part in ("--set", line)]
                run("run", "again.textproto", *overrides, "-o", "again")
                again = json.loads((folder / "again/summary.json").read_text(encoding="utf-8"))
                assert again["fingerprint"] == fingerprint, (label, lines, again["fingerprint"])
                rows += 1
    assert rows == 12, rows


if __name__ == "__main__":
    main()
