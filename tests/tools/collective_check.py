#!/usr/bin/env python3
"""gridlock collective from outside: its table, CSV, JSON, words and refusals.

usage: collective_check.py GRIDLOCK SOURCE
"""

import csv
import io
import json
import os
import sys
import tempfile
from pathlib import Path

import program

GRIDLOCK = os.path.abspath(sys.argv[1])
TWO_SERVERS = "examples/01-two-servers/scenario.textproto"
OF_A_LIFE = "examples/06-power-cap-at-noon/scenario.textproto"
TWO_SITES = "examples/05-two-sites/scenario.textproto"
COLUMNS = ("size_bytes,algorithm,time_us,algbw_gbs,busbw_gbs,wall,busiest,utilisation,fastest,"
           "chosen")


def run(scenario, *arguments, code=0):
    done = program.run([GRIDLOCK, "collective", scenario, "-q", *arguments], text=True,
                       capture_output=True, check=False, cwd=sys.argv[2])
    assert done.returncode == code, (arguments, done.returncode, done.stdout, done.stderr)
    assert not (done.stderr if code == 0 else done.stdout), (done.stdout, done.stderr)
    return done.stdout if code == 0 else done.stderr


def rows(scenario, *arguments):
    text = run(scenario, "--format", "csv", *arguments)
    assert text.splitlines()[0] == COLUMNS, text
    return list(csv.DictReader(io.StringIO(text)))


def check_formats(folder):
    arguments = ["--op", "all_reduce", "--size", "1MiB:64MiB:x8"]
    table = rows(TWO_SERVERS, *arguments)
    assert sorted({int(row["size_bytes"]) for row in table}) == [1 << 20, 1 << 23, 1 << 26], table
    for size in {row["size_bytes"] for row in table}:
        of_size = [row for row in table if row["size_bytes"] == size]
        assert [row["chosen"] for row in of_size].count("1") == 1, of_size
        fastest = min(of_size, key=lambda row: float(row["time_us"]))
        assert fastest["fastest"] == "1", of_size
    for row in table:
        algbw = float(row["size_bytes"]) / float(row["time_us"]) * 1e-3
        assert abs(float(row["algbw_gbs"]) / algbw - 1) < 1e-4, row
        assert abs(float(row["busbw_gbs"]) / (algbw * 2 * 15 / 16) - 1) < 1e-4, row

    document = json.loads(run(TWO_SERVERS, *arguments, "--format", "json", "-o", folder))
    assert len(document["collectives"]) == len(table)
    for row, same in zip(table, document["collectives"]):
        assert abs(same["time_s"] / (float(row["time_us"]) * 1e-6) - 1) < 1e-4, (row, same)
        assert same["algorithm"] == row["algorithm"] and same["ranks"] == 16
        assert same["nic_load_bytes"] > 0 and same["port_load_bytes"] > 0, same
    written = json.loads((Path(folder) / "summary.json").read_text(encoding="utf-8"))
    assert written["fingerprint"] == document["fingerprint"]
    assert (Path(folder) / "trace.h5").stat().st_size > 0

    text = run(TWO_SERVERS, *arguments)
    for row in table:
        if row["chosen"] == "1":
            line = next(line for line in text.splitlines()
                        if line.split()[:2] == [str(int(row["size_bytes"]) >> 20), "MiB"])
            assert line.split()[2:4] == [row["algorithm"], f"{float(row['time_us']):.2f}"], line
    assert max(map(len, text.splitlines())) <= 100
    assert "Why, at" not in text


def check_words():
    words = run(TWO_SERVERS, "--op", "all_reduce", "--size", "64MiB", "--explain")
    why = words.partition("\nWhy, at 64 MiB\n")[2]
    for name in ("ring", "tree", "in_switch_tree"):
        assert f"- {name} takes " in why, words
    assert "The busiest NIC sends " in why and "x the buffer" in why, words


def check_who_takes_part():
    gather = ["--op", "all_gather", "--size", "1GiB", "--algorithm", "ring"]

    def of(*arguments):
        document = json.loads(run(TWO_SERVERS, *gather, *arguments, "--format", "json"))
        row = document["collectives"][0]
        return document["accelerators"], row["ranks"], row["groups"], row["time_s"]

    assert of()[:3] == (16, 16, 1)
    assert of("--ranks", "0,8")[:3] == (2, 2, 1)
    assert of("--ranks", "0:16:4") == of("--ranks", "0,4,8,12")
    assert of("--per-server", "2")[:3] == (4, 4, 1)
    assert of("--group", "4")[:3] == (4, 4, 1)
    assert of("--group", "8", "--concurrent", "2")[:3] == (16, 8, 2)
    # Ranks of eight in one server, and of four in each of two: over the NICs it takes longer.
    inside = of("--group", "8", "--concurrent", "2")[3]
    across = of("--group", "8", "--concurrent", "2", "--stride", "2")[3]
    assert across > 1.5 * inside, (inside, across)
    # Groups side by side have links of their own here.
    alone = of("--group", "8")[3]
    assert abs(inside / alone - 1) < 1e-9, (inside, alone)
    twice = of("--iterations", "3")
    assert abs(twice[3] / of()[3] - 1) < 1e-9, "the time is the mean"


