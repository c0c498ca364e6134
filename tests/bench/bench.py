#!/usr/bin/env python3
"""Times whole commands against their budgets: wall and CPU seconds and peak memory, median of N runs.

  python3 tests/bench/bench.py build/release/tools/gridlock            # all, 3 runs each
  python3 tests/bench/bench.py build/release/tools/gridlock --only folded --runs 1
  python3 tests/bench/bench.py build/release/tools/gridlock --markdown tests/bench/results.md
  python3 tests/bench/bench.py build/release/tools/gridlock --append tests/bench/history.jsonl

--append adds one line of JSON for this commit to a file that is kept; tests/bench/plot.py draws it.
Exit code 1 when a budget was not kept. Standard library only. The children of a run count: peak
memory is that of the largest process.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time

EXAMPLE = "examples/02-llama-405b-16k/scenario.textproto"


def scaled(servers, replicas):
    """The 405B step of example 02 on more servers: 16 micro-batches per replica, as there."""
    return ["run", EXAMPLE,
            "--set", f"site[0].servers={servers}",
            "--set", f"job[0].pretraining.layout.data={replicas}",
            "--set", f"job[0].pretraining.global_batch={16 * replicas}"]


HASHED = ["--set", "site[0].fabric.clos.routing=ECMP"]
ALL_REDUCE = ["run", "tests/bench/all-reduce.textproto"]
ON_131072 = ["--set", "site[0].servers=16384"]

# name, arguments, budget in seconds, budget in MB (0: none)
CASES = [
    ("two servers, start to result, folded",
     ["run", "examples/01-two-servers/scenario.textproto"], 0.3, 0),
    ("GPT-3 175B on 1,024 accelerators, folded",
     ["run", "tests/bench/gpt-3-175b-1024.textproto"], 0.5, 0),
    ("Llama 405B on 16,384, folded", ["run", EXAMPLE], 2, 500),
    ("graph and cuts of 131,072 accelerators",
     ["topo", EXAMPLE, "--set", "site[0].servers=16384"], 4, 1000),
    ("all-reduce on 16,384, folded", ALL_REDUCE, 0.1, 0),
    ("all-reduce on 131,072, folded", [*ALL_REDUCE, *ON_131072], 0.5, 0),
    ("all-reduce on 16,384, full", [*ALL_REDUCE, "--fidelity", "full"], 2, 0),
    ("all-reduce on 131,072, full", [*ALL_REDUCE, *ON_131072, "--fidelity", "full"], 10, 2000),
    ("Llama 405B on 102,400, folded", scaled(12800, 800), 1, 500),
    ("Llama 405B on 102,400 of a HyperX, folded",
     ["run", "tests/bench/hyperx-102400.textproto"], 1, 500),
    ("Llama 405B on 102,400 of a torus, folded",
     ["run", "tests/bench/torus-102400.textproto"], 1, 500),
    ("Llama 405B on 102,400 of a dragonfly, folded",
     ["run", "tests/bench/dragonfly-102400.textproto"], 1, 500),
    ("Llama 405B on 102,400 of a dragonfly+, folded",
     ["run", "tests/bench/dragonfly-plus-102400.textproto"], 1, 500),
    ("Llama 405B on 102,400, eight planes, folded",
     [*scaled(12800, 800), "--set", "site[0].fabric.clos.planes=8"], 1, 500),
    ("Llama 405B on 8,192, hashed, sampled",
     [*scaled(1024, 64), *HASHED, "--fidelity", "sampled"], 1, 500),
    ("Llama 405B on 102,400, hashed, sampled",
     [*scaled(12800, 800), *HASHED, "--fidelity", "sampled"], 1, 500),
    ("Llama 405B on 102,400 of a torus whose rows hold no whole replicas, sampled",
     ["run", "tests/bench/torus-102400.textproto", "--set",
      "site[0].fabric.torus.size=[40, 40, 64]", "--fidelity", "sampled"], 1, 500),
    ("Llama 405B on 102,400 of a slim fly, sampled",
     ["run", "tests/bench/slimfly-102400.textproto", "--fidelity", "sampled"], 1, 500),
    ("Llama 405B on 102,400 of a Jellyfish, sampled",
     ["run", "tests/bench/jellyfish-102400.textproto", "--fidelity", "sampled"], 1, 500),
    ("all-to-all of 4,096, hashed, full",
     ["collective", EXAMPLE, "--set", "site[0].servers=512", *HASHED, "--op", "all_to_all",
      "--size", "64MiB", "--group", "4096", "--fidelity", "full"], 60, 500),
    ("Llama 405B on 1,048,576, folded", scaled(131072, 8192), 2, 400),
    ("a week of 8,192: one run, 250 experiments, a fleet",
     ["run", "examples/04-a-week-of-a-fleet/scenario.textproto"], 20, 1000),
    ("ninety days of 8,192: 3,901 jobs, failures, checkpoints",
     ["run", "tests/bench/ninety-days.textproto"], 30, 0),
    ("Llama 405B on 16,384, full, per layer", ["run", EXAMPLE, "--fidelity", "full"], 60, 500),
]


# Parts alone, by the programs beside the tests: name, program, arguments, budgets.
PARTS = [
    ("SimGrid platform of 102,400 accelerators, expanded", "platform_bench",
     [EXAMPLE, *[text for text in scaled(12800, 800)[2:] if text != "--set"]], 1.5, 1000),
    ("5,000 points of one scenario, loaded", "point_bench",
     ["examples/01-two-servers/scenario.textproto", "5000"], 15, 200),
]


def run_once(command):
    """Wall seconds, CPU seconds and peak MB of one command; exits when it fails."""
    start = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    message = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.monotonic() - start
    if status != 0:
        sys.exit(f"{' '.join(command)}\nfailed: {message.decode()}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def measure(name, command, budgets, count):
    """The medians of `count` runs as one figure of the history, with whether budgets were kept."""
    runs = [run_once(command) for _ in range(count)]
    wall, cpu, peak = (statistics.median(figures) for figures in zip(*runs))
    seconds, megabytes = budgets
    return {"name": name, "wall_s": round(wall, 3), "cpu_s": round(cpu, 3), "peak_mb": round(peak),
            "budget_s": seconds, "budget_mb": megabytes,
            "kept": wall <= seconds and (not megabytes or peak <= megabytes)}


def row(figure):
    """One line of the table."""
    budget = f"{figure['budget_s']:g} s"
    budget += f", {figure['budget_mb']:g} MB" if figure["budget_mb"] else ""
    return (f"| {figure['name']} | {figure['wall_s']:.2f} | {figure['cpu_s']:.2f} | "
            f"{figure['peak_mb']} | {budget} | {'yes' if figure['kept'] else 'NO'} |")


def processor():
    """The processor's name, for figures of one machine must not be compared with another's."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next(line.split(":", 1)[1].strip() for line in file if "model name" in line)
    except (OSError, StopIteration):
        return platform.machine()


