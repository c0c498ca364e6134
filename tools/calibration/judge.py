"""A catalogue entry against the table of a card: how far its numbers are off, section by section.

Kernels are timed by the entry's numbers in the way of the simulator (PassBuilder in
workloads/pass_builder.cpp); training steps are simulated by `gridlock validate` and `gridlock run`,
decoding by `gridlock serve`.
"""

import csv
import io
import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

from calibration import accelerator, cases, gemm
from calibration.accelerator import PRECISIONS, STREAMS, WIDTH, number, sustained_gemms, watts_of
from calibration.common import FileError, UserError, median, quantile

VOLTAGE_FLOOR = 0.7  # as in workloads/pass_builder.cpp
STACKS = {"eager": "pytorch_eager", "compiled": "pytorch_compile", "fp32": "pytorch_autocast"}
ENGINE = "gpt_fast"  # CUDA graphs, hardly any work of the host


class Judged(NamedTuple):
    """Signed relative errors of a section, with the names of its rows."""

    section: str
    errors: list
    names: list
    note: str = ""

    def line(self):
        if not self.errors:
            return f"{self.section:44} {0:>5}  {self.note}"
        absolute = [abs(e) for e in self.errors]
        worst = self.names[absolute.index(max(absolute))]
        return (f"{self.section:44} {len(absolute):>5} {100 * median(absolute):7.1f} "
                f"{100 * quantile(absolute, 0.9):7.1f} {100 * sum(self.errors) / len(absolute):+7.1f}  "
                f"{worst}{'; ' if self.note else ''}{self.note}")

    def cells(self):
        absolute = [abs(e) for e in self.errors]
        figures = [f"{100 * f:.1f}" for f in (median(absolute), quantile(absolute, 0.9),
                                              sum(self.errors) / len(absolute))] if absolute else [""] * 3
        return [self.section, len(absolute), *figures, self.note]


HEAD = f"{'section':44} {'rows':>5} {'median':>7} {'p90':>7} {'bias':>7}  worst row"


class Kernels:
    """Times and watts of single kernels by an entry."""

    def __init__(self, entry):
        self.entry = entry
        self.stream = entry.number("hbm_bandwidth") * entry.number("hbm_efficiency")
        self.clock = entry.number("sustained_clock")
        self.idle, self.limit, self.per_flop, self.per_byte = (
            entry.number(f"power.{name}") for name in ("idle", "limit", "per_flop", "per_hbm_byte"))
        given = {name: entry.number(f"power.{name}") if entry.get(f"power.{name}") else default
                 for name, default in (("active", self.idle), ("per_flop_at_full_clock", self.per_flop))}
        self.active = given["active"]
        self.full_clock = given["per_flop_at_full_clock"] / self.per_flop

    def gemm(self, precision, work, moved, clock=1.0):
        """Seconds, at a share of the clock."""
        peak = self.entry.peak(PRECISIONS[precision])
        share = gemm.efficiency(self.entry.surface(PRECISIONS[precision]), work)
        return max(work / (peak * share * clock), moved / self.stream)

    def sustained(self, precision, work, moved):
        """Seconds, watts and share of the clock of GEMMs that run for long, under the power limit."""
        seconds = self.gemm(precision, work, moved, self.clock)
        flops, stream = work * self.per_flop * WIDTH[precision] / 2, moved * self.per_byte
        budget = (self.limit - self.idle) * seconds

        def drawn(clock):
            return (flops * max(clock, VOLTAGE_FLOOR) ** 2 + stream) * clock

        low, high = 0.0, 1.0
        if drawn(1.0) > budget:
            for _ in range(50):
                middle = (low + high) / 2
                low, high = (middle, high) if drawn(middle) <= budget else (low, middle)
        clock = high if drawn(1.0) > budget else 1.0
        energy = flops * self.full_clock * max(clock, VOLTAGE_FLOOR) ** 2 + stream
        watts = min(self.limit, self.active + energy * clock / seconds)
        return seconds / clock, watts, self.clock * clock


