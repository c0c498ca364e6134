"""Efficiency surfaces of parts that nobody measured.

The rule, which topologies/catalog/accelerators.textproto repeats:

* The donor is a measured part: the one that the entry's source names; for a new part of the same
  vendor the one whose launch is nearest, the older of two; for a part of another vendor the user says
  with --from whose kernels are most alike.
* The donor's curve in the same format, or its BF16 curve where it was not measured in that format,
  keeps its shares of the peak and is moved in work by the ratio of the peaks: a GEMM that takes as
  long reaches the same share. Every second point is kept, and the last. INT8 takes that of FP8.
* Where the best BF16 GEMM of the part is published, all its shares are scaled by what that reaches
  over what the donor reaches there (--scale, or "scaled by" in the entry's source).
* The same dies in another product (cut links, another clock) keep the curve as it is; their entries
  say so, and are not touched here.
* The entry says that it is an estimate, and whose curve it is.
"""

import re

from calibration import gemm
from calibration.common import UserError

MEASURED = {"A100": "a100_sxm_80gb", "H100": "h100_sxm", "B200": "b200_sxm"}
VENDOR = "NVIDIA"  # of the measured parts
MARK = "Transfer rule for parts without measurements"


def month(launch):
    """"2022-03" as months; a year alone is its middle."""
    parts = (launch or "").split("-")
    if not parts[0]:
        raise UserError("the entry has no facts.launch, which the transfer rule goes by; use --from")
    return 12 * int(parts[0]) + (int(parts[1]) if len(parts) > 1 else 6)


def donor(catalogue, accelerator):
    """The catalogue name of the part whose curve it takes."""
    document = catalogue.document("accelerator", accelerator)
    for _, text, _ in document.sources("accelerator", accelerator):
        named = re.search(r"efficiency curve of (A100|H100|B200)\b", text)
        if named and text.startswith(MARK):
            return MEASURED[named[1]]
    if not (document.get("accelerator", accelerator, "title") or "").startswith(VENDOR):
        raise UserError(f"{accelerator} is not of {VENDOR}, whose parts were measured; say with --from "
                        f"whose kernels are most alike: {', '.join(MEASURED.values())}")
    mine = month(document.get("accelerator", accelerator, "facts.launch"))
    return min(MEASURED.values(), key=lambda name: abs(
        month(catalogue.get("accelerator", name, "facts.launch")) - mine))


def precisions(document, accelerator):
    return [block["precision"] for block in document.blocks("accelerator", accelerator, "rate")]


def scale_of(catalogue, accelerator):
    """What the entry's source says its shares are scaled by; 1 when it does not say."""
    for _, text, _ in catalogue.document("accelerator", accelerator).sources("accelerator", accelerator):
        said = re.search(r"shares are scaled by ([0-9.]*[0-9])", text)
        if said and text.startswith(MARK):
            return float(said[1])
    return 1.0


def surface(catalogue, accelerator, precision, giver, scale):
    """The donor's points moved to this peak, and the format that they are of."""
    theirs, mine = (catalogue.document("accelerator", name) for name in (giver, accelerator))
    own = {"INT8": "FP8", "FP8": "FP8", "FP4": "FP4"}.get(precision, "BF16")
    if own not in precisions(theirs, giver):
        own = "BF16"
    points = gemm.written(theirs, giver, own)
    points = points[:-2:2] + points[-1:] if len(points) > 4 else points
    ratio = gemm.peak_of(mine, accelerator, precision) / gemm.peak_of(theirs, giver, own)
    return [(work, round(min(share * scale, 1.0), 3))
            for work, share in gemm.scaled(points, ratio)], own


def distance(catalogue, accelerator, precision, giver):
    """Mean ratio of the written shares to those of the rule, less one."""
    points, _ = surface(catalogue, accelerator, precision, giver, scale_of(catalogue, accelerator))
    written = gemm.written(catalogue.document("accelerator", accelerator), accelerator, precision)
    ratios = [share / gemm.efficiency(points, work) for work, share in written]
    return sum(ratios) / len(ratios) - 1


def apply(catalogue, accelerator, precision, giver, scale):
    """Writes the surface and its source."""
    if accelerator == giver:
        raise UserError(f"{accelerator} is measured; fit it with the command gemm")
    points, own = surface(catalogue, accelerator, precision, giver, scale)
    document = catalogue.document("accelerator", accelerator)
    path = f"rate[{precision}].gemm"
    document.set_blocks("accelerator", accelerator, path, gemm.bodies(points))
    short = next(name for name, entry in MEASURED.items() if entry == giver)
    document.set_source("accelerator", accelerator, [path], (
        f"{MARK}: the efficiency curve of {short} in {own}, moved to GEMMs that take the same time at "
        f"this peak (tools/calibrate.py transfer).{_scaled(scale)}"), estimate=True)
    return points


def _scaled(scale):
    return "" if scale == 1 else f" The shares are scaled by {scale:.3g}."


def marked(catalogue):
    """[(accelerator, precision)] whose surface a source calls transferred by this rule."""
    found = []
    for name in catalogue.names("accelerator"):
        document = catalogue.document("accelerator", name)
        for fields, text, _ in document.sources("accelerator", name):
            if text.startswith(MARK):
                found += [(name, f[5:-6]) for f in fields if f.startswith("rate[") and
                          f.endswith("].gemm")]
    return found
