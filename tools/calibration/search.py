"""Blind search for constants of a stack or an accelerator.

`gridlock validate --role calibration` simulates published steps under a copy of the catalogue in which
the constants are changed. Rows of other roles are never asked for, so no headline row can have a say:
neither its step time nor whether it is simulated at all.
"""

import csv
import io
import math
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from calibration.catalogue import FOLDERS, Catalogue
from calibration.common import FileError, UserError, quantity, si, significant

ROLE = "calibration"
SMALLEST_GAIN = 1e-4  # of the loss: a move must be worth a hundredth of a per cent
IDENTIFIED = 1e-3  # a constant whose move by a quarter, or back, costs less is not identified
REFUSED = math.log(2)  # what a row counts that is refused or fails: as if predicted at half or double


class Constant:
    """One or several fields of an entry that move together, all by the same factor.

    `fields` are joined by "+" on the command line. Shares (0..1) move by addition.
    """

    RANGES = {"hbm_traffic_factor": (1.0, 8.0), "tensor_overlap": (0.0, 1.0),
              "sustained_clock": (0.5, 1.0), "attention_speed": (0.1, 2.0),
              "main_gradient_bytes": (2.0, 4.0), "launch_floor_forward": (1e-6, 0.1),
              "launch_floor_backward": (1e-6, 0.1), "step_overhead": (1e-3, 10.0),
              "hbm_efficiency": (0.5, 1.0)}

    OF_ACCELERATORS = ("sustained_clock", "hbm_efficiency")

    def __init__(self, name, document, kind, entry):
        self.name, self.fields, self.kind, self.entry = name, name.split("+"), kind, entry
        unknown = [f for f in self.fields if f not in self.RANGES]
        if unknown:
            raise UserError(f"--constants: {unknown[0]!r} cannot be fitted; expected "
                            f"{', '.join(self.RANGES)}")
        self.quantity = self.fields[0].startswith(("launch_floor", "step_overhead"))
        self.starts = []
        for field in self.fields:
            text = document.get(kind, entry, field)
            if text is None and field != "attention_speed":
                raise UserError(f"{kind} {entry} has no {field}")
            self.starts.append(1.0 if text is None else si(text) if self.quantity else float(text))
        self.start = self.starts[0]
        self.low, self.high = self.RANGES[self.fields[0]]

    def additive(self):
        """True for shares, which move by addition."""
        return not self.quantity and self.high <= 1.0

    def rounded(self, value):
        value = min(max(value, self.low), self.high)
        return float(f"{value:.3g}")

    def texts(self, value):
        """{field: text in the catalogue}."""
        out = {}
        for field, start in zip(self.fields, self.starts):
            each = value * start / self.start if self.start else value
            out[field] = f'"{quantity(each, "s", "m")}"' if self.quantity else significant(each)
        return out

    def text(self, value):
        return ", ".join(f"{t}" for t in self.texts(value).values())


class Simulator:
    """Simulated calibration rows under a catalogue with changed constants. Remembers its answers."""

    def __init__(self, gridlock, root, tables, filters):
        self._gridlock, self._tables, self._filters = gridlock, tables, filters
        self._folder = tempfile.TemporaryDirectory(prefix="calibrate-")
        self._root = Path(self._folder.name)
        for folder in FOLDERS:
            shutil.copytree(Path(root) / folder, self._root / folder)
        self.catalogue = Catalogue(self._root)
        self.runs, self._known = 0, {}

    def close(self):
        self._folder.cleanup()

    def rows(self, changes, role=ROLE):
        """The rows under `changes`, [(kind, entry, field, text)], as dicts of validate's CSV."""
        for kind, entry, field, text in changes:
            self.catalogue.document(kind, entry).set(kind, entry, field, text)
        self.catalogue.save()
        command = [str(self._gridlock), "validate", "--role", role, "--format", "csv"] + self._filters
        for table in self._tables:
            command += ["--cases", str(table)]
        environment = dict(os.environ, GRIDLOCK_CATALOG=str(self._root))
        try:
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        except OSError as error:
            raise FileError(f"{self._gridlock}: {error.strerror}; build it, or name it with "
                            "--gridlock") from None
        self.runs += 1
        if done.returncode == 2:
            raise UserError(done.stderr.strip())
        if done.returncode == 3:
            raise FileError(done.stderr.strip())
        rows = list(csv.DictReader(io.StringIO(done.stdout)))
        if not rows or any(row["role"] != role for row in rows):
            raise UserError(f"gridlock validate gave no rows of the role {role}:\n{done.stderr.strip()}")
        return [row for row in rows if row["status"] != "unsupported"]

    def loss(self, changes):
        key = tuple(changes)
        if key not in self._known:
            self._known[key] = mean_loss(self.rows(changes))
        return self._known[key]


