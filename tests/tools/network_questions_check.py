#!/usr/bin/env python3
"""What people asked about collectives and networks, asked of the program, with the answer that was
measured or that follows on paper.

usage: network_questions_check.py GRIDLOCK SOURCE_DIR
"""

import csv
import io
import json
import os
import sys
import tempfile
from pathlib import Path

import program
from asking import some

GRIDLOCK = os.path.abspath(sys.argv[1])
ROOT = sys.argv[2]
CLOS = """clos { tiers: %d servers_per_leaf: %d leaves_per_pod: %d
  leaf_switch: "quantum2_qm9700" spine_switch: "quantum2_qm9700" routing: %s }"""


def write(folder, name, server, servers, fabric, more=""):
    path = Path(folder) / f"{name}.textproto"
    path.write_text(f'schema_version: 1\nname: "{name}"\n{more}\nsite {{\n  server: "{server}"\n'
                    f"  servers: {servers}\n  fabric {{ {fabric} }}\n}}\n", encoding="utf-8")
    return str(path)


def run(*arguments):
    done = program.run([GRIDLOCK, *arguments], text=True, capture_output=True, check=False,
                       cwd=ROOT)
    assert done.returncode == 0, (arguments, done.returncode, done.stderr)
    return done.stdout


def collective(scenario, *arguments):
    """The rows of the algorithm that a library takes, or of the one that was asked for."""
    text = run("collective", scenario, "-q", "--format", "csv", *arguments)
    rows = [row for row in csv.DictReader(io.StringIO(text)) if row["chosen"] == "1"]
    return [{key: float(row[key]) for key in ("time_us", "algbw_gbs", "busbw_gbs")} for row in rows]


def one(scenario, *arguments):
    return collective(scenario, *arguments)[0]


def flows(scenario, *arguments):
    return json.loads(run("flows", scenario, "--format", "json", *arguments))


def flat(servers):
    """All servers under one leaf."""
    return f'clos {{ tiers: 1 servers_per_leaf: {servers} leaf_switch: "quantum2_qm9700" }}'


def near(value, expected, tolerance, what):
    assert abs(value / expected - 1) <= tolerance, (what, value, expected)


def all_to_all_falls_to_the_rate_of_a_nic(folder):
    """NVIDIA/nccl-tests, issue 130: busbw = NIC x N/(N-1) x (n-1)/n for N servers of 8."""
    reached = []
    for servers in (2, 4, 8):
        scenario = write(folder, f"a2a{servers}", "dgx_h100", servers, flat(8))
        n = 8 * servers
        bound = 50 * servers / (servers - 1) * (n - 1) / n
        reached.append(one(scenario, "--op", "all_to_all", "--size", "1GiB")["busbw_gbs"] / bound)
    assert all(0.8 < share <= 1.0 for share in reached), reached
    near(max(reached), min(reached), 0.03, "one formula for all numbers of servers")


def a_tree_sends_half_through_the_only_nic(folder):
    """NVIDIA/nccl-tests, issue 22: 134 ms with a tree and 268 with rings."""
    scenario = write(folder, "p3dn", "p3dn_24xlarge", 2, flat(2))
    times = [one(scenario, "--op", "all_reduce", "--size", "1GB", "--algorithm",
                 algorithm)["time_us"] for algorithm in ("tree", "ring")]
    near(times[1] / times[0], 2.0, 0.15, "ring over tree")


def hashed_flows_lose_with_every_server(folder):
    """NVIDIA/nccl-tests, issue 169: 100 GB/s on two servers, 40 on six; sprayed it stays."""
    reached = {}
    for routing in ("SPRAY", "ECMP"):
        for servers in (2, 6):
            fabric = CLOS % (2, 1, 6, routing)
            busbw = []
            for seed in range(1, 9 if routing == "ECMP" else 2):
                scenario = write(folder, f"{routing}{servers}", "dgx_h100", servers, fabric,
                                 f"seed: {seed}")
                busbw.append(one(scenario, "--op", "all_reduce", "--size", "4GiB",
                                 "--algorithm", "ring")["busbw_gbs"])
            reached[routing, servers] = sum(busbw) / len(busbw)
    near(reached["SPRAY", 6], reached["SPRAY", 2], 0.1, "sprayed")
    assert reached["ECMP", 6] < 0.6 * reached["SPRAY", 6], reached
    assert reached["ECMP", 6] < reached["ECMP", 2] <= reached["SPRAY", 2] * 1.001, reached


