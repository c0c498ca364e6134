#!/usr/bin/env python3
"""Runs what the guides in docs/ show, each in a folder of its own, and compares with what they say.

usage: guides_test.py GRIDLOCK [PAGE...]
       guides_test.py GRIDLOCK --update [PAGE...]    writes the new figures into the guides

Every ```sh block is run, and a ```text block behind it shows lines of its output (see
examples_test.py, which does this for README.md and the examples). Every ```python block is run,
too, those of a page one after the other, where xarray is installed. Blocks that write pages with
charts are left out, and named, where the program was built without charts.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from examples_test import BLOCKS, ROOT, check_readme, verdict

GUIDES = [ROOT / "docs" / name for name in (
    "tutorial.md", "guide_researcher.md", "guide_planner.md", "pages.md", "python.md", "gallery.md")]
PYTHON_BLOCKS = re.compile(r"^```python\n(.*?)^```\n", re.M | re.S)
# Words of commands that need charts.
CHARTS = re.compile(r"gridlock (?:report [^\n]* -o |explore )|python.*gallery")


def has_charts(gridlock):
    """Whether the program was built with Apache ECharts."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([gridlock, "run", ROOT / "examples/01-two-servers/scenario.textproto", "-q",
                        "-o", f"{folder}/a"], check=True, capture_output=True)
        made = subprocess.run([gridlock, "report", f"{folder}/a", "-o", f"{folder}/a.html"],
                              check=False, capture_output=True, text=True)
    assert made.returncode == 0 or "built without charts" in made.stderr, made.stderr
    return made.returncode == 0


def has_xarray():
    return subprocess.run([sys.executable, "-c", "import xarray, h5netcdf, pandas"], check=False,
                          capture_output=True).returncode == 0


def run_python(gridlock, path):
    """The problems of the Python blocks of a page, run as one program."""
    blocks = PYTHON_BLOCKS.findall(path.read_text(encoding="utf-8"))
    if not blocks:
        return []
    with tempfile.TemporaryDirectory() as folder:
        os.symlink(ROOT / "examples", os.path.join(folder, "examples"))
        run = subprocess.run([sys.executable, "-B", "-c", "\n".join(blocks)], cwd=folder,
                             env={**os.environ, "PYTHONPATH": str(ROOT / "python"),
                                  "GRIDLOCK": gridlock},
                             check=False, capture_output=True, text=True)
    return [] if run.returncode == 0 else [f"{path.name}: a python block: {run.stderr.strip()}"]


def main(arguments):
    if not arguments:
        sys.exit(__doc__)
    gridlock, update = os.path.abspath(arguments[0]), "--update" in arguments
    asked = [Path(word).resolve() for word in arguments[1:] if word != "--update"]
    charts, xarray = has_charts(gridlock), has_xarray()
    problems, ran = [], 0
    for path in asked or GUIDES:
        text = path.read_text(encoding="utf-8")
        blocks = BLOCKS.findall(text)
        if not blocks and not PYTHON_BLOCKS.search(text):
            problems.append(f"{path.name}: no block was found")
        without = None if charts else CHARTS
        left = sum(1 for block, _ in blocks if without and without.search(block))
        if left:
            print(f"{path.name}: {left} blocks left out: the program was built without charts")
        problems += check_readme(gridlock, path, update, without)
        problems += run_python(gridlock, path) if xarray else []
        ran += len(blocks) - left
    if not xarray:
        print("python blocks were left out: xarray, h5netcdf or pandas is missing")
    return verdict(problems, f": {ran} blocks")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