def weights(rows):
    """Rows of one source and model differ in little but size: together they count as one row."""
    groups = {}
    for row in rows:
        groups.setdefault((row["source"], row["model"]), []).append(row)
    return {id(row): 1 / len(group) for group in groups.values() for row in group}, len(groups)


def row_loss(row):
    if row["status"] != "simulated":
        return REFUSED
    return abs(math.log(float(row["predicted_s"]) / float(row["published_s"])))


def mean_loss(rows):
    """Mean of |ln(predicted / published)|, each source and model weighing the same."""
    weight, groups = weights(rows)
    if not rows:
        raise UserError("no row of the role calibration can be simulated under these filters")
    return sum(weight[id(row)] * row_loss(row) for row in rows) / groups


class Found:
    """Where a search ended: value, loss, and how much the loss feels each constant."""

    def __init__(self, constants, values, loss, first, rows):
        self.constants, self.values, self.loss, self.first, self.rows = (constants, values, loss, first,
                                                                       rows)
        self.feels = {}  # constant: loss with it moved by a quarter (or 0.1) either way, less the loss

    def identified(self, name):
        return self.feels[name] > IDENTIFIED


def coordinate_search(loss, constants, progress, passes=4):
    """Moves one constant at a time while the loss falls; steps halve from pass to pass.

    A constant that the loss hardly feels goes back to where it was. Returns (values, loss, first loss,
    feels); feels is how much the loss grows when the constant moves. `loss` takes {name: value}."""
    values = {c.name: c.start for c in constants}
    best = first = loss(values)
    steps = {c.name: 0.08 if c.additive() else math.log(1.5) for c in constants}
    tried = 0
    for _ in range(passes):
        for constant in constants:
            for sign in (1, -1):
                while True:
                    value = _moved(constant, values[constant.name], sign * steps[constant.name])
                    if value == values[constant.name]:
                        break
                    trial = loss({**values, constant.name: value})
                    tried += 1
                    progress.show(f"{tried} tried, {constant.name} {value:.3g}: {100 * trial:.2f} % "
                                  f"(best {100 * best:.2f} %)")
                    if trial > best - SMALLEST_GAIN:
                        break
                    best, values[constant.name] = trial, value
            steps[constant.name] /= 2
    feels = {}
    for constant in constants:
        around = [_moved(constant, values[constant.name], sign * (0.1 if constant.additive() else
                                                               math.log(1.25))) for sign in (1, -1)]
        around.append(constant.start)
        losses = [loss({**values, constant.name: v}) for v in around if v != values[constant.name]]
        feels[constant.name] = max([each - best for each in losses], default=0.0)
    for constant in constants:
        if feels[constant.name] <= IDENTIFIED:
            values[constant.name] = constant.start
    return values, loss(values), first, feels


def _moved(constant, value, step):
    return constant.rounded(value + step if constant.additive() else value * math.exp(step))


def search(simulator, stack, accelerator, names, progress):
    """The constants `names` that the calibration rows like best: those of the accelerator's entry, the
    others of the stack's. Where both are given the rows are those of the stack on the accelerator."""
    constants = []
    for name in names:
        kind = "accelerator" if name in Constant.OF_ACCELERATORS else "stack"
        entry = accelerator if kind == "accelerator" else stack
        if not entry:
            raise UserError(f"--constants: {name} is a number of {kind}s; say which with --{kind}")
        constants.append(Constant(name, simulator.catalogue.document(kind, entry), kind, entry))

    def changes(values):
        return [(c.kind, c.entry, field, text) for c in constants
                for field, text in c.texts(values[c.name]).items()]

    values, best, first, feels = coordinate_search(lambda v: simulator.loss(changes(v)), constants,
                                                   progress)
    found = Found(constants, values, best, first, simulator.rows(changes(values)))
    found.feels = feels
    progress.clear()
    return found


def describe(rows):
    """"12 rows of 3 sources on 8 to 256 accelerators" without numbers that validate does not give."""
    sources = sorted({row["source"] for row in rows})
    parts = sorted({row["accelerator"] for row in rows})
    return f"{len(rows)} calibration rows ({'; '.join(sources)}) on {', '.join(parts)}"


def source(found, constants, date):
    names = ", ".join(f for c in constants for f in c.fields)
    mean = sum(row_loss(row) for row in found.rows) / len(found.rows)
    bias = sum(math.log(float(row["predicted_s"]) / float(row["published_s"])) for row in found.rows
               if row["status"] == "simulated") / len(found.rows)
    text = (f"Our fit of {names}, {date}, by tools/calibrate.py: least mean |ln(simulated / published)| "
            f"over {describe(found.rows)}; mean error {100 * mean:.1f} %, bias {100 * bias:+.1f} %.")
    bound = [c.name for c in constants if found.values[c.name] in (c.low, c.high)]
    if bound:
        text += f" {', '.join(bound)} ended at the edge of what is allowed."
    return re.sub(r"\s+", " ", text)