def switches_that_add_up_pass_the_rate_of_the_links(folder):
    """NVIDIA/nccl, issue 1374: 215 GB/s on H800 with links of 200, 480 on H100."""
    for server, measured, link in (("hgx_h800", 215, 200), ("dgx_h100", 480, 450)):
        scenario = write(folder, server, server, 1, flat(1))
        busbw = one(scenario, "--op", "all_reduce", "--size", "8GiB")["busbw_gbs"]
        assert busbw > link, (server, busbw)
        near(busbw, measured, 0.1, server)


def rings_use_all_nics_of_a_server(folder):
    """NVIDIA/nccl, issue 569: eight ranks on 8, 4 and 2 servers; with one NIC each, two and four
    ranks in a server bring two and four NICs."""
    times = []
    for servers, each in ((8, 1), (4, 2), (2, 4)):
        scenario = write(folder, f"spread{servers}", "dgx_h100", servers, flat(8))
        times.append(one(scenario, "--op", "all_reduce", "--size", "1.6GB", "--algorithm", "ring",
                         "--per-server", str(each))["time_us"])
    near(times[0] / times[1], 2, 0.1, "two NICs for one")
    near(times[1] / times[2], 2, 0.1, "four NICs for two")


def four_of_eight_use_three_of_seven_links(folder):
    """ROCm/rccl, issue 1210: at most 144 GB/s over three links, 48 each after protocol."""
    scenario = write(folder, "mi300x", "mi300x_platform", 1, flat(1))
    four = one(scenario, "--op", "all_gather", "--size", "8GiB", "--group", "4")["busbw_gbs"]
    eight = one(scenario, "--op", "all_gather", "--size", "8GiB")["busbw_gbs"]
    near(eight / four, 7 / 3, 0.05, "seven links against three")
    assert 96 < four <= 144, four


def dispatch_counts_tokens_that_stay(folder):
    """deepseek-ai/DeepEP, issue 51: on two servers about half of the printed bytes leave."""
    scenario = write(folder, "dispatch", "hgx_h800", 2, flat(2))
    text = json.loads(run("collective", scenario, "-q", "--format", "json", "--op",
                          "expert_dispatch", "--size", "30.3MB", "--algorithm", "forwarded"))
    row = text["collectives"][0]
    copies = 2 * (1 - 0.5 ** 8)  # servers that hold one of eight experts
    near(row["nic_load_bytes"] / row["size_bytes"], copies / 2, 0.35, "half of the copies leave")


def kinds_of_networks_differ(folder):
    """astra-sim, issue 207: a ring, a switch and a full mesh of one size are not the same. A GPU
    with 7 links sends three parts of an all-to-all of four: over three of them in a mesh, over all in
    a switch, 7/3 as fast. A 2 x 4 torus has four links of 7/4, each of which carries two parts."""
    times = []
    for network in ("mesh { torus: [2, 4] }", "switches { chips: 1 }", "mesh { between: 1 }"):
        path = Path(folder) / "kinds.textproto"
        path.write_text('schema_version: 1\nname: "kinds"\nsite {\n  server: "mi300x_platform"\n'
                        f"  server_network {{ {network} }}\n  servers: 1\n"
                        f"  fabric {{ {flat(1)} }}\n}}\n", encoding="utf-8")
        times.append(one(str(path), "--op", "all_to_all", "--size", "1GiB", "--group", "4")["time_us"])
    torus, switch, mesh = times
    near(mesh / switch, 7 / 3, 0.03, "a mesh uses three of seven links")
    near(torus / mesh, 8 / 7, 0.03, "two parts over 7/4 of a link")


def four_chips_carry_what_one_does(folder):
    """aliyun/SimAI, issue 60: the links of a GPU are spread over all chips; the sum counts."""
    times = []
    for chips in (1, 4):
        path = Path(folder) / "chips.textproto"
        path.write_text('schema_version: 1\nname: "chips"\nsite {\n  server: "dgx_h100"\n'
                        f"  server_network {{ switches {{ chips: {chips} }} }}\n  servers: 1\n"
                        f"  fabric {{ {flat(1)} }}\n}}\n", encoding="utf-8")
        times.append(one(str(path), "--op", "all_gather", "--size", "1GiB")["time_us"])
    near(times[1], times[0], 1e-6, "chips")


