#!/usr/bin/env python3
"""bench.py appends what plot.py reads, and plot.py compares the commits of one machine only.

usage: history_test.py    (a chart is drawn where matplotlib is installed)
"""

import importlib.util
import json
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
PLOT = HERE / "plot.py"


def figure(name, wall):
    return {"name": name, "wall_s": wall, "cpu_s": wall, "peak_mb": 50, "budget_s": 2,
            "budget_mb": 0, "kept": True}


def line(commit, machine, *figures):
    return json.dumps({"commit": commit, "date": "2026-01-01T00:00:00Z", "machine": machine,
                       "runs": 3, "figures": list(figures)}) + "\n"


SAMPLE = (line("aaaaaaa", "2 x this", figure("a step", 1.0), figure("a week", 4.0)) +
          line("bbbbbbb", "64 x other", figure("a step", 0.1)) +
          line("ccccccc", "2 x this", figure("a step", 1.5), figure("a week", 3.0)))


def plot(*arguments):
    return subprocess.run([sys.executable, PLOT, *arguments], capture_output=True, text=True)


def check_text(history):
    run = plot(history, "--text")
    assert run.returncode == 0, run.stderr
    lines = [text.split() for text in run.stdout.splitlines()]
    assert lines[1] == ["a", "step", "1.00", "1.50", "+50.0", "%", "2", "commits"], lines
    assert lines[2] == ["a", "week", "4.00", "3.00", "-25.0", "%", "2", "commits"], lines
    other = plot(history, "--text", "--machine", "64 x other")
    assert "0.10" in other.stdout and "week" not in other.stdout, other.stdout
    nobody = plot(history, "--text", "--machine", "mine")
    assert nobody.returncode != 0 and "2 x this, 64 x other" in nobody.stderr, nobody.stderr


def check_damage(folder):
    damaged = Path(folder) / "damaged.jsonl"
    damaged.write_text(SAMPLE + "{\n", encoding="utf-8")
    run = plot(damaged, "--text")
    assert run.returncode != 0 and f"{damaged}:4: not an entry" in run.stderr, run.stderr


def check_chart(history, folder):
    if importlib.util.find_spec("matplotlib") is None:
        print("no chart drawn: matplotlib is not installed")
        return
    chart = Path(folder) / "chart.svg"
    run = plot(history, "-o", chart)
    assert run.returncode == 0, run.stderr
    text = chart.read_text(encoding="utf-8")
    assert text.count('id="axes_') == 2 and "<svg" in text, text[:200]


def check_bench_appends(folder):
    """bench.py with one case, that of a program that does nothing."""
    history = Path(folder) / "own.jsonl"
    run = subprocess.run([sys.executable, HERE / "bench.py", "true", "--only", "two servers",
                          "--runs", "1", "--append", history], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    (entry,) = [json.loads(text) for text in history.read_text(encoding="utf-8").splitlines()]
    assert entry["commit"] and entry["machine"] and entry["runs"] == 1, entry
    assert [f["name"] for f in entry["figures"]] == ["two servers, start to result, folded"], entry
    assert plot(history, "--text").returncode == 0


def main():
    with tempfile.TemporaryDirectory() as folder:
        history = Path(folder) / "history.jsonl"
        history.write_text(SAMPLE, encoding="utf-8")
        check_text(history)
        check_damage(folder)
        check_chart(history, folder)
        check_bench_appends(folder)
    print("PASS")


if __name__ == "__main__":
    main()
