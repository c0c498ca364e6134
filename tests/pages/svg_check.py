#!/usr/bin/env python3
"""Charts of a page as SVG, without a browser: one file for each chart, whose shapes are those of the trace.
And docs/gallery.md is what tools/gallery.py writes, with all its pictures.

usage: svg_check.py GRIDLOCK SOURCE_DIR
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import xml.dom.minidom
from pathlib import Path

GRIDLOCK, ROOT = os.path.abspath(sys.argv[1]), Path(sys.argv[2]).resolve()
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tools"))
import gallery  # noqa: E402

MOST_BYTES = 400_000


def check_gallery():
    page = (ROOT / "docs/gallery.md").read_text(encoding="utf-8")
    assert page == gallery.page_text(), "docs/gallery.md is old: tools/gallery.py writes it"
    pictures = {path.name: path.stat().st_size for path in (ROOT / "docs/gallery").iterdir()}
    assert set(pictures) == {picture.file for picture in gallery.PICTURES}, pictures
    assert sum(pictures.values()) < MOST_BYTES, pictures


def svg_of(page, folder, *more):
    done = subprocess.run(["node", str(ROOT / "tools/page_svg.mjs"), page, folder, *more], capture_output=True,
                          text=True, check=False, timeout=150)
    assert done.returncode == 0, done.stderr
    return {Path(line).stem.rsplit("-", 1)[0]: Path(line).read_text(encoding="utf-8")
            for line in done.stdout.splitlines()}


def check_charts(folder):
    scenario = str(ROOT / "examples/01-two-servers/scenario.textproto")
    subprocess.run([GRIDLOCK, "run", scenario, "-q", "-o", f"{folder}/run"], check=True, capture_output=True)
    page = f"{folder}/page.html"
    done = subprocess.run([GRIDLOCK, "report", f"{folder}/run", "-o", page], check=False, capture_output=True, text=True)
    if "built without charts" in done.stderr:
        print("charts were left out: the program was built without them")
        return
    charts = svg_of(page, f"{folder}/light")
    assert {"what-sets-the-pace", "roofline", "the-machine", "pipeline-over-time"} <= set(charts), sorted(charts)
    for name, text in charts.items():
        xml.dom.minidom.parseString(text)
        assert "NaN" not in text, name
    # A square for each of the 16 accelerators, and one behind them.
    assert charts["the-machine"].count("<rect ") == 17
    dark = svg_of(page, f"{folder}/dark", "--dark", "--only", "roofline", "--width", "700")
    assert list(dark) == ["roofline"] and 'width="700"' in dark["roofline"]
    background = [re.search(r'fill="(#[0-9a-f]{6}|#fff)"|fill="([^"]+)"', text).group(0)
                  for text in (dark["roofline"], charts["roofline"])]
    assert background[0] != background[1], background
    wrong = subprocess.run(["node", str(ROOT / "tools/page_svg.mjs"), scenario, folder], capture_output=True, text=True,
                           check=False)
    assert wrong.returncode == 2 and "no page of gridlock report" in wrong.stderr


check_gallery()
if shutil.which("node") is None:
    print("SKIP: no node; apt-get install nodejs")
    sys.exit(0)
with tempfile.TemporaryDirectory() as temporary:
    check_charts(temporary)
print("ok")
