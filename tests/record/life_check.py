"""Reads life traces back the way people will.  usage: life_check.py PATH_OF_trace_program

The formulas are those of life_sample.h. Prints SKIP when the Python readers are not installed.
"""

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
OUTCOMES = ["finished", "failed", "running", "waiting", "not_submitted"]
# Name: units and dimensions of every variable.
SERIES = {"queue_jobs": "1", "queue_accelerators": "1", "training_flop_rate": "FLOP/s",
          "decoded_token_rate": "token/s", "storage_rate": "byte/s", "wan_rate": "byte/s",
          "interval": "s"}
SITE_SERIES = {"power": "W", "power_cap": "W", "idle": "1", "down": "1", "power_limit": "W"}
SITES = {"accelerators": "1", "pue": "1", "it_energy": "J", "energy": "J", "rest_energy": "J",
         "peak_power": "W",
         "cost": "USD", "carbon": "kg"}
JOBS = {"tenant": "1", "final_run": "1", "outcome": "1", "site": "1", "accelerators": "1",
        "steps": "1", "steps_done": "1", "interruptions": "1", "preemptions": "1", "submit": "s",
        "start": "s", "end": "s", "waiting": "s", "training": "s", "lost": "s",
        "checkpointing": "s", "restarting": "s", "stalled": "s", "tokens": "token",
        "model_flop": "FLOP", "peak_flop_rate": "FLOP/s", "accelerator_seconds": "s",
        "energy": "J", "cost": "USD", "carbon": "kg"}
REQUESTS = {"scale": "1", "arrived": "1", "completed": "1", "prompt_tokens": "token",
            "output_tokens": "token", "ttft_p50": "s", "ttft_p90": "s", "ttft_p99": "s",
            "tpot_p50": "s", "tpot_p90": "s", "tpot_p99": "s", "good_share": "1"}
EVENTS = {"at": "s", "kind": "1", "job": "1", "site": "1", "detail": "1"}


def layout():
    want = {"busy": ("1", ("site", "job_kind", "time")), "kind_of_job": ("1", ("job",)),
            "detail_text": ("1", ("detail",))}
    want |= {name: (units, ("time",)) for name, units in SERIES.items()}
    want |= {name: (units, ("site", "time")) for name, units in SITE_SERIES.items()}
    for prefix, names in (("site", SITES), ("job", JOBS), ("event", EVENTS)):
        want |= {f"{prefix}_{name}": (units, (prefix,)) for name, units in names.items()}
    return want | {f"request_{name}": (units, ("request_group",))
                   for name, units in REQUESTS.items()}


def check_layout(ds):
    want = layout()
    assert set(ds.data_vars) == set(want), set(ds.data_vars) ^ set(want)
    assert set(ds.coords) == {"time", "site", "job_kind", "job", "request_group", "event",
                              "detail"}
    for name, (units, dimensions) in want.items():
        assert ds[name].attrs["units"] == units and ds[name].dims == dimensions, name
    for name, variable in ds.variables.items():
        assert variable.attrs.get("units") and variable.attrs.get("long_name"), name
    a = ds.attrs
    assert a["kind"] == "life" and a["complete"] == 1 and a["schema_version"] == 1
    assert a["Conventions"].startswith("CF-") and len(a["fingerprint"]) == 16
    assert list(ds.job_kind.values) == ["pretraining", "experiment", "serving"]
    assert ds.kind_of_job.attrs["flag_meanings"].split() == list(ds.job_kind.values)
    assert ds.job_outcome.attrs["flag_meanings"].split() == OUTCOMES
    held = ds.busy.sum("job_kind") + ds.idle + ds.down
    assert np.allclose(held - ds.site_accelerators, 0), "busy + idle + down are not all"


def meaning(variable):
    words = variable.attrs["flag_meanings"].split()
    assert list(np.atleast_1d(variable.attrs["flag_values"])) == list(range(len(words)))
    return [words[flag] for flag in variable.values]


def check_small(ds):
    check_layout(ds)
    assert dict(ds.sizes) == {"time": 4, "site": 2, "job_kind": 3, "job": 5, "request_group": 2,
                              "event": 5, "detail": 4}, ds.sizes
    assert list(ds.site.values) == ["north", "south"] and ds.attrs["horizon"] == 14400.0
    assert list(ds.power_cap.sel(site="north").isnull().values) == [True, True, False, False]
    assert list(ds.busy.sel(site="north", job_kind="experiment").values) == [8, 8, 0, 0]
    # The energy of a site is the integral of its power.
    assert np.allclose((ds.power * ds.interval).sum("time"), ds.site_energy)
    main = ds.sel(job="main")
    assert float(main.job_steps_done) == 300 and main.job_tenant == "lab"
    parts = ["waiting", "training", "lost", "checkpointing", "restarting", "stalled"]
    assert sum(float(main[f"job_{part}"]) for part in parts) == 14400.0
    assert np.isnan(ds.job_submit.sel(job="ladder/experiment-0003"))
    assert np.isnan(main.job_end) and float(main.job_peak_flop_rate) == 989e12
    assert meaning(ds.job_outcome) == ["running", "finished", "failed", "not_submitted", "running"]
    assert list(ds.job_site.values) == [0, 0, 0, -1, 1]
    assert float(ds.request_ttft_p99.sel(request_group="chat/short")) == 1.5
    assert np.isnan(ds.request_good_share.sel(request_group="chat/long"))
    assert meaning(ds.event_kind) == ["submit", "start", "start", "change", "outage"]
    assert list(ds.detail_text[ds.event_detail].values) == [
        "", "8 accelerators", "8 accelerators", "site[0].facility.power_cap: 15 kW", "1 server"]
    assert list(ds.event_job.values) == [0, 0, 2, -1, -1]


def check_large(ds, intervals):
    check_layout(ds)
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
    assert np.allclose(ds.job_waiting + ds.job_training, ds.job_end - ds.job_submit)
    e = np.arange(100 * intervals)
    assert np.allclose(ds.event_at, WEEK * e / len(e), rtol=1e-14)
    assert list(ds.event_job.values) == list(e % len(j))
    texts = ds.detail_text[ds.event_detail].values
    for k in range(0, len(e), 997):
        assert texts[k] == ("" if k % 4 == 0 else f"{8 * (1 + k % 1000)} accelerators"), k
    assert meaning(ds.event_kind)[:3] == ["submit", "start", "end"]


def main(program):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "life.h5")

        def written(mode, size, check):
            subprocess.run([program, mode, path, str(size)], check=True)
            assert os.listdir(folder) == ["life.h5"], os.listdir(folder)
            for engine in ("netcdf4", "h5netcdf"):
                with xr.open_dataset(path, engine=engine) as ds:
                    check(ds.load())

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
