#!/usr/bin/env python3
"""Published layouts against what `gridlock plan` finds on the same accelerators and batch.

For each row: the rank of its split (TP x CP x PP x DP x EP, best variant) among all splits, among those
with its context ranks and ZeRO stage, and among those with its tensor ranks too; the step times of
the split and of the best ones. Rows are of tables that `gridlock validate --cases` reads.

Example:
  tools/plan_published.py --cases workloads/validation/published.csv -o table.md
"""

import argparse
import csv
import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# One of each kind of run with pipeline stages, calibration rows all.
ROWS = ("MLM-H100-weak-119B", "SC21-A100-76B", "SC21-A100-310B", "MEGASCALE-MLM-1024-b768",
        "DGXC-H100-llama70b-BF16-256", "DGXC-H100-llama405b-BF16-1024", "DGXC-H100-nem340-BF16-512",
        "DGXC-H100-gpt175-BF16-512", "DGXC-H100-grok1-BF16-256", "NEMO24.07-H100-LLAMA2-70B-64")
FIRST = 5
SIZES = ("tensor", "context", "pipeline", "data", "expert")
COLUMNS = ("tp", "cp", "pp", "dp", "ep")


class Failed(Exception):
    """A command that did not end well: its message."""


def gridlock(program, *arguments):
    done = subprocess.run([str(program), *map(str, arguments)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failed(done.stderr.strip().splitlines()[0] if done.stderr.strip() else "failed")
    return done.stdout


def split_of(row):
    return tuple(int(row[c] or 1) for c in COLUMNS)


def words(split):
    names = ("TP", "CP", "PP", "DP", "EP")
    return " x ".join(f"{n} {s}" for n, s in zip(names, split) if n in ("TP", "PP", "DP") or s > 1)


def search(program, scenario, fixed, top):
    """[(split, seconds)] of the best splits, the fastest first."""
    text = gridlock(program, "plan", scenario, "--analytic", "--format", "json", "--quiet", "--top", top,
                    *(["--fix", ",".join(f"{k}={v}" for k, v in fixed.items())] if fixed else []))
    return [(tuple(p["layout"][s] for s in SIZES), p["analytic_step_time_s"])
            for p in json.loads(text)["proposals"]]


def rank(found, split):
    return next((i for i, (s, _) in enumerate(found, 1) if s == split), None)


def looked_at(program, tables, row, folder, top):
    """The cells of a row's line."""
    scenario = Path(folder) / f"{row['id']}.textproto"
    gridlock(program, "validate", *(f"--cases={t}" for t in tables), "--scenario", row["id"], "-o", scenario)
    own = json.loads(gridlock(program, "run", scenario, "--fidelity", "analytic", "--format", "json", "--quiet"))
    split = split_of(row)
    free = search(program, scenario, {}, top)
    same = {"context": split[1], "zero": int(row["zero"] or 0)}
    context = search(program, scenario, same, top)
    tensor = search(program, scenario, {**same, "tensor": split[0]}, top)
    best = next((seconds for s, seconds in tensor if s == split), None)
    return {"run": row["id"], "split": words(split), "measured_s": float(row["step_time_s"]),
            "as_published_s": own["step_time_s"], "best_variant_s": best, "rank": rank(free, split),
            "rank_same_context": rank(context, split), "rank_same_context_and_tensor": rank(tensor, split),
            "best": words(free[0][0]), "best_s": free[0][1]}


def line(cells, top):
    def shown(value):
        return f"behind {top}" if value is None else str(value)
    return (f"| {cells['run']} | {cells['split']} | {shown(cells['rank'])} | {shown(cells['rank_same_context'])} | "
            f"{shown(cells['rank_same_context_and_tensor'])} | {cells['measured_s']:.2f} | "
            f"{cells['as_published_s']:.2f} | "
            f"{cells['best_variant_s'] or cells['as_published_s']:.2f} | {cells['best_s']:.2f} ({cells['best']}) |")


HEAD = ("| run | published split | rank | same CP and ZeRO | same TP too | measured, s | as published | best variant | "
        "best found |\n|---|---|---|---|---|---|---|---|---|")


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, prog="plan_published.py",
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", metavar="FILE.csv", action="append", help="tables (default: the shipped one)")
    parser.add_argument("--id", metavar="ROW", action="append", help="rows (default: ten of the shipped table)")
    parser.add_argument("--top", type=int, default=40, help="splits that are ranked (default 40)")
    parser.add_argument("--gridlock", metavar="PROGRAM", type=Path, default=ROOT / "build/release/tools/gridlock")
    parser.add_argument("-o", "--output", metavar="FILE.md", type=Path)
    options = parser.parse_args(arguments)
    tables = options.cases or [ROOT / "workloads/validation/published.csv"]
    rows = {row["id"]: row for table in tables for row in csv.DictReader(open(table, encoding="utf-8"))}
    lines, first, same, also = [HEAD], 0, 0, 0
    with tempfile.TemporaryDirectory(prefix="plan-") as folder:
        for name in options.id or ROWS:
            if name not in rows:
                parser.error(f"--id: no row {name!r} in the tables")
            try:
                cells = looked_at(options.gridlock, tables, rows[name], folder, options.top)
            except Failed as error:
                print(f"{name}: {error}", file=sys.stderr)
                continue
            first += (cells["rank"] or options.top) <= FIRST
            same += (cells["rank_same_context"] or options.top) <= FIRST
            also += (cells["rank_same_context_and_tensor"] or options.top) <= FIRST
            lines.append(line(cells, options.top))
            print(lines[-1], flush=True)
    print(f"among the first {FIRST}: {first} of {len(lines) - 1}; with the same context ranks and ZeRO stage "
          f"{same}; with the same tensor ranks too {also}")
    if options.output:
        options.output.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
