"""Fits of transports between servers to measured all-reduces, as workloads/program has them: rings
(ring.cpp) and double binary trees (tree.cpp), by the quicker of two protocols (CostAcross of
collective.cpp). What happens inside the servers is that of a transport which is fitted already.
"""

import math
from typing import NamedTuple

from calibration.collectives import RING_RANKS_MOST, chunks, rounded
from calibration.common import median, significant
from calibration.minimise import minimise

STARTS = {"all_reduce_efficiency": (0.92, 0.5, 1.0), "step_latency": (5e-6, 1e-6, 1e-4),
          "bulk_step_latency": (30e-6, 1e-6, 1e-3), "low_latency_efficiency": (0.03, 1e-3, 1.0),
          "chunk_latency": (20e-6, 1e-7, 1e-3)}
TIE = 2e-4
WAYS = ("ring", "tree", "in_switch_tree")
# NCCL's own model, as workloads/program/library.cpp: of LL, LL128 and Simple the base of a tree, its step
# inside and across, the same of a ring, in us, and the share of the bandwidth.
LIBRARY = ((6.8, 0.6, 5.0, 6.6, 0.6, 2.7, 0.25), (14.0, 1.25, 8.5, 14.0, 1.9, 4.0, 0.92),
           (8.4, 4.0, 14.0, 8.4, 3.4, 14.0, 1.0))
RING_WAITS = (1, 1, 1.4)
LIBRARY_TREE_SHARE = 0.92
COUNTED_SHARE = 0.8
# kBoardRanks and kLoneStep of workloads/program: a chunk of a tree passes the members of a domain.
BOARD_RANKS = 8
LONE_STEP = 0.59


class Row(NamedTuple):
    """One measured all-reduce over `servers` servers with `ranks` accelerators each."""

    inside: dict  # fit of the transport inside a server
    link: float  # bandwidth of a port, bytes/s
    servers: int
    ranks: int
    nic: float  # a rank's share of the NICs, bytes/s
    bytes: float
    seconds: float
    algorithm: str = "auto"  # what the library takes, or one of WAYS
    weight: float = 1.0


def most_edges(nodes):
    """MostEdges of workloads/program/tree.cpp."""
    return {2: 2, 3: 3}.get(nodes, 4)


def way(fit, row, name):
    """Time by one algorithm."""
    inside, g, once = row.inside, row.ranks, row.bytes
    if name == "ring":
        n = row.servers * g
        steps = 2 * (row.servers - 1)
        wire = 2 * (n - 1) / n * once
        nic, port, hops = wire / g, wire * (g - 1) / g, 2 * (n - row.servers)
    else:
        steps = 2 * math.ceil(math.log2(row.servers))
        nic, port, hops = once * most_edges(row.servers) / (2 * g), 2 * (g - 1) / g * once, 2 * (g - 1)
    share, delay = inside["all_reduce_efficiency"], inside["step_latency"] * hops
    if name == "in_switch_tree":
        port, share, delay = (1 + 2 / g) * once, inside["in_switch_efficiency"], inside["in_switch_latency"]
    nic, port = nic / row.nic, port / row.link
    delay += fit["base_latency"] + fit["step_latency"] * steps
    quick = max(nic / fit["low_latency_efficiency"], port / share)
    passed = 1 if name == "ring" else (min(g, BOARD_RANKS) - 1) / (BOARD_RANKS - 1)
    bulk = max(nic / fit["all_reduce_efficiency"] + chunks(fit, nic * passed), port / share + chunks(inside, port))
    if name != "ring":  # chunks of a ring follow each other closely
        bulk += (max(0.0, fit["bulk_step_latency"] - fit["step_latency"]) *
                 (steps * LONE_STEP + 2 * (1 - LONE_STEP) * passed))
    return delay + min(quick, bulk)


def prefers_tree(row):
    """Whether NCCL expects less of a tree than of a ring."""
    d, g = row.servers, row.ranks
    wire = row.bytes / min(row.nic * g, row.link)
    depth = math.ceil(math.log2(d))
    # Over two servers NCCL counts what links inside carry for a tree, where that is more.
    by_tree = min(wire, row.bytes / (COUNTED_SHARE * row.link)) if d == 2 and g > 1 else wire
    tree = min(base + 2 * ((g - 1) * inside + depth * across) + 2e6 * by_tree / LIBRARY_TREE_SHARE / share
               for base, inside, across, _, _, _, share in LIBRARY)
    # With one rank a server nothing hides the delays of the network: those of trees count.
    ring = min(base + 2 * wait * (d * (g - 1) * inside + (d - 1) * (across if g > 1 else lone)) +
               2e6 * (d * g - 1) / (d * g) * wire / share
               for (_, _, lone, base, inside, across, share), wait in zip(LIBRARY, RING_WAITS))
    return tree < ring


def seconds(fit, row):
    if row.algorithm != "auto":
        return way(fit, row, row.algorithm)
    plain = way(fit, row, "tree" if prefers_tree(row) else "ring")
    if row.inside.get("in_switch_efficiency", 0) > 0 and row.ranks > RING_RANKS_MOST:
        return min(plain, way(fit, row, "in_switch_tree"))
    return plain


def mean_ln(fit, rows):
    total = sum(row.weight * abs(math.log(seconds(fit, row) / row.seconds)) for row in rows)
    return total / sum(row.weight for row in rows)


def solve(rows, fixed):
    """The fit of least weighted mean |ln(fitted / measured)|. `fixed` holds the base
    of a call, and whatever else is known already."""
    starts = {name: start for name, start in STARTS.items() if name not in fixed}

    def loss(values):
        fit = {**fixed, **dict(zip(starts, values))}
        # Where no row went by the protocol of short messages, every small share fits as well: of
        # those the largest.
        return mean_ln(fit, rows) - TIE * math.log(fit["low_latency_efficiency"])

    values, _ = minimise(loss, list(starts.values()))
    return {**fixed, **{name: rounded(name, value) for name, value in zip(starts, values)}}


def errors(fit, rows):
    return [seconds(fit, row) / row.seconds - 1 for row in rows]


def source(fit, rows, label, date):
    absolute = [abs(error) for error in errors(fit, rows)]
    return (f"{label}: least absolute deviations of the logarithm, {len(rows)} rows; median error "
            f"{100 * median(absolute):.1f} %, largest {significant(100 * max(absolute), 2)} %. Fitted "
            f"{date} by tools/calibrate.py collectives.")
