"""The command serving: constants of serving engines from published operating points, blind.

`gridlock validate --kind serving --role calibration` simulates the points under a copy of the catalogue in
which constants are changed; rows of other roles are never asked for. All engines move at once, each judged
by its own rows. A constant that strays from what it should be costs a little: factors on measured shares
should be 1, times what they were.
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

from calibration.common import Progress, UserError, quantile

FOLDERS = ("topologies/catalog", "workloads/catalog")
TABLE = "workloads/catalog/serving_engines.csv"
SOURCE = "Fitted to calibration rows of published serving measurements (docs/serving.md)"
SECOND = 1.2  # what an error beyond a factor of 1.8 counts at most


class Constant:
    """What may move: where it should be (None: where it is), its spread in ln, and its range."""

    def __init__(self, target, spread, low, high):
        self.target, self.spread, self.low, self.high = target, spread, low, high

    def move(self, value, step):
        return min(max(value * math.exp(step), self.low), self.high)


CONSTANTS = {"host_us": Constant(None, 0.7, 50, 8000), "host_sequence_us": Constant(None, 1, 0.2, 200),
             "kernels": Constant(10, 0.25, 5, 18), "gemm_factor": Constant(1, 0.06, 0.75, 1.2),
             "hbm_factor": Constant(1, 0.05, 0.75, 1.1), "cache_factor": Constant(1, 0.1, 0.35, 1.12),
             "attention_factor": Constant(0.8, 0.3, 0.1, 1.4), "traffic": Constant(1.2, 0.3, 0.6, 4),
             "link_factor": Constant(1.2, 0.5, 0.4, 8), "layer_launch_us": Constant(None, 0.5, 50, 900),
             "int8_factor": Constant(None, 0.3, 0.4, 1.1), "int4_factor": Constant(None, 0.3, 0.3, 1.1),
             "stream_us": Constant(None, 0.5, 10, 200)}


def add_command(add, simulated):
    command = add("serving", run, "constants of serving engines, blind, from calibration rows", simulated)
    command.add_argument("--cases", type=Path, required=True, metavar="FILE.csv",
                         help="operating points, as gridlock validate --kind serving reads them")
    command.add_argument("--engines", default="", metavar="A,B", help="only these (default: all with rows)")
    command.add_argument("--constants", default="", metavar="A,B",
                         help="only these (default: those that the table calls fitted): "
                         + ", ".join(CONSTANTS))
    command.add_argument("--rounds", type=int, default=6, help="times that each constant is moved")
    command.add_argument("--prior", type=float, default=3e-4, metavar="W",
                         help="what a constant one spread away costs, over an error of 100 %% of one row")


class Engines:
    """The table of engines: cells by entry and field."""

    def __init__(self, path):
        self.path = path
        with open(path, encoding="utf-8", newline="") as file:
            self.rows = list(csv.reader(file))

    def cell(self, entry, field):
        return next((row for row in self.rows if row[:2] == [entry, field]), None)

    def get(self, entry, field):
        found = self.cell(entry, field)
        return None if found is None else found[2]

    def set(self, entry, field, value):
        self.cell(entry, field)[2:] = [f"{value:.4g}", "false", SOURCE]

    def names(self):
        return list(dict.fromkeys(row[0] for row in self.rows[1:]))

    def of(self, name, version):
        """The family of a release, as ServingCatalogue::EngineOf finds it."""
        numbers = re.findall(r"\d+(?:\.\d+)?", version)
        year = next((float(n) for n in numbers if 2000 <= float(n) < 2100), 0)
        plain = next((n for n in numbers if not 2000 <= float(n) < 2100), "0")
        number = 100 * int(plain.split(".")[0]) + int((plain.split(".") + ["0"])[1])
        best = None
        for entry in self.names():
            if name in (self.get(entry, "stands_for") or "").split():
                start = float(self.get(entry, "from_year" if year else "from_version") or 0)
                if best is None or start <= (year or number):
                    best = entry
        return best

    def write(self, path):
        with open(path, "w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(self.rows)


class Program:
    """gridlock beside a catalogue of its own."""

    def __init__(self, folder, gridlock, root, cases):
        self.cases, self.share = cases, Path(folder) / "share/gridlock"
        self.program = Path(folder) / "bin/gridlock"
        self.program.parent.mkdir()
        shutil.copy2(gridlock, self.program)
        for part in FOLDERS:
            shutil.copytree(root / part, self.share / part)

    def errors(self, engines):
        """ln of predicted over published, by row."""
        engines.write(self.share / TABLE)
        done = subprocess.run([self.program, "validate", "--kind", "serving", "--role", "calibration",
                               "--cases", self.cases, "--format", "csv", "-q"], text=True, check=False,
                              capture_output=True, env={**os.environ, "GRIDLOCK_CATALOG": ""})
        if done.returncode != 0:
            raise UserError(done.stderr.strip())
        rows = csv.DictReader(io.StringIO(done.stdout))
        return {row["id"]: math.log(float(row["predicted"]) / float(row["published"]))
                for row in rows if row["predicted"]}


def owners(engines, cases):
    """Rows of the role calibration by the engine that stands for them."""
    found = {}
    with open(cases, encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["role"] == "calibration":
                name = row["engine"].split(" (")[0].replace(" ", "-")
                found[row["id"]] = engines.of(name, row["engine_version"])
    return found


class Search:
    def __init__(self, program, engines, owner, options):
        self.program, self.engines, self.owner, self.weight = program, engines, owner, options.prior
        wanted = [n for n in options.engines.split(",") if n] or sorted(set(owner.values()) - {None})
        names = [n for n in options.constants.split(",") if n] or list(CONSTANTS)
        unknown = [n for n in names if n not in CONSTANTS]
        if unknown:
            raise UserError(f"--constants: {unknown[0]!r}; expected {', '.join(CONSTANTS)}")
        self.values = {(entry, name): float(engines.get(entry, name)) for entry in wanted for name in names
                       if engines.get(entry, name) is not None and
                       (options.constants or engines.cell(entry, name)[4] == SOURCE)}
        self.targets = {key: CONSTANTS[key[1]].target or value for key, value in self.values.items()}
        self.steps = dict.fromkeys(self.values, 0.15)
        self.losses = self.judge(self.values)

    def judge(self, values):
        """By engine: the errors of its rows, over the number of all rows."""
        for (entry, name), value in values.items():
            self.engines.set(entry, name, value)
        errors = self.program.errors(self.engines)
        losses = dict.fromkeys(set(self.owner.values()), 0.0)
        for row, error in errors.items():
            losses[self.owner[row]] += min(abs(error), SECOND) / len(errors)
        self.errors = errors
        return losses

    def cost(self, key, value):
        constant = CONSTANTS[key[1]]
        return self.weight * (math.log(value / self.targets[key]) / constant.spread) ** 2

    def round(self):
        for name in CONSTANTS:
            keys = [key for key in self.values if key[1] == name]
            for sign in (1, -1) if keys else ():
                tried = dict(self.values)
                for key in keys:
                    tried[key] = CONSTANTS[name].move(self.values[key], sign * self.steps[key])
                losses = self.judge(tried)
                for key in keys:
                    better = (losses[key[0]] + self.cost(key, tried[key]) <
                              self.losses[key[0]] + self.cost(key, self.values[key]) - 1e-7)
                    if better:
                        self.values[key] = tried[key]
                    if better or sign < 0:
                        self.steps[key] = min(0.4, self.steps[key] * 1.3) if better else \
                            max(0.01, self.steps[key] * 0.75)
            self.losses = self.judge(self.values)


def run(options):
    engines = Engines(options.catalog / TABLE)
    before = Engines(options.catalog / TABLE)
    with tempfile.TemporaryDirectory() as folder:
        program = Program(folder, options.gridlock, options.catalog, options.cases)
        search = Search(program, engines, owners(engines, options.cases), options)
        print(f"{len(search.values)} constants, {len(search.errors)} rows: mean |ln| "
              f"{sum(search.losses.values()):.4f}")
        progress = Progress()
        for number in range(options.rounds):
            search.round()
            progress.show(f"round {number + 1}: mean |ln| {sum(search.losses.values()):.4f}")
        progress.clear()
        absolute = [abs(error) for error in search.errors.values()]
    for (entry, name), value in search.values.items():
        print(f"  {entry:20} {name:18} {value:10.4g}   catalogue {before.get(entry, name)}")
    print(f"mean |ln| {sum(search.losses.values()):.4f}; median error {100 * quantile(absolute, 0.5):.1f} %, "
          f"p90 {100 * quantile(absolute, 0.9):.1f} %")
    if options.write:
        engines.write(options.catalog / TABLE)
        print(f"wrote {options.catalog / TABLE}")
    else:
        print("\nNot written; --write puts it into the catalogue.")
    return 0
