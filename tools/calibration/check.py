"""The whole calibration against the catalogue: a line per constant, and whether it is off."""

from calibration import collectives, gemm, plan, search, transfer
from calibration.common import Progress, median


class Line:
    """constant, what the catalogue says, what the refit gives, its fit error, and whether it is off."""

    def __init__(self, constant, catalogue, refitted, error, off):
        self.constant, self.catalogue, self.refitted = constant, catalogue, refitted
        self.error, self.off = error, off


def table(lines):
    """The lines as aligned text."""
    head = Line("constant", "catalogue", "refitted", "fit error", None)
    cells = [(l.constant, l.catalogue, l.refitted, l.error,
              "" if l.off is None else "OFF" if l.off else "ok") for l in [head] + lines]
    widths = [max(len(row[i]) for row in cells) for i in range(4)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)) + "  " + row[4]
                     for row in cells)


def gemm_lines(catalogue, folder):
    for accelerator, precision, pattern in plan.GEMMS:
        surface, _ = plan.fit_gemm(catalogue, plan.find(folder, pattern), accelerator, precision)
        document = catalogue.document("accelerator", accelerator)
        old = gemm.written(document, accelerator, precision)
        error = f"median {100 * surface.median_error:.1f} %, p90 {100 * surface.p90_error:.0f} %"
        for work, share in surface.points:
            said = gemm.efficiency(old, work)
            yield Line(f"{accelerator} {precision} gemm at {work / 1e9:.3g} GFLOP", f"{said:.3f}",
                       f"{share:.3f}", error, abs(said - share) > plan.GEMM_TOLERANCE)


def collective_lines(catalogue, folder, published):
    for transport in [*plan.INSIDE, *plan.ACROSS]:
        result = plan.fit_collectives(catalogue, folder, published, transport)
        yield Line(f"{transport}, median error", _median(result.old_errors), _median(result.errors),
                   f"mean |ln| {100 * result.old_loss:.2f} -> {100 * result.loss:.2f} %", result.off)
        for name in result.fields:
            said, now = (collectives.text(name, fit[name]) if name in fit else "none"
                         for fit in (result.old, result.fit))
            yield Line(f"{transport} {name}", said, now, "", None)


def _median(errors):
    return f"{100 * median([abs(error) for error in errors]):.1f} %"


def transfer_lines(catalogue):
    for accelerator, precision in transfer.marked(catalogue):
        giver = transfer.donor(catalogue, accelerator)
        far = transfer.distance(catalogue, accelerator, precision, giver)
        yield Line(f"{accelerator} {precision} gemm", f"{100 * far:+.1f} %", "0.0 %",
                   f"transferred from {giver}", abs(far) > 0.01)


def stack_lines(simulator, stack, accelerator, names):
    found = search.search(simulator, stack, accelerator, names, Progress())
    error = f"mean |ln| {100 * found.first:.2f} -> {100 * found.loss:.2f} %"
    off = found.first > found.loss + plan.STACK_TOLERANCE
    for constant in found.constants:
        flat = "" if found.identified(constant.name) else ", not identified"
        yield Line(f"{constant.entry} {constant.name}", constant.text(constant.start),
                   constant.text(found.values[constant.name]), error + flat,
                   off if not flat else None)
