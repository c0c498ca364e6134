#!/usr/bin/env python3
"""Points per second of a sweep beside the ideal, cores over the time of one point, and its memory.

  python3 tests/bench/sweep_bench.py build/release/tools/gridlock [--points 10000]

The point is small: one step of examples/01-two-servers. "One point" is the wall time of a point when one
is simulated at a time, start and end of the sweep left out. Standard library only.
"""

import argparse
import os
import subprocess
import tempfile
import time

SWEEP = """schema_version: 1
name: "bench"
scenario: "{scenario}"
axis {{ name: "nic" path: "site[0].override.nic_bandwidth"
       log {{ from: "100 Gbps" to: "400 Gbps" points: {nics} }} }}
axis {{ name: "scale_up" cap: "scale_up" log {{ from: "900 GBps" to: "100 GBps" points: {links} }} }}
show: "mfu"
"""
SCENARIO = os.path.abspath("examples/01-two-servers/scenario.textproto")


def run(gridlock, points, jobs):
    """Wall seconds and peak MB of the driver, of a sweep of about `points` points."""
    links = 1 if points < 50 else 50
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "sweep.textproto")
        with open(file, "w", encoding="utf-8") as out:
            text = SWEEP.format(scenario=SCENARIO, nics=points // links, links=max(2, links))
            out.write(text)
        begin = time.monotonic()
        child = subprocess.Popen([gridlock, "sweep", file, "-o", folder + "/out", "-q", "-j", str(jobs)],
                                 stdout=subprocess.DEVNULL)
        peak = 0
        while child.poll() is None:
            peak = max(peak, resident(child.pid))
            time.sleep(0.05)
        assert child.returncode == 0, child.returncode
        return time.monotonic() - begin, peak


def resident(process):
    """MB of a process now; 0 when it has ended."""
    try:
        with open(f"/proc/{process}/status", encoding="ascii") as file:
            return next((int(line.split()[1]) / 1024 for line in file if line.startswith("VmRSS")), 0)
    except OSError:
        return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("gridlock")
    parser.add_argument("--points", type=int, default=10000)
    options = parser.parse_args()
    cores = os.cpu_count()
    short, _ = run(options.gridlock, 100, 1)
    long, _ = run(options.gridlock, 600, 1)
    one = (long - short) / 500
    _, small = run(options.gridlock, options.points // 10, cores)
    wall, peak = run(options.gridlock, options.points, cores)
    rate, ideal = options.points / wall, cores / one
    print(f"one point {1e3 * one:.2f} ms; {options.points} points on {cores} cores in {wall:.1f} s: "
          f"{rate:.0f} points/s, {rate / ideal:.2f} of the ideal {ideal:.0f} points/s")
    print(f"driver: {small:.0f} MB with {options.points // 10} points, {peak:.0f} MB with {options.points}")


if __name__ == "__main__":
    main()
