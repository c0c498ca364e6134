#!/usr/bin/env python3
"""Fits the catalogue's constants to measured tables and published steps, and says how well they fit.

Examples:
  tools/calibrate.py gemm --table h100_gemm_perf.csv.gz --accelerator h100_sxm --precision BF16
  tools/calibrate.py collectives --transport nvlink_4 --measurements FOLDER --write
  tools/calibrate.py convert --table ground_truth_single.csv -o vtrain.csv
  tools/calibrate.py floors --table ground_truth_single.csv
  tools/calibrate.py shapes --table ground_truth_single.csv
  tools/calibrate.py stack --stack megatron_core --accelerator h100_sxm \\
      --constants hbm_traffic_factor,tensor_overlap,sustained_clock
  tools/calibrate.py accelerator --measured card.jsonl --like h100_sxm --name my_card -o my_card.textproto
  tools/calibrate.py accelerator --measured card.jsonl --judge h200_sxm
  tools/calibrate.py uncertainty --cases training.csv -o workloads/validation/uncertainty.csv
  tools/calibrate.py serving --cases serving.csv --rounds 6
  tools/calibrate.py transfer --accelerator mi300x --precision BF16 --from h100_sxm
  tools/calibrate.py all --measurements FOLDER --check

Nothing is written without --write. Exit codes: 0 done, 1 --check found a constant that is off, 2 wrong
input, 3 a file cannot be read or written.
"""

import argparse
import datetime
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from calibration import (card, cases, check, collectives, gemm, plan, search, serving, shapes,  # noqa: E402
                         transfer, uncertainty)
from calibration.catalogue import Catalogue  # noqa: E402
from calibration.common import FileError, Progress, UserError, quantile, si  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent


def save(catalogue, options):
    if not options.write:
        print("\nNot written; --write puts it into the catalogue.")
        return
    for path in catalogue.save():
        print(f"wrote {path}")


def run_gemm(options):
    catalogue = Catalogue(options.catalog)
    surface, label = plan.fit_gemm(catalogue, options.table, options.accelerator, options.precision)
    document = catalogue.document("accelerator", options.accelerator)
    old = gemm.written(document, options.accelerator, options.precision)
    print(f"{options.accelerator} {options.precision}: {surface.rows} rows of {label}")
    print("    work      share of peak  rows  catalogue")
    for (work, share), rows in zip(surface.points, surface.counts):
        print(f"{work / 1e9:8.4g} GFLOP      {share:.3f}  {rows:6}      "
              f"{gemm.efficiency(old, work):.3f}")
    print(f"time of a row against the surface: median error {100 * surface.median_error:.1f} %, p90 "
          f"{100 * surface.p90_error:.1f} %")
    plan.write_gemm(catalogue, options.accelerator, options.precision, surface,
                    gemm.source(surface, label, options.origin, options.date,
                                options.precision))
    save(catalogue, options)


def run_collectives(options):
    catalogue = Catalogue(options.catalog)
    result = plan.fit_collectives(catalogue, options.measurements, options.published, options.transport)
    print(f"{options.transport}: {len(result.rows)} rows")
    for name in result.fields:
        old = collectives.text(name, result.old[name]) if name in result.old else "nothing"
        print(f"  {name:26} {collectives.text(name, result.fit[name]):>10}   catalogue {old}")
    for name, errors, loss in (("fitted", result.errors, result.loss),
                               ("catalogue", result.old_errors, result.old_loss)):
        absolute = [abs(error) for error in errors]
        print(f"  {name:10} median error {100 * quantile(absolute, 0.5):5.1f} %, p90 "
              f"{100 * quantile(absolute, 0.9):5.1f} %, mean |ln| {100 * loss:.2f} %")
    text = result.source(options.origin, options.date)
    print(f"  {text}")
    plan.write_collectives(catalogue, options.transport, result, text)
    save(catalogue, options)


def run_convert(options):
    rows = cases.vtrain(options.table)
    text = cases.table(rows, lambda row: options.role in (None, row["role"]))
    if options.output:
        cases.write(options.output, text)
        print(f"{text.count(chr(10)) - 1} rows in {options.output}")
    else:
        print(text, end="")


