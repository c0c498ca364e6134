#!/usr/bin/env python3
"""Runs all studies and compares their verdicts with tests/golden/verdicts.csv. Standard library only.

usage: studies_test.py GRIDLOCK             checks all
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
COLUMNS = ["study", "at", "ruling", "number", "claim"]


def verdicts(gridlock):
    """The rows of the studies, and the wrong things that were seen on the way."""
    names = sorted(path.parent.name for path in (ROOT / "examples").glob("*/sweep.textproto"))
    with tempfile.TemporaryDirectory() as folder:
        command = [gridlock, "studies", "run", "all", "-q", "--format", "json", "-o", folder]
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
    rows, problems = verdicts(gridlock)
    if "--update" in sys.argv:
        GOLDEN.write_text(text_of(rows), encoding="utf-8")
    golden = GOLDEN.read_text(encoding="utf-8").splitlines()
    now = text_of(rows).splitlines()
    # Numbers are the same on every build of one architecture; the golden ones are of this one.
    if platform.machine() == "x86_64" and golden != now:
        problems += [f"was {line}" for line in golden if line not in now]
        problems += [f"now {line}" for line in now if line not in golden]
    print("\n".join(problems) if problems else "PASS")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
