"""What is fitted to what, in which order: the whole calibration of the catalogue.

Tables are looked up by pattern in a folder with measured tables; their origins:
  gemm/, nccl/   NVIDIA aiconfigurator, measurement database (Apache-2.0)
  vtrain_a100/   VIA-Research/vTrain, measured iteration times (MIT)
"""

from pathlib import Path

from calibration import collectives, gemm
from calibration.common import FileError, si

AICONFIGURATOR = "NVIDIA aiconfigurator measurement database (Apache-2.0)"

# accelerator, format, table
GEMMS = [("a100_sxm_80gb", "BF16", "gemm/a100_sxm_gemm_*_gemm_perf.csv.gz"),
         ("h100_sxm", "BF16", "gemm/h100_sxm_gemm_*_gemm_perf.csv.gz"),
         ("h100_sxm", "FP8", "gemm/h100_sxm_gemm_*_gemm_perf.csv.gz"),
         ("h200_sxm", "BF16", "gemm/h200_sxm_gemm_*_gemm_perf.csv.gz"),
         ("h200_sxm", "FP8", "gemm/h200_sxm_gemm_*_gemm_perf.csv.gz"),
         ("b200_sxm", "BF16", "gemm/b200_sxm_gemm_*_gemm_perf.csv.gz"),
         ("b200_sxm", "FP8", "gemm/b200_sxm_gemm_*_gemm_perf.csv.gz"),
         ("b200_sxm", "FP4", "gemm/b200_sxm_gemm_*_gemm_perf.csv.gz")]

# server, tables (an earlier one wins), and the link bandwidth of the part that was measured
COLLECTIVES = [("dgx_a100", ["nccl/a100_sxm_comm_nccl_*_nccl_perf.csv"], "300 GB/s"),
               ("hgx_a100_40gb", ["nccl/a100_sxm_comm_nccl_*_nccl_perf.csv"], "300 GB/s"),
               ("hgx_a800", ["nccl/a100_sxm_comm_nccl_*_nccl_perf.csv"], "300 GB/s"),
               ("dgx_h100", ["nccl/h100_sxm_comm_nccl_*_nccl_perf.csv"], "450 GB/s"),
               ("hgx_h800", ["nccl/h100_sxm_comm_nccl_*_nccl_perf.csv"], "450 GB/s"),
               ("hgx_h20", ["nccl/h100_sxm_comm_nccl_*_nccl_perf.csv"], "450 GB/s"),
               ("hgx_h200", ["nccl/h200_sxm_comm_nccl_*_nccl_perf.csv"], "450 GB/s"),
               ("hgx_b200", ["nccl/b200_sxm_comm_nccl_*_nccl_perf.csv"], "900 GB/s"),
               ("gb200_nvl72", ["nccl/gb200_comm_nccl_*_nccl_perf.csv",
                                "nccl/b200_sxm_comm_nccl_*_nccl_perf.csv"], "900 GB/s")]
# Servers whose accelerators were not measured themselves: their fits are estimates.
TRANSFERRED = ("hgx_a100_40gb", "hgx_a800", "hgx_h800", "hgx_h20", "gb200_nvl72")

FLOORS = "vtrain_a100/ground_truth_single.csv"
FLOOR_STACK, FLOOR_PART = "megatron_deepspeed", "a100_sxm_80gb"
FLOOR_CONSTANTS = ["launch_floor_forward+launch_floor_backward", "step_overhead",
                   "hbm_traffic_factor"]

# stack, accelerator (or None), constants; in this order
STACKS = [("megatron_core", "h100_sxm",
           ["sustained_clock", "hbm_traffic_factor", "tensor_overlap", "step_overhead",
            "launch_floor_forward+launch_floor_backward"]),
          ("megatron_2021", "a100_sxm_80gb",
           ["sustained_clock", "hbm_traffic_factor", "step_overhead",
            "launch_floor_forward+launch_floor_backward"]),
          ("megatron_2023", "a100_sxm_80gb", ["step_overhead"]),
          ("composer_fsdp", None,
           ["hbm_traffic_factor", "attention_speed", "step_overhead",
            "launch_floor_forward+launch_floor_backward"]),
          ("internevo", None, ["hbm_traffic_factor", "step_overhead"]),
          ("megatron_core", "gb200", ["sustained_clock"])]

