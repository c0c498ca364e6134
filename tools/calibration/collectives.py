"""Fits of transports inside a scale-up domain to measured latencies by size and group.

    time = base + step x steps + min(wire / low, wire / efficiency + 2 sqrt(chunk x wire))

as workloads/program has it (ring.cpp, pairs.cpp, in_switch.cpp); `wire` is the time of a rank's bytes at
the link's full bandwidth. The loss is the weighted mean of |ln(fitted / measured)| over all sizes,
groups and kinds: least absolute deviations, so that outliers of a table do not pull.
"""

import math
from typing import NamedTuple

from calibration.common import UserError, median, number, quantile, read_table, si, significant
from calibration.minimise import minimise

ROUNDS = {"all_reduce": 2.0, "all_gather": 1.0, "reduce_scatter": 1.0, "alltoall": 1.0}
COLUMNS = ("op_name", "nccl_dtype", "num_gpus", "message_size", "latency")
PUBLISHED = ("id", "role", "server", "servers", "ranks_per_server", "nics_per_server", "nic_gbps", "op",
             "algorithm", "bytes", "metric", "value")
ELEMENT_BYTES = {"half": 2, "float16": 2, "bfloat16": 2}
RANGES = (("up to 64 KiB", 0, 64 << 10), ("128 KiB to 8 MiB", (64 << 10) + 1, 8 << 20),
          ("16 MiB and more", (8 << 20) + 1, 1 << 60))
# kShortRate of workloads/program/pairs.cpp.
SHORT_RATE = 6.5e9
# kRingRanksMost of workloads/program/algorithm.h.
RING_RANKS_MOST = 4
# Efficiencies as (start, low, high), and what else is fitted.
STARTS = {"all_reduce_efficiency": (0.82, 0.01, 2.0), "all_gather_efficiency": (0.82, 0.01, 1.0),
          "reduce_scatter_efficiency": (0.82, 0.01, 1.0), "all_to_all_efficiency": (0.8, 0.01, 1.0),
          "local_copy": (0.3, 1e-3, 3.0), "step_latency": (0.8e-6, 1e-8, 1e-4),
          "base_latency": (6e-6, 1e-7, 1e-3), "chunk_latency": (1e-6, 1e-9, 1e-3),
          "low_latency_efficiency": (0.35, 0.05, 1.0), "bulk_step_latency": (7.5e-6, 1e-7, 1e-4)}
IN_SWITCH = {"in_switch_efficiency": (0.6, 0.01, 2.0)}
# What is taken over from the catalogue where it stands there: no table tells the first from the base of
# a call, and of the second two free constants fit no better than 1.
TAKEN_OVER = ("in_switch_latency", "all_to_all_local_copy")
# Published rows of long messages weigh as much as so many sizes of a table.
PUBLISHED_WEIGHT, PUBLISHED_LEAST = 3.0, 1e9


class Row(NamedTuple):
    """One measured call inside a domain."""

    kind: str
    ranks: int
    bytes: float
    seconds: float
    algorithm: str = "auto"  # or "ring", "nvls"
    weight: float = 1.0


def read(paths):
    """(rows, label) of measured tables; the median where a table has a call several times."""
    rows, labels = [], []
    for path in paths:
        here, names = {}, set()
        for row in read_table(path, COLUMNS):
            if row["op_name"] in ROUNDS and row["nccl_dtype"] in ELEMENT_BYTES:
                size = number(path, row, "message_size") * ELEMENT_BYTES[row["nccl_dtype"]]
                key = (row["op_name"], int(number(path, row, "num_gpus")), size)
                here.setdefault(key, []).append(number(path, row, "latency") * 1e-3)
                names.add(f"NCCL {row.get('version') or '?'} on {row.get('device') or '?'}")
        missing = [kind for kind in ROUNDS if not any(key[0] == kind for key in here)]
        if missing:
            raise UserError(f"{path}: no rows of {', '.join(missing)} in 16 bits")
        rows += [Row(*key, median(times)) for key, times in here.items()]
        sizes = sorted({key[1] for key in here})
        labels.append(f"{' and '.join(sorted(names))}, groups of {', '.join(map(str, sizes))}")
    return rows, "; ".join(labels)


def bus_factor(kind, ranks):
    return ROUNDS[kind] * (ranks - 1) / ranks


def published(path):
    """{id: row} of the published collectives that may be fitted: those of the role `calibration`."""
    return {row["id"]: row for row in read_table(path, PUBLISHED) if row["role"] == "calibration"}


def published_seconds(path, row):
    """What a published row says, as time."""
    value = number(path, row, "value")
    if row["metric"] == "time_us":
        return value * 1e-6
    ranks = int(number(path, row, "servers") * number(path, row, "ranks_per_server"))
    return bus_factor(row["op"], ranks) * number(path, row, "bytes") / (value * 1e9)