def a_flow_alone_has_its_link(folder):
    """simgrid/simgrid, issue 219: no acknowledgements are taken off a flow of the other way."""
    scenario = write(folder, "alone", "dgx_h100", 2, flat(2))
    table = Path(folder) / "both.csv"
    table.write_text("from,to,bytes,start\n0,8,1 GB,0\n8,0,1 GB,0\n", encoding="utf-8")
    for message in flows(scenario, "--messages", str(table))["messages"]:
        near(message["end_s"], 1e9 / 50e9, 1e-4, "both ways at once")


def an_incast_takes_what_its_receiver_needs(folder):
    """openfabric-systems/simllm, PR 208: flows may end early, the phase never below its time."""
    scenario = write(folder, "incast", "dgx_h100", 4, flat(4))
    for senders in (8, 16, 24):
        # Accelerators 1 to 7 of the server itself do not cross the NIC.
        result = flows(scenario, "--incast", f"{senders}:1", "--size", "1MiB")
        over_nic = senders - 7
        assert result["last_sent_s"] >= over_nic * (1 << 20) / 50e9 * (1 - 1e-9), result
        near(result["last_sent_s"], over_nic * (1 << 20) / 50e9, 1e-6, f"{senders} senders")


def what_one_flow_leaves_another_takes(folder):
    """tenstorrent/tt-npe, issue 127: an unused share of a bottleneck is given to others."""
    scenario = write(folder, "leaves", "dgx_h100", 4, flat(4))
    table = Path(folder) / "three.csv"
    # Two flows into accelerator 16 halve its NIC; the third shares the NIC of accelerator 0, of
    # which it gets the other half, until the two are done.
    table.write_text("from,to,bytes,start\n0,16,1 GB,0\n8,16,1 GB,0\n0,24,2 GB,0\n",
                     encoding="utf-8")
    result = flows(scenario, "--messages", str(table))
    ends = [message["end_s"] for message in result["messages"]]
    near(ends[0], 2e9 / 50e9, 1e-3, "half a NIC")
    near(ends[1], 2e9 / 50e9, 1e-3, "half a NIC")
    near(ends[2], 2e9 / 50e9 + 1e9 / 50e9, 1e-3, "half a NIC, then all of it")


def a_spine_fails_and_comes_back(folder):
    """A life goes on over the other spine, slower, until the failed one is back."""
    more = """horizon: "30 min"
job { name: "j" pretraining {
  model: "llama_3.1_8b" stack: "megatron_core" layout { tensor: 1 pipeline: 1 data: 128 }
  global_batch: 128 zero: 1 recompute: FULL_LAYER micro_batch: 1 sequence_length: 8192
  steps: 100000
} }
change { at: "10 min" until: "20 min" path: "site.failed" value: "spine0" }"""
    scenario = write(folder, "spine", "dgx_h100", 16, CLOS % (2, 2, 8, "ECMP"), more)
    life = json.loads(run("run", scenario, "-q", "--format", "json", "-o", f"{folder}/life"))
    lost, back = life["changes"]
    rates = [change[side]["training_flop_per_s"]
             for change in (lost, back) for side in ("before", "after")]
    assert (lost["at_s"], back["at_s"]) == (600, 1200), life["changes"]
    assert rates[1] < 0.999 * rates[0], rates
    near(rates[2], rates[1], 1e-6, "while it is lost")
    near(rates[3], rates[0], 1e-6, "as before")


def one_rack_is_measured_without_a_network(folder):
    """NVLink carries it all: with no fabric, or with one whose leaf has fewer ports than the rack has NICs."""
    path = Path(folder) / "rack.textproto"
    site = 'schema_version: 1\nname: "rack"\nsite {{ server: "gb200_nvl72" servers: 1 {} }}\n'
    path.write_text(site.format(""), encoding="utf-8")
    alone = one(str(path), "--op", "all_reduce", "--size", "1GiB")
    path.write_text(site.format(f"fabric {{ {flat(1)} }}"), encoding="utf-8")
    assert one(str(path), "--op", "all_reduce", "--size", "1GiB") == alone


