"""What to expect of a step time: errors by stack and by accelerator, as they are and left out.

A stack is left out by giving its rows the constants of another one of its family that does not start
from it, or of the stack that stands for any framework: what a framework gets that nobody fitted. An
accelerator is left out by giving it the efficiencies and the sustained clock of the nearest measured
part, moved by the ratio of the peaks: what a part gets that nobody measured. Peaks, HBM, links and
power limits stay, for they stand in datasheets.

Rows that a constant was fitted to come out better than others; those of a left-out stack or part
were not seen by what stands in for it.
"""

import csv
import io
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from calibration import gemm, transfer
from calibration.accelerator import Entry
from calibration.catalogue import FOLDERS, Catalogue
from calibration.common import FileError, UserError, quantile

COLUMNS = ("group", "stack", "accelerator", "rows", "refused", "median_pct", "p90_pct", "bias_pct", "instead")
FEWEST_OF_PAIR = 5


class Group:
    """Rows with something in common: signed errors in per cent, and how many were not simulated."""

    def __init__(self, group, stack="", accelerator="", instead=""):
        self.key, self.instead, self.errors, self.refused = (group, stack, accelerator), instead, [], 0

        self.parts = []  # groups that each count the same, whatever their rows

    def add(self, row):
        if row["status"] == "simulated" and row["error_pct"]:
            self.errors.append(float(row["error_pct"]))
        elif row["status"] != "unsupported":
            self.refused += 1

    def cells(self):
        parts = [part for part in self.parts if part.errors] or [self]
        weighed = sorted((abs(e), 1 / len(part.errors)) for part in parts for e in part.errors)
        bias = sum(sum(part.errors) / len(part.errors) for part in parts) / len(parts)
        figures = [f"{f:.1f}" for f in (weighted(weighed, 0.5), weighted(weighed, 0.9), bias)]
        return [*self.key, len(self.errors), self.refused, *figures, self.instead]


def weighted(values, share):
    """The quantile of sorted (value, weight): linear between the middles of their weights."""
    if len({weight for _, weight in values}) == 1:
        return quantile([value for value, _ in values], share)
    whole, passed, before = sum(weight for _, weight in values), 0.0, None
    for value, weight in values:
        middle = (passed + weight / 2) / whole
        if middle >= share:
            if before is None:
                return value
            low, at = before
            return low + (value - low) * (share - at) / (middle - at)
        passed, before = passed + weight, (value, middle)
    return values[-1][0]


class Rows:
    """`gridlock validate` under a catalogue."""

    def __init__(self, gridlock, tables, role):
        self.gridlock, self.tables, self.role = gridlock, tables, role

    def __call__(self, root, *filters):
        command = [str(self.gridlock), "validate", "--format", "csv", "--quiet", *filters]
        command += ["--role", self.role] if self.role else []
        for table in self.tables:
            command += ["--cases", str(table)]
        try:
            done = subprocess.run(command, env=dict(os.environ, GRIDLOCK_CATALOG=str(root)),
                                  capture_output=True, text=True, check=False)
        except OSError as error:
            raise FileError(f"{self.gridlock}: {error.strerror}; build it, or name it with --gridlock") from None
        if done.returncode == 2 and "leave no row" in done.stderr:
            return []
        if done.returncode not in (0, 1):
            raise UserError(done.stderr.strip())
        return list(csv.DictReader(io.StringIO(done.stdout)))


class Stack:
    """A stack of the catalogue, as far as leaving it out asks."""

    def __init__(self, document, name):
        self.name, self.document = name, document
        self.like = document.get("stack", name, "like")
        self.family = document.get("stack", name, "family") or ""
        self.when_short = document.get("stack", name, "when_short") or ""
        field = next((f for f in document.entry("stack", name).fields if f.name == "stands_for"), None)
        self.stands_for = document.text[slice(*field.value)] if field else ""


def stacks_of(catalogue):
    return {name: Stack(catalogue.document("stack", name), name) for name in catalogue.names("stack")}