def print_found(found):
    print("    constant                                      catalogue        fitted   loss when moved")
    for c in found.constants:
        kept = "" if found.identified(c.name) else "   not identified: left as it was"
        print(f"    {c.name:42} {c.text(c.start):>12}  {c.text(found.values[c.name]):>12}   "
              f"+{100 * found.feels[c.name]:.2f} %{kept}")
    print(f"    mean |ln(simulated / published)|, each source and model alike: "
          f"{100 * found.first:.2f} -> {100 * found.loss:.2f} %")
    print_errors(found.rows, "    rows")


def print_errors(rows, label):
    signed = [float(r["error_pct"]) for r in rows if r["status"] == "simulated"]
    absolute = [abs(e) for e in signed]
    lost = len(rows) - len(signed)
    print(f"{label}: {len(rows)} ({lost} refused), median error {quantile(absolute, 0.5):.1f} %, p90 "
          f"{quantile(absolute, 0.9):.1f} %, bias {sum(signed) / len(signed):+.1f} %")


def write_found(catalogue, found, options):
    """Only what the rows identify; the others stay as they were, with their own source."""
    for kind, entry in sorted({(c.kind, c.entry) for c in found.constants}):
        kept = [c for c in found.constants if (c.kind, c.entry) == (kind, entry) and
                found.identified(c.name)]
        document = catalogue.document(kind, entry)
        for constant in kept:
            for field, text in constant.texts(found.values[constant.name]).items():
                document.set(kind, entry, field, text)
        if kept:
            document.set_source(kind, entry, [f for c in kept for f in c.fields],
                                search.source(found, kept, options.date))


def run_floors(options):
    rows = cases.sample(cases.vtrain(options.table), options.one_in)
    with tempfile.TemporaryDirectory(prefix="calibrate-") as folder:
        table = Path(folder) / "vtrain.csv"
        cases.write(table, cases.table(rows))
        simulator = search.Simulator(options.gridlock, options.catalog, [table], [])
        try:
            print(f"{plan.FLOOR_STACK}: one in {options.one_in} of the rows, half of them to fit")
            found = search.search(simulator, plan.FLOOR_STACK, plan.FLOOR_PART,
                                  options.constants or plan.FLOOR_CONSTANTS, Progress())
            print_found(found)
            changes = [(c.kind, c.entry, f, t) for c in found.constants
                       for f, t in c.texts(found.values[c.name]).items()]
            print_errors(simulator.rows(changes, role="holdout"), "    held out")
        finally:
            simulator.close()
    catalogue = Catalogue(options.catalog)
    write_found(catalogue, found, options)
    save(catalogue, options)


def run_shapes(options):
    rows = [dict(row, role="calibration") for row in
            cases.sample(cases.vtrain(options.table), options.one_in)]
    with tempfile.TemporaryDirectory(prefix="calibrate-") as folder:
        table = Path(folder) / "vtrain.csv"
        cases.write(table, cases.table(rows))
        simulator = search.Simulator(options.gridlock, options.catalog, [table], [])
        try:
            shapes.report(rows, shapes.errors_by_factor(simulator, Progress()))
        finally:
            simulator.close()


def run_stack(options):
    if not options.stack and not options.accelerator:
        raise UserError("stack: --stack or --accelerator, or both, say whose constants are fitted")
    filters = ["--stack", options.stack] if options.stack else []
    filters += ["--accelerator", options.accelerator] if options.accelerator else []
    simulator = search.Simulator(options.gridlock, options.catalog, options.cases, filters)
    try:
        found = search.search(simulator, options.stack, options.accelerator, options.constants,
                              Progress())
    finally:
        simulator.close()
    print(f"{options.stack or 'all stacks'} on {options.accelerator or 'all accelerators'}: "
          f"{search.describe(found.rows)}")
    print_found(found)
    catalogue = Catalogue(options.catalog)
    write_found(catalogue, found, options)
    save(catalogue, options)


