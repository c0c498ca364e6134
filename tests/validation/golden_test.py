#!/usr/bin/env python3
"""The figures of `gridlock validate`, all rows of the shipped tables, are those that are committed,
and the documents that show some of them show these.

usage: golden_test.py GRIDLOCK                 checks
       golden_test.py GRIDLOCK --collectives   checks those of collectives alone, which take 2 of 15 seconds
       golden_test.py GRIDLOCK --update        writes them anew
"""

import difflib
import os
import platform
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
GOLDEN = ROOT / "tests/golden/validate.txt"
COLLECTIVES = ROOT / "tests/golden/collectives.csv"
COLUMNS = "id,role,published,predicted,error_pct,status,reason"


def printed(gridlock):
    run = subprocess.run([gridlock, "validate", "--quiet"], capture_output=True, text=True)
    assert run.returncode == 0, f"exit code {run.returncode}: {run.stderr}"
    table, _, rest = run.stdout.partition("\n")
    assert table.endswith("workloads/validation/published.csv"), table
    return rest


def collectives(gridlock, *options):
    run = subprocess.run([gridlock, "validate", "--quiet", "--kind", "collective", *options],
                         capture_output=True, text=True)
    assert run.returncode == 0, f"exit code {run.returncode}: {run.stderr}"
    return run.stdout


def check_documents(steps, collectives_):
    """Lines of figures, such as "headline, dense   26  26  0  4.4 ..." of steps and "headline  46  46
    0  5.1 ..." of collectives, in any document."""
    known = {" ".join(line.split()) for line in [*steps, *collectives_]}
    shown, problems = 0, []
    for path in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("sim/*/*.md")]):
        for line in path.read_text(encoding="utf-8").splitlines():
            words = line.split()
            of_steps = words[:1] in (["calibration,"], ["headline,"]) and len(words) == 12
            of_collectives = (words[:1] in (["calibration"], ["headline"]) and len(words) == 8
                              and words[-1][0] in "+-")
            if of_steps or of_collectives:
                shown += 1
                if " ".join(words) not in known:
                    problems.append(f"{path.relative_to(ROOT)}: not printed: {line}")
    if shown == 0:
        problems.append("no document shows the figures of validate: were they found?")
    return problems


def main(arguments):
    update, short = arguments[1:] == ["--update"], arguments[1:] == ["--collectives"]
    if len(arguments) != 1 and not update and not short:
        sys.exit(__doc__)
    gridlock = os.path.abspath(arguments[0])
    problems = []
    golden_files = [(COLLECTIVES, collectives(gridlock, "--format", "csv"))]
    if not short:
        golden_files.append((GOLDEN, printed(gridlock)))
    for file, text in golden_files:
        if update:
            file.write_text(text, encoding="utf-8")
        golden = file.read_text(encoding="utf-8")
        if platform.machine() == "x86_64":  # as the fingerprints
            problems += difflib.unified_diff(golden.splitlines(), text.splitlines(),
                                             f"{file.name}, committed", "now", lineterm="", n=0)
    assert COLLECTIVES.read_text(encoding="utf-8").startswith(COLUMNS + "\n")
    problems += check_documents(GOLDEN.read_text(encoding="utf-8").splitlines(),
                                collectives(gridlock).splitlines())
    print("\n".join(problems) if problems else "PASS")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
