"""An accelerator's entry from the table that tools/measure_accelerator.py writes on one card.

What one card can tell: GEMM efficiency by work, attention, HBM, capacity, idle power, power limit,
joules per FLOP and byte, and what sustained load costs. What it cannot: dense peaks, the peak of HBM,
links to other cards, price; those come from the entry that the new one is like, or from options.

The energies follow from the equation that the simulator uses, power = idle + FLOP/s per_flop + B/s
per_hbm_byte:

* per_hbm_byte: mean over copies, reads and writes of HBM of (watts - idle board) / (bytes/s);
* per_flop: mean over sustained GEMMs of (watts - idle with a context - HBM bytes/s per_hbm_byte) /
  (FLOP/s x width / 16 bits).
"""

import csv
import io
import json
from pathlib import Path
from typing import NamedTuple

from calibration import gemm
from calibration.common import UserError, median, read_text, si, significant
from calibration.textproto import source_block

SECTIONS = ("info", "gemm", "power", "attention", "hbm", "training", "decode", "prefill")
FEWEST_ROWS = 3  # of a bin of GEMMs; a five-minute table is thin
LONG = (4096, 8192)  # tokens of the attention rows that count, as in the sources of shipped entries
HEAD = 128
LARGE_MIB = 256  # of copies that count; smaller ones lie in caches
PRECISIONS = {"bf16": "BF16", "fp8": "FP8"}
WIDTH = {"bf16": 2, "fp8": 1}
# Sustained GEMMs of tables whose rows do not say m, n, k themselves, by name.
NAMED_GEMMS = {"gemm_bf16_8192_random": ("bf16", 8192, 8192, 8192),
               "gemm_bf16_4096x28672x8192_llm": ("bf16", 4096, 28672, 8192),
               "gemm_fp8_4096x28672x8192_llm": ("fp8", 4096, 28672, 8192),
               "gemm_fp8_8192_random": ("fp8", 8192, 8192, 8192)}
STREAMS = ("copy_2gib", "read_reduce_2gib", "write_fill_2gib")


class Table:
    """Rows by section, as dicts of numbers and texts."""

    def __init__(self, paths):
        self.sections, self.unused, self.paths = {}, 0, [str(p) for p in paths]
        for path in paths:
            for row in _rows(path):
                section = row.pop("section", None) or row.pop("kind_of_row", None)
                if section in SECTIONS:
                    self.sections.setdefault(section, []).append(row)
                else:
                    self.unused += 1
        if not self.sections:
            raise UserError(f"{', '.join(self.paths)}: no row of a section {', '.join(SECTIONS)}; "
                            "expected a table of tools/measure_accelerator.py")

    def rows(self, section):
        return self.sections.get(section, [])

    def info(self):
        return self.rows("info")[0] if self.rows("info") else {}

    def power(self, name):
        """The row of a sustained run, or None."""
        return next((row for row in self.rows("power") if row.get("name") == name), None)


def _rows(path):
    text = read_text(path)
    if text.lstrip().startswith("{"):
        return [_json_row(path, number, line) for number, line in enumerate(text.splitlines(), 1)
                if line.strip()]
    reader = csv.DictReader(io.StringIO(text, newline=""))
    names = reader.fieldnames or []
    if "section" not in names and "kind_of_row" not in names:
        raise UserError(f"{path}:1: no column section; expected JSON lines or CSV of "
                        "tools/measure_accelerator.py")
    return [{k: _value(v) for k, v in row.items() if k and v not in ("", None)} for row in reader]


def _json_row(path, number, line):
    try:
        row = json.loads(line)
    except ValueError as error:
        raise UserError(f"{path}:{number}: not a JSON object ({error})") from None
    if not isinstance(row, dict):
        raise UserError(f"{path}:{number}: expected a JSON object with a section")
    return row


def _value(text):
    try:
        return {"True": True, "False": False}.get(text, None) if text in ("True", "False") else (
            float(text) if any(c in text for c in ".eEn") else int(text))
    except ValueError:
        return text


def number(row, name):
    value = row.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < float("inf"):
        raise UserError(f"row {row}: {name} is {value!r}; expected a number above zero")
    return float(value)


class Sustained(NamedTuple):
    """A sustained GEMM: FLOP of a call, FLOP/s, bytes/s as counted by the simulator, watts."""

    name: str
    precision: str
    work: float
    rate: float
    stream: float
    watts: float
    clock: float


def watts_of(row):
    """Of the second half, when the board has settled; over all of it where that is all there is."""
    return number(row, "watts_late" if row.get("watts_late") else "watts")