def run_transfer(options):
    catalogue = Catalogue(options.catalog)
    if options.check:
        return report(list(check.transfer_lines(catalogue)))
    if not options.accelerator:
        raise UserError("transfer: --accelerator NAME, or --check")
    giver = options.donor or transfer.donor(catalogue, options.accelerator)
    if giver not in transfer.MEASURED.values():
        raise UserError(f"--from: {giver!r} was not measured; expected one of "
                        f"{', '.join(transfer.MEASURED.values())}")
    document = catalogue.document("accelerator", options.accelerator)
    scale = options.scale or transfer.scale_of(catalogue, options.accelerator)
    for precision in options.precision or transfer.precisions(document, options.accelerator):
        points = transfer.apply(catalogue, options.accelerator, precision, giver, scale)
        print(f"{options.accelerator} {precision} from {giver}: " +
              ", ".join(f"{work / 1e9:.3g} GFLOP {share:.3f}" for work, share in points))
    save(catalogue, options)
    return 0


def run_uncertainty(options):
    rows = uncertainty.Rows(options.gridlock, options.cases, options.role)
    table = uncertainty.Table(options.catalog, rows, Progress()).run()
    print(table.text())
    if options.output:
        cases.write(options.output, table.csv())
        print(f"wrote {options.output}")
    return 0


def report(lines):
    print(check.table(lines))
    off = [line for line in lines if line.off]
    print(f"\n{len(off)} of {len(lines)} lines are off" if off else "\nnothing is off")
    return 1 if off else 0


def run_all(options):
    if not options.check:
        return fit_all(options)
    catalogue = Catalogue(options.catalog)
    lines = list(check.gemm_lines(catalogue, options.measurements))
    lines += check.collective_lines(catalogue, options.measurements, options.published)
    lines += check.transfer_lines(catalogue)
    for stack, accelerator, names in plan.STACKS if options.steps else []:
        filters = ["--stack", stack] + (["--accelerator", accelerator] if accelerator else [])
        simulator = search.Simulator(options.gridlock, options.catalog, options.cases, filters)
        try:
            lines += check.stack_lines(simulator, stack, accelerator, names)
        finally:
            simulator.close()
    return report(lines)


def fit_all(options):
    """Every fit of plan.py, one after another: a later one sees what the earlier wrote."""
    if not options.write:
        raise UserError("all: either --check, or --write")
    folder = options.measurements

    def again(run, **more):
        run(argparse.Namespace(**{**vars(options), **more}))

    for accelerator, precision, pattern in plan.GEMMS:
        again(run_gemm, table=plan.find(folder, pattern), accelerator=accelerator, precision=precision)
    for transport in [*plan.INSIDE, *plan.ACROSS]:
        again(run_collectives, transport=transport)
    if options.steps:
        for stack, accelerator, names in plan.STACKS:
            again(run_stack, stack=stack, accelerator=accelerator, constants=names)
        again(run_floors, table=plan.find(folder, plan.FLOORS), constants=None)
    return 0


