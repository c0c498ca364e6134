"""Reads the results of sweeps back the way people will.  usage: results_check.py SAMPLE PROGRAM

The formulas are those of results_samples.h. Prints SKIP when the Python readers are not installed.
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

STATUS = ["done", "refused", "failed", "timed_out", "left_out"]


def results(program, name):
    """The dataset of a sample, read by both engines, and its fingerprint."""
    with tempfile.TemporaryDirectory() as folder:
        run = subprocess.run([program, name, folder], check=True, capture_output=True, text=True)
        path = os.path.join(folder, "results.h5")
        assert sorted(os.listdir(folder)) == ["journal.jsonl", "results.csv", "results.h5"]
        with xr.open_dataset(path, engine="h5netcdf") as ds:
            other = ds.load()
        with xr.open_dataset(path, engine="netcdf4") as ds:
            ds = ds.load()
        assert set(ds.variables) == set(other.variables)
        for variable in ds.variables:
            np.testing.assert_array_equal(ds[variable].values, other[variable].values, variable)
        fingerprint = run.stdout.strip()
        assert ds.attrs["fingerprint"] == fingerprint and ds.attrs["complete"] == 1
        assert ds.attrs["kind"] == "sweep" and ds.attrs["Conventions"].startswith("CF-")
        return ds


def status_names(ds):
    """`status` in words, by its own flags."""
    attrs = ds.status.attrs
    meanings = dict(zip(np.atleast_1d(attrs["flag_values"]), attrs["flag_meanings"].split()))
    assert list(meanings.values()) == STATUS, meanings
    return np.vectorize(meanings.get, otypes=[object])(ds.status.values)


def small(program):
    ds = results(program, "small")
    assert dict(ds.sizes) == {"fabric": 2, "nic": 3, "activity": 2}, ds.sizes
    assert list(ds.fabric.values) == ['fat, "tree"', "µ-torus"]
    assert list(ds.nic.values) == [1e11, 5e10, 2.5e10] and ds.nic.attrs["units"] == "byte/s"
    assert list(ds.nic_label.values) == ["100000000000", "50000000000", "25000000000"]
    assert list(ds.activity.values) == ["compute", "data_comm"]
    assert ds.step_time.dims == ("fabric", "nic") and ds.step_time.attrs["units"] == "s"
    assert ds.breakdown.dims == ("fabric", "nic", "activity")
    assert ds.breakdown.attrs["units"] == "s" and ds.step_time.attrs["long_name"]
    nan = float("nan")
    np.testing.assert_array_equal(ds.step_time.values, [[1, nan, 3], [4, nan, nan]])
    np.testing.assert_array_equal(ds.breakdown.values[..., 0], [[10, nan, 12], [13, nan, nan]])
    np.testing.assert_array_equal(ds.breakdown.values[..., 1], [[20, nan, 22], [nan] * 3])
    assert ds.binding_wall.values.tolist() == [["wall 0", "", "wall 2"], ["wall 3", "", ""]]
    assert status_names(ds).tolist() == [["done", "refused", "done"],
                                         ["done", "left_out", "timed_out"]]
    assert ds.point.values.tolist() == [[0, 1, 2], [3, -1, 4]]
    assert ds.message.values.tolist() == [["", 'does not fit,\nnor does "that"', ""],
                                          ["", "", "it took longer than 1 s"]]
    assert ds.overrides.values.tolist() == [["seed=0", "seed=1", "seed=2"],
                                            ["seed=3", "", "seed=5"]]
    assert ds.point_fingerprint.values.tolist() == [["0" * 15 + "1", "", "0" * 15 + "3"],
                                                    ["0" * 15 + "4", "", ""]]
    # Labels select; done points are found by their flag.
    assert float(ds.step_time.sel(fabric="µ-torus", nic=1e11)) == 4
    assert float(ds.step_time.where(ds.status == 0).max()) == 4
    assert ds.attrs["scenario_name"] == 'sample "µ"' and ds.attrs["fidelity"] == "folded"
    assert ds.attrs["sweep"] == 'schema_version: 1\nname: "small"\n'


def names(program):
    ds = results(program, "names")
    # An axis keeps its name; the output that is called so is left out, and a dimension gives way.
    assert ds.step_time.dims == ("step_time",) and list(ds.step_time.values) == [1, 2]
    assert list(ds.activity.values) == ["a", "b"]
    assert ds.breakdown.dims == ("step_time", "activity", "activity_")
    assert list(ds.activity_.values) == ["compute", "data_comm"]
    assert float(ds.breakdown.sel(step_time=2, activity="a", activity_="compute")) == 12


def one(program):
    ds = results(program, "one")
    assert dict(ds.sizes) == {"point_number": 1, "activity": 2}, ds.sizes
    assert ds.step_time.values.tolist() == [1] and status_names(ds).tolist() == ["done"]


def slabs(program):
    ds = results(program, "slabs")
    assert dict(ds.sizes) == {"few": 5, "many": 90000}
    times = ds.step_time.values.ravel()
    finite = np.flatnonzero(~np.isnan(times))
    assert finite.tolist() == [0, 7, 89999, 90000, 179999, 180000, 359999, 360000, 449999]
    assert (times[finite] == finite).all()
    points = ds.point.values.ravel()
    assert points[finite].tolist() == [0, 8, 1, 2, 3, 4, 5, 6, 7]
    assert (np.delete(points, finite) == -1).all()
    left_out = STATUS.index("left_out")
    assert (np.delete(ds.status.values.ravel(), finite) == left_out).all()
    assert (ds.status.values.ravel()[finite] == 0).all()


if __name__ == "__main__":
    {"small": small, "names": names, "one": one, "slabs": slabs}[sys.argv[1]](sys.argv[2])
    print("PASS")
