#!/usr/bin/env python3
"""The command line that a trace and a summary store can be pasted into a shell, and gives the same run.

usage: paste_check.py GRIDLOCK
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
EXAMPLE = ROOT / "examples/01-two-servers/scenario.textproto"


def summary(folder):
    return json.loads((folder / "out" / "summary.json").read_text(encoding="utf-8"))


def main():
    gridlock = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(EXAMPLE, folder / "it's two.textproto")
        subprocess.run([gridlock, "run", "it's two.textproto", "-q", "-o", "out", "--set",
                        "site[0].override.nic_bandwidth=100 Gbps"],
                       cwd=folder, check=True, capture_output=True)
        first = summary(folder)
        shutil.rmtree(folder / "out")
        subprocess.run(["bash", "-c", first["command_line"]], cwd=folder, check=True,
                       capture_output=True)
        again = summary(folder)
        assert again == first, (first, again)
        assert "nic_bandwidth: \"100 Gbps\"" in scenario_of(folder), "the override is not there"
        check_origin(gridlock, folder, first)
    print("PASS")


def check_origin(gridlock, folder, first):
    """A run names its build and its catalogue: an entry that it uses moves the fingerprint of the
    catalogue, and one that it does not use does not."""
    assert first["gridlock_commit"] and first["catalogue"] == "shipped", first
    own = folder / "own"
    for part in ("topologies/catalog", "workloads/catalog"):
        shutil.copytree(ROOT / part, own / part)

    def fingerprint():
        subprocess.run(["bash", "-c", first["command_line"]], cwd=folder, check=True,
                       capture_output=True, env={**os.environ, "GRIDLOCK_CATALOG": str(own)})
        again = summary(folder)
        assert again["catalogue"] == f"GRIDLOCK_CATALOG={own}", again["catalogue"]
        assert again["fingerprint"] == first["fingerprint"], "another result"
        return again["catalogue_fingerprint"]

    assert fingerprint() == first["catalogue_fingerprint"]
    append(own / "workloads/catalog/models.textproto", "# A comment behind all entries.\n")
    assert fingerprint() == first["catalogue_fingerprint"]
    switches = own / "topologies/catalog/switches.textproto"
    text = switches.read_text(encoding="utf-8")
    switch = re.search(r'leaf_switch: "(\w+)"', EXAMPLE.read_text(encoding="utf-8")).group(1)
    # The first source of the switch that the example uses.
    entry = text.index(f'name: "{switch}"')
    source = text.index('text: "', entry) + len('text: "')
    switches.write_text(text[:source] + "Looked up again. " + text[source:], encoding="utf-8")
    assert fingerprint() != first["catalogue_fingerprint"]


def append(path, text):
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")


def scenario_of(folder):
    """The scenario that the trace holds; HDF5 keeps attributes of this size as they are."""
    return (folder / "out" / "trace.h5").read_bytes().decode("latin-1")


if __name__ == "__main__":
    main()
