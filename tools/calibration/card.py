"""The command accelerator: a catalogue entry from the table of one card, or an entry judged by it."""

import csv
import io
import re

from calibration import accelerator, check, gemm, judge
from calibration.catalogue import Catalogue
from calibration.cases import write
from calibration.common import UserError

FILE = "topologies/catalog/accelerators_measured.textproto"
HEADER = ("# Accelerators as tools/calibrate.py accelerator made them from the tables of single cards "
          "(tools/measure_accelerator.py).\n")


def add_command(add, simulated):
    """`add` is that of tools/calibrate.py; `simulated` are the options of commands that simulate."""
    command = add("accelerator", run, "catalogue entry from the table that tools/measure_accelerator.py "
                  "writes on one card, or a shipped entry judged by it", simulated)
    command.add_argument("--measured", metavar="FILE", nargs="+", required=True,
                         help="JSON lines or CSV of tools/measure_accelerator.py; several are one table")
    command.add_argument("--name", help="catalogue name of the entry (default: that of the file)")
    command.add_argument("--like", metavar="NAME", help="entry that gives what one card does not tell: "
                         "dense peaks, the peak of HBM, links, facts")
    command.add_argument("--peak", metavar="FORMAT=RATE", action="append",
                         help="dense peak, e.g. BF16=989TFLOPS; repeatable")
    command.add_argument("--hbm-bandwidth", metavar="RATE", help="peak of HBM, e.g. '3350 GB/s'")
    command.add_argument("--scale-up", metavar="RATE", help="all links, both directions, e.g. '900 GB/s'")
    command.add_argument("-o", "--output", metavar="FILE", help="file that gets the entry (default: the "
                         "screen); a scenario reads it with include")
    command.add_argument("--judge", metavar="NAME", help="no entry: how far this entry of the catalogue is "
                         "off, section by section")
    command.add_argument("--compare", metavar="NAME", help="no entry: the constants of this entry beside "
                         "those that the table gives; exit code 1 when one is off")
    command.add_argument("--figures", metavar="FILE.csv", help="with --judge: the figures as a table too")
    command.add_argument("--stacks", metavar="HOW=STACK,...", help="with --judge: stacks that stand for the "
                         "training steps (default: " + ",".join(f"{k}={v}" for k, v in
                                                                judge.STACKS.items()) + ")")
    command.add_argument("--engine", default=judge.ENGINE, help="with --judge: engine that stands for "
                         f"decoding (default {judge.ENGINE})")
    command.add_argument("--training-rows", metavar="FILE.csv", help="with --judge: the steps as a table of "
                         "gridlock validate --cases")


def run(options):
    table = accelerator.Table(options.measured)
    catalogue = Catalogue(options.catalog)
    if options.judge:
        return run_judge(options, table, catalogue)
    return (run_compare if options.compare else run_fit)(options, table, catalogue)


def run_fit(options, table, catalogue):
    name = options.name or accelerator.default_name(options.measured)
    if not re.fullmatch(r"[a-z][a-z0-9_.]*", name):
        raise UserError(f"--name: {name!r}; expected lower case with underscores, e.g. my_card")
    if options.name is None and not options.like and not options.peak:
        raise UserError("--like NAME, or --peak and --hbm-bandwidth, say what one card does not tell")
    peaks, hbm, idle = accelerator.base_numbers(catalogue, options.like, options.peak,
                                                options.hbm_bandwidth)
    fit = accelerator.Fit(table, peaks, hbm, idle)
    given = {path: f'"{text}"' for path, text in (("hbm_bandwidth", options.hbm_bandwidth),
                                                  ("scale_up", options.scale_up)) if text}
    text = accelerator.entry(fit, name, options.like, given, options.date)
    print(f"{name}: {table.info().get('name', 'a card')}, "
          f"{sum(len(rows) for rows in table.sections.values())} rows"
          + (f", {table.unused} of other sections" if table.unused else ""))
    print("\n".join(accelerator.fit_lines(fit)))
    if options.write:
        document = Catalogue(options.catalog)
        if name in document.names("accelerator"):
            raise UserError(f"--write: the catalogue has an accelerator {name} already; expected another "
                            "--name, or edit its entry by hand")
        path = options.catalog / FILE
        before = path.read_text(encoding="utf-8") if path.exists() else HEADER
        write(path, before + "\n" + text)
        print(f"wrote {path}")
    elif options.output:
        write(options.output, "catalog {\n" + "".join(
            f"  {line}\n" if line else "\n" for line in text.splitlines()) + "}\n")
        print(f"wrote {options.output}")
    else:
        print("\n" + text + "\nNot written; -o FILE or --write does.")
    return 0


