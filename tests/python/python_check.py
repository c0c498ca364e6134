#!/usr/bin/env python3
"""The Python package against the program: the same numbers by another way.

usage: python_check.py GRIDLOCK SOURCE_DIR
"""

import copy
import importlib.util
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
    if importlib.util.find_spec("matplotlib"):
        import matplotlib
        matplotlib.use("Agg")
        assert len(step.utilisation.isel(cap=0).plot.line(x="time", hue="resource")) == step.sizes["resource"]


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


def json_of(*words):
    done = subprocess.run([GRIDLOCK, *map(str, words), "--format", "json"], capture_output=True, text=True,
                          check=True)
    return json.loads(done.stdout)


def check_plan():
    with tempfile.TemporaryDirectory() as folder:
        table = gridlock.plan(TWO, {"site[0].override.nic_bandwidth": "100 Gbps"}, top=3,
                              fix={"pipeline": 1}, write=folder)
        assert 1 <= len(table) <= 3 and (table.pipeline == 1).all() and not table.step_time_s.isna().any()
        assert (table.tensor * table.context * table.data == 16).all(), table
        first = gridlock.run(f"{folder}/1.textproto")
        assert float(first.step_time[0]) == table.step_time_s[0], "a proposal is the run of its scenario"
    parts = table.filter(like="attribution_s.").sum(axis=1)
    assert ((parts / table.step_time_s - 1).abs() < 1e-9).all(), "attribution adds up to the step"
    assert table.attrs["layouts_fitting"] <= table.attrs["layouts_checked"]
    sizes = gridlock.plan(model="llama_3.1_8b", accelerator="h100_sxm", accelerators=[16, 32],
                          global_batch=64, tokens="1T", price=2.5, top=1, simulate=False)
    assert sorted(sizes.accelerators) == [16, 32] and set(sizes.fidelity) == {"analytic"}
    hours = sizes.days * 24 * sizes.accelerators
    assert ((sizes.usd / (2.5 * hours) - 1).abs() < 1e-9).all(), "price times accelerator-hours"
    for wrong in ({}, {"scenario": TWO, "model": "llama_3.1_8b"}):
        try:
            gridlock.plan(**wrong)
        except ValueError:
            continue
        raise AssertionError(f"{wrong} was not refused")
    assert "--tensor-model-parallel-size 2" in gridlock.export(TWO, "megatron")


def check_serving():
    load = {"model": "llama-3.1-70b", "part": "h100_sxm", "tensor": 8, "weights": "fp8", "requests": 200}
    table = gridlock.serve(**load, rate=[1, 20], ttft_ms=500, tpot_ms=50)
    assert list(table.rate) == [1, 20] and table.ttft_p99_s[1] > table.ttft_p99_s[0], table.T
    assert (table.accelerators == 8).all() and table.within_objectives.between(0, 1).all()
    told = json_of("serve", "--model", "llama-3.1-70b", "--part", "h100_sxm", "--tensor", 8, "--weights",
                   "fp8", "--requests", 200, "--rate", 20)
    assert told["tpot_s"]["median"] == table.tpot_median_s[1], "the program's own number"
    assert table.attrs["waits"][1][0]["limit"] == told["waits"][0]["limit"] == table.waits_on[1]
    queued = gridlock.serve(**load, concurrency=16)
    assert list(queued.concurrency) == [16] and queued.batch_peak[0] <= 16
    pools = gridlock.serve(**load, rate=5, prefill_replicas=2, replicas=3)
    assert pools.accelerators[0] == 40 and pools.transfer_median_s[0] > 0
    routed = gridlock.serve(**load, rate=5, replicas=2, router="prefix_aware")
    assert routed.loc[0, "router"] == "prefix_aware" and routed.loc[0, "busy_most"] > 0, routed
    capped = gridlock.serve(**load, rate=5, cap="hbm", values="100,50%")
    assert list(capped["share"]) == [1, 0.5] and capped.attrs["unit"] == "GB/s", capped
    fleet = gridlock.serve(ROOT / "examples/07-hbm-cap/scenario.textproto", requests=100)
    assert len(fleet) == 1 and fleet.e2e_median_s[0] > fleet.ttft_median_s[0]
    grown = gridlock.serve(model="llama-3.1-8b", part="h100_sxm", engine="sglang", rate=5, requests=200,
                           adapters=8, replicas=2, replicas_min=1)
    assert grown.adapter_loads[0] == 8 and grown.attrs["sizes"][0][0]["in_service"] == 1, grown
    steps = gridlock.rollout(ROOT / "examples/01-two-servers/scenario.textproto", model="llama-3.1-8b",
                             replicas=2, prompts=16, answers=2, steps=3)
    assert len(steps) == 3 and steps.attrs["step_s"] > steps.answers_s.min(), steps
    plans = gridlock.serve_plan(rate=10, ttft_ms=1000, tpot_ms=50, usd_per_hour=2, weights=["fp8"], top=3)
    assert 1 <= len(plans) <= 3 and set(plans.weights) == {"fp8"}
    assert (plans.usd_per_hour == 2 * plans.accelerators).all() and plans.usd_per_hour.is_monotonic_increasing