def names_of_nccl_are_understood(folder):
    """NCCL_ALGO=NVLS, and transports by their short names."""
    path = write(folder, "pair", "dgx_h100", 2, flat(2))
    single = ("--op", "all_reduce", "--size", "1GiB", "--group", "8")
    assert one(path, *single, "--algorithm", "nvls") == one(path, *single, "--algorithm", "in_switch")
    both = ("--op", "all_reduce", "--size", "1GiB")
    assert one(path, *both, "--algorithm", "NVLSTree") == one(path, *both, "--algorithm", "in_switch_tree")
    assert one(path, *both, "--set", "site.override.transport=ib") == one(path, *both)
    done = program.run([GRIDLOCK, "collective", path, *both, "--set", "transport=efa"], text=True,
                       capture_output=True, check=False, cwd=ROOT)
    assert done.returncode == 2 and "site.override.transport" in done.stderr, done.stderr
    assert "NVLS" in run("explain", "NVLS")


def bits_for_bytes_are_noted(folder):
    """H100 has 900 GB/s in both directions; 900 Gbps is an eighth of that."""
    path = write(folder, "bits", "dgx_h100", 1, flat(1))
    text = run("collective", path, "--op", "all_reduce", "--size", "1GiB", "--set",
               'site.override.scale_up={ bidirectional: "900 Gbps" }')
    assert "bytes may be meant instead of bits" in text, text


def cluster(folder, name, site, more=""):
    path = Path(folder) / f"{name}.textproto"
    path.write_text(f'schema_version: 1\nname: "{name}"\n{more}\nsite {{ {site} }}\n',
                    encoding="utf-8")
    return str(path)


def all_to_alls_of_large_tori_keep_their_busiest_link_busy(folder):
    """Each chip sends S / n to each of n. Along a side of 28 that is a way of 7 links in the mean,
    over two directions: 28 S / 8 on each link, whatever n is. 0.69 of a link is reached; of the
    larger two a sample of the pairs stands for all. Every pair of the first takes 20 s."""
    every = [("tpu_v4_pod", 16)] if os.environ.get("GRIDLOCK_ALL") else []
    for name, longest in [*every, ("tpu_v5p_pod", 28), ("tpu_v7_pod", 24)]:
        path = cluster(folder, name, f'cluster: "{name}"')
        link = 1e9 * longest / 8 / (one(path, "--op", "all_to_all", "--size", "1GB")["time_us"] / 1e6)
        whole = {"tpu_v4_pod": 300e9, "tpu_v5p_pod": 600e9, "tpu_v7_pod": 600e9}[name]
        assert 0.64 * whole / 6 < link < 0.7 * whole / 6, (name, link)


def a_slice_is_as_fast_as_one_that_is_written_out(folder):
    """Eight cubes of a pod are a torus of 8 x 8 x 8, however that is said."""
    said = [cluster(folder, f"slice{i}", f'cluster: "tpu_v4_pod" {text}') for i, text in enumerate(
        ("servers: 8", "fabric { torus { size: [8, 8, 8] } }",
         "servers: 8 fabric { torus { slice: [8, 8, 8] } }"))]
    times = [one(path, "--op", "all_reduce", "--size", "1GB")["time_us"] for path in said]
    assert max(times) / min(times) < 1 + 1e-9, times
    assert "8 x 8 x 8" in run("collective", said[0], "--op", "all_reduce", "--size", "1GB")


def lives_draw_the_transceivers_that_topo_counts(folder):
    """Of a torus, a Clos with faster cables above its leaves, and a rack alone, which has none."""
    hall = CLOS % (2, 4, 2, "SPRAY")
    for name, site in (("torus", 'cluster: "tpu_v4_pod"'), ("rack", 'cluster: "cloudmatrix_384"'),
                       ("hall", f'server: "dgx_h100" servers: 8 fabric {{ {hall} }}'),
                       ("copper", f'server: "dgx_h100" servers: 8 optics: "dac_400g" '
                                  f'fabric {{ {hall} }}')):
        path = cluster(folder, name, site, 'horizon: "1 h"\njob { name: "j" recorded { '
                       'accelerators: 8 duration: "0.5 h" } }')
        record = json.loads(run("run", path, "-q", "--format", "json"))["sites"][0]
        counted = json.loads(run("topo", path, "--format", "json"))
        counted = counted[0] if isinstance(counted, list) else counted
        figures = counted.get("figures", counted)
        assert abs(record["optics_power_w"] - figures["transceiver_w"]) < 1e-3, (name, record)
        assert (figures["transceiver_w"] == 0) == (name == "rack"), (name, figures)
    text = run("topo", "--cluster", "tpu_v4_pod")
    assert "128 of 136" in text, text


