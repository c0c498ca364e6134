#!/usr/bin/env python3
"""The command line as people meet it: help with examples of its own, slips that are named, entries
of one's own beside the shipped ones, sites without jobs, JSON wherever it is offered.

usage: commands_check.py GRIDLOCK SOURCE_DIR
"""

import csv
import inspect
import io
import json
import os
import pty
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree

import program
from asking import some

GRIDLOCK = Path(sys.argv[1]).resolve()
ROOT = Path(sys.argv[2]).resolve()
TWO_SERVERS = "examples/01-two-servers/scenario.textproto"
COMMANDS = ["run", "cap", "topo", "flows", "schema", "catalog", "catalog list", "catalog show",
            "catalog diff", "catalog rules", "generate", "validate", "import", "import astra", "replay",
            "report", "explain", "compare"]
OWN = """accelerator {
  name: "my_h100"
  like: "h100_sxm"
  hbm_bandwidth: "4 TB/s"
  power { limit: "600 W" }
}
"""


def run(*arguments, code=0, cwd=ROOT):
    done = program.run([GRIDLOCK, *arguments], cwd=cwd, capture_output=True, text=True,
                       check=False)
    assert done.returncode == code, (arguments, done.returncode, done.stdout, done.stderr)
    return done.stdout if code == 0 else done.stderr


def check_help():
    for command in COMMANDS:
        words = command.split()
        help_text = run(*words, "--help")
        examples = re.findall(r"^  gridlock (.*)$", help_text.split("Examples:")[1], re.M)
        assert examples, command
        for example in examples:
            assert example.startswith(command), f"{command} --help has an example of: {example}"
        assert run("help", *words) == help_text, command
    assert "site.servers=4" in run("run", "--help"), "an index that may be left out"


def check_slips():
    for arguments, message in [
            (["rum"], 'gridlock: there is no command "rum"; did you mean "run"?'),
            (["--verson"], 'gridlock: there is no option "--verson"; did you mean "--version"?'),
            (["catalog", "shw", "x"],
             'gridlock catalog: there is no command "shw"; did you mean "show"?'),
            (["cap", TWO_SERVERS, "--link", "nvlink", "--values", "400GBps"],
             'gridlock cap: --link: no resource is called "nvlink"; expected one of scale_up, nic, wan, hbm, flops, power, '
             'site_power, servers (did you mean "scale_up"?)'),
            (["run", TWO_SERVERS, "--fidelty=full"],
             'gridlock run: there is no option "--fidelty"; did you mean "--fidelity"?'),
            (["catalog", "show", "h100_sx"],
             'there is no entry "h100_sx"; did you mean "h100_sxm" or "h100_sxm_96gb"?'),
            (["schema", "Closs"],
             'gridlock schema: there is no message "Closs" in the schema; did you mean "Clos"?'),
            (["topo", TWO_SERVERS, "--set", "seed=18446744073709551616"],
             "--set 'seed=18446744073709551616': 18446744073709551616 is too large; expected a "
             "whole number from 0 to 18446744073709551615"),
            (["serve", TWO_SERVERS, "--model", "llama-3.1-8b", "--tensor=2", "--rate", "3"],
             "gridlock serve: --model, --rate, --tensor: SCENARIO says this; beside it go --set, "
             "--engine, --requests, --cap, --values, --usd-per-hour, --format, -o and -q"),
            (["serve", TWO_SERVERS, "--replay", "trace.csv"],
             "gridlock serve: --replay: SCENARIO says this; beside it go --set, --engine, "
             "--requests, --cap, --values, --usd-per-hour, --format, -o and -q"),
            (["serve", "--set", "seed=3"],
             "gridlock serve: --set: overrides a field of SCENARIO, and none is given"),
            (["serve", "--replay", "trace.csv", "--rate", "3", "--concurrency", "4"],
             "gridlock serve: --rate, --concurrency: --replay says which requests come, and when"),
            (["serve", "--rate", "3", "--concurrency", "4"],
             "gridlock serve: --rate, --concurrency: requests come at a rate or so many are in "
             "flight, not both"),
            (["serve", "--prefix-cache", "infinite"],
             "gridlock serve: --prefix-cache: goes with --replay, or with --turns or --answers (room or "
             "TOKENS)"),
            (["serve", "--replay", "t.jsonl", "--host-cache-gb", "100"],
             "gridlock serve: --host-cache-gb: lies behind a prefix cache in HBM; --prefix-cache "
             "room or TOKENS says how large that is"),
            (["serve", "--router", "prefix_aware"],
             "gridlock serve: --router: chooses among replicas; --replicas says how many there are"),
            (["serve", "--replay", "t.jsonl", "--store-gb", "100"],
             "gridlock serve: --store-gb: lies behind a prefix cache in HBM; --prefix-cache room or "
             "TOKENS says how large that is"),
            (["serve", "--values", "50%"],
             "gridlock serve: --values: are those of a cap; --cap says of what"),
            (["serve", "--cap", "hbn"],
             'gridlock serve: --cap: nothing is called "hbn" (did you mean "hbm"?); expected one of '
             "hbm, hbm_capacity, flops, scale_up, nic"),
            (["serve", "--tensor", "8", "--cap", "nic", "--values", "100,50GB/s"],
             'gridlock serve: --values: "100 GB/s"; expected %, such as 100,75,50%'),
            (["validate", "--kind", "power", "--set", "seed=3"],
             "--set goes with --nccl-tests: rows say what is simulated"),
            (["validate", "--kind", "collective", "--op", "all_reduce"],
             "--op goes with --nccl-tests: rows say what is simulated"),
            (["validate", "--in-place"],
             "--in-place goes with --nccl-tests: rows say what is simulated"),
            (["validate", "--kind", "multi_dc", "--scenario", "NEMO-1000-KM"],
             "--scenario goes with training rows and with --nccl-tests, not with --kind "
             "multi_dc")]:
        assert run(*arguments, code=2).strip() == message, (arguments, run(*arguments, code=2))
    assert run("schema", "Clos").startswith("## Clos\n"), "one message alone"


