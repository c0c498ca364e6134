#!/usr/bin/env python3
"""explain, compare and the exports, against traces that the program writes here, read by xarray.

usage: results_check.py GRIDLOCK SOURCE_DIR
"""

import csv
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))
import program  # noqa: E402

try:
    import h5netcdf  # noqa: F401
    import numpy as np
    import xarray as xr
except ImportError as missing:
    print(f"SKIP: {missing}; needs python3-xarray and python3-h5netcdf")
    sys.exit(0)

GRIDLOCK, ROOT = os.path.abspath(sys.argv[1]), Path(sys.argv[2]).resolve()
TWO = str(ROOT / "examples/01-two-servers/scenario.textproto")
BIG = str(ROOT / "examples/02-llama-405b-16k/scenario.textproto")


def run(*words, code=0):
    done = program.run([GRIDLOCK, *words], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
    return done.stdout if code == 0 else done.stderr


def check_timeline(folder):
    """The spans of a stage fill the step without a gap, and add up to the breakdown."""
    trace = xr.open_dataset(f"{folder}/trace.h5").isel(cap=0).load()
    stages = trace.sizes["stage"]
    spans = trace[["span_stage", "span_start", "span_end", "span_activity"]].to_dataframe()
    sums = np.zeros(trace.sizes["activity"])
    for stage, rows in spans.groupby("span_stage"):
        assert rows.span_start.iloc[0] == 0 and len(rows) > 10, stage
        gaps = rows.span_start.iloc[1:].values - rows.span_end.iloc[:-1].values
        assert abs(gaps).max() < 1e-12, (stage, gaps)
        for number, length in (rows.span_end - rows.span_start).groupby(rows.span_activity).sum().items():
            sums[int(number)] += length
        sums[list(trace.activity.values).index("idle")] += float(trace.step_time) - rows.span_end.iloc[-1]
    assert set(spans.span_stage) == set(range(stages))
    worst = abs(sums / stages - trace.breakdown.values).max()
    assert worst < 1e-6 * float(trace.step_time), (sums / stages, trace.breakdown.values)


def check_links(folder):
    """What the hottest links carried is their use over time, at their capacity."""
    trace = xr.open_dataset(f"{folder}/trace.h5").isel(cap=0).load()
    assert trace.sizes["link"] >= 10 and bool(trace.link_share.notnull().any("sample").all())
    starts = trace.time.values[~np.isnan(trace.time.values)]
    widths = np.append(starts[1:], float(trace.step_time)) - starts
    over_time = (trace.link_share.values[:, :len(starts)] * widths).sum(axis=1) * trace.link_capacity.values
    assert np.allclose(over_time, trace.link_carried, rtol=1e-6), (over_time, trace.link_carried.values)


def check_operations(folder):
    """Kernels alone take what passes took: nothing slows them in this step but the optimizer's."""
    trace = xr.open_dataset(f"{folder}/trace.h5").isel(cap=0).load()
    alone = float((trace.operation_calls * trace.operation_time).sum())
    busy = float(trace.breakdown.sel(activity=["compute", "memory_bound"]).sum())
    assert 0.97 * busy < alone < 1.001 * busy, (alone, busy)
    flop = float((trace.operation_calls * trace.operation_flop).sum()) * int(trace.accelerators)
    assert abs(flop / float(trace.hardware_flop) - 1) < 0.01, (flop, float(trace.hardware_flop))


def check_exports(folder, out):
    run("report", folder, "--perfetto", f"{out}/trace.json", "--csv", f"{out}/csv")
    trace = xr.open_dataset(f"{folder}/trace.h5").isel(cap=0).load()
    events = json.loads(Path(out, "trace.json").read_text())["traceEvents"]
    slices = [e for e in events if e["ph"] == "X"]
    assert len(slices) == trace.sizes["span"]
    communication = [list(trace.activity.values).index(a) for a in ("tensor_comm", "data_comm", "expert_comm")]
    exposed = float((trace.span_end - trace.span_start).where(trace.span_activity.isin(communication), 0).sum())
    assert abs(sum(e["dur"] for e in slices if e["tid"] == 1) / 1e6 / exposed - 1) < 1e-6, "the stream of communication"
    assert {e["pid"] for e in slices} == set(range(trace.sizes["stage"])), "a process for each stage"
    end = max(e["ts"] + e["dur"] for e in slices)
    assert abs(end / 1e6 / float(trace.step_time) - 1) < 1e-6
    with open(f"{out}/csv/cap-attribution_resource.csv", encoding="utf-8") as file:
        rows = {r["attribution_resource"]: float(r["attribution"]) for r in csv.DictReader(file)}
    assert rows == dict(trace.attribution.to_series()), rows
    message = run("report", folder, code=2)
    assert message.startswith("gridlock report: nothing to write; expected -o PAGE.html"), message


def check_explain(folder):
    trace = xr.open_dataset(f"{folder}/trace.h5").isel(cap=0).load()
    text = run("explain", folder)
    assert f"= {100 * float(trace.mfu):.1f} %" in text and "What would move it" in text, text
    parts = json.loads(run("explain", folder, "--format", "json"))
    assert parts["kind"] == "step" and parts["verdict"] in " ".join(text.split()), parts["verdict"]
    assert "(p - 1) / (v m)" in run("explain", "bubble")
    assert run("explain", "bubbel", code=2) == (
        'gridlock explain: "bubbel" is neither a file nor a word that is explained; did you mean '
        '"bubble"?\n')
    assert "no such file or folder" in run("explain", "/nowhere/trace.h5", code=2)


def check_compare(a, b):
    result = json.loads(run("compare", a, b, "--format", "json"))
    assert [i["path"] for i in result["inputs"]] == ["site.override.nic_bandwidth"], result["inputs"]
    step = result["outputs"][0]
    times = [float(xr.open_dataset(f"{f}/trace.h5").step_time[0]) for f in (a, b)]
    assert step["name"] == "step_time" and [step["a"], step["b"]] == times
    assert "nic_bandwidth: (not written) ->" in run("compare", a, b)
    message = run("compare", a, str(ROOT), code=2)
    assert "neither results.h5 nor trace.h5 is in this folder" in message, message


def check_glossary_commands(out):
    """What the glossary offers works: each eighth of its commands here, all of them in docs.run, a slow test."""
    commands = sorted(set(re.findall(r"```sh\n(.*?)\n```", (ROOT / "docs/glossary.md").read_text(), re.S)))
    assert len(commands) > 60
    for command in commands[::8]:
        if any(life in command for life in ("04-", "05-", "06-", "07-", "08-", "405b")):
            continue
        words = command.replace("out/", f"{out}/g/").replace("gridlock ", f"{GRIDLOCK} ")
        done = subprocess.run(words, cwd=ROOT, shell=True, capture_output=True, text=True, check=False,
                              env={**os.environ, "PWD": str(ROOT)})
        assert done.returncode == 0, (command, done.stderr)


with tempfile.TemporaryDirectory() as out:
    two, slow, big = f"{out}/two", f"{out}/slow", f"{out}/big"
    run("run", TWO, "-q", "-o", two)
    run("run", TWO, "-q", "-o", slow, "--set", "site[0].override.nic_bandwidth=50 Gbps")
    run("run", BIG, "-q", "-o", big)
    check_timeline(big)
    check_links(big)
    check_operations(big)
    check_exports(big, out)
    check_explain(big)
    check_compare(two, slow)
    check_glossary_commands(out)
print("ok")
