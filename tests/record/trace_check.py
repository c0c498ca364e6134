"""Reads traces back the way people will, and kills their writer at random moments.

usage: trace_check.py roundtrip|kill|full PATH_OF_trace_program
The formulas are those of sample_record.h. Prints SKIP when the Python readers are not installed.
"""

import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time

try:
    import h5netcdf  # noqa: F401  (the engine of xarray)
    import netCDF4
    import numpy as np
    import xarray as xr
except ImportError as missing:
    print(f"SKIP: {missing}; needs xarray, netCDF4 and h5netcdf")
    sys.exit(0)

# Columns where rows end in padding; everything else has a value in every row.
RESOURCES = ["compute", "hbm", "scale_up", "spine"]
CLASSES = ["weights", "gradients", "optimizer", "activations", "buffers"]


def samples_of(row):
    return (64 if row < 5 else 100) - row % 3


def expected(row, samples):
    """What the writer put into one row, by variable; NaN where nothing is there."""
    step, count = 2.0 + row / 4.0, samples_of(row)
    interval = step / count
    i = np.arange(samples)
    inside = i < count
    resources = 4 if row >= 2 else 3
    share = np.full((4, samples), np.nan)
    for k in range(resources):
        share[k, inside] = ((i[inside] * (k + 3) + row * 7) % 101) / 100.0
    late = row >= 2
    want = {
        "cap_value": 0.0 if row == 0 else 1e11 / row,
        "step_time": step,
        "tokens_per_second": 4096 / step,
        "mfu": 8e15 / (1.6e16 * step),
        "hfu": 9e15 / (1.6e16 * step),
        "model_flop": 8e15,
        "hardware_flop": 9e15,
        "peak_flop_rate": 1.6e16,
        "energy": 20000.0 + row,
        "accelerator_energy": 15000.0 + row,
        "mean_power": 10000.0,
        "interval": interval,
        "accelerators": 16,
        "classes": 2 + row,
        "tokens": 4096,
        "activities": 1000 + row,
        "energy_is_estimate": 1,
        "time": np.where(inside, i * interval, np.nan),
        "step_fraction": np.where(inside, i * interval / step, np.nan),
        "utilisation": share,
        "utilisation_mean": np.array(
            [np.mean(s[inside]) if k < resources else np.nan for k, s in enumerate(share)]),
        "resource_members": np.array([16.0 if k < resources else np.nan for k in range(4)]),
        "resource_capacity": np.array(
            [1e12 * (k + 1) if k < resources else np.nan for k in range(4)]),
        "attribution": np.array(
            [1.5, (0.25 if late else 0.5) + row / 4.0, 0.25 if late else 0.0]),
        "breakdown": np.array([1.25, 0.75 + row / 4.0]),
        "collective_time": np.array([0.125 * row, 0.5]),
        "memory_capacity": np.array([8e10, 8e10]),
    }
    bytes_of = {"weights": [1e10, 1e10 + 1], "gradients": [2e10] * 2, "optimizer": [5e9] * 2,
                "activations": [2e10 + row, 1e10 + row], "buffers": [1e9] * 2}
    want.update({f"memory_{c}": np.array(bytes_of[c]) for c in CLASSES})
    return want


def assert_row(row, want, got):
    for name, value in want.items():
        seen = np.asarray(got(name), dtype=float)
        value = np.asarray(value, dtype=float)
        if value.ndim and seen.shape != value.shape:
            # A file cut short has not met the later names and intervals yet.
            cut = tuple(slice(0, n) for n in seen.shape)
            assert np.all(np.isnan(value) | (value == 0) | inside_of(cut, value)), name
            value = value[cut]
        assert np.allclose(seen, value, rtol=1e-14, atol=0, equal_nan=True), (
            f"row {row}, {name}: {seen} is not {value}")


def inside_of(cut, value):
    mask = np.zeros(value.shape, dtype=bool)
    mask[cut] = True
    return mask


def check_dataset(ds, rows):
    assert dict(ds.sizes) == {"cap": rows, "resource": 4, "sample": 100, "stage": 2, "activity": 2,
                              "attribution_resource": 3, "collective": 2, "link": 0}, ds.sizes
    for name, variable in ds.variables.items():
        for attribute in ("units", "long_name"):
            assert variable.attrs.get(attribute), f"{name} has no {attribute}"
    units = {"cap_value": "byte/s", "step_time": "s", "energy": "J", "mean_power": "W",
             "memory_weights": "byte", "utilisation": "1", "model_flop": "FLOP", "time": "s"}
    for name, unit in units.items():
        assert ds[name].attrs["units"] == unit, name
    assert {"cap_value", "time", "step_fraction"} <= set(ds.coords), list(ds.coords)
    assert list(ds.resource.values) == RESOURCES
    assert list(ds.attribution_resource.values) == ["compute", "scale_up", "latency"]
    assert list(ds.activity.values) == ["compute", "tensor_comm"]
    assert list(ds.collective.values) == ["all_reduce", "all_gather"]
    assert list(ds.sample.values) == list(range(100)) and list(ds.stage.values) == [0, 1]
    assert list(ds.cap.values) == ["baseline"] + [f"scale_up {r} µ" for r in range(1, rows)]
    assert set(ds.fidelity.values) == {"folded"}
    assert list(np.atleast_1d(ds.energy_is_estimate.attrs["flag_values"])) == [0, 1]
    texts = [format(int(f), "016x") for f in ds.fingerprint.values]
    assert texts == list(ds.fingerprint_text.values) and len(set(texts)) == rows
    a = ds.attrs
    assert a["complete"] == 1 and a["Conventions"].startswith("CF-") and a["schema_version"] == 1
    assert a["kind"] == "step"
    assert a["seed"] == 2**64 - 1 and a["gridlock_version"] == "0.1.0"
    assert a["points_planned"] == rows and a["scenario_name"] == 'sample "µ"'
    assert a["notes"] == "first note\nsecond note" and a["estimates"] == ""
    assert a["scenario"].count("\n") == 4000 and a["scenario"].endswith("of the scenario\n")
    assert len(a["fingerprint"]) == 16 and a["fingerprint"] not in texts
    for row in range(rows):
        assert_row(row, expected(row, 100), lambda name: ds[name].values[row])
    assert float(ds.step_time.sel(cap="baseline")) == 2.0  # labels select