def starts_from(stacks, name, other):
    """Whether `name` is `other`, or has constants of it by `like`."""
    while name:
        if name == other:
            return True
        name = stacks[name].like
    return False


def stack_instead(stacks, name, rows):
    """Of the family, the one with most rows that does not start from `name`, or of a family of one
    accelerator one that was fitted on steps of our own; else of the same kind (the first word) with
    rows; else the stack of any framework."""
    short = {s.when_short for s in stacks.values()}  # what others go over to is no loop of its own
    free = [s for s in stacks.values()
            if not starts_from(stacks, s.name, name) and s.name not in short]
    alone = stacks[name].family.endswith("one accelerator")
    for kind, needed in ((lambda s: s.family, 0 if alone else 1),
                         (lambda s: s.family.replace(",", " ").split(" ")[0], 1)):
        family = [s for s in free if kind(s) == kind(stacks[name]) and rows.get(s.name, 0) >= needed]
        if family:
            return max(family, key=lambda s: (rows.get(s.name, 0), s.name)).name
    anyone = [s for s in free if '"*"' in s.stands_for]
    return anyone[0].name if anyone else max(free, key=lambda s: (rows.get(s.name, 0), s.name)).name


def leave_stack_out(root, name, instead):
    """Rewrites the entry below `root`: all constants are those of `instead`."""
    catalogue = Catalogue(root)
    document = catalogue.document("stack", name)
    entry, own = document.entry("stack", name), Stack(document, name)
    stands_for = f"  stands_for: {own.stands_for}\n" if own.stands_for else ""
    alias = next((document.text[slice(*f.value)] for f in entry.fields if f.name == "alias"), "")
    body = (f'stack {{\n  name: "{name}"\n  like: "{instead}"\n{stands_for}'
            + (f"  alias: {alias}\n" if alias else "") + '  source { text: "left out" }\n}')
    document.text = document.text[:entry.start] + body + document.text[entry.end:]
    document.reparse()
    catalogue.save()


def accelerator_instead(catalogue, name):
    """The measured part that the transfer rule names, or the nearest other one in launch."""
    others = [part for part in transfer.MEASURED.values() if part != name]
    entry = Entry(catalogue, name)
    try:
        giver = transfer.donor(catalogue, name)
    except UserError:
        if not (entry.get("title") or "").startswith(transfer.VENDOR):
            return transfer.MEASURED["A100"]  # of another vendor, and no source names one
        giver = ""
    if giver in others:
        return giver
    mine = transfer.month(entry.get("facts.launch"))
    return min(others, key=lambda part: abs(
        transfer.month(Entry(catalogue, part).get("facts.launch")) - mine))


def leave_accelerator_out(root, name, instead):
    catalogue = Catalogue(root)
    document = catalogue.document("accelerator", name)
    giver, own = Entry(catalogue, instead), Entry(catalogue, name)
    for precision in ("BF16", "FP8", "FP4", "INT8", "TF32", "FP32"):
        if not own.peak(precision):
            continue
        theirs = precision if giver.peak(precision) else "BF16"
        points = gemm.scaled(giver.surface(theirs), own.peak(precision) / giver.peak(theirs))
        _set_rate(document, name, precision, points, {
            field: giver.get(f"rate[{theirs}].{field}")
            for field in ("attention_efficiency", "attention_backward_efficiency")})
    for field in ("sustained_clock", "hbm_efficiency"):
        document.set("accelerator", name, field, giver.get(field))
    document.set("accelerator", name, "portable_attention", giver.get("portable_attention") or "1")
    if all(fields for fields, _, _ in document.sources("accelerator", name)):
        _append(document, name, '  source { text: "left out" }\n')
    catalogue.save()


