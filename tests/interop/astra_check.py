#!/usr/bin/env python3
"""Network configurations of ASTRA-sim as scenarios: what each dimension becomes, closed forms of an
all-reduce on it, wrong files.

usage: astra_check.py GRIDLOCK
"""

import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))
import program  # noqa: E402

GRIDLOCK = Path(sys.argv[1]).resolve()
GIBI = 1 << 30


def run(*arguments, code=0):
    done = program.run([GRIDLOCK, *map(str, arguments)], capture_output=True, text=True,
                       check=False)
    assert done.returncode == code, (arguments, done.returncode, done.stdout, done.stderr)
    return done.stdout if code == 0 else done.stderr


def near(a, b, what, within=1e-6):
    assert abs(a - b) <= within * abs(b), (what, a, b)


def imported(folder, name, text, *more):
    source = folder / f"{name}.yml"
    source.write_text(text, encoding="utf-8")
    out = folder / f"{name}.textproto"
    run("import", "astra", source, "-o", out, *more)
    return out


def ring_time(scenario, size, op="all_reduce", *more):
    rows = json.loads(run("collective", scenario, "--op", op, "--size", f"{size}B", "--format",
                          "json", *more))["collectives"]
    return rows[0]["time_s"]


def network(kinds, npus, bandwidth, latency):
    return (f"# a comment\ntopology: [ {', '.join(kinds)} ]  # kinds\nnpus_count: {npus}\n"
            f"bandwidth: {bandwidth}\nlatency: {latency}\n")


def check_switch(folder):
    size = 10**9
    scenario = imported(folder, "switch", network(["Switch"], [8], [400.0], [936.25]))
    closed = 2 * 7 / 8 * size / (400 * GIBI) + 2 * 7 * 2 * 936.25e-9
    near(ring_time(scenario, size, "all_reduce", "--algorithm", "ring"), closed, "one switch")
    decimal = imported(folder, "decimal", network(["Switch"], [8], [400.0], [936.25]), "--decimal")
    closed = 2 * 7 / 8 * size / 400e9 + 2 * 7 * 2 * 936.25e-9
    near(ring_time(decimal, size, "all_reduce", "--algorithm", "ring"), closed, "decimal GB")
    # Two switches: servers under rails. Across 4 servers of 8 the NIC of each carries 1/8 of the
    # ring's bytes.
    rails = imported(folder, "rails", network(["Switch", "Switch"], [8, 4], [400, 50], [0, 0]))
    closed = 2 * 31 / 32 * size / 8 / (50 * GIBI)
    near(ring_time(rails, size, "all_reduce", "--algorithm", "ring"), closed, "two switches")
    assert "servers: 4" in rails.read_text(encoding="utf-8")


def check_ring(folder):
    size = 10**9
    # Rings in the order of the ranks: each link carries 2 (n-1)/n S; the latency is that of a hop.
    ring = imported(folder, "ring", network(["Ring"], [16], [50.0], [500.0]))
    closed = 2 * 15 / 16 * size / (50 * GIBI) + 2 * 15 * 500e-9
    near(ring_time(ring, size, "all_reduce", "--algorithm", "ring"), closed, "one ring")
    assert (folder / "ring.graphml").exists()
    torus = imported(folder, "torus", network(["Ring", "Ring"], [4, 8], [80.0, 80.0], [1000, 1000]))
    text = torus.read_text(encoding="utf-8")
    assert "torus { size: [4, 8] block: [1, 1] }" in text, text
    assert not (folder / "torus.graphml").exists()
    assert "32" in run("topo", torus)
    # Neighbours along the first dimension have a link of their own.
    near(ring_time(torus, size, "send_recv", "--ranks", "0,1"), size / (80 * GIBI) + 1e-6,
         "a link of the torus")


