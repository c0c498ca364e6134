"""Leave one shape out: launch floors fitted to the steps of all other shapes of a model.

Both floors of a stack move together, by the factors below; all rows are simulated once for each. For
each shape (layers, width, heads, sequence) the factor is taken that the other shapes like best, and
the shape's own rows are judged by it: no row has a say in its own prediction.
"""

from calibration import plan
from calibration.common import median, quantile
from calibration.search import Constant

FACTORS = (0.8, 0.9, 1.0, 1.1, 1.25, 1.4)
SHAPE = ("layers", "hidden", "heads", "seq")


def shape_of(row):
    return tuple(row[column] for column in SHAPE)


def errors_by_factor(simulator, progress):
    """{factor: {row id: signed relative error}} of the rows that are simulated."""
    document = simulator.catalogue.document("stack", plan.FLOOR_STACK)
    floors = Constant("launch_floor_forward+launch_floor_backward", document, "stack", plan.FLOOR_STACK)
    found = {}
    for factor in FACTORS:
        progress.show(f"floors x {factor}")
        texts = floors.texts(floors.start * factor)
        rows = simulator.rows([(floors.kind, floors.entry, field, text) for field, text in texts.items()])
        found[factor] = {row["id"]: float(row["error_pct"]) / 100 for row in rows
                         if row["status"] == "simulated"}
    progress.clear()
    return found


def leave_one_out(rows, errors):
    """[(shape, rows, factor, mean absolute error)] and the errors of all rows, each by the others."""
    by_shape = {}
    for row in rows:
        by_shape.setdefault(shape_of(row), []).append(row["id"])
    lines, every = [], []
    for shape, own in by_shape.items():
        others = [i for other, ids in by_shape.items() if other != shape for i in ids]

        def loss(factor):
            known = [abs(errors[factor][i]) for i in others if i in errors[factor]]
            return sum(known) / len(known)

        factor = min(FACTORS, key=loss)
        mine = [errors[factor][i] for i in own if i in errors[factor]]
        every += mine
        lines.append((shape, len(mine), factor, sum(map(abs, mine)) / len(mine) if mine else 0.0))
    return lines, every


def report(rows, errors):
    lines, every = leave_one_out(rows, errors)
    print(f"{', '.join(SHAPE):32} rows  floors x  mean error")
    for shape, count, factor, error in sorted(lines):
        print(f"{', '.join(map(str, shape)):32} {count:>4}  {factor:>8}  {100 * error:9.1f} %")
    absolute = [abs(e) for e in every]
    print(f"{len(lines)} shapes, {len(every)} of {len(rows)} rows, each by the other shapes: mean error "
          f"{100 * sum(absolute) / len(absolute):.1f} %, median {100 * median(absolute):.1f} %, p90 "
          f"{100 * quantile(absolute, 0.9):.1f} %, bias {100 * sum(every) / len(every):+.1f} %")
