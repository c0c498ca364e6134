#!/usr/bin/env python3
"""Runs what examples/, the READMEs, AGENTS.md, docs/sweeps.md and docs/collectives.md show, and
compares with what they say.

Standard library only.

usage: examples_test.py GRIDLOCK            checks all but the LONG files
       examples_test.py GRIDLOCK --long     checks the LONG files
       examples_test.py GRIDLOCK --update REASON
           writes the new fingerprints, with the reason, and the new figures into the READMEs

tests/golden/fingerprints.csv holds one run per line: the arguments of `gridlock run`, the fidelity,
the fingerprint, and why it last changed. In the READMEs every ```sh block is run (other blocks are
```console); a ```text block behind it shows lines of its output, "..." where some are left out.
"""

import csv
import io
import json
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))
import program  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent.parent
GOLDEN = ROOT / "tests/golden/fingerprints.csv"
COLUMNS = ["scenario", "fidelity", "fingerprint", "reason"]
# What takes longest: 288 points on six fabrics of up to 131,072 accelerators, 300 of a sweep, lives of a
# week, links one by one, sweeps of serving.
LONG = [ROOT / "docs/sweeps.md", *(ROOT / f"examples/{name}/README.md" for name in (
    "13-six-fabrics", "09-nic-scale-oversubscription", "16-a-plane-lost", "17-hashed-or-sprayed",
    "04-a-week-of-a-fleet", "11-arithmetic-behind-a-capped-link", "12-from-two-to-200000", "19-what-serving-needs",
    "07-hbm-cap", "14-torus-clos-dragonfly"))]
LONG_GOLDEN = ["examples/13-six-fabrics/jellyfish.textproto"]
# Fingerprints are the same on every build of one architecture; the golden ones are of this one.
COMPARED = platform.machine() == "x86_64"


def trace_attributes(path):
    """complete and fingerprint of a trace, by whichever reader is installed."""
    try:
        import netCDF4
        with netCDF4.Dataset(path) as file:
            return int(file.complete), file.fingerprint
    except ImportError:
        pass
    if not shutil.which("h5dump"):
        return None
    values = []
    for name in ("complete", "fingerprint"):
        text = subprocess.run(["h5dump", "-a", name, path], check=True, capture_output=True,
                              text=True).stdout
        values.append(re.search(r'\(0\): "?(\w+)"?', text).group(1))
    return int(values[0]), values[1]


def run_scenario(gridlock, row, folder):
    """Runs one golden line. Returns (fingerprint, problems)."""
    name = f"{row['scenario']} ({row['fidelity']})"
    command = [gridlock, "run", *shlex.split(row["scenario"]), "--fidelity", row["fidelity"],
               "-o", folder]
    run = program.run(command, cwd=ROOT, capture_output=True, text=True)
    if run.returncode != 0:
        return None, [f"{name}: exit code {run.returncode}: {run.stderr.strip()}"]
    if sorted(os.listdir(folder)) != ["summary.json", "trace.h5"]:
        return None, [f"{name}: left {sorted(os.listdir(folder))}"]
    with open(os.path.join(folder, "summary.json"), encoding="utf-8") as file:
        fingerprint = json.load(file)["fingerprint"]
    problems = []
    if not re.fullmatch("[0-9a-f]{16}", fingerprint):
        problems.append(f"{name}: fingerprint {fingerprint!r}")
    attributes = trace_attributes(os.path.join(folder, "trace.h5"))
    if attributes is None:
        print("traces not looked into: neither Python's netCDF4 nor h5dump is here")
    elif attributes[0] != 1:
        problems.append(f"{name}: the trace is not complete")
    elif attributes[1] != fingerprint:
        problems.append(f"{name}: the trace has the fingerprint {attributes[1]}, not {fingerprint}")
    if f"fingerprint {fingerprint}\n" not in run.stdout:
        problems.append(f"{name}: another fingerprint than {fingerprint} was printed")
    return fingerprint, problems