def traffic_goes_by_way_of_a_site_between(folder):
    """100 Gbps over b beat 1 Gbps from a to c."""
    path = Path(folder) / "chain.textproto"
    site = 'site {{ name: "{}" server: "dgx_h100" servers: 1 }}\n'
    wan = 'wan {{ from: "{}" to: "{}" bandwidth: "{} Gbps" distance: "100 km" }}\n'
    chain = wan.format("a", "b", 100) + wan.format("b", "c", 100)
    for more in ("", wan.format("a", "c", 1)):
        path.write_text('schema_version: 1\nname: "chain"\n' + "".join(map(site.format, "abc"))
                        + chain + more, encoding="utf-8")
        record = flows(str(path), "--pair", "0:16", "--size", "1GB", "--packets", "none")
        near(record["last_sent_s"], 1e9 / 12.5e9, 1e-6, more)
        text = run("collective", str(path), "--op", "all_reduce", "--size", "1MB")
    assert "the collective runs on a alone, the first of 3 sites" in text, text
    assert "a to c by way of b" in text, text


def a_wrong_name_is_blamed_on_the_option(folder):
    path = write(folder, "wrong", "dgx_h100", 2, flat(2))
    done = program.run([GRIDLOCK, "collective", path, "--op", "all_reduce", "--fail", "nosuch@1ms"],
                       text=True, capture_output=True, check=False, cwd=ROOT)
    assert done.returncode == 2 and "--fail nosuch@1ms: there is no link" in done.stderr, done.stderr


def two_servers_pass_the_rate_of_their_nics(folder):
    """NVIDIA/nccl-tests issue 196: on two servers NCCL takes a tree, whose busbw is above that of the
    NICs, on more a ring, whose busbw is not."""
    reached = [one(write(folder, f"tree{servers}", "dgx_a100", servers, flat(4)), "--op",
                   "all_reduce", "--size", "8GiB")["busbw_gbs"] for servers in (2, 3)]
    assert reached[0] > 200 > reached[1], reached


def steps_of_which_nothing_is_alike_are_sampled_unasked(folder):
    """Folding 512 groups under hashed flows leaves a wait of minutes; of symmetric ones it does not."""
    hashed = ["run", "examples/02-llama-405b-16k/scenario.textproto", "-q", "-o", folder, "--format",
              "json", "--set", "site[0].fabric.clos.routing=ECMP"]
    fidelities = [json.loads(run(*arguments))["fidelity"] for arguments in
                  (hashed, hashed[:7],
                   [*hashed, "--set", "site[0].servers=64", "--set",
                    "job[0].pretraining.layout.data=4", "--set", "job[0].pretraining.global_batch=64"])]
    assert fidelities == ["sampled", "folded", "folded"], fidelities


def main():
    questions = [all_to_all_falls_to_the_rate_of_a_nic, a_tree_sends_half_through_the_only_nic,
                 hashed_flows_lose_with_every_server,
                 switches_that_add_up_pass_the_rate_of_the_links, rings_use_all_nics_of_a_server,
                 four_of_eight_use_three_of_seven_links, dispatch_counts_tokens_that_stay,
                 kinds_of_networks_differ, four_chips_carry_what_one_does,
                 a_flow_alone_has_its_link, an_incast_takes_what_its_receiver_needs,
                 what_one_flow_leaves_another_takes, a_spine_fails_and_comes_back,
                 one_rack_is_measured_without_a_network, names_of_nccl_are_understood,
                 bits_for_bytes_are_noted, all_to_alls_of_large_tori_keep_their_busiest_link_busy,
                 a_slice_is_as_fast_as_one_that_is_written_out,
                 lives_draw_the_transceivers_that_topo_counts,
                 traffic_goes_by_way_of_a_site_between, a_wrong_name_is_blamed_on_the_option,
                 two_servers_pass_the_rate_of_their_nics,
                 steps_of_which_nothing_is_alike_are_sampled_unasked]
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for question in some(questions):
            try:
                question(folder)
            except AssertionError as error:
                failed += 1
                print(f"{question.__name__}: {error}", file=sys.stderr)
    print(f"{len(some(questions)) - failed} of {len(some(questions))} questions")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
