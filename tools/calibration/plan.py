"""What is fitted to what, in which order: the whole calibration of the catalogue.

Tables are looked up by pattern in a folder with measured tables; their origins:
  gemm/, nccl/   NVIDIA aiconfigurator, measurement database (Apache-2.0)
  vtrain_a100/   VIA-Research/vTrain, measured iteration times (MIT)
"""

from pathlib import Path
from typing import NamedTuple

from calibration import collectives, gemm, networks
from calibration.common import FileError, UserError, number, read_table, si

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



class Inside(NamedTuple):
    """A transport inside servers: the link of the parts that were measured, their tables, and the
    servers whose published rows belong to it."""

    link: str
    tables: tuple
    servers: tuple
    label: str  # of the published rows


class Across(NamedTuple):
    """A transport between servers: published rows by id, as (transport inside, algorithm, weight),
    or sizes of a sweep; and fields that are known already."""

    label: str
    rows: dict
    sweep: str = ""
    known: tuple = ()


INSIDE = {
    "nvlink_3": Inside("300 GB/s", ("nccl/a100_sxm_comm_nccl_*_nccl_perf.csv",), ("dgx_a100",),
                       "all-reduces of 1 GiB and more (Azure/AI-benchmarking-guide)"),
    "nvlink_4": Inside("450 GB/s", ("nccl/h100_sxm_comm_nccl_*_nccl_perf.csv",
                                    "nccl/h200_sxm_comm_nccl_*_nccl_perf.csv"),
                       ("dgx_h100", "hgx_h100", "hgx_h200"),
                       "collectives of 8 GiB and more (stas00/ml-engineering, network; "
                       "NVIDIA/dgxc-benchmarking; NVIDIA/nccl-tests issue 309)"),
    "nvlink_5": Inside("900 GB/s", ("nccl/b200_sxm_comm_nccl_*_nccl_perf.csv",), ("hgx_b200",),
                       "all-reduces of 8 GiB and more (stas00/ml-engineering, network)")}

# On two servers of H20 the library goes from trees to rings between 64 and 256 MiB, where the time
# grows from 468 to 2,055 us. One row of a long message weighs as much as three short ones.
INFINIBAND = {"NCCL652-A100-32-128B": ("nvlink_3", "tree", 1),
              "COLL08-H20-2-nvlstree-64B": ("nvlink_4", "in_switch_tree", 1),
              "COLL08-H20-2-1MiB": ("nvlink_4", "tree", 1),
              "COLL08-H20-2-4MiB": ("nvlink_4", "tree", 1),
              "COLL08-H20-2-16MiB": ("nvlink_4", "tree", 1),
              "COLL08-H20-2-64MiB": ("nvlink_4", "tree", 1),
              "COLL08-H20-2-256MiB": ("nvlink_4", "ring", 1),
              "COLL05-H100-4-auto": ("nvlink_4", "ring", 3)}
# Of the sweep over EFA, the sizes of which no published row is held out.
EFA_SERIES, EFA_SIZES = "P6-B200 4 nodes EFAv4 8x400G", (
    "256KiB", "512KiB", "2MiB", "4MiB", "8MiB", "32MiB", "64MiB", "256MiB", "512MiB", "2GiB", "8GiB")

ACROSS = {
    "infiniband": Across("All-reduces of 2 x 8 H20 with 8 x 400 Gbps, 64 bytes and 1 to 256 MiB "
                         "(NVIDIA/nccl issue 1244), of 4 x 8 H100 with 8 x 400 Gbps, 16 GiB "
                         "(NVIDIA/nccl-tests issue 309), and of 32 x 8 A100, 128 bytes (NVIDIA/nccl "
                         "issue 652)", INFINIBAND),
    "efa": Across("All-reduces of 4 x 8 B200 with 8 x 400 Gbps (" + ", ".join(EFA_SIZES) +
                  "; stas00/ml-engineering, network)", {}, "nccl/nccl_sweeps.csv",
                  ("all_reduce_efficiency", "step_latency"))}

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
COLLECTIVE_TOLERANCE = 0.005  # of the mean |ln|: fits of nearly the same loss differ in their numbers
STACK_TOLERANCE = 0.003  # of the mean |ln|


def find(folder, pattern):
    """The one file of the pattern, the last by name where there are several versions."""
    found = sorted(Path(folder).glob(pattern))
    if not found:
        raise FileError(f"{folder}: no file {pattern}; expected a folder with measured tables as "
                        "CONTRIBUTING.md describes it")
    return found[-1]


def fit_gemm(catalogue, table, accelerator, precision):
    """(surface, label) of a table."""
    document = catalogue.document("accelerator", accelerator)
    rows, label = gemm.shapes(table, precision, gemm.hbm_of(document, accelerator))
    return gemm.fit(rows, gemm.peak_of(document, accelerator, precision)), label


def write_gemm(catalogue, accelerator, precision, surface, text):
    document = catalogue.document("accelerator", accelerator)
    path = f"rate[{precision}].gemm"
    document.set_blocks("accelerator", accelerator, path, gemm.bodies(surface.points))
    document.set_source("accelerator", accelerator, [path], text)


