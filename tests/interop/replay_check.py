#!/usr/bin/env python3
"""Chakra traces on a network: closed forms, the collectives of gridlock collective, wrong files.

usage: replay_check.py GRIDLOCK SOURCE_DIR
"""

import json
import resource
import sys
import tempfile
from random import Random
from pathlib import Path

import chakra_writer as ck

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))
import program  # noqa: E402
from asking import some  # noqa: E402

GRIDLOCK = Path(sys.argv[1]).resolve()
ROOT = Path(sys.argv[2]).resolve()
TWO_SERVERS = ROOT / "examples/01-two-servers/scenario.textproto"
REAL = ROOT.parent / "shared/traces/chakra/pytorch_rank0.et"
MIB = 1 << 20


def run(*arguments, code=0):
    done = program.run([GRIDLOCK, *map(str, arguments)], capture_output=True, text=True,
                       check=False)
    assert done.returncode == code, (arguments, done.returncode, done.stdout, done.stderr)
    return done.stdout if code == 0 else done.stderr


def same(answer, expected):
    assert answer == expected, (answer, expected)


def write(folder, traces):
    folder.mkdir()
    for rank, content in enumerate(traces):
        (folder / f"t.{rank}.et").write_bytes(content)
    return folder


def replay(path, *more):
    return json.loads(run("replay", TWO_SERVERS, "--chakra", path, "--format", "json", *more))


def collective(op, size, *more):
    rows = json.loads(run("collective", TWO_SERVERS, "--op", op, "--size", f"{size}B", "--format",
                          "json", "--fidelity", "full", *more))["collectives"]
    return next(row["time_s"] for row in rows if row["chosen"])


def near(a, b, what, within=1e-6):
    assert abs(a - b) <= within * abs(b) + 1e-12, (what, a, b)


def check_compute(new):
    # Node 1 waits for node 3, which stands behind it: 60 us in a row, on whatever streams.
    chain = ck.trace(ck.node(1, ck.COMP, 30, data=[3]), ck.node(2, ck.COMP, 10),
                     ck.node(3, ck.COMP, 20, data=[2], packed=False))
    record = replay(write(new(), [chain]), "--ranks", 1)
    near(record["time_s"], 60e-6, "a chain with a dependency on a node behind")
    assert [p["what"] for p in record["critical_path"]] == ["compute"]
    # Two nodes without dependencies: side by side on two streams, in a row on one.
    for streams, flags, micros in (((1, 2), (), 100), ((1, 1), (), 200),
                                   ((1, 2), ("--one-stream",), 200)):
        both = ck.trace(*(ck.node(i, ck.COMP, 100, is_cpu_op=False, stream=s)
                          for i, s in enumerate(streams, 1)))
        record = replay(write(new(), [both]), "--ranks", 1, *flags)
        near(record["time_s"], micros * 1e-6, ("streams", streams, flags))
    # A thread of the host runs beside the accelerator; a faster accelerator shortens its own part.
    mixed = ck.trace(ck.node(1, ck.COMP, 50, is_cpu_op=True, tid=1),
                     ck.node(2, ck.COMP, 80, data=[1], is_cpu_op=False, stream=7))
    folder = write(new(), [mixed])
    near(replay(folder, "--ranks", 1)["time_s"], 130e-6, "host, then accelerator")
    near(replay(folder, "--ranks", 1, "--compute-speed", 2)["time_s"], 90e-6, "compute speed")
    # No recorded time: FLOP at the peak of BF16, bytes at the bandwidth of HBM.
    sized = ck.trace(ck.node(1, ck.COMP, num_ops=10**12),
                     ck.node(2, ck.MEM_LOAD, data=[1], tensor_size=10**9))
    chip = json.loads(run("catalog", "show", "h100_sxm", "--format", "json"))
    assert "989" in json.dumps(chip), "the peak below"
    record = replay(write(new(), [sized]), "--ranks", 1)
    times = {p["what"]: p["time_s"] for p in record["critical_path"]}
    near(times["compute"], 1e12 / 989e12, "FLOP at the peak", 2e-3)
    assert 1e9 / 3.35e12 <= times["memory"] <= 1.3e9 / 3.35e12, times


