"""Parses the JSON reports as programs will.  usage: report_check.py PATH_OF_trace_program"""

import json
import math
import os
import subprocess
import sys
import tempfile


def report(program, mode):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "report.json")
        subprocess.run([program, mode, path, "0"], check=True)
        assert os.listdir(folder) == ["report.json"]
        with open(path, encoding="utf-8") as file:
            return json.load(file, parse_constant=lambda name: sys.exit(f"{name} is not JSON"))


def main(program):
    step = report(program, "json")
    assert step["scenario_name"] == (
        'quote " backslash \\ newline \n tab \t bell \a \xb5 broken \ufffd end')
    assert step["command_line"] == 'gridlock run "two\\servers".textproto'
    assert step["step_time_s"] == 0.1 + 0.2  # every bit
    assert step["mfu"] is None
    assert step["fingerprint"] == "0123456789abcdef"
    assert step["attribution_s"] == {"compute": 3, "latency": 0.8, "scale_up": 0.2, "spine": 0}
    assert step["description"] == "A sample for the reports"
    assert step["setup"] == {"model": "llama", "layout": "tensor 2, data 8"}
    assert step["sizes"] == {"tensor": 2, "data": 8}
    assert step["estimates"][0] == "accelerator h100: power.per_flop"
    assert step["utilisation"]["hbm"]["peak_bytes_per_s"] == 3.35e12
    assert step["utilisation"]["nic"]["member"] == "one direction of a link"
    assert "real" not in " ".join(step)  # nothing that differs between two equal runs
    assert math.isclose(step["accelerator_energy_j"], 16 * 512.34 * 4)
    assert step["energy_is_estimate"] is True and step["energy_j"] == 57600

    cap = report(program, "cap")
    assert cap["uncapped"] == 450e9 and cap["binds_without_cap"] is False
    assert cap["knee_cap"] == 200e9 and cap["cap_units"] == "byte/s"
    assert [point["cap"] for point in cap["points"]] == [450e9, 200e9, 100e9]
    assert [point["slowdown"] for point in cap["points"]] == [1.0, 4.4 / 4.0, 1.5]
    assert math.isclose(cap["points"][2]["capped_resource_share"], 0.4)
    assert cap["baseline"]["cap"] == 0 and cap["baseline"]["slowdown"] == 1
    assert len(cap["fingerprint"]) == 16
    life = report(program, "small_json")
    check_life(life)
    check_reference(life, report(program, "outputs")["life"])
    print("PASS")


def keys_of(outputs, table):
    """Keys of one element of a table, by the reference of outputs: "jobs[]" -> {"name", ...}."""
    places = [o["summary"] for o in outputs if o["summary"].startswith(table + ".")]
    return {place[len(table) + 1:].split(".")[0] for place in places}


def check_reference(life, outputs):
    """summary.json has the keys that the reference names, and no others."""
    for table in ("jobs", "sites", "requests", "events", "campaigns"):
        for element in life[table]:
            assert set(element) == keys_of(outputs, table + "[]"), table
    for table in ("means", "energy"):
        assert set(life[table]) == keys_of(outputs, table), table
    rates = keys_of(outputs, "changes[].before and .after")
    for change in life["changes"]:
        assert set(change["before"]) == set(change["after"]) == rates
    parts = {o["summary"] for o in outputs if ".time_s." in o["summary"]}
    assert parts == {f"jobs[].time_s.{part}" for part in life["jobs"][0]["time_s"]}
    alone = {o["summary"] for o in outputs if o["summary"].isidentifier()}
    assert alone and alone <= set(life), alone - set(life)


def check_life(life):
    assert life["kind"] == "life" and life["horizon_s"] == 14400 and life["seed"] == 7
    # What is in the parts is in the whole.
    energy = life["energy"]
    assert sum(energy[f"{part}_j"] for part in ("jobs", "no_job", "pue")) == energy["total_j"]
    assert sum(job["energy_j"] for job in life["jobs"]) == energy["jobs_j"]
    assert sum(site["energy_j"] for site in life["sites"]) == energy["total_j"]
    for site in life["sites"]:
        assert sum(site["mean_busy_accelerators"].values()) + site["mean_idle_accelerators"] + (
            site["mean_down_accelerators"]) == site["accelerators"]
        assert site["mean_power_w"] * life["horizon_s"] == site["energy_j"]
    jobs = {job["name"]: job for job in life["jobs"]}
    for job in jobs.values():
        end = life["horizon_s"] if job["end_s"] is None else job["end_s"]
        wall = 0 if job["submit_s"] is None else end - job["submit_s"]
        assert sum(job["time_s"].values()) == wall, job["name"]
    campaign = life["campaigns"][0]
    held = sum(job["accelerator_s"] for job in jobs.values() if job["kind"] == "experiment")
    assert sum(campaign["accelerator_s"].values()) == held
    assert sum(campaign["outcomes"].values()) == campaign["experiments"] == 3
    assert jobs["main"]["ettr"] == 0.75 and jobs["main"]["end_s"] is None
    assert jobs["ladder/experiment-0003"]["submit_s"] is None
    assert life["requests"][1]["ttft_p50_s"] is None
    assert life["requests"][0]["ttft_p99_s"] == 1.5
    assert life["events_total"] == life["events_listed"] == 5
    assert life["events_by_kind"]["start"] == 2 and sum(life["events_by_kind"].values()) == 5
    assert life["events"][4]["server"] == 0 and life["events"][4]["servers"] == 1
    assert jobs["chat"]["time_s"]["serving"] == 10800 and jobs["chat"]["time_s"]["training"] == 0
    assert jobs["main"]["campaign"] == "" and jobs["ladder/experiment-0001"]["campaign"] == "ladder"
    assert [event["kind"] for event in life["events"]] == [
        "submit", "start", "start", "change", "outage"]
    assert life["events"][2]["job"] == "ladder/experiment-0002"
    cap = life["changes"][0]
    assert cap["before"]["power_w"] == 24e3 and cap["after"]["power_w"] == 19e3
    assert cap["events"][0]["site"] == "north" and len(life["fingerprint"]) == 16


if __name__ == "__main__":
    main(sys.argv[1])