def gemm_bytes(precision, m, n, k):
    """Inputs in the format, the result in 16 bits: what the simulator counts."""
    return WIDTH[precision] * (m * k + n * k) + 2 * m * n


def sustained_gemms(table):
    found = []
    for row in table.rows("power"):
        shape = NAMED_GEMMS.get(row.get("name"))
        if row.get("m") and row.get("precision") in WIDTH:
            shape = (row["precision"], *(number(row, c) for c in "mnk"))
        if shape and row.get("watts"):
            precision, m, n, k = shape
            seconds = number(row, "time_s")
            found.append(Sustained(row["name"], precision, 2 * m * n * k, 2 * m * n * k / seconds,
                                   gemm_bytes(precision, m, n, k) / seconds, watts_of(row),
                                   row.get("clock_mhz", 0)))
    return found


class Constant(NamedTuple):
    """A number of the entry: its path, its value in SI or as a share, its text, and how it was found."""

    path: str
    value: float
    text: str
    origin: str


class Fit:
    """The constants that a table gives, by path; `surfaces` by format; what it does not give."""

    def __init__(self, table, peaks, hbm_peak, idle):
        self.table, self.peaks, self.constants, self.surfaces = table, peaks, {}, {}
        self.missing = []
        self._capacity()
        self._gemm()
        self._attention()
        self._hbm(hbm_peak)
        self._power(idle)
        self._clock()

    def value(self, path):
        return self.constants[path].value if path in self.constants else None

    def _keep(self, path, value, text, origin):
        self.constants[path] = Constant(path, value, text, origin)

    def _lacks(self, section, what):
        self.missing.append(f"{what}: the table has no section {section}")

    def _capacity(self):
        memory = self.table.info().get("memory")
        if not memory:
            return self._lacks("info", "hbm_capacity, power.limit")
        gib = memory / 2 ** 30
        self._keep("hbm_capacity", memory, f'"{gib:.2f} GiB"', "as PyTorch counts it")
        limit = self.table.info().get("limit_w")
        if limit:
            self._keep("power.limit", limit, f'"{significant(limit)} W"', "as the driver enforces it")
        return None

    def _gemm(self):
        for name, precision in PRECISIONS.items():
            rows = [(2 * row["m"] * row["n"] * row["k"], number(row, "time_us") * 1e-6)
                    for row in self.table.rows("gemm")
                    if row.get("precision") == name and row["m"] >= gemm.SMALLEST_M and
                    row["n"] >= gemm.SMALLEST_NK and row["k"] >= gemm.SMALLEST_NK]
            if not rows or precision not in self.peaks:
                self._lacks("gemm", f"rate[{precision}].gemm")
                continue
            surface = gemm.fit(rows, self.peaks[precision], FEWEST_ROWS)
            self.surfaces[precision] = surface
            self._keep(f"rate[{precision}].gemm", surface.points[-1][1], "",
                       f"{surface.rows} GEMMs, median of 2 m n k / time / peak in half-decade bins of "
                       f"work ({min(surface.counts)} to {max(surface.counts)} rows in each); time of a "
                       f"row against the surface: median error {100 * surface.median_error:.1f} %, p90 "
                       f"{100 * surface.p90_error:.0f} %")

    def _attention(self):
        rows = [row for row in self.table.rows("attention")
                if row.get("head_dim") == HEAD and LONG[0] <= row["seq"] <= LONG[1]]
        if not rows:
            return self._lacks("attention", "attention_efficiency")
        for field, column in (("attention_efficiency", "forward_tflops"),
                              ("attention_backward_efficiency", "backward_tflops")):
            rates = [number(row, column) * 1e12 for row in rows]
            typical = median(rates)
            spread = median([abs(typical / rate - 1) for rate in rates])
            for precision in [p for p in PRECISIONS.values() if p in self.peaks]:
                share = round(min(typical / self.peaks[precision], 1.0), 3)
                self._keep(f"rate[{precision}].{field}", share, significant(share),
                           f"median of {len(rates)} causal shapes with heads of {HEAD}, {LONG[0]:,} to "
                           f"{LONG[1]:,} tokens, in BF16; median error of a shape {100 * spread:.1f} %")
        return None

    def _hbm(self, peak):
        rates = [number(row, "gbs") for row in self.table.rows("hbm")
                 if row.get("kind") == "add" and row["mib"] >= LARGE_MIB]
        sustained = self.table.power(STREAMS[0])
        rates += [number(sustained, "gbs")] if sustained else []
        if not rates or not peak:
            return self._lacks("hbm", "hbm_efficiency")
        share = median(rates) * 1e9 / peak
        if share > 1:
            raise UserError(f"the memory of this card gives {median(rates):,.0f} GB/s, more than the peak "
                            f"of {peak / 1e9:,.0f} GB/s that --like or --hbm-bandwidth says; expected "
                            "--hbm-bandwidth of the card, e.g. '4800 GB/s', or --like another entry")
        self._keep("hbm_efficiency", share, significant(share),
                   f"median of {len(rates)} streams of {LARGE_MIB} MiB and more, {min(rates):,.0f} to "
                   f"{max(rates):,.0f} GB/s")
        return None

    def _power(self, idle):
        bare, context = self.table.power("idle_bare"), self.table.power("idle_context")
        streams = [row for row in map(self.table.power, STREAMS[:2]) if row and row.get("watts")]
        gemms = sustained_gemms(self.table)
        if not (streams and gemms and context):
            return self._lacks("power", "power.per_flop, power.per_hbm_byte")
        if bare:
            idle = watts_of(bare)
            self._keep("power.idle", idle, f'"{significant(idle)} W"', "before a context exists")
        active = watts_of(context)
        self._keep("power.active", active, f'"{significant(active)} W"', "with a context and idle")
        per_byte = [(watts_of(row) - active) / (number(row, "gbs") * 1e9) for row in streams]
        byte = sum(per_byte) / len(per_byte)
        self._keep("power.per_hbm_byte", byte, f'"{significant(byte * 1e12)} pJ/B"',
                   f"mean of {len(streams)} of copies and reads, "
                   f"{min(per_byte) * 1e12:.0f} to {max(per_byte) * 1e12:.0f} pJ/B over an idle context of "
                   f"{active:.0f} W")
        per_flop = [(g.watts - watts_of(context) - g.stream * byte) / (g.rate * WIDTH[g.precision] / 2)
                    for g in gemms]
        flop = sum(per_flop) / len(per_flop)
        self._keep("power.per_flop", flop, f'"{significant(flop * 1e12)} pJ/FLOP"',
                   f"mean of {len(gemms)} sustained GEMMs, {min(per_flop) * 1e12:.2f} to "
                   f"{max(per_flop) * 1e12:.2f} pJ/FLOP over an idle context of {watts_of(context):.0f} W "
                   "and HBM; other formats by their width")
        return None

    def _clock(self):
        shares = []
        for each in sustained_gemms(self.table):
            precision = PRECISIONS[each.precision]
            if precision in self.surfaces:
                burst = gemm.efficiency(self.surfaces[precision].points, each.work)
                shares.append(each.rate / (burst * self.peaks[precision]))
        if not shares:
            return self._lacks("power", "sustained_clock")
        share = round(min(median(shares), 1.0), 3)
        self._keep("sustained_clock", share, significant(share),
                   f"median of {len(shares)} GEMMs that run for seconds over the surface of the short ones, "
                   f"{min(shares):.2f} to {max(shares):.2f}")
        return None

    def surface_errors(self):
        return {p: (s.median_error, s.p90_error) for p, s in self.surfaces.items()}