def check_golden(gridlock, update, reason, only_long):
    with open(GOLDEN, encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        rows = list(reader)
        assert reader.fieldnames == COLUMNS, reader.fieldnames
    named = {shlex.split(row["scenario"])[0] for row in rows if row["fidelity"] == "folded"}
    problems = [f"{path.relative_to(ROOT)}: no folded run in {GOLDEN.name}"
                for path in sorted(ROOT.glob("examples/*/*.textproto"))
                if path.name != "sweep.textproto"
                if str(path.relative_to(ROOT)) not in named]
    for row in rows:
        if not update and (row["scenario"] in LONG_GOLDEN) != only_long:
            continue
        with tempfile.TemporaryDirectory() as folder:
            fingerprint, found = run_scenario(gridlock, row, folder)
        problems += found
        if fingerprint in (None, row["fingerprint"]) or not COMPARED:
            continue
        if update:
            row["fingerprint"], row["reason"] = fingerprint, reason
        else:
            problems.append(f"{row['scenario']} ({row['fidelity']}): fingerprint {fingerprint}, "
                            f"was {row['fingerprint']}")
    if update:
        out = io.StringIO()
        writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        GOLDEN.write_text(out.getvalue(), encoding="utf-8")
    return problems


def run_block(gridlock, block, folder):
    """Runs a shell block beside the examples, so that its out/ is not the tree's."""
    # The program by its plain name, as a reader types it.
    path = os.path.dirname(os.path.abspath(gridlock)) + os.pathsep + os.environ["PATH"]
    return subprocess.run(["bash", "-euo", "pipefail", "-c", block], cwd=folder, text=True,
                          env={**os.environ, "PATH": path}, capture_output=True)


def skeleton(line):
    """A line without its figures, by which it is found again when they move."""
    named = re.sub(r"\b[0-9a-f]{16}\b|<- knee", " ", line)
    return re.sub(r"[\d.,#|\s]+", " ", named).strip()


def refreshed(shown, output):
    """The lines of a text block with the figures of the output; None when they are not there."""
    lines, fresh = iter(output), []
    for line in shown:
        if line.strip() not in ("...", ""):
            line = next((new for new in lines if skeleton(new) == skeleton(line)), None)
            if line is None:
                return None
        fresh.append(line)
    return fresh


def missing_lines(shown, output):
    """Shown lines that the output does not have, in their order."""
    lines = iter(output)
    return [line for line in shown if line.strip() not in ("...", "") and line not in lines]


BLOCKS = re.compile(r"^```sh\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.M | re.S)


def check_readme(gridlock, path, update, without=None):
    """@param without: a pattern; blocks in which it is found are left out"""
    text = path.read_text(encoding="utf-8")
    name = path.relative_to(ROOT)
    problems = []
    with tempfile.TemporaryDirectory() as folder:
        os.symlink(ROOT / "examples", os.path.join(folder, "examples"))

        def visit(match):
            block, shown = match.group(1), (match.group(2) or "").splitlines()
            if without is not None and without.search(block):
                return match.group()
            run = run_block(gridlock, block, folder)
            output = run.stdout.splitlines()
            missing = missing_lines(shown, output)
            if run.returncode != 0:
                problems.append(f"{name}: exit code {run.returncode} of\n{block}{run.stderr}")
            elif update and missing:
                fresh = refreshed(shown, output)
                if fresh is not None:
                    return match.group().replace("\n".join(shown), "\n".join(fresh))
                problems.append(f"{name}: the shown output has another form; edit it by hand")
            elif missing:
                problems.append(f"{name}: shown, but not printed: {missing[0]!r}")
            return match.group()

        fresh_text = BLOCKS.sub(visit, text)
    if update and fresh_text != text:
        path.write_text(fresh_text, encoding="utf-8")
    return problems


def verdict(problems, done=""):
    """The exit code of a test that found these problems, which are printed; `done` says what it did."""
    print(*problems, f"{len(problems)} problems" if problems else "PASS" + done, sep="\n")
    return 1 if problems else 0


def main(arguments):
    update = len(arguments) == 3 and arguments[1] == "--update"
    only_long = arguments[1:] == ["--long"]
    if len(arguments) != 1 and not update and not only_long:
        sys.exit(__doc__)
    gridlock = os.path.abspath(arguments[0])
    readmes = [ROOT / "README.md", ROOT / "AGENTS.md", ROOT / "docs/sweeps.md",
               ROOT / "docs/collectives.md", *sorted(ROOT.glob("examples/*/README.md"))]
    problems = []
    found = sum(len(BLOCKS.findall(path.read_text(encoding="utf-8"))) for path in readmes)
    if found < len(readmes):
        problems.append(f"only {found} blocks in {len(readmes)} READMEs: were they found?")
    if not update:
        readmes = LONG if only_long else [path for path in readmes if path not in LONG]
    problems += check_golden(gridlock, update, arguments[2] if update else "", only_long)
    for path in readmes:
        problems += check_readme(gridlock, path, update)
    return verdict(problems)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
