#!/usr/bin/env python3
"""The Python package against the program: the same numbers by another way.

usage: python_check.py GRIDLOCK SOURCE_DIR
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

try:
    import h5netcdf  # noqa: F401  (the engine of xarray)
    import pandas as pd
    import xarray as xr
except ImportError as missing:
    print(f"SKIP: {missing}; needs python3-xarray, python3-h5netcdf and python3-pandas")
    sys.exit(0)

GRIDLOCK, ROOT = os.path.abspath(sys.argv[1]), Path(sys.argv[2]).resolve()
os.environ["GRIDLOCK"] = GRIDLOCK
sys.path.insert(0, str(ROOT / "python"))
import gridlock  # noqa: E402

TWO = ROOT / "examples/01-two-servers/scenario.textproto"
FIELDS = {
    "name": 'two "quoted" servers',
    "seed": 1,
    "site": [{"name": "lab", "server": "dgx_h100", "servers": 2,
              "fabric": {"clos": {"tiers": 2, "servers_per_leaf": 2, "leaves_per_pod": 1, "leaf_oversubscription": 1,
                                  "leaf_switch": "quantum2_qm9700", "spine_switch": "quantum2_qm9700",
                                  "routing": "SPRAY"}}}],
    "job": {"name": "pretraining",
            "pretraining": {"model": "llama_3.1_8b", "stack": "megatron_core",
                            "layout": {"tensor": 2, "pipeline": 1, "data": 8,
                                       "sequence_parallel": True},
                            "global_batch": 128, "micro_batch": 1, "sequence_length": 4096,
                            "precision": "BF16", "zero": 1}},
}


def summary_of(*words):
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([GRIDLOCK, *words, "-o", folder, "--format", "json", "-q"],
                              capture_output=True, text=True, check=True)
        return json.loads(done.stdout)


def check_run():
    step = gridlock.run(TWO)
    summary = summary_of("run", str(TWO))
    assert isinstance(step, xr.Dataset)
    assert float(step.step_time[0]) == summary["step_time_s"]
    assert step.fingerprint_text.item() == summary["fingerprint"]
    assert step.step_time.attrs["units"] == "s"
    parts = float(step.attribution.sum()), float(step.breakdown.sum())
    assert all(abs(part / float(step.step_time[0]) - 1) < 1e-9 for part in parts), parts
    text = gridlock.run(TWO.read_text())
    assert text.fingerprint_text.item() == summary["fingerprint"], "a text is the scenario"
    slow = gridlock.run(TWO, {"site[0].override.nic_bandwidth": "50 Gbps"})
    assert float(slow.step_time[0]) > float(step.step_time[0])
    assert json.loads(slow.attrs["summary"])["step_time_s"] == float(slow.step_time[0])


def check_dict():
    text = gridlock.to_text(FIELDS)
    assert "precision: BF16" in text and 'model: "llama_3.1_8b"' in text, text
    assert "sequence_parallel: true" in text and r'name: "two \"quoted\" servers"' in text, text
    step = gridlock.run(FIELDS)
    again = gridlock.run(step.attrs["scenario"])
    assert step.fingerprint_text.item() == again.fingerprint_text.item()


def check_errors():
    for scenario, code, words in [
            ("/nowhere/x.textproto", 2, "/nowhere/x.textproto"),
            ({**FIELDS, "horizn": "1 h"}, 2, '"horizn"'),
            ({**FIELDS, "site": {**FIELDS["site"][0], "server": "dgx_h10"}}, 2, "dgx_h100")]:
        try:
            gridlock.run(scenario)
        except gridlock.GridlockError as error:
            assert error.code == code and words in error.message, (error.code, error.message)
            assert error.meaning == "wrong input" and error.arguments[0] == "run"
        else:
            raise AssertionError(f"{scenario} was not refused")


def check_studies():
    caps = gridlock.cap(TWO, "nic", ["400 Gbps", "100 Gbps"])
    assert list(caps.cap_value.values) == [0.0, 5e10, 1.25e10], caps.cap_value.values
    assert caps.step_time.values[2] > caps.step_time.values[0] == caps.step_time.values[1]
    swept = gridlock.sweep({
        "name": "nics", "scenario": str(TWO),
        "axis": {"name": "nic", "path": "site[0].override.nic_bandwidth",
                 "values": "100, 400 Gbps"}})
    assert swept.step_time.dims == ("nic",) and list(swept.nic.values) == [1.25e10, 5e10]
    assert float(swept.step_time[0]) == float(caps.step_time[2]), "a sweep and a cap agree"
    table = gridlock.collective(TWO, "all_reduce", "1MiB:16MiB:x16")
    assert set(table.size_bytes) == {2**20, 2**24} and (table.time_s > 0).all()
    taken = table[table.chosen]
    assert (taken.algorithm_bandwidth_bytes_per_s * taken.time_s - taken.size_bytes).abs().max() < 1
    rows = gridlock.validate(role="headline", id="MLM*H100*")
    assert len(rows) > 0 and set(rows.role) == {"headline"} and "error_pct" in rows
    pair = gridlock.flows(TWO, pd.DataFrame({"from": [0], "to": [8], "bytes": [4 << 20], "start": [0]}))
    assert pair.bound_by_tier[0] == "nic" and pair.attrs["last_end_s"] == pair.end_s[0]
    assert gridlock.flows(TWO, "pair 0:8", size="4 MiB").end_s[0] == pair.end_s[0]
    assert gridlock.flows(TWO, "15:1").shape[0] == 15
    site = gridlock.topo(TWO)
    assert site.accelerators[0] == 16 and site["nodes.nic"][0] == 16


def check_results():
    with tempfile.TemporaryDirectory() as folder:
        a, b = f"{folder}/a", f"{folder}/b"
        gridlock.run(TWO, out=a)
        slow = gridlock.run(TWO, {"site[0].override.nic_bandwidth": "50 Gbps"}, out=b)
        table = gridlock.compare(a, b)
        assert table.b[0] == float(slow.step_time[0]) and table.name[0] == "step_time"
        assert table.attrs["inputs"][0]["path"] == "site.override.nic_bandwidth"
        assert gridlock.explain(a)["kind"] == "step"


for check in (check_run, check_dict, check_errors, check_studies, check_results):
    check()
print("ok")