class Entry:
    """Numbers of a catalogue entry, those of the entries that it is like included."""

    def __init__(self, catalogue, name):
        self.name, self._catalogue = name, catalogue
        self.document = catalogue.document("accelerator", name)

    def _like(self):
        like = self.document.get("accelerator", self.name, "like")
        return Entry(self._catalogue, like) if like else None

    def get(self, path):
        """The text, or None."""
        found = self.document.get("accelerator", self.name, path)
        like = self._like() if found is None else None
        return like.get(path) if like else found

    def number(self, path):
        text = self.get(path)
        if text is None:
            raise UserError(f"accelerator {self.name} has no {path}")
        try:
            return float(text)
        except ValueError:
            return si(text)

    def peak(self, precision):
        text = self.get(f"rate[{precision}].peak")
        return si(text) if text else 0.0

    def surface(self, precision):
        points = gemm.written(self.document, self.name, precision)
        like = self._like() if not points else None
        return like.surface(precision) if like else points


def base_numbers(catalogue, like, given_peaks, given_hbm):
    """Peaks by format, the peak of HBM and the idle power, from options and from the entry `like`."""
    peaks, hbm, idle = {}, si(given_hbm) if given_hbm else 0, 0
    if like:
        base = Entry(catalogue, like)
        peaks = {p: base.peak(p) for p in PRECISIONS.values() if base.peak(p) > 0}
        hbm = hbm or base.number("hbm_bandwidth")
        idle = base.number("power.idle")
    for text in given_peaks or []:
        precision, _, peak = text.partition("=")
        if precision not in PRECISIONS.values() or not peak:
            raise UserError(f"--peak: {text!r}; expected e.g. BF16=989TFLOPS, of "
                            f"{' and '.join(PRECISIONS.values())}")
        peaks[precision] = si(peak)
    return peaks, hbm, idle


