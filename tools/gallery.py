#!/usr/bin/env python3
"""Makes docs/gallery.md and the pictures in docs/gallery/: each from a run of an example, drawn by the page
of gridlock report, without a browser.

usage: gallery.py [GRIDLOCK] [--out DIR]

Needs node, a program that was built with charts, and rsvg-convert (librsvg2-bin) for the pictures that
are PNG because they hold thousands of shapes.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]


class Picture(NamedTuple):
    file: str
    chart: str     # of the page: the start of the name of its file
    title: str
    words: str     # what is seen
    commands: tuple  # that write out/gallery/NAME; the last argument of each is its folder
    width: int = 900


LLAMA = "examples/02-llama-405b-16k/scenario.textproto"
PICTURES = [
    Picture("pipeline.png", "pipeline-over-time", "A pipeline over time",
            "Llama 3.1 405B on 16,384 H100, one line a pipeline stage, without interleaving: the grey triangles are the "
            "bubble, which fills at the start and drains at the end. Orange is communication that nothing hides.",
            (f"gridlock run {LLAMA} --set job[0].pretraining.layout.virtual_pipeline=1 -o out/gallery/pipeline",), 1000),
    Picture("machine.png", "the-machine", "The machine",
            "A square for each of the 16,384 accelerators: a server a block, racks of servers, pods. Colours are "
            "pipeline stages.",
            (f"gridlock run {LLAMA} -o out/gallery/405b",), 1100),
    Picture("heat.png", "heat-of-the-links", "Heat of the links",
            "The same step: each tier of links over time, and below it the hottest of its links.",
            (f"gridlock run {LLAMA} -o out/gallery/405b",), 1000),
    Picture("plan.svg", "layouts-fastest-first", "Layouts, fastest first",
            "The best layouts of the same model on the same machine, by what sets the pace of each.",
            ("gridlock plan examples/18-best-layout/scenario.textproto --top 6 --format json -o out/gallery/plan.json",)),
    Picture("pace.svg", "what-sets-the-pace", "What sets the pace",
            "The same step, by the resource that its critical path waits for.",
            (f"gridlock run {LLAMA} -o out/gallery/405b",)),
    Picture("hbm.svg", "hbm-by-class", "HBM by class",
            "What fills the memory of an accelerator of each stage.",
            (f"gridlock run {LLAMA} -o out/gallery/405b",)),
    Picture("roofline.svg", "roofline", "Roofline",
            "The kernels of a step of Llama 3.1 8B on two servers, sized by their share of it.",
            ("gridlock run examples/01-two-servers/scenario.textproto -o out/gallery/two",)),
    Picture("cap.svg", "step-time-over-the-cap", "A cap and its knee",
            "How much longer the step takes when scale-up links carry less.",
            (f"gridlock cap {LLAMA} --link scale_up --values 900,700,500,400,300,200,100GBps -o out/gallery/cap",)),
    Picture("collective.svg", "bus-bandwidth-over-size", "A collective",
            "Bus bandwidth of an all-reduce over 16,384 H100, by size and algorithm.",
            ("gridlock run examples/08-all-reduce/scenario.textproto -o out/gallery/reduce",)),
    Picture("week.svg", "accelerators-of", "A week of a fleet",
            "Who holds the accelerators of a site: a long run, experiments, and a fleet that follows the day.",
            ("gridlock run examples/04-a-week-of-a-fleet/scenario.textproto -o out/gallery/week",)),
]


def run(*words):
    subprocess.run([str(word) for word in words], cwd=ROOT, check=True, stdout=subprocess.DEVNULL, timeout=280)


def draw(picture, gridlock, folder, out):
    for command in picture.commands:
        words = command.split()
        results = folder / Path(words[-1]).name
        if not results.exists():
            run(gridlock, *words[1:-1], results, "-q")
    page = folder / f"{results.name}.html"
    if not page.exists():
        run(gridlock, "report", results, "-o", page)
    drawn = folder / picture.file
    run("node", ROOT / "tools/page_svg.mjs", page, drawn, "--width", picture.width, "--only", picture.chart)
    svg = sorted(drawn.glob("*.svg"))
    assert len(svg) == 1, (picture.file, svg)
    if picture.file.endswith(".png"):
        run("rsvg-convert", "--width", picture.width, svg[0], "-o", out / picture.file)
        if shutil.which("optipng"):
            run("optipng", "-quiet", out / picture.file)
    else:
        shutil.copy(svg[0], out / picture.file)


def page_text():
    text = ("# Gallery\n\nEach picture is of a chart that `gridlock report` puts on its page. tools/gallery.py makes them "
            "all again.\n")
    for picture in PICTURES:
        results = picture.commands[-1].split()[-1]
        commands = "\n".join([*picture.commands, f"gridlock report {results} -o {results}.html"])
        text += (f"\n## {picture.title}\n\n{picture.words}\n\n![{picture.title}](gallery/{picture.file})\n\n"
                 f"```sh\n{commands}\n```\n")
    return text + ("\nWithout a browser, every chart of a page as SVG:\n\n```console\n"
                   "$ node tools/page_svg.mjs out/gallery/405b.html charts    # --dark, --width 1200, --only roofline\n```\n")


def main(arguments):
    out = ROOT / "docs"
    if "--out" in arguments:
        at = arguments.index("--out")
        out = Path(arguments[at + 1]).resolve()
        del arguments[at:at + 2]
    gridlock = Path(arguments[0] if arguments else ROOT / "build/release/tools/gridlock").resolve()
    (out / "gallery").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for picture in PICTURES:
            draw(picture, gridlock, Path(folder), out / "gallery")
            print(f"{picture.file}: {(out / 'gallery' / picture.file).stat().st_size} bytes", flush=True)
    (out / "gallery.md").write_text(page_text(), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
