#!/usr/bin/env python3
"""gridlock generate, as people use it: the same file twice, text and binary alike, and a scenario
that names the file has nothing left to generate.

usage: generate_check.py GRIDLOCK FIXTURES
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path


def main():
    gridlock, fixtures = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    environment = dict(os.environ, GRIDLOCK_CATALOG=str(fixtures / "catalog"))
    folder = Path(tempfile.mkdtemp())

    def run(*arguments, code=0):
        done = subprocess.run([gridlock, *arguments], cwd=folder, env=environment,
                              capture_output=True, text=True, check=False)
        assert done.returncode == code, (arguments, done.returncode, done.stdout, done.stderr)
        return done.stdout + done.stderr

    def with_workload(name, file):
        (folder / name).write_text(life + f'workload: "{file}"\n', encoding="utf-8")
        return name

    life = (fixtures / "right/life.textproto").read_text(encoding="utf-8")
    (folder / "life.textproto").write_text(life, encoding="utf-8")

    table = run("generate", "life.textproto", "-o", "a.pb", "--text", "a.textproto")
    assert "campaign ablations" in table and "fleet chat, 20 of 40 replicas" in table, table
    run("generate", "life.textproto", "-o", "b.pb")
    assert (folder / "a.pb").read_bytes() == (folder / "b.pb").read_bytes(), "not the same twice"
    run("generate", "life.textproto", "-o", "c.pb", "--set", "seed=8")
    assert (folder / "a.pb").read_bytes() != (folder / "c.pb").read_bytes(), "the seed is not used"
    assert not list(folder.glob("*.part"))

    text = (folder / "a.textproto").read_text(encoding="utf-8")
    jobs, requests = text.count("\n  job {"), text.count("\n  request {")
    assert jobs >= 12, jobs
    # 0.005 requests a second reach the simulated half of the fleet in 7 days: 3024 on average.
    assert abs(requests - 3024) < 5 * 3024 ** 0.5, requests

    for file in ("a.pb", "a.textproto"):
        left = run("generate", with_workload("again.textproto", file), "-o", "d.pb", code=2)
        assert "there is nothing to generate" in left, left

    run("generate", "life.textproto", "-o", "jobs.pb", "--no-requests")
    left = run("generate", with_workload("rest.textproto", "jobs.pb"), "-o", "rest.pb")
    assert "campaign" not in left and "fleet chat" in left, left

    refused = run("generate", "life.textproto", "-o", "no/such/a.pb", code=3)
    assert "cannot write no/such/a.pb" in refused, refused


if __name__ == "__main__":
    main()
