"""Fits of collectives inside a scale-up domain to measured latencies by size and group.

    time = base + step x steps + min(wire / low, bulk + wire / efficiency) / bandwidth
    wire = rounds x buffer x ((n - 1) / n + copy) / (1 + copy)

as workloads/program/ring.cpp has it: steps = rounds x (n - 1), rounds = 2 for all-reduce and 1 else. The
loss is the mean of |ln(fitted / measured)| over all sizes, groups and kinds: least absolute
deviations, so that outliers of a table do not pull.
"""

import math

from calibration.common import UserError, median, number, quantile, read_table, significant
from calibration.minimise import minimise

KINDS = {"all_reduce": 2.0, "all_gather": 1.0, "reduce_scatter": 1.0}
COLUMNS = ("op_name", "nccl_dtype", "num_gpus", "message_size", "latency")
ELEMENT_BYTES = {"half": 2, "float16": 2, "bfloat16": 2}
RANGES = (("up to 64 KiB", 0, 64 << 10), ("128 KiB to 8 MiB", (64 << 10) + 1, 8 << 20),
          ("16 MiB and more", (8 << 20) + 1, 1 << 60))
FIELDS = ("all_reduce_efficiency", "all_gather_efficiency", "reduce_scatter_efficiency",
          "low_latency_efficiency", "local_copy", "step_latency", "base_latency", "bulk_latency")


def read(paths):
    """{(kind, group, bytes): seconds}. A group that an earlier table has is not taken again."""
    found, label = {}, []
    for path in paths:
        here, names = {}, set()
        for row in read_table(path, COLUMNS):
            if row["op_name"] in KINDS and row["nccl_dtype"] in ELEMENT_BYTES:
                size = number(path, row, "message_size") * ELEMENT_BYTES[row["nccl_dtype"]]
                key = (row["op_name"], int(number(path, row, "num_gpus")), size)
                here.setdefault(key, []).append(number(path, row, "latency") * 1e-3)
                names.add(f"NCCL {row.get('version') or '?'} on {row.get('device') or '?'}")
        if not here:
            raise UserError(f"{path}: no rows of {', '.join(KINDS)} in 16 bits")
        groups = {key[:2] for key in found}
        new = {key: median(times) for key, times in here.items() if key[:2] not in groups}
        sizes = sorted({key[1] for key in new})
        label.append(f"{' and '.join(sorted(names))}, groups of {', '.join(map(str, sizes))}")
        found.update(new)
    missing = [kind for kind in KINDS if not any(key[0] == kind for key in found)]
    if missing:
        raise UserError(f"{', '.join(map(str, paths))}: no rows of {', '.join(missing)}")
    return found, "; ".join(label)


def moved(table, bandwidth, cut, shares):
    """The table as links cut to `cut` would give it: the wire time of the missing bandwidth is added
    at the share of the link that the table's part reaches."""
    out = {}
    for (kind, n, size), seconds in table.items():
        wire = KINDS[kind] * size * (n - 1) / n
        out[kind, n, size] = seconds + wire / shares[kind] * (1 / cut - 1 / bandwidth)
    return out


def largest_shares(table, bandwidth):
    """{kind: bus bandwidth of the largest message of the largest group over the link}."""
    shares = {}
    for kind, rounds in KINDS.items():
        n, size = max((key[1], key[2]) for key in table if key[0] == kind)
        shares[kind] = rounds * size * (n - 1) / n / table[kind, n, size] / bandwidth
    return shares


def seconds(fit, key, bandwidth):
    """As workloads/collective.cpp."""
    kind, n, size = key
    rounds = KINDS[kind]
    copy = fit["local_copy"]
    wire = rounds * size * ((n - 1) / n + copy) / (1 + copy) / bandwidth
    bulk = fit["bulk_latency"] + wire / fit[kind + "_efficiency"]
    low = fit["low_latency_efficiency"]
    quick = wire / low if low > 0 else math.inf
    return fit["base_latency"] + fit["step_latency"] * rounds * (n - 1) + min(quick, bulk)


def errors(fit, table, bandwidth):
    """[(key, signed relative error of the fitted time)]."""
    return [(key, seconds(fit, key, bandwidth) / measured - 1) for key, measured in table.items()]


def solve(table, bandwidth):
    """The fit of least mean |ln(fitted / measured)|, and that mean."""
    starts = {"all_reduce_efficiency": (0.8, 0.01, 2.0), "all_gather_efficiency": (0.7, 0.01, 1.0),
              "reduce_scatter_efficiency": (0.7, 0.01, 1.0), "low_latency_efficiency": (0.3, 0.005, 2.0),
              "local_copy": (0.5, 1e-3, 10.0), "step_latency": (1e-6, 1e-8, 1e-3),
              "base_latency": (6e-6, 1e-7, 1e-3), "bulk_latency": (15e-6, 1e-7, 1e-2)}

    def loss(values):
        fit = dict(zip(FIELDS, values))
        total = sum(abs(math.log(seconds(fit, key, bandwidth) / t)) for key, t in table.items())
        return total / len(table)

    values, best = minimise(loss, [starts[name] for name in FIELDS])
    return {name: rounded(name, value) for name, value in zip(FIELDS, values)}, best


def rounded(name, value):
    return float(significant(value * 1e6)) * 1e-6 if name.endswith("latency") else round(value, 3)


def text(name, value):
    """A value as the catalogue writes it."""
    return f'"{significant(value * 1e6)} us"' if name.endswith("latency") else f"{value:.3g}"


def summary(fit, table, bandwidth):
    """{range: (rows, median, p90 of the absolute error)}, ranges of message size, and "all"."""
    signed = errors(fit, table, bandwidth)
    out = {}
    for name, low, high in (("all", 0, 1 << 60),) + RANGES:
        inside = [abs(error) for key, error in signed if low <= key[2] <= high]
        if inside:
            out[name] = (len(inside), median(inside), quantile(inside, 0.9))
    return out


def source(figures, label, origin, date):
    parts = ", ".join(f"{name}: {100 * mid:.1f} % (p90 {100 * p90:.0f} %)"
                      for name, (_, mid, p90) in figures.items() if name != "all")
    rows, mid, p90 = figures["all"]
    return (f"{origin}, {label}: two protocols fitted by least absolute deviations of the logarithm "
            f"over all sizes of all-reduce, all-gather and reduce-scatter, {rows} rows; median error "
            f"{100 * mid:.1f} %, p90 {100 * p90:.0f} %; {parts}. Fitted {date} by tools/calibrate.py "
            "collectives.")
