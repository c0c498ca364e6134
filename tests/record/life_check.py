"""Reads life traces back the way people will.  usage: life_check.py PATH_OF_trace_program

The formulas are those of life_sample.h. Prints SKIP when the Python readers are not installed.
"""

import json
import os
import subprocess
import sys
import tempfile

try:
    import h5netcdf  # noqa: F401  (the engine of xarray)
    import netCDF4  # noqa: F401
    import numpy as np
    import xarray as xr
except ImportError as missing:
    print(f"SKIP: {missing}; needs xarray, netCDF4 and h5netcdf")
    sys.exit(0)

WEEK = 604800.0


def check_layout(ds, outputs):
    """The file holds what the reference of outputs says, and nothing else."""
    variables = {o["variable"]: o for o in outputs if o["variable"] and o["dimensions"]}
    assert set(ds.variables) == set(variables), set(ds.variables) ^ set(variables)
    for name, output in variables.items():
        variable = ds[name]
        assert list(variable.dims) == output["dimensions"], name
        assert variable.attrs["units"] == output["unit"], name
        assert variable.attrs["long_name"] == output["meaning"], name
        assert variable.attrs.get("flag_meanings", "").split() == output["flags"], name
        text = output["type"] == "text"
        assert variable.dtype == (object if text else output["type"]) or (
            text and variable.dtype.kind == "U"), (name, variable.dtype)
    for output in outputs:
        variable = output["variable"]
        assert not variable or output["dimensions"] or variable in ds.attrs, output
    a = ds.attrs
    assert a["kind"] == "life" and a["complete"] == 1 and a["schema_version"] == 1
    assert a["Conventions"].startswith("CF-") and len(a["fingerprint"]) == 16
    assert list(ds.job_kind.values) == ["pretraining", "experiment", "serving"]
    assert ds.kind_of_job.attrs["flag_meanings"].split() == list(ds.job_kind.values)
    held = ds.busy.sum("job_kind") + ds.idle + ds.down
    assert np.allclose(held - ds.site_accelerators, 0), "busy + idle + down are not all"


def meaning(variable):
    words = variable.attrs["flag_meanings"].split()
    assert list(np.atleast_1d(variable.attrs["flag_values"])) == list(range(len(words)))
    return [words[flag] for flag in variable.values]


def check_small(ds):
    assert dict(ds.sizes) == {"time": 4, "site": 2, "job_kind": 3, "job": 5, "request_group": 2,
                              "failure": 0, "event": 5, "detail": 2}, ds.sizes
    assert list(ds.site.values) == ["north", "south"] and ds.attrs["horizon"] == 14400.0
    assert list(ds.power_cap.sel(site="north").isnull().values) == [True, True, False, False]
    assert list(ds.busy.sel(site="north", job_kind="experiment").values) == [8, 8, 0, 0]
    # The energy of a site is the integral of its power.
    assert np.allclose((ds.power * ds.interval).sum("time"), ds.site_energy)
    main = ds.sel(job="main")
    assert float(main.job_steps_done) == 300 and main.job_tenant == "lab"
    parts = ["waiting", "training", "serving", "lost", "checkpointing", "restarting", "stalled"]
    assert sum(float(main[f"job_{part}"]) for part in parts) == 14400.0
    chat = ds.sel(job="chat")
    assert float(chat.job_serving) == 10800.0 and float(chat.job_training) == 0.0
    assert float(main.job_training) == 10800.0 and float(main.job_serving) == 0.0
    assert list(ds.job_campaign.values) == ["", "ladder", "ladder", "ladder", ""]
    assert list(ds.job_rung.values) == [-1, 0, 0, 0, -1]
    assert list(ds.job_round.values) == [0, 1, 1, 1, 0]
    assert float(main.job_ettr) == 0.75 and float(main.job_holding_mfu) == 0.25
    assert float(main.job_mean_step_time) == 36.0
    assert np.isnan(ds.job_submit.sel(job="ladder/experiment-0003"))
    assert np.isnan(main.job_end) and float(main.job_peak_flop_rate) == 989e12
    assert meaning(ds.job_outcome) == ["running", "finished", "failed", "not_submitted", "running"]
    assert list(ds.job_site.values) == [0, 0, 0, -1, 1]
    assert float(ds.request_ttft_p99.sel(request_group="chat/short")) == 1.5
    assert np.isnan(ds.request_good_share.sel(request_group="chat/long"))
    assert meaning(ds.event_kind) == ["submit", "start", "start", "change", "outage"]
    assert list(ds.detail_text[ds.event_detail].values) == [
        "", "", "", "site[0].facility.power_cap: 15 kW", ""]
    assert list(ds.event_job.values) == [0, 0, 2, -1, -1]
    assert list(ds.event_server.values) == [-1, 0, 1, -1, 0]
    assert list(ds.event_servers.values) == [0, 1, 1, 0, 1]
    assert list(ds.event_wan.values) == [-1] * 5
    assert list(ds.request_fleet.values) == ["chat", "chat"]
    assert list(ds.request_group_name.values) == ["short", "long"]


