#!/usr/bin/env python3
"""Output of nccl-tests beside the simulation: all versions of its table, the operation and the ranks
that it names, errors, wrong texts.

usage: nccl_check.py GRIDLOCK SOURCE_DIR
"""

import csv
import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))
import program  # noqa: E402

GRIDLOCK = Path(sys.argv[1]).resolve()
TWO_SERVERS = Path(sys.argv[2]).resolve() / "examples/01-two-servers/scenario.textproto"
SIZES = [1024, 1 << 20, 1 << 28]


def run(*arguments, code=0):
    done = program.run([GRIDLOCK, *map(str, arguments)], capture_output=True, text=True,
                       check=False)
    assert done.returncode == code, (arguments, done.returncode, done.stdout, done.stderr)
    return done.stdout if code == 0 else done.stderr


def predicted(op, *more):
    rows = json.loads(run("collective", TWO_SERVERS, "--op", op, "--size",
                          ",".join(f"{s}B" for s in SIZES), "--format", "json",
                          *more))["collectives"]
    return [row["time_s"] * 1e6 for row in rows if row["chosen"]]


def devices(hosts, each):
    lines = [f"#  Rank {r:2d} Group  0 Pid {1000 + r} on node{r // each} device {r % each} [0x31] "
             "NVIDIA H100 80GB HBM3" for r in range(hosts * each)]
    return "# Using devices\n" + "\n".join(lines) + "\n#\n"


NEW = ("#       size         count      type   redop    root     time   algbw   busbw #wrong     "
       "time   algbw   busbw #wrong\n#        (B)    (elements)                               (us) "
       " (GB/s)  (GB/s)            (us)  (GB/s)  (GB/s)\n")
MIDDLE = ("#       size         count    type    root     time   algbw   busbw  error     time   "
          "algbw   busbw  error\n")


def table(times, head=NEW, middle="float sum -1", places=2):
    lines = ["# Collective test starting: all_reduce_perf\n" if head == NEW else "", head]
    for size, time in zip(SIZES, times):
        lines.append(f"{size:12d} {size // 4:12d} {middle} "
                     + f"{time:.4f} 1.00 2.00 0 " * places + "\n")
    return "".join(lines) + "# Out of bounds values : 0 OK\n# Avg bus bandwidth    : 12.3\n"


def compare(folder, text, *more, name="output.log"):
    file = folder / name
    file.write_text(text, encoding="utf-8")
    answer = run("validate", "--nccl-tests", file, "--scenario", TWO_SERVERS, "--format", "csv",
                 *more)
    return list(csv.DictReader(answer.splitlines()))


def check_versions(folder):
    times = predicted("all_reduce")
    for text, more, name in [
            (table(times), (), "a.log"),
            (table(times).replace("float sum -1", "float"), (), "blank.log"),
            (table(times, MIDDLE, "float 0"), ("--op", "all_reduce"), "middle.log"),
            (table(times, MIDDLE, "float 0"), (), "all_reduce_perf.txt"),
            ("host:1:1 [0] NCCL INFO Bootstrap : Using eth0\n$ ./build/all_reduce_perf -b 8\n"
             + table(times, MIDDLE, "float 0"), (), "b.log"),
            (devices(2, 8) + table(times), (), "devices.log"),
            ("".join(f"[1,0]<stdout>:{line}\n" for line in table(times).splitlines()), (),
             "tagged.log")]:
        rows = compare(folder, text, *more, name=name)
        assert [row["status"] for row in rows] == ["simulated"] * 3, (name, rows)
        assert all(abs(float(row["error_pct"])) < 0.1 for row in rows), (name, rows)
        assert rows[0].keys() == {"id", "role", "published", "predicted", "error_pct", "status",
                                  "reason"}
    # 25 % slower than the simulation: the prediction is 20 % too low.
    rows = compare(folder, table([1.25 * t for t in times]))
    assert all(abs(float(row["error_pct"]) + 20) < 0.1 for row in rows), rows
    text = run("validate", "--nccl-tests", folder / "output.log", "--scenario", TWO_SERVERS)
    assert "all_reduce of" in text and "16 MiB and more" in text, text
    report = json.loads(run("validate", "--nccl-tests", folder / "output.log", "--scenario",
                            TWO_SERVERS, "--format", "json"))
    whole = next(group for group in report["groups"] if group["by"] == "all")
    assert abs(whole["median_pct"] - 20) < 0.1, whole


def check_ranks(folder):
    # Four of the eight accelerators of each server, as the ranks of the output lie.
    times = predicted("all_gather", "--per-server", 4)
    text = devices(2, 4) + table(times).replace("all_reduce", "all_gather")
    rows = compare(folder, text)
    assert all(abs(float(row["error_pct"])) < 0.1 for row in rows), rows
    inside = predicted("all_reduce", "--group", 8)
    rows = compare(folder, devices(1, 8) + table(inside))
    assert all(abs(float(row["error_pct"])) < 0.1 for row in rows), rows


def check_places(folder):
    times = predicted("all_reduce")
    text = table(times).replace(" 1.00 2.00 0 ", " 1.00 2.00 0 9", 1)
    rows = compare(folder, text, "--in-place")
    assert float(rows[0]["error_pct"]) < -50, rows
    text = "\n".join(line.replace(f"{times[1]:.4f} 1.00 2.00 0", "N/A N/A N/A N/A")
                     for line in table(times).splitlines())
    rows = compare(folder, text)
    assert [row["status"] for row in rows] == ["simulated", "unsupported", "simulated"], rows
    assert rows[1]["reason"] == "no time was measured" and rows[1]["predicted"] == ""


def check_wrong(folder):
    times = predicted("all_reduce")
    file = folder / "wrong.log"
    good = table(times)
    number = f"{times[0]:.4f}"
    line = good.splitlines()[3]
    for text, message in [
            ("hello\n", 'F:1:1: there is no table of nccl-tests; expected a line "# size count type '
             '... time algbw busbw" and lines of numbers below it'),
            (good.replace(number, "3x4", 1),
             f'F:4:{line.index(number) + 1}: "3x4" is no number; expected what stands in the column '
             '"time", or N/A'),
            (good.replace(NEW, ""),
             'F:2:9: numbers stand before the names of the columns; expected a line "# size count '
             'type ... time algbw busbw" above them'),
            (table(times, places=1),
             "F:4:" + str(len(table(times, places=1).splitlines()[3].rstrip()) + 1)
             + ": the line has 9 columns; expected at least 11: size, count, type, and 4 for each "
             "place")]:
        file.write_text(text, encoding="utf-8")
        answer = run("validate", "--nccl-tests", file, "--scenario", TWO_SERVERS, code=2)
        assert answer.splitlines()[0].replace(str(file), "F") == message, answer
    assert "--nccl-tests needs --scenario FILE" in run("validate", "--nccl-tests", file, code=2)
    silent = folder / "quiet.log"
    silent.write_text(table(times, MIDDLE, "float 0"), encoding="utf-8")
    assert "the output does not say which collective it measured" in run(
        "validate", "--nccl-tests", silent, "--scenario", TWO_SERVERS, code=2)


def main():
    with tempfile.TemporaryDirectory() as name:
        for check in (check_versions, check_ranks, check_places, check_wrong):
            check(Path(name))


main()