# How far a refit may lie from what the catalogue says.
GEMM_TOLERANCE = 0.002  # of a share; the fit is a median and has no freedom
COLLECTIVE_TOLERANCE = 0.01  # of the mean |ln|: fits of nearly the same loss differ in their numbers
STACK_TOLERANCE = 0.003  # of the mean |ln|


def find(folder, pattern):
    """The one file of the pattern, the last by name where there are several versions."""
    found = sorted(Path(folder).glob(pattern))
    if not found:
        raise FileError(f"{folder}: no file {pattern}; expected a folder with measured tables as "
                        "CONTRIBUTING.md describes it")
    return found[-1]


def link(catalogue, server):
    """Scale-up bandwidth per direction of the server's accelerator, bytes per second."""
    part = catalogue.get("server", server, "accelerator")
    each = catalogue.get("accelerator", part, "scale_up.per_direction")
    if each is not None:
        return si(each)
    return si(catalogue.get("accelerator", part, "scale_up.bidirectional")) / 2


def fit_gemm(catalogue, table, accelerator, precision):
    """(surface, label) of a table."""
    document = catalogue.document("accelerator", accelerator)
    rows, label = gemm.shapes(table, precision)
    return gemm.fit(rows, gemm.peak_of(document, accelerator, precision)), label


def write_gemm(catalogue, accelerator, precision, surface, text):
    document = catalogue.document("accelerator", accelerator)
    path = f"rate[{precision}].gemm"
    document.set_blocks("accelerator", accelerator, path, gemm.bodies(surface.points))
    document.set_source("accelerator", accelerator, [path], text)


class CollectiveResult:
    """A fit, its loss, its figures by range, what it was fitted to, and whether it was moved."""

    def __init__(self, fit, loss, table, bandwidth, label):
        self.fit, self.loss, self.table, self.bandwidth, self.label = fit, loss, table, bandwidth, label
        self.figures = collectives.summary(fit, table, bandwidth)


def collective_table(catalogue, tables, server, measured_on):
    """(table, link bandwidth of the server, label), the table moved where the link is cut."""
    table, label = collectives.read(tables)
    bandwidth = link(catalogue, server)
    if measured_on is not None and measured_on > bandwidth * 1.001:
        shares = collectives.largest_shares(table, measured_on)
        table = collectives.moved(table, measured_on, bandwidth, shares)
        label += (f", with the wire time of the missing bandwidth added at the share that the measured "
                  f"part reaches at its largest message ("
                  f"{', '.join(f'{shares[kind]:.3f}' for kind in collectives.KINDS)})")
    return table, bandwidth, label


def fit_collectives(catalogue, tables, server, measured_on=None):
    table, bandwidth, label = collective_table(catalogue, tables, server, measured_on)
    fit, loss = collectives.solve(table, bandwidth)
    return CollectiveResult(fit, loss, table, bandwidth, label)


def written_collectives(catalogue, server):
    """The fit that the catalogue has."""
    values = {name: catalogue.get("server", server, f"scale_up.{name}") for name in collectives.FIELDS}
    return {name: 0.0 if text is None else si(text) if name.endswith("latency") else float(text)
            for name, text in values.items()}


def write_collectives(catalogue, server, result, text, estimate):
    document = catalogue.document("server", server)
    for name in collectives.FIELDS:
        document.set("server", server, f"scale_up.{name}", collectives.text(name, result.fit[name]))
    # A call across NICs starts like one inside the domain (see the source of scale_out there).
    document.set("server", server, "scale_out.base_latency",
                 collectives.text("base_latency", result.fit["base_latency"]))
    document.set_source("server", server, [f"scale_up.{name}" for name in collectives.FIELDS], text,
                        estimate)