def kernel_sections(table, entry):
    kernels = Kernels(entry)
    yield from _gemm_sections(table, entry, kernels)
    yield from _sustained_sections(table, kernels)
    yield from _attention_sections(table, entry)
    yield _section("HBM, copies and sums of 64 MiB and more", (
        (f"{row['kind']} of {row['mib']} MiB", kernels.stream / (number(row, "gbs") * 1e9), 1)
        for row in table.rows("hbm") if row["mib"] >= 64), slower=True)
    yield _section("HBM, watts of copies, reads and writes", (
        (row["name"], min(kernels.limit, kernels.active + number(row, "gbs") * 1e9 * kernels.per_byte),
         watts_of(row)) for row in map(table.power, STREAMS) if row and row.get("watts")))
    memory = table.info().get("memory")
    if memory:
        yield _section("capacity of HBM", [("PyTorch's", bytes_of(entry.get("hbm_capacity")), memory)])


def bytes_of(text):
    value, unit = text.split()
    return float(value) * (2 ** 30 if unit == "GiB" else {"GB": 1e9, "TB": 1e12, "MB": 1e6}[unit])


def _section(name, rows, slower=False, note=""):
    """Of (row's name, said, measured). `slower`: both are rates, and errors are of times."""
    names, errors = [], []
    for label, said, measured in rows:
        names.append(label)
        errors.append(measured / said - 1 if slower else said / measured - 1)
    return Judged(name, errors, names, note)


def _gemm_sections(table, entry, kernels):
    for name, precision in PRECISIONS.items():
        rows = [row for row in table.rows("gemm") if row.get("precision") == name]
        if not rows or not entry.peak(precision):
            continue
        for label, keep in (("m >= 256", lambda m: m >= 256), ("m < 256", lambda m: m < 256)):
            yield _section(f"GEMM {precision}, {label}", (
                (f"{row['m']} x {row['n']} x {row['k']}",
                 kernels.gemm(name, 2 * row["m"] * row["n"] * row["k"],
                              accelerator.gemm_bytes(name, row["m"], row["n"], row["k"])),
                 number(row, "time_us") * 1e-6) for row in rows if keep(row["m"])))


def _sustained_sections(table, kernels):
    gemms = [(g, kernels.sustained(g.precision, g.work, g.stream * g.work / g.rate))
             for g in sustained_gemms(table) if kernels.entry.peak(PRECISIONS[g.precision])]
    yield _section("sustained GEMM, time", ((g.name, s[0], g.work / g.rate) for g, s in gemms))
    yield _section("sustained GEMM, watts", ((g.name, s[1], g.watts) for g, s in gemms))
    most = table.info().get("max_sm_mhz") or max(
        (row.get("clock_mhz", 0) for row in table.rows("power")), default=0)
    if most:
        yield _section("sustained GEMM, clock over its maximum", (
            (g.name, s[2], g.clock / most) for g, s in gemms if g.clock))


