"""Efficiency surfaces: the share of the dense peak that GEMMs of a given work reach.

A bin is half a decade of 2 m n k; its point is the median of 2 m n k / time / peak over all shapes in
it and stands at the geometric middle. Between points the simulator is linear in log(work), and
constant outside (GemmEfficiency in workloads/pass_builder.cpp). Only shapes of training count, m >=
256 and n, k >= 1024: thinner ones are bound by HBM, which the simulator counts apart.

The FP8 rows of these tables begin with 16-bit inputs, which are scaled and cast in kernels of their own. One H100
measured both ways (../shared/measurements/gpu, h100_sxm_gemm.csv) says how long: two launches, and six bytes of HBM
an element of the m x k input. Without that time the surfaces of three parts fit twice as well. The simulator counts
casts apart (`cast_traffic` of a stack).
"""

import math

from calibration.common import UserError, median, number, quantile, read_table, si, significant

# Formats of the schema and what tables call them, in order of preference.
DTYPES = {"BF16": ("bfloat16", "float16"), "FP8": ("fp8",), "FP4": ("nvfp4",), "INT8": ("int8",),
          "TF32": ("tf32",), "FP32": ("float32",)}
SMALLEST_M, SMALLEST_NK = 256, 1024
FIRST_BIN, LAST_BIN = 9.0, 13.0  # log10 of the work
BINS_PER_DECADE = 2
FEWEST_ROWS = 5  # of a bin; fewer are left out
CAST_SECONDS, CAST_BYTES = {"FP8": 10e-6}, {"FP8": 6}  # a product's, an input element's
COLUMNS = ("gemm_dtype", "m", "n", "k", "latency")


class Surface:
    """Points (work in FLOP, efficiency), what is in each bin, and the error over the rows."""

    def __init__(self, points, counts, errors, rows):
        self.points, self.counts, self.rows = points, counts, rows
        self.median_error = median(errors)
        self.p90_error = quantile(errors, 0.9)


def shapes(path, precision, hbm):
    """[(2 m n k, seconds without casts)] of the table's rows in the format and range, and the table's labels.

    `hbm` is what the part's memory sustains, in bytes per second."""
    if precision not in DTYPES:
        raise UserError(f"--precision: {precision!r}; expected one of {', '.join(DTYPES)}")
    rows = read_table(path, COLUMNS)
    present = sorted({row["gemm_dtype"] for row in rows})
    dtype = next((d for d in DTYPES[precision] if d in present), None)
    if dtype is None:
        raise UserError(f"{path}: no rows in {precision} ({' or '.join(DTYPES[precision])}); the table "
                        f"has {', '.join(present)}")
    found, label = [], ""
    for row in rows:
        if row["gemm_dtype"] != dtype:
            continue
        m, n, k = (number(path, row, c) for c in "mnk")
        if m >= SMALLEST_M and n >= SMALLEST_NK and k >= SMALLEST_NK:
            cast = CAST_SECONDS.get(precision, 0) + CAST_BYTES.get(precision, 0) * m * k / hbm
            found.append((2 * m * n * k, number(path, row, "latency") * 1e-3 - cast))
            label = label or " ".join(filter(None, (row.get("device"), row.get("framework"),
                                                    row.get("version"))))
    return found, f"{label}, {dtype}"


def efficiency(points, work):
    """As the simulator reads a surface."""
    if work <= points[0][0]:
        return points[0][1]
    for (w0, e0), (w1, e1) in zip(points, points[1:]):
        if work <= w1:
            return e0 + math.log(work / w0) / math.log(w1 / w0) * (e1 - e0)
    return points[-1][1]


def fit(rows, peak, fewest=FEWEST_ROWS):
    """The surface of [(work, seconds)] for a dense peak in FLOP/s; bins of fewer rows are left out."""
    bins = {}
    rows = [(work, max(seconds, work / peak)) for work, seconds in rows]
    for work, seconds in rows:
        at = math.floor((math.log10(work) - FIRST_BIN) * BINS_PER_DECADE)
        if 0 <= at < (LAST_BIN - FIRST_BIN) * BINS_PER_DECADE:
            bins.setdefault(at, []).append(work / seconds / peak)
    points, counts = [], []
    for at in sorted(bins):
        if len(bins[at]) >= fewest:
            middle = 10 ** (FIRST_BIN + (at + 0.5) / BINS_PER_DECADE)
            points.append((float(significant(middle)), min(round(median(bins[at]), 3), 1.0)))
            counts.append(len(bins[at]))
    if len(points) < 2:
        raise UserError(f"only {len(points)} bins of work hold {fewest} rows or more; a surface "
                        "needs two")
    low, high = 10 ** FIRST_BIN, 10 ** LAST_BIN
    inside = [(work, seconds) for work, seconds in rows if low <= work < high]
    errors = [abs(work / (peak * efficiency(points, work)) / seconds - 1) for work, seconds in inside]
    return Surface(points, counts, errors, len(inside))


def bodies(points):
    """The points as the insides of `gemm { ... }`."""
    return [f'work: "{significant(work / 1e9)} GFLOP" efficiency: {eff:.3f}' for work, eff in points]


def written(document, accelerator, precision):
    """The surface that the catalogue has, as points."""
    blocks = document.blocks("accelerator", accelerator, f"rate[{precision}].gemm")
    return [(si(b["work"]), float(b["efficiency"])) for b in blocks]


def hbm_of(document, accelerator):
    """Bytes per second that the memory sustains."""
    return (si(document.get("accelerator", accelerator, "hbm_bandwidth")) *
            float(document.get("accelerator", accelerator, "hbm_efficiency")))


def peak_of(document, accelerator, precision):
    peak = document.get("accelerator", accelerator, f"rate[{precision}].peak")
    if peak is None:
        raise UserError(f"accelerator {accelerator} has no rate in {precision}")
    return si(peak)


def source(surface, label, origin, date, precision="BF16"):
    casts = ""
    if precision in CAST_BYTES:
        casts = (f" less casts of the inputs ({CAST_SECONDS[precision] * 1e6:.0f} us and "
                 f"{CAST_BYTES[precision]} bytes an element, measured on one H100)")
    return (f"{origin}, {label}{casts}: median of 2 m n k / time / peak over the GEMMs with m >= "
            f"{SMALLEST_M} and n, k >= {SMALLEST_NK}, in half-decade bins of 2 m n k from 1 GFLOP to "
            f"10 TFLOP; the point stands at the middle of its bin ({min(surface.counts)} to "
            f"{max(surface.counts)} rows in each, {surface.rows} in all). Time of a row against the "
            f"surface: median error {100 * surface.median_error:.1f} %, p90 "
            f"{100 * surface.p90_error:.0f} %. Short bursts. Fitted {date} by tools/calibrate.py gemm.")


def scaled(points, ratio):
    """The surface of a part whose peak is `ratio` times as high: GEMMs that take the same time."""
    return [(float(significant(work * ratio)), eff) for work, eff in points]
