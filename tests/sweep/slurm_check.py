#!/usr/bin/env python3
"""A sweep as a job array of Slurm: tools/slurm/sweep.sh under slurmctld, slurmd and munged of its own, in a
folder of its own and on 127.0.0.1. Two shards, merged, are the single run bit for bit.

usage: slurm_check.py GRIDLOCK SOURCE_DIR

Needs Debian's slurm-wlm and munge, and says SKIP without them.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ["PATH"] += os.pathsep + "/usr/sbin"
GRIDLOCK, ROOT = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
SCRIPT = ROOT / "tools/slurm/sweep.sh"
SWEEP = """schema_version: 1
name: "nics"
scenario: "%s"
axis { name: "nic" path: "site[0].override.nic_bandwidth" log { from: "50 Gbps" to: "800 Gbps" points: 9 } }
axis { name: "batch" path: "job[0].pretraining.global_batch" values: "60, 64, 128, 256" }
""" % (ROOT / "examples/01-two-servers/scenario.textproto")
CONFIGURATION = """ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
SlurmctldPort={controller}
SlurmdPort={node}
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
ReturnToService=2
SwitchType=switch/none
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 RealMemory=512 State=UNKNOWN
PartitionName=all Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def skip(why):
    print(f"SKIP: {why}")
    sys.exit(0)


def run(*words, code=0, **more):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False, **more)
    assert done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
    return done.stdout + done.stderr


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(what, seconds, folder):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return
        time.sleep(0.3)
    for log in sorted(Path(folder).glob("*.log")):
        print(f"== {log.name}\n{log.read_text(encoding='utf-8', errors='replace')[-3000:]}")
    raise AssertionError("Slurm did not come up in time")


@contextlib.contextmanager
def slurm(folder):
    """A cluster of one node, and nothing of it is left behind."""
    key = Path(folder, "munge.key")
    key.write_bytes(os.urandom(128))
    key.chmod(0o400)
    Path(folder, "slurm.conf").write_text(CONFIGURATION.format(
        host=socket.gethostname(), user="root" if os.getuid() == 0 else os.environ.get("USER", "root"),
        folder=folder, controller=free_port(), node=free_port()), encoding="utf-8")
    os.environ["SLURM_CONF"] = f"{folder}/slurm.conf"
    daemons = []

    def start(*words):
        log = open(f"{folder}/{words[0]}.out.log", "w", encoding="utf-8")  # pylint: disable=consider-using-with
        daemons.append(subprocess.Popen(words, stdout=log, stderr=log))  # pylint: disable=consider-using-with

    try:
        start("munged", "--foreground", "--force", f"--key-file={key}", f"--socket={folder}/munge.socket",
              f"--pid-file={folder}/munge.pid", f"--log-file={folder}/munge.log", f"--seed-file={folder}/munge.seed")
        wait_until(lambda: Path(folder, "munge.socket").exists(), 30, folder)
        start("slurmctld", "-D")
        start("slurmd", "-D", "-N", socket.gethostname())
        wait_until(lambda: "idle" in subprocess.run(["sinfo", "-h", "-o", "%t"], capture_output=True, text=True,
                                                     check=False).stdout, 60, folder)
        yield
    finally:
        for daemon in reversed(daemons):
            daemon.terminate()
        for daemon in daemons:
            try:
                daemon.wait(timeout=20)
            except subprocess.TimeoutExpired:
                daemon.kill()


def sweep(*words, **more):
    return run(GRIDLOCK, "sweep", *words, **more)


def same(a, b):
    for name in ("journal.jsonl", "results.csv", "sweep.json"):
        assert Path(a, name).read_bytes() == Path(b, name).read_bytes(), name
    try:
        import xarray as xr  # pylint: disable=import-outside-toplevel
        import h5netcdf  # noqa: F401 pylint: disable=import-outside-toplevel,unused-import
    except ImportError:
        print("results.h5 was not compared: xarray or h5netcdf is missing")
        return
    one, other = (xr.open_dataset(f"{folder}/results.h5", engine="h5netcdf").load() for folder in (a, b))
    one.attrs.pop("command_line"), other.attrs.pop("command_line")
    assert one.identical(other), "results.h5"


def check(folder):
    os.chdir(folder)
    Path("sweep.textproto").write_text(SWEEP, encoding="utf-8")
    sweep("sweep.textproto", "-q", "-o", "whole")
    run("sbatch", "--wait", "--array=1-2", SCRIPT, "sweep.textproto", "shards")
    assert sweep("status", "shards/1", "shards/2").endswith("36 of 36 points\n")
    sweep("merge", "sweep.textproto", "shards/1", "shards/2", "-q", "-o", "merged")
    same("whole", "merged")
    # A task that was cut off goes on when the array is submitted again.
    journal = Path("shards/2/journal.jsonl")
    lines = journal.read_text(encoding="utf-8").splitlines(keepends=True)
    journal.write_text("".join(lines[:7]) + lines[7][:20], encoding="utf-8")
    run("sbatch", "--wait", "--array=1-2", SCRIPT, "sweep.textproto", "shards")
    sweep("merge", "sweep.textproto", "shards/1", "shards/2", "-q", "-o", "again")
    same("whole", "again")
    # Numbers of shards begin with 1, and a task that is wrong fails its job.
    run("sbatch", "--wait", "--array=0-1", "--output=wrong-%a.txt", SCRIPT, "sweep.textproto", "x", code=2)
    assert "expected --array=1-COUNT" in Path("wrong-0.txt").read_text(encoding="utf-8")
    run("sbatch", "--wait", "--array=1-2", SCRIPT, "nowhere.textproto", "x", code=2)


def main():
    missing = [name for name in ("munged", "slurmctld", "slurmd", "sbatch", "sinfo") if shutil.which(name) is None]
    if missing:
        skip(f"no {', '.join(missing)}; needs Debian's slurm-wlm and munge")
    os.environ["PATH"] = f"{GRIDLOCK.parent}{os.pathsep}{os.environ['PATH']}"
    with tempfile.TemporaryDirectory(prefix="gl-slurm-") as folder:
        os.chmod(folder, 0o755)  # munged wants a folder that others cannot write
        with slurm(folder):
            check(folder)
            os.chdir("/")
    print("ok")


main()