class CollectiveResult:
    """The refit of a transport beside what the catalogue has: fits, losses, rows, and a source."""

    def __init__(self, fields, fit, old, rows, loss_of, errors_of):
        self.fields, self.fit, self.old, self.rows = fields, fit, old, rows
        self.loss, self.old_loss = loss_of(fit), loss_of(old)
        self.errors, self.old_errors = errors_of(fit), errors_of(old)
        self.source = lambda origin, date: ""

    @property
    def off(self):
        return self.old_loss > self.loss + COLLECTIVE_TOLERANCE


def written_fit(catalogue, transport):
    """{field: number} of a transport of the catalogue, with what it has from the one it is like."""
    fit, like = {}, catalogue.get("transport", transport, "like")
    if like is not None:
        fit = written_fit(catalogue, like)
    names = {**collectives.STARTS, **collectives.IN_SWITCH, **networks.STARTS,
             **dict.fromkeys(collectives.TAKEN_OVER, 0)}
    for name in names:
        value = catalogue.get("transport", transport, f"fit.{name}")
        if value is not None:
            fit[name] = si(value) if name.endswith("latency") else float(value)
    return fit


def fit_inside(catalogue, folder, published, transport):
    spec = INSIDE[transport]
    rows, label = collectives.read([find(folder, pattern) for pattern in spec.tables])
    more = collectives.published_inside(published, spec.servers)
    rows += more
    bandwidth, old = si(spec.link), written_fit(catalogue, transport)
    fit, _ = collectives.solve(rows, bandwidth, old)
    fields = [name for name in fit if name not in collectives.TAKEN_OVER]
    result = CollectiveResult(
        fields, fit, old, rows, lambda f: collectives.mean_ln(f, rows, bandwidth),
        lambda f: [collectives.seconds(f, row, bandwidth) / row.seconds - 1 for row in rows])
    result.source = lambda origin, date: collectives.source(
        collectives.summary(fit, rows, bandwidth), f"{label}, and {len(more)} {spec.label}", origin, date)
    return result


def network_rows(catalogue, folder, published, spec):
    """Rows of a network; those of a sweep are of 8 NICs of 400 Gbps and 8 B200."""
    rows, known = [], collectives.published(published) if spec.rows else {}
    for name, (inside, algorithm, weight) in spec.rows.items():
        if name not in known:
            raise UserError(f"{published}: no row {name} of the role calibration")
        row = known[name]
        ranks = int(number(published, row, "ranks_per_server"))
        nics = number(published, row, "nics_per_server") * number(published, row, "nic_gbps") * 1e9 / 8
        rows.append(networks.Row(written_fit(catalogue, inside), si(INSIDE[inside].link),
                                 int(row["servers"]), ranks, nics / ranks, float(row["bytes"]),
                                 collectives.published_seconds(published, row), algorithm, weight))
    if spec.sweep:
        path = find(folder, spec.sweep)
        inside, link = written_fit(catalogue, "nvlink_5"), si(INSIDE["nvlink_5"].link)
        for row in read_table(path, ("series", "size_label", "busbw_GBps")):
            if row["series"] == EFA_SERIES and row["size_label"] in EFA_SIZES:
                size = _binary(row["size_label"])
                seconds = 2 * 31 / 32 * size / number(path, row, "busbw_GBps") / 1e9
                rows.append(networks.Row(inside, link, 4, 8, si("400 Gbps"), size, seconds, "auto",
                                         3 if size > 1e9 else 1))
    return rows


def _binary(label):
    """"2MiB" as 2097152."""
    return float(label[:-3]) * {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}[label[-3:]]


def fit_across(catalogue, folder, published, transport):
    spec = ACROSS[transport]
    rows = network_rows(catalogue, folder, published, spec)
    old = written_fit(catalogue, transport)
    fixed = {name: old[name] for name in ("base_latency",) + spec.known}
    fit = networks.solve(rows, fixed)
    fields = [name for name in fit if name not in fixed]
    result = CollectiveResult(fields, fit, old, rows, lambda f: networks.mean_ln(f, rows),
                              lambda f: networks.errors(f, rows))
    result.source = lambda _, date: networks.source(fit, rows, spec.label, date)
    return result


def fit_collectives(catalogue, folder, published, transport):
    if transport in INSIDE:
        return fit_inside(catalogue, folder, published, transport)
    if transport in ACROSS:
        return fit_across(catalogue, folder, published, transport)
    raise UserError(f"{transport!r} has no rows in tools/calibration/plan.py; expected one of "
                    f"{', '.join([*INSIDE, *ACROSS])}")


def write_collectives(catalogue, transport, result, text):
    document = catalogue.document("transport", transport)
    for name in result.fields:
        document.set("transport", transport, f"fit.{name}", collectives.text(name, result.fit[name]))
    # A source without fields is that of the whole entry.
    fields = [] if transport in INSIDE else [f"fit.{name}" for name in result.fields]
    document.set_source("transport", transport, fields, text)