def commit():
    """The commit of the sources, "-dirty" behind it when files differ; "unknown" without git."""
    command = ["git", "-C", os.path.dirname(os.path.abspath(__file__)), "describe", "--always",
               "--dirty", "--exclude", "*", "--abbrev=12"]
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def entry(figures, runs):
    """One line of the history."""
    return {"commit": commit(), "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "machine": f"{os.cpu_count()} x {processor()}", "runs": runs, "figures": figures}


def commands(gridlock, out):
    """(name, command, budgets) of each case that can be run here."""
    for name, arguments, *budgets in CASES:
        yield name, [gridlock, *arguments, *(["-o", out] if arguments[0] == "run" else [])], budgets
    for name, program, arguments, *budgets in PARTS:
        bench = os.path.join(os.path.dirname(gridlock), "../tests/bench", program)
        if os.path.exists(bench):
            yield name, [bench, *arguments], budgets


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("gridlock")
    parser.add_argument("--only", default="", help="cases whose name contains this text")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--markdown", help="also write the table to this file")
    parser.add_argument("--append", help="also add a line of JSON to this file")
    options = parser.parse_args()
    lines = ["| work | wall s | CPU s | peak MB | budget | kept |", "|---|--:|--:|--:|---|---|"]
    print("\n".join(lines), flush=True)
    figures = []
    with tempfile.TemporaryDirectory() as out:
        for name, command, budgets in commands(options.gridlock, out):
            if options.only in name:
                figures.append(measure(name, command, budgets, options.runs))
                lines.append(row(figures[-1]))
                print(lines[-1], flush=True)
    if options.markdown:
        head = (f"Medians of {options.runs} runs, {os.cpu_count()} cores, {platform.machine()}, "
                f"{time.strftime('%Y-%m-%d')}:\n`python3 tests/bench/bench.py {options.gridlock} "
                f"--runs {options.runs}`\n\n")
        with open(options.markdown, "w", encoding="utf-8") as file:
            file.write("# Whole-process times\n\n" + head + "\n".join(lines) + "\n")
    if options.append:
        with open(options.append, "a", encoding="utf-8") as file:
            file.write(json.dumps(entry(figures, options.runs)) + "\n")
    return 0 if figures and all(figure["kept"] for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