def published_inside(path, servers):
    """Rows of long messages inside one of the servers."""
    rows = []
    for row in published(path).values():
        if (row["server"] in servers and row["servers"] == "1" and row["op"] in ROUNDS and
                number(path, row, "bytes") > PUBLISHED_LEAST):
            algorithm = row["algorithm"] if row["algorithm"] in ("ring", "nvls") else "auto"
            rows.append(Row(row["op"], int(row["ranks_per_server"]), float(row["bytes"]),
                            published_seconds(path, row), algorithm, PUBLISHED_WEIGHT))
    return rows


def chunks(fit, wire):
    return 2 * math.sqrt(fit["chunk_latency"] * wire)


def ring(fit, row, bandwidth):
    """A ring, or pairs in an all-to-all."""
    wire = bus_factor(row.kind, row.ranks) * row.bytes / bandwidth
    if row.kind in ("all_gather", "reduce_scatter"):
        wire += fit["local_copy"] * row.bytes / row.ranks / bandwidth
    if row.kind == "alltoall":
        own = fit.get("all_to_all_local_copy", 0) * row.bytes / row.ranks / bandwidth
        long = (wire + own) / fit["all_to_all_efficiency"]
        fence = fit.get("bulk_step_latency", fit["step_latency"]) - fit["step_latency"]
        delay = chunks(fit, wire)
        if fence > 0:
            delay = min(max(0, row.bytes / row.ranks / SHORT_RATE - long), max(fence, delay))
        return fit["base_latency"] + fit["step_latency"] * math.log2(row.ranks) + long + delay
    bulk = wire / fit[row.kind + "_efficiency"] + chunks(fit, wire)
    quick = fit.get("low_latency_efficiency", 0)
    return (fit["base_latency"] + fit["step_latency"] * ROUNDS[row.kind] * (row.ranks - 1) +
            (min(bulk, wire / quick) if quick > 0 else bulk))


def in_switch(fit, row, bandwidth):
    """Through a port goes the buffer, and the part of the sum that a rank hands to all."""
    wire = (1 + 1 / row.ranks) * row.bytes / bandwidth
    return (fit["base_latency"] + fit["in_switch_latency"] + wire / fit["in_switch_efficiency"] +
            chunks(fit, wire))


def seconds(fit, row, bandwidth):
    """What a library takes: the faster of both where the switch adds up."""
    adds = (row.kind == "all_reduce" and fit.get("in_switch_efficiency", 0) > 0 and
            row.algorithm != "ring" and row.ranks > RING_RANKS_MOST)
    if not adds:
        return ring(fit, row, bandwidth)
    switch = in_switch(fit, row, bandwidth)
    return switch if row.algorithm == "nvls" else min(switch, ring(fit, row, bandwidth))


def mean_ln(fit, rows, bandwidth):
    """The loss: weighted mean of |ln(fitted / measured)|."""
    total = sum(r.weight * abs(math.log(seconds(fit, r, bandwidth) / r.seconds)) for r in rows)
    return total / sum(row.weight for row in rows)


def solve(rows, bandwidth, written=None):
    """The fit of least loss, and that loss. What `written` has of TAKEN_OVER stays; with
    `in_switch_latency` among it, the switch adds up and its calls take so much longer."""
    fixed = {name: written[name] for name in TAKEN_OVER if name in (written or {})}
    starts = {**STARTS, **IN_SWITCH} if "in_switch_latency" in fixed else STARTS

    def loss(values):
        return mean_ln({**fixed, **dict(zip(starts, values))}, rows, bandwidth)

    values, best = minimise(loss, list(starts.values()))
    return {name: rounded(name, value) for name, value in zip(starts, values)} | fixed, best


def rounded(name, value):
    return si(text(name, value).strip('"')) if name.endswith("latency") else float(significant(value))


def text(name, value):
    """A value as the catalogue writes it."""
    return f'"{significant(value * 1e6)} us"' if name.endswith("latency") else significant(value)


def summary(fit, rows, bandwidth):
    """{range: (rows, median, p90 of the absolute error)}, ranges of message size, and "all"."""
    out = {}
    for name, low, high in (("all", 0, 1 << 60),) + RANGES:
        inside = [abs(seconds(fit, row, bandwidth) / row.seconds - 1) for row in rows
                  if low <= row.bytes <= high]
        if inside:
            out[name] = (len(inside), median(inside), quantile(inside, 0.9))
    return out


def source(figures, label, origin, date):
    parts = ", ".join(f"{name}: {100 * mid:.1f} % (p90 {100 * p90:.0f} %)"
                      for name, (_, mid, p90) in figures.items() if name != "all")
    rows, mid, p90 = figures["all"]
    return (f"{origin}, {label}: least absolute deviations of the logarithm, {rows} rows; median error "
            f"{100 * mid:.1f} %, p90 {100 * p90:.0f} %; {parts}. Fitted {date} by tools/calibrate.py "
            "collectives.")
