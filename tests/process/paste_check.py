#!/usr/bin/env python3
"""The command line that a trace and a summary store can be pasted into a shell, and gives the same run.

usage: paste_check.py GRIDLOCK
"""

import json
import os
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
    print("PASS")


def scenario_of(folder):
    """The scenario that the trace holds; HDF5 keeps attributes of this size as they are."""
    return (folder / "out" / "trace.h5").read_bytes().decode("latin-1")


if __name__ == "__main__":
    main()
