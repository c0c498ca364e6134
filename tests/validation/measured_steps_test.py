#!/usr/bin/env python3
"""Steps that were measured on one H100 and one H200 come out as tools/calibration/measured/README.md
says: medians by stack and card of the errors of step times and of peak bytes.

usage: measured_steps_test.py GRIDLOCK
"""

import csv
import io
import statistics
import subprocess
import sys
from pathlib import Path

MEASURED = Path(__file__).resolve().parent.parent.parent / "tools/calibration/measured"
# Stack: the most that medians may be, per cent of time and of peak bytes.
MOST = {"pytorch_eager": (3, 1), "pytorch_autocast": (4, 1), "pytorch_compile": (3, 1),
        "hf_eager": (5, 4), "hf_autocast": (5, 4), "jax_plain": (6, 13)}
# The same of steps that nothing but hf_compile was fitted on: models like Llama, and FP8.
LATER = {"hf_eager": (5, 5), "hf_autocast": (8, 5), "hf_compile": (3, 4), "pytorch_compile": (3, 13)}
# The same of GPT-2, BERT, OPT, ViT, Pythia and Llama on another card.
OTHERS = {"hf_eager": (10, 4), "hf_autocast": (16, 6)}
# The same of random models like Llama, Mistral, Qwen2 and GPT-2 in four formats on one H100. Its host was slow: half of
# the steps under autocast wait for launches.
RANDOM = {"hf_eager": (5, 3), "hf_autocast": (16, 4)}


# The same of FP32 and TF32, which nothing but attention was fitted on.
SINGLE = {"pytorch_eager": (5, 2), "pytorch_compile": (4, 3)}


def errors_of(gridlock, table, like_llama=False, formats=None):
    """{stack: ([errors of time], [errors of peak bytes])}, absolute, per cent."""
    path = MEASURED / f"{table}.csv"
    with path.open(encoding="utf-8") as file:
        measured = {row["id"]: row for row in csv.DictReader(file)}
    run = subprocess.run([gridlock, "validate", "--cases", path, "--format", "csv", "--quiet"],
                         check=True, capture_output=True, text=True)
    found = {}
    for row in csv.DictReader(io.StringIO(run.stdout)):
        assert row["status"] == "simulated", row
        case = measured[row["id"]]
        if formats and case["precision"] not in formats:
            continue
        if like_llama and (case["gated"] != "1" or case["experts"]):
            continue
        times, peaks = found.setdefault(case["stack"], ([], []))
        times.append(abs(float(row["error_pct"])))
        peak = float(row["peak_hbm_bytes"]) / 2 ** 30
        peaks.append(100 * abs(peak / float(case["measured_gib"]) - 1))
    return found


def main():
    bad, rows = 0, 0
    for table, most in (("h100_sxm_training", MOST), ("h200_sxm_training", MOST),
                        ("h200_sxm_models", LATER), ("h200_sxm_frameworks_2", OTHERS),
                        ("h200_sxm_single", SINGLE), ("h100_sxm_transformers", RANDOM)):
        formats = ("fp32", "tf32") if most is SINGLE else None
        for stack, (times, peaks) in errors_of(sys.argv[1], table, most is LATER, formats).items():
            time, peak = statistics.median(times), statistics.median(peaks)
            rows += len(times)
            print(f"{table} {stack}: {len(times)} rows, step {time:.1f} %, peak {peak:.1f} %")
            bad += time > most[stack][0] or peak > most[stack][1]
    assert rows == 237, rows
    sys.exit(f"{bad} medians are worse than the README says" if bad else 0)


if __name__ == "__main__":
    main()
