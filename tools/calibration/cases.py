"""Published tables in other forms as the strict table that `gridlock validate --cases` reads."""

import csv
import hashlib
import io

from calibration.common import FileError, UserError, number, read_table

STRICT = ("id role source stack accelerator accelerators domain nic_gbps model layers hidden heads "
          "kv_heads ffn gated vocab seq experts top_k shared_experts expert_ffn dense_layers tp pp vpp dp "
          "ep cp zero shard_group sequence_parallel recompute global_batch micro_batch precision "
          "step_time_s").split()

VTRAIN = {"accelerators": "# GPUs", "global_batch": "global batch", "micro_batch": "micro batch",
          "hidden": "hidden size", "heads": "attention heads", "layers": "# layers",
          "seq": "sequence length", "tp": "tensor parallelism", "dp": "data parallelism",
          "pp": "pipeline parallelism", "step": "iteration time (ms)"}

# What the measurements of VIA-Research/vTrain (single server, A100) have in common and its columns do
# not say: Megatron-DeepSpeed with full recompute in FP16, GPT with four times the hidden size in the
# feed-forward block, its padded vocabulary, no ZeRO and no sequence parallelism. The NIC is not used.
VTRAIN_CONSTANTS = {"source": "VIA-Research/vTrain, measured, one server (MIT)",
                    "stack": "megatron_deepspeed", "accelerator": "a100_sxm_80gb", "domain": 8,
                    "nic_gbps": 200, "model": "GPT", "gated": 0, "vocab": 51200, "ep": 1, "cp": 1,
                    "zero": 0, "sequence_parallel": 0, "recompute": "full", "precision": "fp16"}


def half(row):
    """"calibration" or "holdout", by a hash of the configuration: rows of one configuration stay
    together, and the halves are the same on every machine and in every order of the table."""
    text = ",".join(f"{key}={row[key]}" for key in sorted(row))
    return "calibration" if hashlib.sha256(text.encode()).digest()[0] % 2 == 0 else "holdout"


def vtrain(path, accelerator=None):
    """The rows of a vTrain table in the strict form."""
    rows = []
    for index, cells in enumerate(read_table(path, list(VTRAIN.values()))):
        numbers = {name: number(path, cells, column) for name, column in VTRAIN.items()}
        seconds = numbers.pop("step") * 1e-3
        numbers = {name: int(value) for name, value in numbers.items()}
        if numbers["tp"] * numbers["pp"] * numbers["dp"] != numbers["accelerators"]:
            raise UserError(f"{path}:{cells['']}: tensor x data x pipeline parallelism is not # GPUs")
        row = dict(VTRAIN_CONSTANTS, **numbers)
        row["role"] = half(numbers)
        row["id"] = f"VTRAIN-A100-{index:04d}"
        row["kv_heads"], row["ffn"] = numbers["heads"], 4 * numbers["hidden"]
        row["accelerator"] = accelerator or row["accelerator"]
        row["step_time_s"] = f"{seconds:.6g}"
        rows.append(row)
    return rows


def table(rows, keep=lambda row: True):
    """The strict table as text."""
    out = io.StringIO()
    writer = csv.DictWriter(out, STRICT, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(row for row in rows if keep(row))
    return out.getvalue()


def write(path, text):
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise FileError(f"{path}: {error.strerror}") from None


def sample(rows, one_in):
    """Every row whose hash falls into one of `one_in` parts, the same ones each time."""
    return [row for row in rows
            if int(hashlib.sha256(row["id"].encode()).hexdigest(), 16) % one_in == 0]