def roundtrip(program):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "sample.h5")
        subprocess.run([program, "write", path, "10"], check=True, stdout=subprocess.DEVNULL)
        assert os.listdir(folder) == ["sample.h5"], os.listdir(folder)
        for engine in ("netcdf4", "h5netcdf"):
            with xr.open_dataset(path, engine=engine) as ds:
                check_dataset(ds.load(), 10)
        first = open(path, "rb").read()
        subprocess.run([program, "write", path, "10"], check=True, stdout=subprocess.DEVNULL)
        assert open(path, "rb").read() == first, "the same run wrote other bytes"
        subprocess.run([program, "write", path, "200"], check=True, stdout=subprocess.DEVNULL)
        with xr.open_dataset(path, engine="netcdf4") as ds:  # several chunks along cap
            check_dataset(ds.load(), 200)


def rows_of(path, promised):
    """Checks the finished rows of a trace, whole or cut short; returns how many."""
    if os.path.getsize(path) == 0:  # taken, and nothing published in it yet
        assert promised == 0, f"{path} promised {promised} rows and is empty"
        return 0
    with netCDF4.Dataset(path) as file:
        file.set_auto_mask(False)
        rows = len(file.dimensions["cap"]) if "cap" in file.dimensions else 0
        assert promised <= rows <= 10, f"{path} promised {promised} rows and holds {rows}"
        for row in range(rows):
            want = expected(row, 100)
            assert_row(row, want, lambda name: file[name][row])
            assert file["cap"][row] == ("baseline" if row == 0 else f"scale_up {row} µ")
        return rows


def kill(program):
    moments = random.Random(1)
    cut, read = 0, 0
    for _ in range(30):
        with tempfile.TemporaryDirectory() as folder:
            with subprocess.Popen([program, "loop", folder, "10"], stdout=subprocess.PIPE,
                                  text=True) as writer:
                writer.stdout.readline()  # it is under way
                time.sleep(moments.uniform(0.0, 0.1))
                writer.send_signal(signal.SIGKILL)
                promised = {}
                for line in writer.stdout:
                    path, rows = line.rsplit(" ", 1)
                    promised[path] = int(rows)
            for name in sorted(os.listdir(folder)):
                path = os.path.join(folder, name)
                if name.endswith(".new"):
                    continue  # what was being written: no reader takes it for a trace
                if name.endswith(".part"):
                    cut += 1
                    read += rows_of(path, promised.get(path[:-len(".part")], 0))
                else:
                    with netCDF4.Dataset(path) as file:
                        assert file.complete == 1, f"{name} is not complete"
                    assert rows_of(path, 10) == 10
    print(f"30 kills: {cut} files cut short, {read} finished rows in them, all right")
    assert cut >= 10 and read >= 10, "the kills missed the writing"


def full(program):
    """A full disk, played by a limit on the size of files, keeps the rows that fitted; a part
    without a row is deleted."""
    kept = 0
    for limit in range(0, 900000, 30000):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "sample.h5")
            # Python ignores SIGXFSZ; the program inherits that and gets EFBIG instead.
            run = subprocess.run(
                [program, "write", path, "10"], capture_output=True, text=True,
                restore_signals=False,
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
            if run.returncode == 0:
                assert os.listdir(folder) == ["sample.h5"]
                assert limit > 200000, "the limit did not bind"
                continue
            assert run.returncode == 1, f"ended with {run.returncode}"
            assert run.stderr.startswith(f"cannot write {path}.part: File too large\n"), run.stderr
            rows = len(run.stdout.splitlines())
            assert os.listdir(folder) == (["sample.h5.part"] if rows else []), os.listdir(folder)
            kept += rows_of(path + ".part", rows) if rows else 0
    print(f"full disks kept {kept} finished rows")
    assert kept > 0


if __name__ == "__main__":
    {"roundtrip": roundtrip, "kill": kill, "full": full}[sys.argv[1]](sys.argv[2])
    print("PASS")