def commands_of(*words):
    """All commands and theirs, as help lists them."""
    listed = run(*words, "--help").partition("Subcommands:\n")[2].partition("\n\n")[0]
    names = re.findall(r"^  ([a-z][a-z-]+) ", listed, re.M)
    return [list(words)] + [below for name in names for below in commands_of(*words, name)]


def check_refusals_name_their_command():
    """What the parser itself refuses, of every command: an option that nobody has."""
    commands = commands_of()
    assert ["catalog", "show"] in commands and len(commands) > 30, commands
    for command in commands:
        said = run(*command, "-Z", code=2)
        call = " ".join(["gridlock", *command])
        assert said.startswith(call + ": ") and "\n" not in said.strip(), (command, said)
    for arguments, start in [
            (["serve", "--rate"], "gridlock serve: --rate: 1 required"),
            (["run", TWO_SERVERS, "--fidelity", "ful"], "gridlock run: --fidelity: ful not in {"),
            (["catalog", "show"], "gridlock catalog show: NAME is required"),
            (["catalog"], "gridlock catalog: A subcommand is required"),
            (["run", TWO_SERVERS, "more"], "gridlock run: The following argument was not expected")]:
        said = run(*arguments, code=2)
        assert said.startswith(start), (arguments, said)
        assert f"({said.split(':')[0]} --help says what it takes)" in said, said


def check_serving_writes_files(folder):
    """-o: what the screen would have had, or JSON or CSV where the name of the file says so."""
    load = ["--part", "h100_sxm", "--tensor", "8", "--rate", "2", "--requests", "50"]
    for command in (["serve", *load], ["serve", *load, "--cap", "hbm", "--values", "100,50%"],
                    ["serve-plan", "--rate", "1", "--width-most", "2", "--model", "llama-3.1-8b"],
                    ["rollout", TWO_SERVERS, "--model", "llama-3.1-8b", "--prompts", "4",
                     "--steps", "2"]):
        json.loads(run(*command, "--format", "json"))
        for name, form in (("a.json", "json"), ("a.csv", "csv"), ("a.txt", "text")):
            assert run(*command, "-q", "-o", str(folder / name)) == ""
            assert (folder / name).read_text() == run(*command, "--format", form), (command, name)
    missing = run("serve", *load, "-o", str(folder / "none/a.json"), code=3)
    assert "none/a.json" in missing, missing


def check_own_entries(folder):
    (folder / "entries.textproto").write_text(OWN, encoding="utf-8")
    scenario = (ROOT / TWO_SERVERS).read_text(encoding="utf-8")
    (folder / "scenario.textproto").write_text(
        scenario + 'catalog {\n' + OWN
        + 'server { name: "my_server" like: "dgx_h100" accelerator: "my_h100" }\n}\n',
        encoding="utf-8")
    for file in ("entries.textproto", "scenario.textproto"):
        lines = run("catalog", "diff", "h100_sxm", "my_h100", "--with", file,
                    cwd=folder).splitlines()
        assert [line.split()[0] for line in lines] == ["field", "hbm_bandwidth", "power.limit", "2"]
        assert lines[1].endswith("4 TB/s (given by the user, no source)"), lines
        shown = json.loads(run("catalog", "show", "my_h100", "--with", file, "--format", "json",
                               cwd=folder))
        fields = {field["field"]: field for field in shown["fields"]}
        assert fields["hbm_bandwidth"]["given_without_source"]
        assert fields["scale_up.bidirectional"]["source"].startswith("NVIDIA")
        assert "my_h100" in run("catalog", "list", "accelerator", "--with", file, cwd=folder)
        assert run("catalog", "rules", "my_h100", "--with", file, cwd=folder).startswith("my_h100")
    run("catalog", "show", "my_h100", code=2)

    out = ["--set", "site.server=my_server", "-o", "out"]
    text = run("run", "scenario.textproto", *out, cwd=folder)
    assert "given by the user, no source" in text, text
    assert "accelerator my_h100: hbm_bandwidth, power.limit" in text, text
    summary = json.loads((folder / "out/summary.json").read_text(encoding="utf-8"))
    assert "accelerator my_h100: hbm_bandwidth" in summary["given_without_source"]