def parser():
    main = argparse.ArgumentParser(description=__doc__, prog="calibrate.py",
                                   formatter_class=argparse.RawDescriptionHelpFormatter)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--catalog", metavar="DIR", type=Path, default=ROOT,
                        help="root of the catalogue: topologies/catalog and workloads/catalog lie below "
                        "it (default: this source tree)")
    common.add_argument("--write", action="store_true", help="write the result into the catalogue")
    common.add_argument("--date", default=datetime.date.today().isoformat(),
                        help="date that the sources get (default: today)")
    common.add_argument("--origin", default=plan.AICONFIGURATOR,
                        help="public origin of the table, for the sources")
    simulated = argparse.ArgumentParser(add_help=False)
    simulated.add_argument("--gridlock", metavar="PROGRAM", type=Path,
                           default=ROOT / "build/release/tools/gridlock")
    simulated.add_argument("--one-in", metavar="N", type=int, default=4,
                           help="floors, shapes: take one row in N (default 4)")
    steps = argparse.ArgumentParser(add_help=False)
    steps.add_argument("--cases", metavar="FILE", type=Path, action="append",
                       help="published steps (default: the shipped table); repeatable")
    measured = argparse.ArgumentParser(add_help=False)
    measured.add_argument("--measurements", type=Path, required=True, metavar="FOLDER",
                          help="measured tables, as CONTRIBUTING.md names them")
    measured.add_argument("--published", type=Path, metavar="FILE.csv",
                          default=ROOT / "workloads/validation/collectives.csv",
                          help="published collectives (default: the shipped table); only rows of the "
                          "role calibration are fitted")
    commands = main.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name, run, what, *parents):
        command = commands.add_parser(name, parents=[common, *parents], help=what, description=what)
        command.set_defaults(run=run)
        return command

    one = add("gemm", run_gemm, "efficiency surface of an accelerator from measured GEMMs")
    one.add_argument("--table", type=Path, required=True, metavar="FILE.csv.gz")
    one.add_argument("--accelerator", required=True)
    one.add_argument("--precision", required=True, help=", ".join(gemm.DTYPES))
    one = add("collectives", run_collectives, "collective fit of a transport from measured latencies",
              measured)
    one.add_argument("--transport", required=True, help=", ".join([*plan.INSIDE, *plan.ACROSS]))
    one = add("convert", run_convert, "a vTrain table as one that gridlock validate --cases reads")
    one.add_argument("--table", type=Path, required=True, metavar="FILE.csv")
    one.add_argument("-o", "--output", type=Path)
    one.add_argument("--role", choices=["calibration", "holdout"], help="only this half")
    one = add("floors", run_floors, "launch floors of megatron_deepspeed from the vTrain table",
              simulated)
    one.add_argument("--table", type=Path, required=True, metavar="FILE.csv")
    one.add_argument("--constants", type=_names, help="instead of " + ",".join(plan.FLOOR_CONSTANTS))
    one = add("shapes", run_shapes, "launch floors of megatron_deepspeed, each shape of the vTrain table "
              "judged by the others", simulated)
    one.add_argument("--table", type=Path, required=True, metavar="FILE.csv")
    one = add("stack", run_stack, "constants of a stack, blind, from calibration rows", simulated, steps)
    one.add_argument("--stack", metavar="NAME")
    one.add_argument("--accelerator", metavar="NAME")
    one.add_argument("--constants", type=_names, required=True, metavar="A,B+C",
                     help="joined by + move together: " + ", ".join(search.Constant.RANGES))
    card.add_command(add, simulated)
    serving.add_command(add, simulated)
    one = add("transfer", run_transfer, "efficiency surface of a part that nobody measured")
    one.add_argument("--accelerator", metavar="NAME")
    one.add_argument("--precision", type=_names, metavar="A,B", help="default: all of the entry")
    one.add_argument("--from", dest="donor", metavar="NAME", help="measured part whose curve it takes")
    one.add_argument("--scale", type=float, metavar="X", help="its best GEMM's share over the donor's")
    one.add_argument("--check", action="store_true", help="compare all such entries with the rule")
    one = add("uncertainty", run_uncertainty, "errors by stack and accelerator, as they are and left out",
              simulated, steps)
    one.add_argument("--role", default="calibration", help="only rows of this role (default calibration); "
                     "\"\": all")
    one.add_argument("-o", "--output", metavar="FILE.csv", type=Path, help="the table that gridlock run "
                     "quotes is workloads/validation/uncertainty.csv")
    one = add("all", run_all, "every fit, in order", simulated, steps, measured)
    one.add_argument("--check", action="store_true", help="refit, compare with the catalogue, write "
                     "nothing; exit code 1 when a constant is off")
    one.add_argument("--no-steps", dest="steps", action="store_false",
                     help="leave out what needs simulated steps (minutes)")
    return main


def _names(text):
    return [name.strip() for name in text.split(",") if name.strip()]


def main(arguments=None):
    options = parser().parse_args(arguments)
    if getattr(options, "cases", ()) is None:
        options.cases = [ROOT / "workloads/validation/published.csv"]
    try:
        return options.run(options) or 0
    except UserError as error:
        print(f"calibrate.py: {error}", file=sys.stderr)
        return 2
    except FileError as error:
        print(f"calibrate.py: {error}", file=sys.stderr)
        return 3


if __name__ == "__main__":
    sys.exit(main())