def check_mixed(folder):
    size = 10**9
    mixed = imported(folder, "mixed", network(["Ring", "FullyConnected", "Switch"], [2, 8, 4],
                                              [200.0, 100.0, 50.0], [50.0, 500.0, 2000.0]))
    graph = (folder / "mixed.graphml").read_text(encoding="utf-8")
    assert graph.count('"switch3_') >= 16, "a switch for each line of the third dimension"
    for pair, bandwidth in (("0,1", 200), ("0,2", 100), ("0,16", 50)):
        near(ring_time(mixed, size, "send_recv", "--ranks", pair), size / (bandwidth * GIBI) + 4e-6,
             ("a link of its own dimension", pair))
    # Halving the switches moves what crosses them and nothing else.
    slow = imported(folder, "slow", network(["Ring", "FullyConnected", "Switch"], [2, 8, 4],
                                            [200.0, 100.0, 25.0], [50.0, 500.0, 2000.0]))
    for pair, factor in (("0,1", 1), ("0,2", 1), ("0,16", 2)):
        near(ring_time(slow, size, "send_recv", "--ranks", pair) - 4e-6,
             factor * (ring_time(mixed, size, "send_recv", "--ranks", pair) - 4e-6),
             ("halved", pair))


def check_older(folder):
    source = folder / "old.json"
    source.write_text(json.dumps({
        "topology-name": "Hierarchical", "topologies-per-dim": ["Ring", "AllToAll", "Switch"],
        "dimensions-count": 3, "units-count": [2, 8, 2], "links-count": [2, 7, 2],
        "link-latency": [500, 500, 500], "link-bandwidth": [250, 25, 12.5],
        "nic-latency": [0, 0, 1], "router-latency": [0, 0, 1], "hbm-latency": [500, 500, 500],
        "hbm-bandwidth": [370, 370, 13], "hbm-scale": [1, 1, 1]}), encoding="utf-8")
    out = folder / "old.textproto"
    answer = run("import", "astra", source, "-o", out)
    assert "32 NPUs in 3 dimensions" in answer and "left out: hbm-latency" in answer, answer
    # Two links to the switch, and two hops of 502 ns.
    near(ring_time(out, 10**9, "send_recv", "--ranks", "0,16"), 10**9 / (25 * GIBI) + 2 * 502e-9,
         "two links of the older file")
    source.write_text('{"topology-name": "Torus2D", "units-count": [8, 6], "link-latency": '
                      '[500, 500], "link-bandwidth": [25, 25]}', encoding="utf-8")
    run("import", "astra", source, "-o", out)
    assert "torus { size: [8, 6]" in out.read_text(encoding="utf-8")


def check_wrong(folder):
    source = folder / "wrong.yml"
    good = network(["Ring"], [4], [50], [500])
    for text, message in [
            (good.replace("Ring", "Rong"),
             'F:2:13: there is no topology "Rong"; expected Ring, FullyConnected or Switch; did you '
             'mean "Ring"?'),
            (good.replace("npus_count", "npu_count"),
             'F:1:1: the key "npus_count" is missing; expected one value for each dimension\n'
             'F:3:1: there is no key "npu_count"; expected topology, npus_count, bandwidth and '
             'latency, or the keys of the older JSON; did you mean "npus_count"?'),
            (good.replace("[50]", "[50, 60]"),
             "F:4:1: bandwidth has 2 values and topology has 1; expected one for each dimension"),
            (good.replace("[50]", "[fast]"),
             'F:4:13: "fast" is out of range or no number; expected a number from 1e-09 to '
             '1000000000'),
            (good.replace("[4]", "[4"),
             'F:4:1: here stands "bandwidth"; expected "," or "]"'),
            (good.replace("[4]", "[1]"), "F:3:1: there are 1 NPUs; expected 2 to 1048576")]:
        source.write_text(text, encoding="utf-8")
        answer = run("import", "astra", source, "-o", folder / "x.textproto", code=2)
        assert answer.strip().replace(str(source), "F") == message, answer


def main():
    with tempfile.TemporaryDirectory() as name:
        for check in (check_switch, check_ring, check_mixed, check_older, check_wrong):
            check(Path(name))


main()