def check_fidelities():
    arguments = ["--op", "all_reduce", "--size", "1GiB"]
    folded = rows(TWO_SERVERS, *arguments)
    assert rows(TWO_SERVERS, *arguments, "--fidelity", "full") == folded
    analytic = rows(TWO_SERVERS, *arguments, "--fidelity", "analytic")
    for row, same in zip(folded, analytic):
        assert abs(float(row["time_us"]) / float(same["time_us"]) - 1) < 0.01, (row, same)


def check_scenarios_of_all_kinds():
    """What needs a horizon, and jobs, are left out; overrides are not."""
    life = rows(OF_A_LIFE, "--op", "all_reduce", "--size", "1GiB")
    assert any(row["chosen"] == "1" for row in life)
    assert rows(TWO_SITES, "--op", "all_reduce", "--size", "1GiB")
    ring = ["--op", "all_gather", "--size", "1GiB", "--algorithm", "ring"]
    whole = rows(TWO_SERVERS, *ring)
    halved = rows(TWO_SERVERS, *ring, "--set", "site.override.nic_bandwidth=100 Gbps")
    assert float(halved[0]["time_us"]) > 2 * float(whole[0]["time_us"])


def check_parts(folder):
    """Parts that differ: a file with what each rank gets, and the same as a factor."""
    even = rows(TWO_SERVERS, "--op", "all_to_all", "--size", "1GiB")
    uneven = ["--op", "all_to_allv", "--size", "1GiB"]
    one = rows(TWO_SERVERS, *uneven, "--imbalance", "1")
    assert abs(float(one[0]["time_us"]) / float(even[0]["time_us"]) - 1) < 0.01, (one, even)
    two = rows(TWO_SERVERS, *uneven, "--imbalance", "2")
    assert 1.9 < float(two[0]["time_us"]) / float(one[0]["time_us"]) < 2.1, (one, two)
    file = Path(folder) / "parts.txt"
    file.write_text("30\n" + "14, " * 14 + "14\n", encoding="utf-8")  # 30 of 240 is 2/16
    same = rows(TWO_SERVERS, *uneven, "--parts", str(file))
    assert abs(float(same[0]["time_us"]) / float(two[0]["time_us"]) - 1) < 1e-6, (two, same)


def check_protocols():
    ring = ["--op", "all_gather", "--size", "4GiB", "--algorithm", "ring", "--protocol"]
    times = {name: float(rows(TWO_SERVERS, *ring, name)[0]["time_us"])
             for name in ("ll", "LL128", "simple")}
    # A little less than twice: Simple waits for chunks, LL does not.
    assert 1.7 < times["ll"] / times["simple"] < 2.1, times
    assert 1.0 < times["LL128"] / times["simple"] < 128 / 120 + 0.01, times


def check_refusals():
    for arguments, message in [
            (["--op", "all_redcue"],
             '--op "all_redcue": there is no collective "all_redcue"; expected all_reduce, '
             'all_gather, reduce_scatter, all_to_all, send_receive, broadcast, reduce, '
             'expert_dispatch, expert_combine or all_to_allv; did you mean "all_reduce"?'),
            (["--op", "all_reduce", "--algorithm", "rng"],
             '--algorithm "rng": there is no algorithm "rng"; expected automatic, ring, tree, '
             'halving_doubling, pat, in_switch, in_switch_tree, pairs, neighbours, forwarded, direct '
             'or fitted; did you mean "ring"?'),
            (["--op", "all_reduce", "--ranks", "0,99"],
             '--ranks "0,99": there is no accelerator 99: the site has 16; expected numbers from 0 '
             'to 15'),
            (["--op", "all_reduce", "--per-server", "9"],
             '--per-server 9: "ranks_per_server" is 9, and a server has 8 accelerators; expected at '
             'most 8'),
            (["--op", "all_reduce", "--size", "64X"],
             'gridlock collective: --size: "64X" is no size; expected bytes such as "8", a number with '
             'a unit such as "64MiB" or "1 GB", or FROM:TO:xFACTOR'),
            (["--op", "all_to_allv", "--imbalance", "17"],
             '--imbalance 17: the first of 16 ranks cannot get 17 times the mean; expected 1 to 16'),
            (["--op", "all_reduce", "--imbalance", "2"],
             '--imbalance 2: the parts of all_reduce are alike; expected collective: "all_to_allv"'),
            (["--op", "all_reduce", "--protocol", "ll12"],
             '--protocol "ll12": there is no protocol "ll12"; expected automatic, ll, ll128 or '
             'simple; did you mean "ll128"?'),
            (["--op", "all_reduce", "--algorithm", "in_switch_tree", "--protocol", "ll"],
             '--protocol "ll": switches add up by the protocol "simple" alone, and "ll" is asked '
             'for; expected "simple" or "automatic"'),
            (["--opp", "all_reduce"],
             'gridlock collective: there is no option "--opp"; did you mean "--op"?')]:
        said = run(TWO_SERVERS, *arguments, code=2).strip()
        assert said == message, (arguments, said)


def main():
    with tempfile.TemporaryDirectory() as folder:
        check_formats(folder)
        check_parts(folder)
    check_protocols()
    check_words()
    check_who_takes_part()
    check_fidelities()
    check_scenarios_of_all_kinds()
    check_refusals()
    print("PASS")


if __name__ == "__main__":
    main()
