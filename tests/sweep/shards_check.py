#!/usr/bin/env python3
"""A sweep in three shards, merged, is the sweep that one machine runs: the same bytes.

usage: shards_check.py GRIDLOCK SOURCE_DIR
"""

import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))
import program  # noqa: E402

GRIDLOCK, ROOT = os.path.abspath(sys.argv[1]), Path(sys.argv[2]).resolve()
SWEEP = """schema_version: 1
name: "nics"
scenario: "%s"
axis { name: "nic" path: "site[0].override.nic_bandwidth" values: "100, 200, 400 Gbps" }
axis { name: "batch" path: "job[0].pretraining.global_batch" values: "60, 64, 128, 256" }
""" % (ROOT / "examples/01-two-servers/scenario.textproto")


def run(*words, code=0):
    done = program.run([GRIDLOCK, "sweep", *words], capture_output=True, text=True, check=False)
    assert done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
    return done.stdout if code == 0 else done.stderr


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    Path("sweep.textproto").write_text(SWEEP, encoding="utf-8")
    run("sweep.textproto", "-q", "-o", "whole")
    for shard in "132":
        run("sweep.textproto", "-q", "--shard", f"{shard}/3", "-o", f"shard{shard}")
    run("merge", "sweep.textproto", "shard2", "shard3", "shard1", "-q", "-o", "merged")
    for name in ("journal.jsonl", "results.csv", "sweep.json"):
        assert Path("whole", name).read_bytes() == Path("merged", name).read_bytes(), name
    status = run("status", "shard1", "shard2", "shard3")
    assert status.endswith("12 of 12 points\n") and "shard2: shard 2/3, 4 of 4 points" in status, status
    refused = sum(line.count(" 1 refused") for line in status.splitlines())
    assert refused == 3, "60 sequences are no whole number of micro-batches a replica: " + status
    lines = Path("shard3/journal.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    Path("shard3/journal.jsonl").write_text("".join(lines[:-1]), encoding="utf-8")
    assert "11 of 12 points" in run("status", "shard1", "shard2", "shard3")
    message = run("merge", "sweep.textproto", "shard1", "shard2", "shard3", "-q", "-o", "x", code=2)
    assert message == ("gridlock sweep merge: shard3: this shard is not complete; gridlock sweep "
                       "sweep.textproto --shard 3/3 -o shard3 --resume goes on with it\n"), message
    run("sweep.textproto", "-q", "--shard", "3/3", "-o", "shard3", "--resume")
    run("merge", "sweep.textproto", "shard1", "shard2", "shard3", "-q", "-o", "again")
    assert Path("whole/results.csv").read_bytes() == Path("again/results.csv").read_bytes()
    message = run("merge", "sweep.textproto", "shard1", "shard2", "-q", "-o", "y", code=2)
    assert message.startswith("gridlock sweep merge: shard1: not a shard of sweep.textproto"), message
    message = run("merge", "sweep.textproto", "shard1", "shard1", "shard3", "-q", "-o", "z", code=2)
    assert "one that another folder has" in message, message
    message = run("sweep.textproto", "--shard", "4/3", code=2)
    assert message == ("gridlock sweep: --shard 4/3: expected NUMBER/COUNT, from 1/8 to 8/8 of "
                       "eight\n"), message
    Path("damaged").mkdir()
    for shard in ('"x"', '"1"', "3"):
        Path("damaged/sweep.json").write_text('{"points": 4, "shard": %s}' % shard, encoding="utf-8")
        message = run("status", "damaged", code=2)
        assert "damaged: no sweep.json of a sweep is in this folder" in message, message
    assert run("-q", code=2).startswith("gridlock sweep: FILE is required"), "as before"
print("ok")
