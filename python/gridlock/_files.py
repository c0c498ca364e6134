"""What the program knows, and files of others: catalogue, schema, studies, imports, replays."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any, Iterable, Mapping

import pandas as pd
import xarray as xr

from ._program import call, option_words
from ._scenario import Scenario, as_file, override_words
from ._studies import open_results

Overrides = Mapping[str, Any]
Paths = Iterable["str | os.PathLike[str]"]


def _with(files: Paths) -> list[str]:
    return [word for file in files for word in ("--with", os.fspath(file))]


def catalog(kind: str | None = None, *, files: Paths = ()) -> pd.DataFrame:
    """Lists the entries of the catalogue.

    Args:
        kind: "accelerator", "server", "model", "stack", "cluster", ...; all by default.
        files: scenarios, or files with entries alone, whose entries are listed too.

    Returns:
        One row for each entry: kind, name, title, file (of your own ones).
    """
    words = ["catalog", "list", *([kind] if kind else []), *_with(files), "--format", "json"]
    return pd.DataFrame(json.loads(call(words)), columns=["kind", "name", "title", "file"])


def catalog_show(name: str, *, files: Paths = ()) -> pd.DataFrame:
    """Every field of an entry of the catalogue.

    Returns:
        One row for each field, which is the index: value (a text with its unit), source, estimate (True:
        nobody published it), given_without_source. `attrs` has kind and name.
    """
    result = json.loads(call(["catalog", "show", name, *_with(files), "--format", "json"]))
    frame = pd.DataFrame(result.pop("fields")).set_index("field")
    frame.attrs = result
    return frame


def catalog_diff(a: str, b: str, *, files: Paths = ()) -> pd.DataFrame:
    """The fields in which two entries of one kind differ.

    Returns:
        One row for each field: its value in a and in b (texts with units; None: not there).
    """
    rows = json.loads(call(["catalog", "diff", a, b, *_with(files), "--format", "json"]))
    table = [{"field": row["field"], **{name: (row.get(name) or {}).get("value") for name in (a, b)}}
             for row in rows]
    return pd.DataFrame(table, columns=["field", a, b]).set_index("field")


def catalog_rules(part: str | None = None, *, files: Paths = ()) -> pd.DataFrame:
    """What US export rules measure on accelerators, and what they say.

    Returns:
        One row for each accelerator, which is the index: total_processing_performance, io_gb_per_s (GB/s,
        both directions), and a column for each rule.
    """
    words = ["catalog", "rules", *([part] if part else []), *_with(files), "--format", "json"]
    return pd.DataFrame(json.loads(call(words))).set_index("name")


def schema(message: str = "Scenario") -> pd.DataFrame:
    """The fields of a message of a scenario.

    Returns:
        One row for each field, which is the index: type, needed, expected, meaning.
    """
    listed = json.loads(call(["schema", message, "--format", "json"]))
    fields = next(each for each in listed if each["name"] == message).get("fields", [])
    return pd.DataFrame(fields).set_index("name")


def outputs(kind: str = "step") -> pd.DataFrame:
    """The variables of results.

    Args:
        kind: "step", "life", "collective", ...: the keys of `gridlock schema --outputs --format json`.

    Returns:
        One row for each variable, which is the index: dimensions, unit, meaning.
    """
    listed = json.loads(call(["schema", "--outputs", "--format", "json"]))
    if kind not in listed:
        raise ValueError(f'there are no outputs of "{kind}"; expected one of {", ".join(listed)}')
    return pd.DataFrame(listed[kind]).set_index("variable")


def studies() -> pd.DataFrame:
    """The studies that come with the examples.

    Returns:
        One row for each study, whose name is the index: description, points, claims.
    """
    return pd.DataFrame(json.loads(call(["studies", "list", "--format", "json"]))).set_index("name")


def study(name: str, overrides: Overrides | None = None, *, jobs: int | None = None) -> xr.Dataset:
    """Runs a study.

    Args:
        name: "10-links-capped", "10", ...: one that studies() lists.

    Returns:
        As sweep(). `attrs["verdicts"]` are its claims: a list of {"claim", "ruling", "decisions"}.
    """
    with tempfile.TemporaryDirectory(prefix="gridlock-") as folder:
        call(["studies", "run", name, "-q", "-o", folder, *option_words({"-j": jobs}),
              *override_words(overrides)])
        results = open_results(next(Path(folder).iterdir()))
    results.attrs["verdicts"] = json.loads(results.attrs["summary"])["verdicts"]
    return results


def replay(scenario: Scenario, chakra: str | os.PathLike[str], overrides: Overrides | None = None, *,
           ranks: int | None = None, groups: str | os.PathLike[str] | None = None,
           dims: Iterable[str] = (), algorithm: str | None = None, compute_speed: float | None = None,
           one_stream: bool = False, recorded: bool = False) -> pd.DataFrame:
    """Replays Chakra execution traces on the network of a scenario.

    Args:
        chakra: a folder, a pattern or a prefix of NAME.RANK.et, or one file for all `ranks`.
        groups: file with the ranks of each group.
        dims: ranks along each dimension that collectives involve, the fastest first: ["8,4"].
        compute_speed: of the accelerators over that of the recorded ones.
        one_stream: each accelerator does one thing at a time.
        recorded: communication takes its recorded time.

    Returns:
        One row for each rank that the program lists: compute_s, communication_s, exposed_s, waiting_s,
        idle_s, end_s, in s. `attrs` has time_s, critical_path and what else it says.
    """
    words = [*override_words(overrides), *option_words({
        "--chakra": os.fspath(chakra), "--ranks": ranks,
        "--groups": os.fspath(groups) if groups is not None else None, "--algorithm": algorithm,
        "--compute-speed": compute_speed, "--one-stream": one_stream, "--recorded": recorded})]
    for each in dims:
        words += ["--dims", each]
    with as_file(scenario) as file:
        result = json.loads(call(["replay", file, *words, "--format", "json", "-q"]))
    frame = pd.DataFrame(result.pop("by_rank"))
    frame.attrs = result
    return frame


def import_file(kind: str, file: str | os.PathLike[str], out: str | os.PathLike[str],
                **options: Any) -> str:
    """Turns a file of another program into a scenario, or an entry of the catalogue.

    Args:
        kind: "astra", "hf", "megatron", "torchtitan" or "jobs".
        out: file to write; run(out) then simulates it.
        options: those of `gridlock import KIND --help`: cluster="meta_16k_h100", accelerators=64.

    Returns:
        The text that was written.
    """
    words = option_words({"--" + name.replace("_", "-"): value for name, value in options.items()})
    call(["import", kind, os.fspath(file), *words, "-o", os.fspath(out)])
    return Path(out).read_text(encoding="utf-8")


def generate(scenario: Scenario, out: str | os.PathLike[str], overrides: Overrides | None = None, *,
             requests: bool = True) -> dict[str, Any]:
    """Writes the experiments and requests of a scenario to a workload file.

    Returns:
        What is in the file: "campaigns" with the jobs and model FLOP of their rungs, "fleets" with their
        requests and tokens.
    """
    words = ["-o", os.fspath(out), "-q", "--format", "json", *([] if requests else ["--no-requests"])]
    with as_file(scenario) as file:
        return json.loads(call(["generate", file, *words, *override_words(overrides)]))


def explore(folder: str | os.PathLike[str], what: Scenario | None = None, *,
            jobs: int | None = None) -> str:
    """Writes a page on which sliders move through the points of a sweep.

    Args:
        folder: for index.html, which needs no server and no network.
        what: a folder with the results of a sweep, or a sweep; a shipped one by default.

    Returns:
        The path of the page.
    """
    words = ["-o", os.fspath(folder), "-q", *option_words({"-j": jobs})]
    if what is None:
        call(["explore", *words])
    else:
        with as_file(what, "Sweep") as file:
            call(["explore", file, *words])
    return os.fspath(Path(folder) / "index.html")