def check_collectives(new):
    size = 64 * MIB
    one = write(new(), [ck.trace(ck.collective(1, ck.ALL_REDUCE, size))] * 16)
    record = replay(one)
    assert record["distinct_traces"] == 1 and record["ranks"] == 16
    near(record["time_s"], collective("all_reduce", size), "an all-reduce of everybody")
    near(record["critical_path"][0]["time_s"], record["time_s"], "it is the critical path")
    # Chakra counts what a rank brings to a gather, nccl-tests what all get.
    gather = write(new(), [ck.trace(ck.collective(1, ck.ALL_GATHER, size // 16))] * 16)
    near(replay(gather)["time_s"], collective("all_gather", size), "an all-gather")
    for kind, op in ((ck.ALL_TO_ALL, "all_to_all"), (ck.BROADCAST, "broadcast"),
                     (ck.REDUCE_SCATTER, "reduce_scatter")):
        folder = write(new(), [ck.trace(ck.collective(1, kind, size))] * 16)
        near(replay(folder)["time_s"], collective(op, size), op)
    # Two in a row of one group take twice the time, whether or not one waits for the other.
    for data in ([], [1]):
        two = write(new(), [ck.trace(ck.collective(1, ck.ALL_REDUCE, size),
                                     ck.collective(2, ck.ALL_REDUCE, size, data=data))] * 16)
        near(replay(two)["time_s"], 2 * record["time_s"], ("two in a row", data))
    # The last rank sets the start: 3 ms of computing on rank 5 alone.
    late = [ck.trace(ck.node(1, ck.COMP, 3000 if rank == 5 else 0),
                     ck.collective(2, ck.ALL_REDUCE, size, data=[1])) for rank in range(16)]
    delayed = replay(write(new(), late))
    near(delayed["time_s"], 3e-3 + record["time_s"], "a late rank")
    near(delayed["by_rank"][0]["waiting_s"], 3e-3, "the others wait")
    near(delayed["by_rank"][5]["waiting_s"], 0, "the late one does not")
    near(sum(p["time_s"] for p in delayed["critical_path"]), delayed["time_s"], "the path is whole")


def check_overlap(new):
    size = 64 * MIB
    alone = collective("all_reduce", size)
    micros = round(alone * 1e6 * 3)
    both = [ck.trace(ck.node(1, ck.COMP, micros, is_cpu_op=False, stream=7),
                     ck.collective(2, ck.ALL_REDUCE, size, stream=14))] * 16
    folder = write(new(), both)
    record = replay(folder)
    near(record["time_s"], micros * 1e-6, "hidden behind compute")
    near(record["by_rank"][3]["exposed_s"], 0, "nothing is exposed")
    near(record["by_rank"][3]["communication_s"], alone, "but it is there")
    near(replay(folder, "--one-stream")["time_s"], micros * 1e-6 + alone, "without streams")


def check_groups(new):
    size = 64 * MIB
    inside = collective("all_reduce", size, "--group", 8, "--concurrent", 2)
    names = [str(1 + rank // 8) for rank in range(16)]
    folder = write(new(), [ck.trace(ck.collective(1, ck.ALL_REDUCE, size, pg_name=name))
                           for name in names])
    record = replay(folder)
    assert record["distinct_traces"] == 2
    near(record["time_s"], inside, "groups by those who use them")
    assert any("nobody lists the ranks" in note for note in record["notes"])
    listed = folder.parent / "groups.json"
    listed.write_text(json.dumps({"1": list(range(8)), "2": list(range(8, 16))}), encoding="utf-8")
    record = replay(folder, "--groups", listed)
    near(record["time_s"], inside, "groups of a file")
    assert not record["notes"], record["notes"]
    groups = json.dumps([{"pg_name": str(g + 1), "ranks": list(range(8 * g, 8 * g + 8)),
                          "group_size": 8} for g in range(2)])
    known = write(new(), [ck.trace(
        ck.node(1, ck.METADATA, name="## process_group:init ##", inputs=groups),
        ck.collective(2, ck.ALL_REDUCE, size, data=[1], pg_name=name)) for name in names])
    record = replay(known)
    near(record["time_s"], inside, "groups of the traces")
    assert not record["notes"], record["notes"]
    # The same by dimensions: a server is the first one.
    by_dims = write(new(), [ck.trace(ck.collective(1, ck.ALL_REDUCE, size,
                                                   involved_dim=[True, False]))] * 16)
    near(replay(by_dims)["time_s"], inside, "groups by dimensions")
    rails = collective("all_reduce", size, "--group", 2, "--stride", 8, "--concurrent", 8)
    across = write(new(), [ck.trace(ck.collective(1, ck.ALL_REDUCE, size,
                                                  involved_dim=[False, True]))] * 16)
    near(replay(across)["time_s"], rails, "groups across servers")
    near(replay(across, "--dims", "8,2")["time_s"], rails, "with the dimensions said")


def message(id_, sender, size, peer, tag=0, data=()):
    return (ck.node(id_, ck.SEND, data=data, comm_size=size, comm_dst=peer, comm_tag=tag)
            if sender else
            ck.node(id_, ck.RECV, data=data, comm_size=size, comm_src=peer, comm_tag=tag))


def messages(new, size, pairs, count=16):
    nodes = [[] for _ in range(count)]
    for tag, (source, target) in enumerate(pairs):
        nodes[source].append(message(len(nodes[source]) + 1, True, size, target, tag))
        nodes[target].append(message(len(nodes[target]) + 1, False, size, source, tag))
    return replay(write(new(), [ck.trace(*(n or [ck.node(1, ck.COMP)])) for n in nodes]))["time_s"]


def check_messages(new):
    size = 256 * MIB
    alone = messages(new, size, [(0, 8)])
    near(alone, collective("send_recv", size, "--ranks", "0,8"), "one message across servers")
    near(messages(new, size, [(0, 8), (1, 9)]), alone, "two through NICs of their own")
    near(messages(new, size, [(0, 8), (8, 0)]), alone, "there and back: both directions are free")
    near(messages(new, size, [(0, 8), (1, 8)]), messages(new, 2 * size, [(0, 8)]),
         "two into one NIC take what one of both sizes takes")
    # A pipeline: rank 8 sends on what it gets, then computes.
    stages = [ck.trace(message(1, True, size, 8))] + [ck.trace(ck.node(1, ck.COMP))] * 15
    stages[8] = ck.trace(message(1, False, size, 0), message(2, True, size, 1, data=[1]))
    stages[1] = ck.trace(message(1, False, size, 8), ck.node(2, ck.COMP, 1000, data=[1]))
    record = replay(write(new(), stages))
    near(record["time_s"], 2 * alone + 1e-3, "two hops and a computation")
    near(sum(p["time_s"] for p in record["critical_path"]), record["time_s"], "the path is whole")


def refused(path, *more):
    return run("replay", TWO_SERVERS, "--chakra", path, *more, code=2).strip()


def check_wrong(new):
    comp = ck.node(1, ck.COMP, 10)
    folder = new()
    folder.mkdir()
    one = folder / "wrong.0.et"

    def content(data):
        one.write_bytes(data)
        return refused(one, "--ranks", 1).replace(str(one), "F")

    old = "; expected schema 0.0.4 or newer; convert the trace again with a Chakra of 2023-10 or later"
    same(content(ck.trace(comp, ck.number(1, 2) + ck.text(2, "a") + ck.number(3, 4)
                            + ck.text(6, "[[1]]"))), (
        "gridlock replay: F: byte 52: the trace is of Chakra schema 0.0.3 or older: field 6 of a "
        "node is a text and no number" + old))
    same(content(ck.trace(comp, head=comp)), (
        "gridlock replay: F: byte 0: the trace is of Chakra schema 0.0.3 or older: it begins with a "
        "node and not with metadata" + old))
    same(content(ck.trace(comp, head=ck.metadata("0.0.2"))), (
        "gridlock replay: F: byte 0: the trace is of Chakra schema 0.0.3 or older: its metadata say "
        "version 0.0.2" + old))
    same(content(ck.trace(comp)[:-3]), (
        "gridlock replay: F: byte 39: the file ends within a message; expected a length and as many "
        "bytes"))
    same(content(b""), (
        "gridlock replay: F: byte 0: the file is empty; expected a Chakra execution trace"))
    same(content(b"{\"nodes\": []}"), (
        "gridlock replay: F: byte 0: this is no Chakra execution trace; expected a message "
        "GlobalMetadata behind its length"))
    same(content(ck.trace(ck.node(1, ck.COMP, data=[2]), ck.node(2, ck.COMP, data=[1]))), (
        "gridlock replay: F: nodes wait for each other in a ring: 1, 2, 1; expected dependencies "
        "without rings"))
    same(content(ck.trace(comp, comp)), (
        "gridlock replay: F: two nodes have the number 1; expected a number of its own for each "
        "node"))
    one.write_bytes(ck.trace(comp))
    assert refused(one, "--ranks", 17) == (
        "gridlock replay: the traces are of 17 ranks, and the site has 16 accelerators; "
        "expected at most as many ranks"), refused(one, "--ranks", 17)
    gap = write(new(), [ck.trace(comp)] * 3)
    (gap / "t.1.et").unlink()
    assert refused(gap).replace(str(gap), "D") == (
        "gridlock replay: D: there is no trace of rank 1, and there is D/t.2.et; expected ranks 0 "
        "to 1")
    assert "there are no traces" in refused(folder / "nothing")


def check_waiting(new):
    lonely = [ck.trace(ck.collective(7, ck.ALL_REDUCE, MIB))] * 15 + [ck.trace(ck.node(1, ck.COMP))]
    assert refused(write(new(), lonely)) == (
        "gridlock replay: the replay stops with 15 of 16 nodes left, because 1 calls wait for ranks "
        "that never come; rank 0 in node 7 waits for rank 15 in all_reduce of 1048576 bytes, to "
        "which 15 of 16 ranks have come")
    unsent = [ck.trace(message(3, False, MIB, 1, tag=9)), ck.trace(ck.node(1, ck.COMP))]
    assert "rank 0 in node 3 waits for a message of tag 9 from rank 1" in refused(
        write(new(), unsent))
    stranger = [ck.trace(ck.collective(1, ck.ALL_REDUCE, MIB, pg_name="x"))] * 2
    folder = write(new(), stranger)
    groups = folder.parent / "strange.json"
    groups.write_text('{"x": [0, z]}', encoding="utf-8")
    assert refused(folder, "--groups", groups).replace(str(groups), "G") == (
        'G:1:11: "z" is no rank; expected a whole number')
    groups.write_text('{"x": [0]}', encoding="utf-8")
    assert "rank 1 uses the group \"x\", which has 1 ranks" in refused(folder, "--groups", groups)
    three = write(new(), [ck.trace(ck.collective(1, ck.ALL_REDUCE, MIB,
                                                 involved_dim=[True, False, True]))] * 2)
    assert "collectives involve 3 dimensions; expected --dims" in refused(three)
    assert "--dims: the dimensions hold 8 ranks, and there are 2" in refused(three, "--dims", "2,2,2")


def check_odd(new):
    odd = ck.trace(ck.node(1, 9, 25), ck.node(2, ck.COMP, 10, data=[1, 99]),
                   ck.node(3, ck.COLL, 40, data=[2], is_cpu_op=False))
    record = replay(write(new(), [odd]), "--ranks", 1)
    near(record["time_s"], 75e-6, "what is unknown takes its recorded time")
    assert record["notes"] == [
        "1 dependencies on nodes that the file does not hold, which are left out",
        "1 nodes of type 9, which take their recorded time",
        "1 transfers without a type, a size or a peer, which take their recorded time"], record


def check_memory(new):
    nodes = [ck.node(i, ck.COMP, 1, data=[i - 1] if i > 1 else [], inputs="x" * 400)
             for i in range(1, 60001)]
    folder = write(new(), [ck.trace(*nodes)])
    size = (folder / "t.0.et").stat().st_size
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    near(replay(folder, "--ranks", 1)["time_s"], 0.06, "60,000 nodes in a row")
    after = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    assert after <= before + 3 * size, (before, after, size)


def check_damaged(new):
    """Bytes that something has changed: a replay, or a refusal that names the file; no crash."""
    random = Random(7)
    whole = ck.trace(ck.node(1, ck.COMP, 10, is_cpu_op=True, tid=1),
                     ck.collective(2, ck.ALL_REDUCE, MIB, data=[1], pg_name="0", stream=3),
                     ck.node(3, ck.COMP, 10, data=[2], control=[1], involved_dim=[True, False]))
    folder = new()
    folder.mkdir()
    file = folder / "t.0.et"
    for _ in range(60):
        damaged = bytearray(whole)
        for _ in range(random.randint(1, 4)):
            damaged[random.randrange(len(damaged))] = random.randrange(256)
        file.write_bytes(bytes(damaged[:random.randint(1, 2 * len(damaged))]))
        done = program.run([GRIDLOCK, "replay", TWO_SERVERS, "--chakra", file, "--ranks", "2"],
                           capture_output=True, text=True, check=False)
        assert done.returncode in (0, 2), (damaged, done.returncode, done.stderr)
        assert done.returncode == 0 or done.stderr.startswith("gridlock replay: "), done.stderr


def check_real():
    """A trace of ResNet-50 with PyTorch's DDP (2023): streams against none."""
    if not REAL.exists():
        print(f"the real trace is not there: {REAL}")
        return
    recorded = replay(REAL, "--ranks", 1, "--recorded")
    lanes = {lane["name"]: lane["time_s"] for lane in recorded["recorded"]["lanes"]}
    near(lanes["stream 7"], 0.292828, "what the busiest stream adds up to", 1e-9)
    near(lanes["stream 14"], 0.036715, "what the stream of the collectives adds up to", 1e-9)
    # The busiest stream sets the pace; what comes before its first node is all that is added.
    assert lanes["stream 7"] <= recorded["time_s"] <= 1.02 * lanes["stream 7"], recorded["time_s"]
    single = replay(REAL, "--ranks", 1, "--recorded", "--one-stream")
    both = lanes["stream 7"] + lanes["stream 14"]
    assert both <= single["time_s"] <= 1.02 * both, single["time_s"]
    simulated = replay(REAL, "--ranks", 16)
    assert simulated["distinct_traces"] == 1 and simulated["time_s"] >= lanes["stream 7"]
    counts = {calls["what"]: calls["count"] for calls in simulated["transfers"]}
    assert counts == {"all_reduce": 5, "broadcast": 2}, counts


def main():
    with tempfile.TemporaryDirectory() as name:
        count = 0

        def new():
            nonlocal count
            count += 1
            return Path(name) / f"traces{count}"

        for check in some((check_compute, check_collectives, check_overlap, check_groups, check_messages,
                      check_wrong, check_waiting, check_odd, check_memory, check_damaged)):
            check(new)
        check_real()


main()
