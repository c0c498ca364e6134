#!/usr/bin/env python3
"""Plants the faults of faults.py one by one in this tree, builds the tests that are to catch each, and
says which did.

usage: run.py --check                     each fault has its place in the sources (a default test)
       run.py [--build DIR] [-j N] [--only TEXT] [--results FILE]
       run.py --table FILE [--results FILE]    writes the results into a page of docs/

A fault that its own tests miss is tried on the examples and their fingerprints, too. Results are added
to a file (build/faults.jsonl); a fault that has one there is not run again. Sources are put back
after each fault, also after Ctrl-C; the tree must have no changes in them.
"""

import argparse
import datetime
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

from faults import FAULTS

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 600  # for a test


def check():
    problems = []
    for fault in FAULTS:
        text = (ROOT / fault.file).read_text(encoding="utf-8")
        found = text.count(fault.old)
        if found != 1:
            problems.append(f"tests/faults/faults.py: \"{fault.name}\": {fault.file} has its line {found} times; "
                            "expected once: write the line as it stands there now")
    names = [fault.name for fault in FAULTS]
    problems += [f"\"{name}\" stands twice" for name in set(names) if names.count(name) > 1]
    if len(FAULTS) < 30:
        problems.append(f"{len(FAULTS)} faults; expected 30 or more")
    for problem in problems:
        print(problem)
    print(f"{len(FAULTS)} faults, {len(problems)} problems")
    return 1 if problems else 0


def build(folder, targets, jobs):
    made = subprocess.run(["ninja", "-C", str(folder), f"-j{jobs}", *targets], capture_output=True, text=True,
                          check=False)
    return "" if made.returncode == 0 else made.stdout[-2000:]


def run_test(folder, test):
    """Whether it passes, None for no end in time, and which test failed."""
    command = ["ctest", "--test-dir", str(folder), "-R", f"^{re.escape(test)}$", "--no-tests=error",
               "--timeout", str(LIMIT_S), "--output-on-failure"]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, "GTEST_FAIL_FAST": "1"}, capture_output=True, text=True,
                          check=False)
    if "***Timeout" in done.stdout:
        return None, ""
    failed = [line for line in done.stdout.splitlines() if "FAILED  ]" in line]
    return done.returncode == 0, failed[0].split("]", 1)[1].split("(")[0].strip() if failed else ""


def target_of(test):
    return "gridlock" if test == "examples" else test


def try_fault(fault, folder, jobs):
    path = ROOT / fault.file
    sound = path.read_text(encoding="utf-8")
    assert sound.count(fault.old) == 1, fault.name
    start = time.monotonic()
    try:
        path.write_text(sound.replace(fault.old, fault.new), encoding="utf-8")
        tests = list(fault.tests) + ([] if "examples" in fault.tests else ["examples"])
        for test in tests:
            said = build(folder, [target_of(test)], jobs)
            if said:
                return {"result": "does not build", "by": "", "said": said}
            passed, name = run_test(folder, test)
            if passed is None:  # a busy machine, or a fault that makes it go on for ever: look at it
                return {"result": "no end", "by": "", "seconds": round(time.monotonic() - start)}
            if not passed:
                return {"result": "caught", "by": test, "test": name, "seconds": round(time.monotonic() - start)}
        return {"result": "MISSED", "by": "", "seconds": round(time.monotonic() - start)}
    finally:
        path.write_text(sound, encoding="utf-8")


def results_of(file):
    """The last result of each fault."""
    found = {}
    if file.exists():
        for line in file.read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            found[record["name"]] = record
    return found


def git(*words):
    """What git says; "" where this is not a repository."""
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()


def run_all(options):
    folder = (ROOT / options.build).resolve()
    chosen = [fault for fault in FAULTS if options.only in fault.name]
    known = results_of(options.results)
    if git("status", "--porcelain", "--", *{fault.file for fault in chosen}):
        sys.exit("some of the sources have changes; commit them first")
    head = git("rev-parse", "--short=12", "HEAD")
    missed = 0
    for fault in chosen:
        record = known.get(fault.name)
        if record is None:
            record = {"name": fault.name, "file": fault.file, "commit": head,
                      "date": datetime.date.today().isoformat(), **try_fault(fault, folder, options.jobs)}
            with options.results.open("a", encoding="utf-8") as out:
                out.write(json.dumps(record) + "\n")
        missed += record["result"] != "caught"
        print(f"{record['result']:14} {fault.name:55} {record['by']} {record.get('test', '')}", flush=True)
    print(f"{len(chosen) - missed} of {len(chosen)} caught")
    return 1 if missed else 0


def write_table(options):
    """Between the marks of the page."""
    begin, end = "<!-- faults -->\n", "<!-- end of faults -->\n"
    known = results_of(options.results)
    rows = ["| fault | in | caught by | on |\n", "|---|---|---|---|\n"]
    for fault in FAULTS:
        record = known.get(fault.name)
        by = "not run yet" if record is None else record["by"] or record["result"]
        test = record.get("test", "") if record else ""
        rows.append(f"| {fault.name} | {fault.file} | {by}{f', `{test}`' if test else ''} | "
                    f"{record['date'] if record else ''} |\n")
    page = Path(options.table)
    before, _, rest = page.read_text(encoding="utf-8").partition(begin)
    caught = sum(1 for fault in FAULTS if known.get(fault.name, {}).get("result") == "caught")
    page.write_text(before + begin + "".join(rows) + f"\n{caught} of {len(FAULTS)} caught, "
                    f"{len(FAULTS) - len(known)} not run.\n" + end + rest.partition(end)[2], encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--build", default="build/release")
    parser.add_argument("-j", dest="jobs", type=int, default=2)
    parser.add_argument("--only", default="", help="faults whose names hold this")
    parser.add_argument("--results", type=Path, default=ROOT / "build/faults.jsonl")
    parser.add_argument("--table", help="page to write the results into")
    options = parser.parse_args()
    if options.check:
        sys.exit(check())
    if options.table:
        write_table(options)
        return
    sys.exit(run_all(options))


main()