def entry(fit, name, like, given, date):
    """The textproto of the entry; `given` are the texts of options by path."""
    info = fit.table.info()
    title = info.get("name", "")
    lines = [f"# {title or name}, measured on one card and fitted {date}.", "accelerator {",
             f'  name: "{name}"'] + ([f'  title: "{title}"'] if title else [])
    lines += [f'  like: "{like}"'] if like else []
    for precision in [p for p in fit.peaks if f"rate[{p}].gemm" in fit.constants or not like]:
        lines += ["  rate {", f"    precision: {precision}",
                  f'    peak: "{significant(fit.peaks[precision] / 1e12, 5)} TFLOPS"']
        if precision in fit.surfaces:
            bodies = gemm.bodies(fit.surfaces[precision].points)
            lines += ["    " + " ".join(f"gemm {{ {b} }}" for b in bodies[i:i + 2])
                      for i in range(0, len(bodies), 2)]
        lines += [f"    {field}: {fit.constants[f'rate[{precision}].{field}'].text}"
                  for field in ("attention_efficiency", "attention_backward_efficiency")
                  if f"rate[{precision}].{field}" in fit.constants]
        lines += ["  }"]
    scalars = {**{p: c.text for p, c in fit.constants.items() if not p.startswith("rate")}, **given}
    for path in ("hbm_capacity", "hbm_bandwidth", "hbm_efficiency", "scale_up", "sustained_clock"):
        if path in scalars:
            value = scalars[path]
            lines += [f"  {path} {{ bidirectional: {value} }}" if path == "scale_up"
                      else f"  {path}: {value}"]
    if "power.per_flop" in fit.constants:  # and not what another card draws at its full clock
        scalars["power.per_flop_at_full_clock"] = scalars["power.per_flop"]
    inside = [f"    {path[6:]}: {text}" for path, text in scalars.items() if path.startswith("power.")]
    lines += ["  power {", *inside, "  }"] if inside else []
    return "\n".join(lines + ["  " + block for block in _sources(fit, given, like, date)] + ["}"]) + "\n"


def _sources(fit, given, like, date):
    info = fit.table.info()
    card = ", ".join(str(v) for v in (
        f"one {info.get('name', 'card')}", info.get("torch") and f"PyTorch {info['torch']}",
        info.get("driver") and f"driver {info['driver']}", info.get("date") and f"measured {info['date']}")
        if v)
    command = f"Fitted {date} by tools/calibrate.py accelerator."
    blocks = [source_block([c.path], f"{card}: {c.origin}. {command}", False)
              for c in fit.constants.values()]
    if "power.per_flop" in fit.constants:
        blocks.append(source_block(["power.per_flop_at_full_clock"], "As power.per_flop: the table has no work at the "
                                   "full clock that stays below the limit.", True))
    if given:
        blocks.append(source_block(sorted(given), f"Given to tools/calibrate.py accelerator, {date}.", True))
    if fit.peaks:
        peaks = [f"rate[{p}].peak" for p in fit.peaks if f"rate[{p}].gemm" in fit.constants or not like]
        origin = f"as {like}" if like else "given to tools/calibrate.py accelerator"
        blocks += [source_block(peaks, f"Dense peak, {origin}.", not like)] if peaks else []
    return blocks


def fit_lines(fit):
    """What was found, a line for each constant."""
    lines = []
    for path, constant in fit.constants.items():
        if path.endswith(".gemm"):
            points = fit.surfaces[path[5:-6]].points
            shown = " ".join(f"{w / 1e9:.4g}:{e:.3f}" for w, e in points)
            lines.append(f"  {path:38} {shown}  (GFLOP: share of the peak)")
        else:
            lines.append(f"  {path:38} {constant.text.strip(chr(34)):>14}  {constant.origin}")
    return lines + [f"  not measured: {what}" for what in fit.missing]


def default_name(paths):
    return Path(paths[0]).stem.replace("-", "_").lower()