def check_large(ds, intervals):
    i, j = np.arange(intervals), np.arange(6 * intervals)
    width = WEEK / (intervals - 0.5)
    assert np.allclose(ds.time, i * width)
    assert np.allclose(ds.interval[:-1], width) and np.isclose(ds.interval[-1], width / 2)
    assert np.isclose(ds.interval.sum(), ds.attrs["horizon"])
    assert np.allclose(ds.busy.sel(site="site-1", job_kind="serving"), 201.0)
    assert np.allclose(ds.busy.sel(site="site-0", job_kind="experiment"), 100 + i % 5 / 3)
    assert np.allclose(ds.training_flop_rate, 1e18 / (1 + i % 17))
    assert list(ds.job.values) == [f"sweep/experiment-{k}" for k in j]
    assert list(ds.job_steps.values) == list(100 + j) and list(ds.kind_of_job.values) == list(j % 3)
    assert np.allclose(ds.job_waiting + ds.job_training + ds.job_serving, ds.job_end - ds.job_submit)
    e = np.arange(100 * intervals)
    assert np.allclose(ds.event_at, WEEK * e / len(e), rtol=1e-14)
    assert list(ds.event_job.values) == list(e % len(j))
    assert list(ds.event_server.values) == list(e % 125)
    assert list(ds.event_servers.values) == list(1 + e % 7)
    texts = ds.detail_text[ds.event_detail].values
    for k in range(0, len(e), 997):
        assert texts[k] == ("" if k % 4 == 0 else f"{8 * (1 + k % 1000)} accelerators"), k
    assert meaning(ds.event_kind)[:3] == ["submit", "start", "end"]


def main(program):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "life.h5")
        reference = os.path.join(folder, "outputs.json")
        subprocess.run([program, "outputs", reference, "0"], check=True)
        with open(reference, encoding="utf-8") as file:
            outputs = json.load(file)["life"]
        os.remove(reference)

        def written(mode, size, check):
            subprocess.run([program, mode, path, str(size)], check=True)
            assert os.listdir(folder) == ["life.h5"], os.listdir(folder)
            for engine in ("netcdf4", "h5netcdf"):
                with xr.open_dataset(path, engine=engine) as ds:
                    check_layout(ds.load(), outputs)
                    check(ds)

        written("small", 0, check_small)
        # 80,000 events lie in two chunks.
        for intervals in (500, 800):
            written("life", intervals, lambda ds, n=intervals: check_large(ds, n))
            assert os.path.getsize(path) < 2500 * intervals, "not compressed"
        first = open(path, "rb").read()
        subprocess.run([program, "life", path, "800"], check=True)
        assert open(path, "rb").read() == first, "the same run wrote other bytes"


if __name__ == "__main__":
    main(sys.argv[1])
    print("PASS")