def _set_rate(document, name, precision, points, shares):
    """The format's rate of its own entry, which is added where it comes from another one."""
    if document.blocks("accelerator", name, f"rate[{precision}].gemm"):
        document.set_blocks("accelerator", name, f"rate[{precision}].gemm", gemm.bodies(points))
        for field, text in shares.items():
            document.set("accelerator", name, f"rate[{precision}].{field}", text)
        return
    written = any(block.get("precision") == precision for block in
                  document.blocks("accelerator", name, "rate"))
    inside = " ".join([f"gemm {{ {body} }}" for body in gemm.bodies(points)] +
                      [f"{field}: {text}" for field, text in shares.items()])
    if written:
        document.set("accelerator", name, f"rate[{precision}].precision", f"{precision} {inside}")
        return
    _append(document, name, f"  rate {{ precision: {precision} {inside} }}\n")


def _append(document, name, text):
    at = document.entry("accelerator", name).end - 1
    document.text = document.text[:at] + text + document.text[at:]
    document.reparse()


class Table:
    """The whole: groups in the order of the file."""

    def __init__(self, root, rows, progress):
        self.root, self.rows, self.progress = Path(root), rows, progress
        self.catalogue = Catalogue(root)
        self.stacks, self.groups = stacks_of(self.catalogue), {}
        self.counts = {}

    def _group(self, group, stack="", accelerator="", instead=""):
        return self.groups.setdefault((group, stack, accelerator), Group(group, stack, accelerator, instead))

    def _copy(self):
        folder = tempfile.TemporaryDirectory(prefix="left-out-")
        for name in FOLDERS:
            shutil.copytree(self.root / name, Path(folder.name) / name)
        return folder

    def run(self):
        by_stack = {}
        for name in self.stacks:
            by_stack[name] = self.rows(self.root, "--stack", name)
            self.progress.show(f"as they are: {name}")
        self.counts = {name: len(found) for name, found in by_stack.items()}
        for name, found in by_stack.items():
            for row in found:
                for key in (("all",), ("stack", name), ("accelerator", "", row["accelerator"]),
                            ("pair", name, row["accelerator"])):
                    self._group(*key).add(row)
        for name in [n for n, found in by_stack.items() if found]:
            self._without_stack(name)
        for name in sorted({row["accelerator"] for found in by_stack.values() for row in found}):
            self._without_accelerator(name)
        self.progress.clear()
        return self

    def _without_stack(self, name):
        instead = stack_instead(self.stacks, name, self.counts)
        self.progress.show(f"without {name}: {instead}")
        with self._copy() as folder:
            leave_stack_out(folder, name, instead)
            self._left_out(self._group("without_stack", name, "", instead), self._group("without_stack", "*"),
                           self.rows(folder, "--stack", name))

    def _without_accelerator(self, name):
        instead = accelerator_instead(self.catalogue, name)
        self.progress.show(f"without {name}: {instead}")
        with self._copy() as folder:
            leave_accelerator_out(folder, name, instead)
            self._left_out(self._group("without_accelerator", "", name, instead),
                           self._group("without_accelerator", "", "*"),
                           self.rows(folder, "--accelerator", name))

    @staticmethod
    def _left_out(own, every, rows):
        """In the group of all that are left out, each stack or accelerator counts the same."""
        every.parts.append(own)
        for row in rows:
            own.add(row)
            every.add(row)

    def kept(self):
        order = ("all", "stack", "accelerator", "pair", "without_stack", "without_accelerator")
        found = [g for g in self.groups.values() if g.errors and
                 (g.key[0] != "pair" or len(g.errors) >= FEWEST_OF_PAIR)]
        return sorted(found, key=lambda g: (order.index(g.key[0]), g.key[1:]))

    def csv(self):
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(group.cells() for group in self.kept())
        return out.getvalue()

    def text(self):
        lines = [f"{'group':20} {'':44} {'rows':>5} {'refused':>7} {'median':>7} {'p90':>7} {'bias':>7}"]
        for group in self.kept():
            kind, stack, accelerator, rows, refused, middle, most, bias, instead = group.cells()
            name = " on ".join(filter(None, (stack, accelerator))) + (f" (as {instead})" if instead else "")
            lines.append(f"{kind:20} {name:44} {rows:>5} {refused:>7} {middle:>7} {most:>7} {bias:>7}")
        return "\n".join(lines)