# How far a constant may be from what another table of the same kind of card gives: cards of one kind
# differ by a few per cent, and sources by what they call sustained.
TOLERANCES = {"power.per_flop": 0.03, "power.per_hbm_byte": 0.05, "hbm_efficiency": 0.05,
              "hbm_capacity": 0.005, "power.limit": 0.01, "rate[BF16].attention_efficiency": 0.05,
              "rate[BF16].attention_backward_efficiency": 0.05}
SUSTAINED = 0.05  # of efficiency x sustained clock of GEMMs of 100 GFLOP to 2 TFLOP in BF16


def run_compare(options, table, catalogue):
    entry = accelerator.Entry(catalogue, options.compare)
    peaks, hbm, idle = accelerator.base_numbers(catalogue, options.compare, None, None)
    fit = accelerator.Fit(table, peaks, hbm, idle)
    lines = []
    for path, constant in fit.constants.items():
        if not path.endswith(".gemm"):
            said = entry.get(path)
            value = judge.bytes_of(said) if path == "hbm_capacity" else entry.number(path)
            most = TOLERANCES.get(path)
            lines.append(check.Line(path, said, constant.text.strip('"'),
                                    f"{100 * (constant.value / value - 1):+.1f} %",
                                    abs(constant.value / value - 1) > most if most else None))
    clock, own_clock = fit.value("sustained_clock") or 1.0, entry.number("sustained_clock")
    for precision, surface in fit.surfaces.items():
        for work, share in surface.points:
            said = gemm.efficiency(entry.surface(precision), work) * own_clock
            judged = precision == "BF16" and 1e11 < work < 2e12
            lines.append(check.Line(f"{precision} GEMM of {work / 1e9:.4g} GFLOP, sustained", f"{said:.3f}",
                                    f"{share * clock:.3f}", f"{100 * (share * clock / said - 1):+.1f} %",
                                    abs(share * clock / said - 1) > SUSTAINED if judged else None))
    print(check.table(lines))
    off = sum(bool(line.off) for line in lines)
    print(f"\n{off} of {sum(line.off is not None for line in lines)} constants with a tolerance are off")
    return 1 if off else 0


def stacks_of(text):
    if not text:
        return dict(judge.STACKS)
    pairs = [pair.partition("=") for pair in text.split(",")]
    if any(how not in ("eager", "compiled", "fp32") or not stack for how, _, stack in pairs):
        raise UserError(f"--stacks: {text!r}; expected e.g. eager=pytorch_eager,"
                        "compiled=pytorch_compile,fp32=pytorch_autocast")
    return {how: stack for how, _, stack in pairs}


def run_judge(options, table, catalogue):
    entry = accelerator.Entry(catalogue, options.judge)
    stacks = stacks_of(options.stacks)
    if options.training_rows:
        write(options.training_rows, judge.cases_text(judge.training_rows(table, options.judge, stacks)[0]))
    program = judge.Program(options.gridlock, options.catalog)
    print(f"{options.judge} against {table.info().get('name', 'a card')}, "
          f"{', '.join(map(str, options.measured))}\n"
          "error = 100 (said / measured - 1) of times, watts and bytes; absolute but for the bias\n")
    print(judge.HEAD)
    found = []
    for sections in (judge.kernel_sections(table, entry),
                     judge.training_sections(table, options.judge, program, stacks),
                     judge.decode_sections(table, options.judge, program, options.engine)):
        for section in sections:
            if section.errors or section.note:
                found.append(section)
                print(section.line(), flush=True)
    if options.figures:
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["section", "rows", "median_pct", "p90_pct", "bias_pct", "note"])
        writer.writerows(section.cells() for section in found)
        write(options.figures, out.getvalue())
    return 0
