#!/usr/bin/env python3
"""Runs all studies and compares their verdicts with tests/golden/verdicts.csv. Standard library only.

usage: studies_test.py GRIDLOCK             checks all
       studies_test.py GRIDLOCK --quick     leaves out those that take longer than a second
       studies_test.py GRIDLOCK --update    writes what came out

A line holds the study, where the claim is decided (empty: once), the ruling and the number to four
digits, and the claim.
"""

import csv
import io
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
GOLDEN = ROOT / "tests/golden/verdicts.csv"
LONG = ("04-a-week-of-a-fleet", "09-nic-scale-oversubscription", "13-six-fabrics", "16-a-plane-lost",
        "17-hashed-or-sprayed", "33-failures-by-scale", "34-ways-to-be-saved", "35-sites-follow-power",
        "36-chips-in-the-cost", "39-experiments-at-night", "40-research-or-users", "41-with-a-third",
        "42-where-compute-goes", "43-rollouts-and-training", "44-two-nations")
COLUMNS = ["study", "at", "ruling", "number", "claim"]


def verdicts(gridlock, left_out):
    """The rows of the studies, and the wrong things that were seen on the way."""
    names = sorted(path.parent.name for path in (ROOT / "examples").glob("*/sweep.textproto")
                   if path.parent.name not in left_out)
    with tempfile.TemporaryDirectory() as folder:
        command = [gridlock, "studies", "run", *(names if left_out else ["all"]), "-q",
                   "--format", "json", "-o", folder]
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stderr
        reports = json.loads(run.stdout)
        assert names == sorted(os.listdir(folder)), (names, os.listdir(folder))
    rows, problems = [], []
    for name, report in zip(names, reports):
        if not report["verdicts"]:
            problems.append(f"{name}: no verdict")
        if report["points"]["done"] == 0:
            problems.append(f"{name}: no point is done")
        for verdict in report["verdicts"]:
            for decision in verdict["decisions"]:
                number = decision["number"]
                rows.append({"study": name, "at": decision["at"], "ruling": decision["ruling"],
                             "number": "" if number is None else f"{number:.4g}",
                             "claim": verdict["claim"]})
                if decision["ruling"] == "open":
                    problems.append(f"{name}: open at \"{decision['at']}\": {verdict['claim']}")
    return rows, problems


def text_of(rows):
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def main():
    gridlock = os.path.abspath(sys.argv[1])
    left_out = LONG if "--quick" in sys.argv else ()
    rows, problems = verdicts(gridlock, left_out)
    if "--update" in sys.argv:
        GOLDEN.write_text(text_of(rows), encoding="utf-8")
    golden = [line for line in GOLDEN.read_text(encoding="utf-8").splitlines()
              if not line.startswith(left_out or ("-",))]
    now = text_of(rows).splitlines()
    # Numbers are the same on every build of one architecture; the golden ones are of this one.
    if platform.machine() == "x86_64" and golden != now:
        problems += [f"was {line}" for line in golden if line not in now]
        problems += [f"now {line}" for line in now if line not in golden]
    print("\n".join(problems) if problems else "PASS")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