def check_sites_alone(folder):
    """topo looks at sites: neither a job that does not fit nor a missing one is its business."""
    scenario = (ROOT / TWO_SERVERS).read_text(encoding="utf-8")
    whole = run("topo", TWO_SERVERS)
    too_large = scenario.replace("data: ", "data: 7")
    assert too_large != scenario
    (folder / "too_large.textproto").write_text(too_large, encoding="utf-8")
    run("run", "too_large.textproto", cwd=folder, code=2)
    assert run("topo", "too_large.textproto", cwd=folder) == whole
    without = scenario[:scenario.index("\njob {")] + "\n"
    (folder / "without.textproto").write_text(without, encoding="utf-8")
    assert run("topo", "without.textproto", cwd=folder) == whole
    (folder / "nothing.textproto").write_text('schema_version: 1 name: "x"\n', encoding="utf-8")
    assert '"site" is missing; expected site { ... }' in run("topo", "nothing.textproto",
                                                             cwd=folder, code=2)


def check_networks(folder):
    """Networks side by side, for one number of servers, with a price of one's own; exports."""
    fabrics = {
        "clos": 'clos { tiers: 2 servers_per_leaf: 4 leaves_per_pod: 4 leaf_switch: "mine" '
                'spine_switch: "quantum2_qm9700" }',
        "mesh": 'hyperx { size: [4] servers_per_router: 4 router_switch: "quantum2_qm9700" }'}
    own = ('catalog { switch { name: "mine" like: "quantum2_qm9700" price: 1000 } }\n')
    for name, fabric in fabrics.items():
        (folder / f"{name}.textproto").write_text(
            f'schema_version: 1\nname: "{name}"\n{own if "mine" in fabric else ""}'
            f'site {{ server: "dgx_h100" servers: 2 fabric {{ {fabric} }} }}\n', encoding="utf-8")
    both = ["topo", "clos.textproto", "mesh.textproto", "--servers", "16"]
    table = list(csv.DictReader(io.StringIO(run(*both, "--format", "csv", cwd=folder))))
    assert [row["site"] for row in table] == ["clos", "mesh"], table
    assert all(row["servers"] == "16" and row["accelerators"] == "128" for row in table), table
    # Four leaves of 32 NICs and 32 uplinks at the price above, and a spine for each 64 of those.
    assert float(table[0]["switch_usd"]) == 4 * 1000 + 2 * 13500, table[0]
    assert table[1]["diameter_links"] == "3" and table[1]["diameter_machines"] == "2", table[1]
    documents = json.loads(run(*both, "--format", "json", cwd=folder))
    for row, document in zip(table, documents):
        for key in ("diameter_links", "mean_links", "network_usd", "network_w", "radix"):
            assert abs(float(row[key]) - document[key]) < 1e-6 * document[key], key
    text = run(*both, cwd=folder)
    assert "clos" in text.splitlines()[0] and "mesh" in text.splitlines()[0], text
    assert "expected one scenario or cluster" in run(*both, "--dot", "x", cwd=folder, code=2)
    run("topo", TWO_SERVERS, "--simgrid", str(folder / "platform.xml"))
    platform = ElementTree.parse(folder / "platform.xml").getroot()
    assert len(platform.findall(".//host")) == 16
    assert len(platform.findall(".//route")) == 16 * 15