def check_seeds():
    week = {**copy.deepcopy(FIELDS), "horizon": "1 days", "reliability": {"server_mtbf": "2 days", "repair_time": "1 h"}}
    week["job"]["pretraining"]["steps"] = 100000
    with tempfile.TemporaryDirectory() as folder:
        figures = gridlock.seeds(week, 3, out=folder)
        lines = (Path(folder) / "seeds.csv").read_text().splitlines()
    assert figures.attrs["lives"] == 3 and figures.attrs["first_seed"] == "1", figures.attrs
    stops = figures[figures.name.str.endswith("interruptions")].iloc[0]
    assert stops.least <= stops["mean"] <= stops.most and stops.half_width_95 > 0, figures
    assert len(lines) == 1 + len(figures) and "half_width_95" in lines[0], lines
    try:
        gridlock.seeds(FIELDS, 3)
    except gridlock.GridlockError as error:
        assert error.code == 2 and "horizon" in error.message, error
    else:
        raise AssertionError("a step has no seeds")


def check_build():
    asked = {"power": "1 MW", "days": 10, "parts": ["h100_sxm"], "tokens": "0.02T", "model": "llama_3.1_8b"}
    with tempfile.TemporaryDirectory() as folder:
        table = gridlock.build(**asked, out=folder)
        built = table[table.problem == ""]
        assert len(built) > 0 and (built.peak_mw <= 1).all() and built.days.is_monotonic_increasing
        again = gridlock.run(built.scenario.iloc[0])
        assert again.attrs["fingerprint"] == built.fingerprint.iloc[0], "a build is a scenario to run"


def check_knowledge():
    parts = gridlock.catalog("accelerator")
    assert "h100_sxm" in set(parts.name) and set(parts.kind) == {"accelerator"}
    fields = gridlock.catalog_show("h800_sxm")
    assert fields.value["scale_up.bidirectional"] == "400 GB/s" and fields.attrs["kind"] == "accelerator"
    differ = gridlock.catalog_diff("h100_sxm", "h800_sxm")
    assert list(differ.loc["scale_up.bidirectional"]) == ["900 GB/s", "400 GB/s"]
    rules = gridlock.catalog_rules("h100_sxm")
    assert list(rules.index) == ["h100_sxm"] and rules.io_gb_per_s[0] > 900
    assert gridlock.schema("Layout").type["tensor"] == "whole number"
    assert gridlock.outputs().unit["step_time"] == "s"
    assert gridlock.studies().points["01-two-servers"] == 3
    told = gridlock.study("01-two-servers")
    assert told.attrs["verdicts"][0]["ruling"] == "holds" and told.step_time.dims == ("tensor",)


def check_files():
    sys.path.insert(0, str(ROOT / "tests/interop"))
    import chakra_writer as ck  # pylint: disable=import-outside-toplevel
    with tempfile.TemporaryDirectory() as folder:
        trace = Path(folder) / "t.0.et"
        trace.write_bytes(ck.trace(ck.node(1, ck.COMP, 30), ck.node(2, ck.COMP, 10, data=[1])))
        ranks = gridlock.replay(TWO, trace, ranks=1)
        assert abs(ranks.compute_s[0] - 40e-6) < 1e-12 and abs(ranks.attrs["time_s"] - 40e-6) < 1e-12
        config = Path(folder) / "config.json"
        config.write_text(json.dumps({
            "model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 32, "intermediate_size": 14336,
            "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 128256,
            "architectures": ["LlamaForCausalLM"]}))
        text = gridlock.import_file("hf", config, f"{folder}/model.textproto", name="mine")
        assert 'name: "mine"' in text and "layers: 32" in text, text
        listed = gridlock.catalog("model", files=[f"{folder}/model.textproto"])
        assert "mine" in set(listed.name)
        week = ROOT / "examples/04-a-week-of-a-fleet/scenario.textproto"
        told = gridlock.generate(week, f"{folder}/jobs.pb", requests=False)
        assert sum(rung["jobs"] for rung in told["campaigns"][0]["rungs"]) == 250
        axis = {"name": "nic", "path": "site[0].override.nic_bandwidth", "values": "100, 400 Gbps"}
        try:
            page = gridlock.explore(f"{folder}/page",
                                    {"name": "n", "scenario": str(TWO), "axis": axis})
        except gridlock.GridlockError as error:
            assert "npm" in error.message, error.message  # built without charts
        else:
            assert Path(page).read_text(encoding="utf-8").startswith("<!")


def check_results():
    with tempfile.TemporaryDirectory() as folder:
        a, b = f"{folder}/a", f"{folder}/b"
        gridlock.run(TWO, out=a)
        slow = gridlock.run(TWO, {"site[0].override.nic_bandwidth": "50 Gbps"}, out=b)
        table = gridlock.compare(a, b)
        assert table.b[0] == float(slow.step_time[0]) and table.name[0] == "step_time"
        assert table.attrs["inputs"][0]["path"] == "site.override.nic_bandwidth"
        assert gridlock.explain(a)["kind"] == "step"


for check in (check_run, check_dict, check_errors, check_studies, check_plan, check_serving, check_seeds, check_build,
              check_knowledge, check_files, check_results):
    check()
print("ok")
