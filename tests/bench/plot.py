#!/usr/bin/env python3
"""Draws the history of the benchmarks: one small chart a case, the figure over the commits.

  python3 tests/bench/plot.py tests/bench/history.jsonl -o bench.svg
  python3 tests/bench/plot.py tests/bench/history.jsonl --figure peak_mb -o memory.png
  python3 tests/bench/plot.py tests/bench/history.jsonl --text

The file has one line of JSON a commit, as bench.py --append writes them. Only lines of one machine
are compared: the one of the last line, or --machine. Charts need matplotlib (Debian: python3-matplotlib);
--text needs nothing.
"""

import argparse
import json
import sys

FIGURES = {"wall_s": "wall seconds", "cpu_s": "CPU seconds", "peak_mb": "peak MB"}


def read(path):
    """The entries of a history. Exits with the line's number when one is damaged."""
    entries = []
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            try:
                entry = json.loads(line)
                assert all(key in entry for key in ("commit", "date", "machine", "figures"))
                entries.append(entry)
            except (ValueError, AssertionError, TypeError):
                sys.exit(f"{path}:{number}: not an entry of a history; expected a line of JSON with "
                         "commit, date, machine and figures")
    if not entries:
        sys.exit(f"{path}: is empty; expected a line of JSON for each commit")
    return entries


def series(entries, machine, figure):
    """{case: [(commit, value)]} of one machine, cases and commits in the order of the file."""
    found = {}
    for entry in entries:
        if entry["machine"] == machine:
            for case in entry["figures"]:
                found.setdefault(case["name"], []).append((entry["commit"], case[figure]))
    return found


def write_text(lines_of, figure):
    print(f"{FIGURES[figure]}: the first, the last, and the change")
    for name, points in lines_of.items():
        first, last = points[0][1], points[-1][1]
        change = f"{100 * (last / first - 1):+.1f} %" if first else "n/a"
        print(f"  {name:<60} {first:>10.2f} {last:>10.2f} {change:>9}  {len(points)} commits")


def draw(lines_of, figure, machine, out):
    try:
        import matplotlib
    except ImportError:
        sys.exit("charts need matplotlib (Debian: apt-get install python3-matplotlib); or use --text")
    matplotlib.use("Agg")
    from matplotlib import pyplot
    columns = 2
    rows = -(-len(lines_of) // columns)
    size = (7 * columns, 2.6 * rows + 0.6)
    grid, charts = pyplot.subplots(rows, columns, figsize=size, squeeze=False)
    for chart in charts.flat[len(lines_of):]:
        chart.axis("off")
    for chart, (name, points) in zip(charts.flat, lines_of.items()):
        chart.plot(range(len(points)), [value for _, value in points], marker="o")
        chart.set_xticks(range(len(points)), [commit[:7] for commit, _ in points], rotation=45,
                         ha="right", fontsize=7)
        chart.set_ylim(bottom=0)
        chart.set_title(name, fontsize=9)
        chart.set_ylabel(FIGURES[figure], fontsize=8)
    grid.suptitle(f"Gridlock benchmarks on {machine}", fontsize=10)
    grid.tight_layout()
    grid.savefig(out)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("history")
    parser.add_argument("-o", "--output", default="bench.svg", help="chart: .svg, .png or .pdf")
    parser.add_argument("--figure", choices=FIGURES, default="wall_s")
    parser.add_argument("--machine", help="as the history names it; default: that of the last line")
    parser.add_argument("--text", action="store_true", help="print a table, draw nothing")
    options = parser.parse_args()
    entries = read(options.history)
    machine = options.machine or entries[-1]["machine"]
    lines_of = series(entries, machine, options.figure)
    if not lines_of:
        machines = sorted({entry["machine"] for entry in entries})
        sys.exit(f"no entry of machine {machine!r}; expected one of {', '.join(machines)}")
    if options.text:
        write_text(lines_of, options.figure)
    else:
        draw(lines_of, options.figure, machine, options.output)


if __name__ == "__main__":
    main()