def attention_slowdown(head, tokens, lost, softmax):
    """As KernelSlowdown of workloads/attention.cpp, of heads that are a multiple of 8 wide."""
    width = 64 * -(-head // 64)
    return (1 + lost / min(tokens, 8192)) / (1 + lost / 5800) * (width + softmax) / (128 + softmax) * 128 / head


def _attention_sections(table, entry):
    for label, keep in (("4,096 tokens and more", lambda s: s >= 4096), ("shorter", lambda s: s < 4096)):
        for field, column, way, lost, softmax in (
                ("attention_efficiency", "forward_tflops", "forward", 335, 64),
                ("attention_backward_efficiency", "backward_tflops", "backward", 1150, 43)):
            rate = entry.peak("BF16") * entry.number(f"rate[BF16].{field}")
            yield _section(f"attention {way}, {label}", (
                (f"{row['heads']} heads of {row['head_dim']}, {row['seq']} tokens",
                 rate / attention_slowdown(row["head_dim"], row["seq"], lost, softmax),
                 number(row, column) * 1e12) for row in table.rows("attention") if keep(row["seq"])),
                slower=True)


# Training steps.

def training_rows(table, name, stacks):
    """The steps as rows of `gridlock validate --cases`, and the rows that have no stack."""
    rows, left = [], []
    for index, row in enumerate(table.rows("training")):
        how = "compiled" if row.get("compiled") else "eager"
        how = "fp32" if row.get("parameters_dtype") == "fp32" else how
        if how not in stacks or "step_s" not in row:
            left.append(row)
            continue
        rows.append({
            **{k: row[k] for k in ("layers", "hidden", "heads", "kv_heads", "ffn", "gated", "vocab", "seq",
                                   "micro_batch")},
            "id": f"{row['name']}-s{row['seq']}-b{row['micro_batch']}-{how}"
                  f"{'-recomputed' if row.get('recompute') else ''}-{index}",
            "role": "measured", "source": "one card", "stack": stacks[how], "accelerator": name,
            "accelerators": 1, "domain": 1, "model": row["name"], "tp": 1, "pp": 1, "dp": 1, "ep": 1, "cp": 1,
            "zero": 0, "sequence_parallel": 0, "recompute": "full" if row.get("recompute") else "none",
            "global_batch": row["micro_batch"], "precision": "bf16", "step_time_s": row["step_s"],
            "measured_gib": f"{number(row, 'peak_bytes') / 2 ** 30:.4f}", "kind": "allocated", "fits": 1,
            "how": how, "watts": row.get("watts", "")})
    return rows, left


def cases_text(rows):
    columns = [*cases.STRICT, "measured_gib", "kind", "capacity_gib", "fits"]
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, restval="", lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


class Program:
    """gridlock with the catalogue below `root`."""

    def __init__(self, path, root):
        self.path, self.environment = Path(path), dict(os.environ, GRIDLOCK_CATALOG=str(root))

    def __call__(self, *arguments):
        try:
            done = subprocess.run([str(self.path), *map(str, arguments)], env=self.environment,
                                  capture_output=True, text=True, check=False)
        except OSError as error:
            raise FileError(f"{self.path}: {error.strerror}; build it, or name it with --gridlock") from None
        if done.returncode != 0:
            raise UserError(done.stderr.strip() or f"gridlock {arguments[0]} failed")
        return done.stdout


def training_sections(table, name, program, stacks):
    rows, left = training_rows(table, name, stacks)
    by_id = {row["id"]: row for row in rows}
    if not rows:
        return
    with tempfile.TemporaryDirectory(prefix="judge-") as folder:
        path = Path(folder) / "steps.csv"
        path.write_text(cases_text(rows), encoding="utf-8")
        found = list(csv.DictReader(io.StringIO(program("validate", "--cases", path, "--format", "csv",
                                                        "--quiet"))))
        watts = {row["id"]: _simulated_watts(program, path, folder, row["id"]) for row in found
                 if row["status"] == "simulated" and by_id[row["id"]]["watts"]}
    for how in stacks:
        done = [row for row in found if by_id[row["id"]]["how"] == how and row["status"] == "simulated"]
        if not done:
            continue
        refused = sum(by_id[row["id"]]["how"] == how for row in found) - len(done)
        note = f"stack {stacks[how]}" + (f", {refused} refused" if refused else "")
        yield _section(f"training {how}, step", (
            (row["id"], float(row["predicted_s"]), float(row["published_s"])) for row in done), note=note)
        yield _section(f"training {how}, peak of HBM", (
            (row["id"], float(row["peak_hbm_bytes"]) / 2 ** 30, float(by_id[row["id"]]["measured_gib"]))
            for row in done if row["peak_hbm_bytes"]))
        yield _section(f"training {how}, watts", (
            (row["id"], watts[row["id"]], float(by_id[row["id"]]["watts"])) for row in done
            if row["id"] in watts))
    if left:
        yield Judged("training, not judged", [], [], f"{len(left)} rows: FP32 weights without a stack "
                     "(--stacks fp32=NAME), or out of memory")


def _simulated_watts(program, cases_file, folder, row):
    """Of the accelerator, over the step."""
    scenario = Path(folder) / "row.textproto"
    program("validate", "--cases", cases_file, "--scenario", row, "-o", scenario)
    report = json.loads(program("run", scenario, "--format", "json", "--quiet"))
    return report["accelerator_mean_power_w"]


# Decoding.

def decode_sections(table, name, program, engine):
    """Milliseconds of an iteration, from the time per output token of a batch that stays full."""
    rows = [row for row in table.rows("decode") if row.get("model") == "llama-8b shape"]
    pairs, missing = [], ""
    for row in rows:
        try:
            report = json.loads(program(
                "serve", "--model", "llama-3.1-8b", "--part", name, "--engine", engine, "--concurrency",
                row["batch"], "--batch-max", row["batch"], "--requests", row["batch"], "--input",
                max(row["context"] - 8, 1), "--output-tokens", 16, "--format", "json"))
        except UserError as error:
            missing = str(error).splitlines()[0]
            continue
        pairs.append((f"batch {row['batch']}, context {row['context']}",
                      1e3 * report["tpot_s"]["median"], number(row, "graph_ms")))
    if rows:
        yield _section("decode, an iteration", pairs, note=f"engine {engine}" if pairs else missing)