def check_json():
    for arguments in (["catalog", "list"], ["catalog", "show", "h100_sxm"], ["catalog", "rules"],
                      ["catalog", "diff", "h100_sxm", "h800_sxm"], ["schema"], ["schema", "Site"]):
        json.loads(run(*arguments, "--format", "json"))
    site = json.loads(run("topo", TWO_SERVERS, "--format", "json"))[0]
    assert site["servers"] == 2 and site["accelerators"] == 16 and site["connected"], site
    assert site["nodes"]["leaf"] >= 1, site
    assert site["bisection_at_most_bytes_per_s"] == min(
        cut["bandwidth_bytes_per_s"] for cut in site["cuts"])
    cluster = json.loads(run("topo", "--cluster", "meta_24k_h100", "--no-cut", "--format", "json"))
    assert cluster[0]["cluster"] == "meta_24k_h100" and "cuts" not in cluster[0]
    assert any(line.startswith("switch ") for line in cluster[0]["estimates"])
    messages = {message["name"]: message
                for message in json.loads(run("schema", "--format", "json"))}
    servers = next(f for f in messages["Site"]["fields"] if f["name"] == "servers")
    assert servers["needed"] and servers["expected"].startswith("a whole number from 1")


def check_serving_plan():
    """A batch of 512 leaves no room for a KV cache on two cards of 24 GB; one of 16 does."""
    answer = json.loads(run("serve-plan", "--model", "gpt-oss-20b", "--part", "rtx_4090",
                            "--width-most", "2", "--weights", "bf16", "--kv", "bf16", "--rate",
                            "0.1", "--format", "json"))
    assert answer["plans"] and {plan["accelerators"] for plan in answer["plans"]} == {2}, answer
    # One batch at one card, which does not hold the weights; all seven at most of each of three
    # layouts of two: tensor ranks, pipeline stages, copies of attention.
    assert 2 <= answer["tried"] <= 22, answer
    assert "usd_per_hour" not in answer["plans"][0], answer
    assert "no price" in run("serve-plan", "--rate", "1", "--top", "1")
    pools = json.loads(run("serve-plan", "--rate", "20", "--input", "4000", "--output-tokens", "200",
                           "--ttft-ms", "2000", "--tpot-ms", "40", "--weights", "fp8", "--pools",
                           "--usd-per-hour", "2,1.5", "--part", "h100_sxm,mi300x", "--model",
                           "llama-3.1-8b", "--width-most", "2", "--flags", "dynamo", "--format",
                           "json"))["plans"]
    costs = [plan["usd_per_hour"] for plan in pools]
    assert costs == sorted(costs) and {plan["part"] for plan in pools} == {"h100_sxm", "mi300x"}
    split = next(plan for plan in pools if "prefill_replicas" in plan)
    assert split["accelerators"] == split["replicas"] * split["tensor"] * split["pipeline"] * split[
        "data"] + split["prefill_replicas"] * split["prefill_tensor"] * split[
            "prefill_pipeline"] * split["prefill_data"], split
    assert "--disaggregation-mode prefill" in split["command"], split


def check_serving_tables():
    """CSV says what JSON says: a row for each value of a cap, a column for each number."""
    load = ["serve", "--model", "llama-3.1-8b", "--concurrency", "4", "--requests", "20"]
    cap = [*load, "--cap", "hbm", "--values", "100,50%", "--format"]
    rows = list(csv.DictReader(io.StringIO(run(*cap, "csv"))))
    points = json.loads(run(*cap, "json"))["points"]
    assert [float(row["tpot_median_s"]) for row in rows] == [p["tpot_median_s"] for p in points], rows
    assert {row["unit"] for row in rows} == {"GB/s"}, rows
    for more in ([], ["--prefill-replicas", "1"], ["--replicas", "2", "--router", "prefix_aware"]):
        row, = csv.DictReader(io.StringIO(run(*load, *more, "--format", "csv")))
        told = json.loads(run(*load, *more, "--format", "json"))
        assert float(row["ttft_s.median"]) == told["ttft_s"]["median"], (row, told)
        assert row["model"] == "llama-3.1-8b", row


def check_narrow_terminal():
    """On 40 columns lines break between words."""
    master, slave = pty.openpty()
    subprocess.run(["stty", "cols", "40"], stdin=slave, check=True)
    child = subprocess.Popen([GRIDLOCK, "catalog", "show", "h100_sxm"], stdout=slave, cwd=ROOT)
    os.close(slave)
    narrow = b""
    while True:
        try:
            chunk = os.read(master, 65536)
        except OSError:
            break
        if not chunk:
            break
        narrow += chunk
    assert child.wait() == 0
    text = narrow.decode()
    assert text.split() == run("catalog", "show", "h100_sxm").split(), "a word was broken"
    for line in text.splitlines():
        assert len(line) <= 40 or " " not in line.strip(), line


def main():
    with tempfile.TemporaryDirectory() as folder:
        checks = (check_slips, check_own_entries, check_serving_writes_files, check_help, check_sites_alone,
                  check_refusals_name_their_command, check_networks, check_serving_plan, check_json,
                  check_serving_tables, check_narrow_terminal)
        for check in some(checks):
            check(*[Path(folder)] * len(inspect.signature(check).parameters))
            print("ok", check.__name__)


if __name__ == "__main__":
    main()
