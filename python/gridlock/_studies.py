"""The commands of the program as functions."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any, Iterable, Mapping, Sequence

import pandas as pd
import xarray as xr

from ._program import call
from ._scenario import Scenario, as_file, override_words

Overrides = Mapping[str, Any]
"""Fields by their paths: {"site[0].override.nic_bandwidth": "200 Gbps"}."""


def open_results(path: str | os.PathLike[str]) -> xr.Dataset:
    """Opens trace.h5 or results.h5, or the folder that has one, and reads all of it.

    `attrs["scenario"]` of the Dataset is the whole scenario; `attrs["summary"]` is the summary.json
    beside the file, as text, where there is one.

    Raises:
        FileNotFoundError: there is no such file.
    """
    file = Path(path)
    if file.is_dir():
        names = [file / name for name in ("results.h5", "trace.h5") if (file / name).exists()]
        if not names:
            raise FileNotFoundError(f"{file}: neither results.h5 nor trace.h5 is in this folder")
        file = names[0]
    with xr.open_dataset(file, engine="h5netcdf") as dataset:
        loaded = dataset.load()
    summary = file.parent / "summary.json"
    if summary.exists():
        loaded.attrs["summary"] = summary.read_text(encoding="utf-8")
    return loaded


def _simulate(words: Sequence[str], out: str | os.PathLike[str] | None) -> xr.Dataset:
    """Runs a command that writes a folder, and opens that."""
    if out is not None:
        call([*words, "-q", "-o", os.fspath(out)])
        return open_results(out)
    with tempfile.TemporaryDirectory(prefix="gridlock-") as folder:
        call([*words, "-q", "-o", folder])
        return open_results(folder)


def run(scenario: Scenario, overrides: Overrides | None = None, *, fidelity: str = "folded",
        out: str | os.PathLike[str] | None = None) -> xr.Dataset:
    """Simulates one training step, a test of a collective, or the life of a cluster.

    Args:
        scenario: path, text or dict.
        overrides: fields to set, by path.
        fidelity: of a step: "full", "folded" (same times) or "analytic" (no contention).
        out: folder that keeps trace.h5 and summary.json; none are kept without it.

    Returns:
        The trace; docs/outputs.md lists its variables. Of a step `step_time` is in s, `attribution` in s
        by what set the pace, `utilisation_mean` a share (0 to 1), `memory_total` in byte by stage. Its
        only row lies along `cap`: `step.isel(cap=0)`.

    Raises:
        GridlockError: the program refused the scenario.
    """
    with as_file(scenario) as file:
        return _simulate(["run", file, "--fidelity", fidelity, *override_words(overrides)], out)


def seeds(scenario: Scenario, lives: int, overrides: Overrides | None = None, *,
          out: str | os.PathLike[str] | None = None) -> pd.DataFrame:
    """Lives the life of a cluster under several seeds, from that of the scenario on.

    Args:
        lives: how many, at least 2 for an interval.
        out: folder that keeps seeds.json and seeds.csv; none are kept without it.

    Returns:
        One row for each key figure: name, unit, lives (that have it), mean, half_width_95 (of the
        confidence interval of the mean, Student's t), deviation, least, most. `attrs` has first_seed.

    Raises:
        GridlockError: the program refused the scenario, or it has no horizon.
    """
    with as_file(scenario) as file, tempfile.TemporaryDirectory(prefix="gridlock-") as folder:
        result = json.loads(call(["run", file, "--seeds", str(lives), "--format", "json", "-q", "-o",
                                  folder if out is None else os.fspath(out), *override_words(overrides)]))
    frame = pd.DataFrame(result.pop("figures"))
    frame.attrs = result
    return frame


def cap(scenario: Scenario, link: str, values: str | Iterable[str], overrides: Overrides | None = None,
        *, jobs: int | None = None, out: str | os.PathLike[str] | None = None) -> xr.Dataset:
    """Caps one resource at several values.

    Args:
        link: what is capped: "scale_up", "nic", "wan", "hbm", "flops", "power", ...
        values: with their units: "400,200,100Gbps", "100%,75%", or ["400 Gbps", "200 Gbps"]. Those of
            scale_up are both directions added unless they end in /dir.
        jobs: steps simulated at a time; one per core by default.

    Returns:
        As run(), with the step without a cap first along `cap`; `cap_value` is the cap in SI units.
    """
    listed = values if isinstance(values, str) else ",".join(values)
    words = ["--link", link, "--values", listed, *(["-j", str(jobs)] if jobs else [])]
    with as_file(scenario) as file:
        return _simulate(["cap", file, *words, *override_words(overrides)], out)


def sweep(sweep_file: Scenario, overrides: Overrides | None = None, *, jobs: int | None = None,
          timeout: float | None = None, out: str | os.PathLike[str] | None = None) -> xr.Dataset:
    """Simulates a scenario at all points of a sweep.

    Args:
        sweep_file: a sweep file, the folder with one, its text, or its fields as a dict. In a text and
            in a dict `scenario` must be an absolute path.
        timeout: s of real time that one point may take.
        out: folder of the results; when it has results of the same sweep, only missing points are run.

    Returns:
        The outputs with the axes of the sweep as dimensions, in SI units. Points without a result are
        NaN; `status` and `message` say why.
    """
    words = [*(["-j", str(jobs)] if jobs else []),
             *(["--timeout", f"{timeout:g}"] if timeout is not None else []),
             *(["--resume"] if out is not None else [])]
    with as_file(sweep_file, "Sweep") as file:
        return _simulate(["sweep", file, *words, *override_words(overrides)], out)


def collective(scenario: Scenario, op: str, size: str | Iterable[str] = "8B:8GiB:x8",
               overrides: Overrides | None = None, *, algorithm: str = "automatic",
               group: int | None = None, fidelity: str = "folded") -> pd.DataFrame:
    """Times a collective on the machine of a scenario.

    Args:
        op: "all_reduce", "all_gather", "reduce_scatter", "broadcast", "reduce", "all_to_all", ...
        size: of the buffer of one rank: "64MiB", "1MiB,4MiB", ["1MiB", "4MiB"], or "FROM:TO:xFACTOR".
        group: ranks of one group; all accelerators by default.

    Returns:
        One row for each size and algorithm: size_bytes, time_s, algorithm_bandwidth_bytes_per_s,
        bus_bandwidth_bytes_per_s, wall, chosen (what a library takes), ...
    """
    sizes = size if isinstance(size, str) else ",".join(size)
    words = ["--op", op, "--size", sizes, "--algorithm", algorithm, "--fidelity", fidelity,
             *(["--group", str(group)] if group else [])]
    with as_file(scenario) as file:
        text = call(["collective", file, *words, *override_words(overrides), "--format", "json", "-q"])
    result = json.loads(text)
    frame = pd.DataFrame(result.pop("collectives"))
    frame.attrs = result
    return frame


def validate(kind: str | None = None, role: str | None = None, *, id: str | None = None,
             accelerator: str | None = None, cases: Iterable[str] = ()) -> pd.DataFrame:
    """Simulates published training steps or collectives and compares.

    Args:
        kind: "training" (the default), "dense", "moe", "collective", "serving" (with `cases`),
            "reliability", "power" or "multi_dc".
        role: "calibration" or "headline".
        id: a pattern with * and ? that names of rows must match.
        cases: tables of your own instead of the shipped one.

    Returns:
        One row for each published number: published_s, predicted_s, error_pct (%), status, source, ...
        Rows of "serving", "reliability", "power" and "multi_dc" have `published` and `predicted`, in
        the unit of what was published. `attrs` has the figures by group.
    """
    words = ["validate", "--format", "json", "-q"]
    for option, value in (("--kind", kind), ("--role", role), ("--id", id),
                          ("--accelerator", accelerator)):
        words += [option, value] if value is not None else []
    for case in cases:
        words += ["--cases", case]
    result = json.loads(call(words))
    frame = pd.DataFrame(result.pop("rows"))
    frame.attrs = result
    return frame


def flows(scenario: Scenario, messages: str | pd.DataFrame, overrides: Overrides | None = None, *,
          size: str = "4 MiB", accelerators: int | None = None, seed: int | None = None,
          fidelity: str = "folded") -> pd.DataFrame:
    """Sends messages over the fabric.

    Args:
        messages: "permutation", "all_to_all", "15:1" (15 senders to one), "pair 0:8" (from 0 to 8),
            the path of a table, or a DataFrame with the columns from, to, bytes, start.
        size: of each message of a pattern.

    Returns:
        One row for each message: from, to, bytes, start_s, end_s, mean_rate_bytes_per_second, bound_by
        (the link), bound_by_tier. `attrs` has last_end_s and what else the program says of all.
    """
    words = [*override_words(overrides), "--format", "json", "--fidelity", fidelity, "--size", size,
             *(["--accelerators", str(accelerators)] if accelerators else []),
             *(["--seed", str(seed)] if seed is not None else [])]
    with tempfile.TemporaryDirectory(prefix="gridlock-") as folder, as_file(scenario) as file:
        if isinstance(messages, pd.DataFrame):
            table = Path(folder) / "messages.csv"
            messages.to_csv(table, index=False)
            words += ["--messages", str(table)]
        elif messages in ("permutation", "all_to_all"):
            words.append("--" + messages.replace("_", "-"))
        elif messages.startswith("pair "):
            words += ["--pair", messages.removeprefix("pair ")]
        elif messages.endswith(":1"):
            words += ["--incast", messages]
        else:
            words += ["--messages", messages]
        result = json.loads(call(["flows", file, *words]))
    frame = pd.DataFrame(result.pop("messages"))
    frame.attrs = result
    return frame


def topo(scenario: Scenario | None = None, overrides: Overrides | None = None, *,
         cluster: str | None = None, cut: bool = True) -> pd.DataFrame:
    """Counts switches and cables, and bounds the bisection.

    Args:
        scenario: path, text or dict; or
        cluster: a cluster of the catalogue instead.
        cut: whether max-flow cuts are computed; large sites take long.

    Returns:
        One row for each site: accelerators, servers, nodes.leaf, cables, ...,
        bisection_at_most_bytes_per_s.
    """
    if (scenario is None) == (cluster is None):
        raise ValueError("expected a scenario or the name of a cluster")
    words = [*override_words(overrides), "--format", "json", *([] if cut else ["--no-cut"])]
    if cluster is not None:
        return pd.json_normalize(json.loads(call(["topo", "--cluster", cluster, *words])))
    with as_file(scenario) as file:
        return pd.json_normalize(json.loads(call(["topo", file, *words])))


def explain(path: str | os.PathLike[str]) -> dict[str, Any]:
    """What results mean: {"verdict": a sentence, "parts": [{"title", "lines"}, ...]}.

    Args:
        path: trace.h5, results.h5, or a folder with one; or a word of the field, such as "NVLS", of which
            "verdict" is the meaning and there are no parts.
    """
    return json.loads(call(["explain", os.fspath(path), "--format", "json"]))


def compare(a: str | os.PathLike[str], b: str | os.PathLike[str]) -> pd.DataFrame:
    """What differs between two results of one kind.

    Returns:
        One row for each output that differs: group, name, unit, a, b. `attrs` has "verdict" and
        "inputs", the fields of the scenarios that differ.
    """
    result = json.loads(call(["compare", os.fspath(a), os.fspath(b), "--format", "json"]))
    frame = pd.DataFrame(result.pop("outputs"), columns=["group", "name", "unit", "a", "b"])
    frame.attrs = result
    return frame


def report(files: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
           page: str | os.PathLike[str]) -> None:
    """Writes one HTML page of charts and tables about results. See docs/pages.md."""
    listed = [files] if isinstance(files, (str, os.PathLike)) else list(files)
    call(["report", *[os.fspath(file) for file in listed], "-o", os.fspath(page)])
