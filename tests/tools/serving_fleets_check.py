#!/usr/bin/env python3
"""Adapters, images, fleets that grow, experts apart, rollouts and sites by price, asked of the program, with
the answer in closed form.

usage: serving_fleets_check.py GRIDLOCK SOURCE_DIR
"""

import json
import os
import sys
import tempfile
from pathlib import Path

import program
from asking import some

GRIDLOCK = os.path.abspath(sys.argv[1])
ROOT = sys.argv[2]

SMALL = ["serve", "--model", "llama-3.1-8b", "--part", "h100_sxm"]


def call(*words):
    return program.run([GRIDLOCK, *map(str, words)], text=True, capture_output=True, check=False, cwd=ROOT)


def told(*words):
    done = call(*words, "--format", "json")
    assert done.returncode == 0, (words, done.stderr)
    return json.loads(done.stdout)


def refused(words, *parts):
    done = call(*words)
    assert done.returncode == 2, (words, done)
    for part in parts:
        assert part in done.stderr, (part, done.stderr)


def near(value, expected, tolerance, what):
    assert abs(value - expected) <= tolerance * abs(expected), (what, value, expected)


def adapters_of_rank_16_have_42_million_parameters():
    """As PEFT prints for all products of Llama 3.1 8B; 16 bits each. A slot for each loads each once."""
    load = [*SMALL, "--engine", "sglang", "--rate", 20, "--requests", 400, "--adapters", 30]
    few, all_of_them = told(*load), told(*load, "--adapter-slots", 30)
    assert few["adapter_bytes_per_accelerator"] == 2 * 41943040, few
    assert few["adapter_slots"] == 8 and all_of_them["adapter_loads"] == 30 < few["adapter_loads"], few
    assert few["cache_tokens"] > all_of_them["cache_tokens"]
    assert all_of_them["ttft_s"]["p99"] < few["ttft_s"]["p99"]
    plain = told(*SMALL, "--engine", "sglang", "--rate", 20, "--requests", 400)
    assert plain["adapter_loads"] == 0 and plain["tpot_s"]["median"] < all_of_them["tpot_s"]["median"]
    text = call(*load).stdout
    assert "adapter slots" in text and "8 adapter slots, as engine sglang has them" in text, text
    # vLLM mixes none where nothing is said.
    assert told(*SMALL, "--rate", 5, "--requests", 50, "--adapters", 30)["adapter_slots"] == 1
    refused([*SMALL, "--adapter-rank", 8], "--adapters says how many there are")
    refused([*SMALL, "--adapters", 8, "--adapter-targets", "q_prj"], "q_prj", "q_proj")


def a_router_that_knows_adapters_loads_each_once():
    """32 adapters fit into the slots of four replicas: each is loaded once, and no more than once."""
    load = [*SMALL, "--rate", 8, "--requests", 2000, "--adapters", 32, "--adapter-slots", 8, "--replicas", 4]
    aware = told(*load, "--router", "adapter_aware")
    least = told(*load, "--router", "least_loaded")
    assert aware["adapter_loads"] == 32, aware["adapter_loads"]
    assert least["adapter_loads"] > 10 * 32, least["adapter_loads"]
    assert aware["ttft_s"]["median"] < least["ttft_s"]["median"]
    refused([*SMALL, "--rate", 8, "--replicas", 4, "--router", "adapter_aware"],
            "gridlock serve: --router: adapter_aware goes by adapters")
    none = call("serve", "--model", "deepseek-v3", "--part", "h200_sxm", "--tensor", 8, "--weights", "fp8",
                "--adapters", 4, "--adapter-targets", "experts", "--rate", 1, "--requests", 50)
    assert none.returncode == 0 and "experts have none" not in none.stdout, none.stderr


def a_replica_serves_when_its_weights_have_come():
    """Weights of each accelerator over its link, and the engine; the fleet has it from then on."""
    load = [*SMALL, "--replicas", 6, "--replicas-min", 1, "--rate", 30, "--requests", 6000, "--output-tokens",
            400, "--target-requests", 32, "--decide-every-s", 5, "--keep-s", 60, "--engine-start-s", 20]
    slow = told(*load, "--weights-from", "storage", "--storage-gbs", 1)
    fast = told(*load, "--weights-from", "host")
    weights = told(*SMALL, "--requests", 1)["weight_bytes_per_accelerator"]
    near(slow["replica_start_s"], 20 + weights / 1e9, 1e-9, "from storage, alone")
    near(fast["replica_start_s"], 20 + weights / 55.04e9, 1e-9, "from the host")
    for run in (slow, fast):
        begun = next(each["time_s"] for each in run["sizes"] if each["starting"] > 0)
        ready = next(each["time_s"] for each in run["sizes"] if each["in_service"] > 1)
        assert ready - begun >= run["replica_start_s"] * (1 - 1e-9), "first start"
        assert 1 <= run["replicas_mean"] <= 6 and run["requests"] == 6000, run
    assert fast["ttft_s"]["p99"] <= slow["ttft_s"]["p99"]
    assert slow["weights_there_most_s"] >= 2 * weights / 1e9 * (1 - 1e-9), "several share the storage"
    fabric = [*load, "--weights-from", "replica", "--core-gbs", 4, "--other-gbs", 4]
    both = told(*fabric)
    assert both["weights_there_median_s"] >= weights / 2e9 * (1 - 1e-9) and both["other_traffic_share"] < 1, both
    assert "other        gets" in call(*fabric).stdout
    refused([*load, "--weights-from", "host", "--core-gbs", 4], "--core-gbs: is of the fabric")
    refused([*load, "--weights-from", "replica", "--other-gbs", 4], "--core-gbs says how much")
    text = call(*load).stdout
    assert "in service" in text and "weights from the storage" in text, text
    refused([*SMALL, "--replicas", 2, "--replicas-min", 3], "more than --replicas")
    refused([*SMALL, "--replicas", 2, "--keep-s", 3], "--replicas-min says to how few")


def images_are_encoded_before_their_prompt():
    """At a rate at which nobody waits a first token is later by the encoder, and by the longer prompt."""
    load = [*SMALL, "--rate", 0.2, "--requests", 20]
    plain = told(*load, "--input", 100 + 2 * 1296)
    own = told(*load, "--input", 100, "--images", 2)
    pool = told(*load, "--input", 100, "--images", 2, "--encoders", 2)
    one = own["encode_s_per_image"]
    near(own["ttft_s"]["median"] - plain["ttft_s"]["median"], 2 * one, 0.02, "own accelerators")
    sent = pool["encoded_after_median_s"] - one
    near(sent, 2 * 2 * 1296 * 4096 / 50e9, 0.01, "embeddings over a NIC")
    near(pool["ttft_s"]["median"] - plain["ttft_s"]["median"], one + sent, 0.02, "a pool")
    # 32 layers of 1,280 with blocks of 3,420 over 5,184 patches: 2 FLOP a parameter, and attention.
    flop = 2 * 5184 * 32 * (4 * 1280 ** 2 + 3 * 1280 * 3420)
    assert flop / 989e12 < one < 4 * flop / 989e12, (one, flop / 989e12)
    refused([*SMALL, "--encoders", 2], "--images says how many a request has")


def experts_may_be_apart_from_attention():
    """They leave attention more room, and more of them are no slower."""
    load = ["serve", "--model", "deepseek-r1", "--part", "h200_sxm", "--data", 8, "--concurrency", 512,
            "--requests", 600, "--input", 500, "--output-tokens", 200]
    together, apart = told(*load), told(*load, "--expert-ranks", 8)
    more = told(*load, "--expert-ranks", 32)
    assert apart["accelerators"] == 16 and together["accelerators"] == 8
    assert apart["cache_tokens"] > 1.5 * together["cache_tokens"], (apart, together)
    assert more["tpot_s"]["median"] <= apart["tpot_s"]["median"] * 1.001
    refused([*SMALL, "--expert-ranks", 4], "has no experts")
    refused([*load, "--micro-batches", 4], "--expert-ranks says on how many")


def a_step_of_rollouts_is_the_longer_of_both():
    """With a lag of one step; in turn it is the sum."""
    load = ["rollout", "examples/01-two-servers/scenario.textproto", "--model", "llama-3.1-8b", "--replicas", 2,
            "--prompts", 32, "--answers", 4, "--output-tokens", 500, "--spread", 0.5, "--steps", 6]
    turns, ahead = told(*load), told(*load, "--lag", 1)
    total = sum(each["answers_s"] + each["training_s"] + each["weights_s"] for each in turns["points"])
    near(6 * turns["step_s"], total, 1e-9, "in turn")
    assert ahead["step_s"] < turns["step_s"], (ahead, turns)
    longest = max(sum(each["answers_s"] + each["weights_s"] for each in ahead["points"]),
                  sum(each["training_s"] for each in ahead["points"]))
    assert 6 * ahead["step_s"] >= longest * (1 - 1e-9), (ahead, longest)
    text = call(*load).stdout
    assert "binds: " in text and "an accelerator of the trainer holds " in text, text
    crowded = told(*load, "--core-gbs", 10, "--other-gbs", 10)
    near(crowded["points"][0]["weights_s"], 2 * told(*SMALL, "--requests", 1)["weight_bytes_per_accelerator"] / 1e10
         * 3 / 2, 1e-6, "two flows and others share the fabric")
    near(crowded["other_traffic_share"], 1 / 3, 1e-6, "of others")
    # A reference beside the trainer's model: half of its weights in 16 bits on each of two ranks.
    with tempfile.TemporaryDirectory() as folder:
        trainer = Path(folder) / "trainer.textproto"
        text = (Path(ROOT) / load[1]).read_text(encoding="utf-8")
        trainer.write_text(text.replace("zero: 1\n", "zero: 1\n    frozen_copy { }\n"), encoding="utf-8")
        copy = told("rollout", trainer, *load[2:])
    near(copy["trainer_memory_bytes"] - turns["trainer_memory_bytes"], 8.03e9, 2e-3, "a reference")
    refused(["rollout", "examples/04-a-week-of-a-fleet/scenario.textproto"], "one training job")


def nothing_served_is_no_success():
    """Behind a router and with pools, too; nor is a search without a find."""
    tiny = [*SMALL, "--kv-tokens", 64, "--requests", 5]
    for more in ([], ["--replicas", 2, "--router", "least_loaded"], ["--prefill-replicas", 1]):
        refused([*tiny, *more], "all 5 requests are refused")
    refused(["serve-plan", "--model", "llama-3.1-8b", "--part", "h100_sxm", "--rate", 1, "--ttft-ms", 0.01],
            "no deployment keeps the objectives")


def states_of_fixed_size_bound_sequences():
    """Mamba has no KV tokens to count."""
    words = ["serve", "--model", "mamba_2.8b", "--part", "h100_sxm", "--requests", 50]
    text, record = call(*words).stdout, told(*words)
    assert record["sequences_most"] > 0 and record["cache_tokens"] == 0, record
    assert f"those of {record['sequences_most']} sequences of any length" in text, text
    assert "KV cache" not in text and "1073741824" not in text, text


def names_at_hugging_face_are_known():
    for name, meant in (("meta-llama/Llama-4-Scout-17B-16E-Instruct", "llama_4_scout"),
                        ("meta-llama/Llama-4-Maverick-17B-128E-Instruct-FP8", "llama_4_maverick"),
                        ("mistralai/Mistral-Nemo-Instruct-2407", "mistral_nemo_12b"),
                        ("CohereForAI/c4ai-command-r-plus", "command_r_plus"),
                        ("deepseek-ai/DeepSeek-V3.1", "deepseek-r1"),
                        ("deepseek-ai/DeepSeek-R1-Distill-Qwen-32B", "qwen2.5_32b"),
                        ("deepseek-ai/DeepSeek-R1-Distill-Llama-70B", "llama-3.1-70b")):
        found = told("serve", "--model", name, "--part", "h200_sxm", "--tensor", 8, "--weights", "fp8",
                     "--requests", 2, "--concurrency", 1)["model"]
        assert found == meant, (name, found)


SITE = """site {
  name: "%s" server: "dgx_h100" servers: 8
  fabric { clos { tiers: 2 servers_per_leaf: 4 leaves_per_pod: 32 leaf_oversubscription: 1
    leaf_switch: "quantum2_qm9700" spine_switch: "quantum2_qm9700" routing: SPRAY } }
  prices { electricity: 0.1 carbon: 100 }
  storage_bandwidth: "1 GB/s"
  hour { at: "0 h" electricity: %g carbon: %g }
  hour { at: "12 h" electricity: %g carbon: %g }
}
"""
FLEET = """schema_version: 1
name: "sun"
seed: 1
horizon: "2 days"
%s
job { name: "chat" serving {
  model: "llama_3.1_8b" replicas: 16 tensor: 4
  arrivals { requests_per_second: 4 }
  group { name: "chat" share: 1 prompt { median: 300 p90: 600 max: 2000 } output { median: 100 p90: 200 max: 500 } }
  replicas_simulated: 1
  %s
} }
"""


def life(folder, name, more, other):
    path = Path(folder) / f"{name}.textproto"
    sites = SITE % ("east", 0.2, 500, 0.05, 100) + SITE % ("west", *other)
    path.write_text(FLEET % (sites, more), encoding="utf-8")
    done = call("run", path, "-q", "--format", "json", "-o", f"{folder}/{name}")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def a_fleet_follows_prices_and_carbon(folder):
    """East is cheap and clean from noon on, west before: the fleet is where it is better, half a day each."""
    other = (0.1, 200, 0.1, 200)
    listed = life(folder, "listed", "", other)
    price = life(folder, "price", "site_order: BY_PRICE", other)
    carbon = life(folder, "carbon", "site_order: BY_CARBON", other)

    def of(run, what):
        return sum(job[what] for job in run["jobs"])
    starts = [event for event in price["events"] if event["kind"] == "start"]
    assert [event["site"] for event in starts] == ["west", "east", "west", "east"], starts
    near(starts[1]["at_s"], 12 * 3600, 0.02, "moves at noon")
    assert of(price, "cost_usd") < 0.85 * of(listed, "cost_usd"), (price["jobs"], listed["jobs"])
    assert of(carbon, "carbon_kg") < 0.85 * of(listed, "carbon_kg")


def a_fleet_of_a_life_waits_for_its_weights(folder):
    """16 replicas of four accelerators read 4 GB each from storage of 1 GB/s together, and start for 30 s."""
    run = life(folder, "start", 'start { weights: FROM_STORAGE engine: "30 s" }', (0.1, 200, 0.1, 200))
    first = next(event for event in run["events"] if event["kind"] == "start")
    assert first["detail"].startswith("takes requests after 4."), first  # minutes
    other = life(folder, "host", 'start { weights: FROM_HOST engine: "30 s" }', (0.1, 200, 0.1, 200))
    first = next(event for event in other["events"] if event["kind"] == "start")
    assert first["detail"].startswith("takes requests after 30."), first


def fleets_that_start_together_share_the_storage(folder):
    """Eight replicas of four accelerators read 128 GB at 1 GB/s; two fleets of them take twice as long."""
    def slowest(name, fleets):
        sites = SITE % ("east", 0.1, 100, 0.1, 100)
        text = (FLEET % (sites, 'start { weights: FROM_STORAGE engine: "30 s" }')).replace(
            "replicas: 16", "replicas: 8").replace("2 days", "20 min").replace("replicas_simulated: 1", "")
        job = text[text.index("job {"):]
        text += "".join(job.replace('"chat"', f'"chat{i}"', 1) for i in range(1, fleets))
        path = Path(folder) / f"{name}.textproto"
        path.write_text(text, encoding="utf-8")
        done = call("run", path, "-q", "--format", "json", "-o", f"{folder}/{name}")
        assert done.returncode == 0, done.stderr
        return max(group["ttft_p99_s"] for group in json.loads(done.stdout)["requests"])
    alone, two = slowest("load_one", 1), slowest("load_two", 2)
    near(alone, 30 + 128.5, 0.1, "alone")
    near(two, 30 + 257, 0.1, "two")


def a_fleet_of_a_life_serves_what_stands_behind_an_encoder(folder):
    """Whisper on 30 s of sound each: 1,500 frames and 100 words. The life and `serve` are one engine."""
    text = (FLEET % (SITE % ("east", 0.1, 100, 0.1, 100), "")).replace("llama_3.1_8b", "whisper_large_v3")
    begin, end = text.index("prompt {"), text.index(" }\n  replicas_simulated")
    text = text[:begin] + ("prompt { median: 1500 p90: 1500 max: 1500 } output { median: 100 p90: 100 max: 100 }"
                           ) + text[end:]
    text = text.replace("2 days", "20 min").replace("replicas: 16 tensor: 4", "replicas: 1 tensor: 4").replace(
        "requests_per_second: 4", "requests_per_second: 20")
    path = Path(folder) / "whisper.textproto"
    path.write_text(text, encoding="utf-8")
    done = call("run", path, "-q", "--format", "json", "-o", f"{folder}/whisper")
    assert done.returncode == 0, done.stderr
    group = json.loads(done.stdout)["requests"][0]
    near(group["prompt_tokens"], 1500 * group["completed"], 1e-9, "frames")
    near(group["completed"], 20 * 1200, 0.05, "requests")
    served = json.loads(call("serve", path, "--requests", 4000, "--format", "json").stdout)
    near(group["tpot_p50_s"], served["tpot_s"]["median"], 0.1, "a word, in the life and by itself")
    near(group["ttft_p50_s"], served["ttft_s"]["median"], 0.25, "the first word")


def users_are_answered_from_near(folder):
    """The way to a site adds to each TTFT; NEAREST answers each region from its own site while that has room."""
    def far(east, west):
        return ' '.join(f'latency {{ site: "{site}" round_trip: "{ms} ms" }}'
                        for site, ms in (("east", east), ("west", west)))

    def run(name, more, groups, replicas=16):
        path = Path(folder) / f"{name}.textproto"
        sites = SITE % ("east", 0.1, 100, 0.1, 100) + SITE % ("west", 0.1, 100, 0.1, 100)
        text = (FLEET % (sites, more)).replace("replicas: 16", f"replicas: {replicas}").replace(
            "2 days", "2 h").replace("replicas_simulated: 1", "")
        begin = text.index("  group {")
        end = text.index("\n", begin)
        lengths = text[begin:end].replace("  group { ", "").replace('name: "chat" share: 1', "")[:-1]
        text = text[:begin] + "\n".join(f'group {{ name: "{g}" share: 1 {lengths} {way} }}'
                                        for g, way in groups.items()) + text[end:]
        path.write_text(text, encoding="utf-8")
        done = call("run", path, "-q", "--format", "json", "-o", f"{folder}/{name}")
        assert done.returncode == 0, done.stderr
        record = json.loads(done.stdout)
        return record, {group["group"]: group for group in record["requests"]}

    none = run("none", "", {"all": ""})[1]["all"]
    record, groups = run("one", "", {"all": far(40, 10)})
    near(groups["all"]["network_s"], 0.04, 1e-9, "all are answered in the east")
    for rank in ("p50", "p90", "p99"):
        near(groups["all"][f"ttft_{rank}_s"], none[f"ttft_{rank}_s"] + 0.04, 0.021, rank)
        assert groups["all"][f"tpot_{rank}_s"] == none[f"tpot_{rank}_s"], "the stream comes as fast"
    record, groups = run("west", "site_order: BY_LATENCY", {"all": far(40, 10)})
    near(groups["all"]["network_s"], 0.01, 1e-9, "the fleet goes where its users are")
    assert {event["site"] for event in record["events"] if event["kind"] == "start"} == {"west"}
    both = {"americans": far(10, 90), "europeans": far(90, 10)}
    for name, router, expected, within in (("any", "", 0.05, 0.1), ("near", "router: NEAREST", 0.01, 1e-9)):
        for group in run(name, router, both, 32)[1].values():
            near(group["network_s"], expected, within, (name, group["group"]))
    full = run("full", "router: NEAREST batch_max: 1", both, 32)[1]
    for group in full.values():
        assert 0.0101 < group["network_s"] < 0.05, "some go on where there is room"


def main():
    with tempfile.TemporaryDirectory() as folder:
        failed = []
        asked = (adapters_of_rank_16_have_42_million_parameters,
                 a_router_that_knows_adapters_loads_each_once, a_replica_serves_when_its_weights_have_come,
                 images_are_encoded_before_their_prompt, experts_may_be_apart_from_attention,
                 a_step_of_rollouts_is_the_longer_of_both, nothing_served_is_no_success,
                 states_of_fixed_size_bound_sequences, names_at_hugging_face_are_known)
        of_lives = (a_fleet_follows_prices_and_carbon, a_fleet_of_a_life_waits_for_its_weights,
                    users_are_answered_from_near, fleets_that_start_together_share_the_storage,
                    a_fleet_of_a_life_serves_what_stands_behind_an_encoder)
        for question in some(asked):
            try:
                question()
            except AssertionError as error:
                failed.append((question.__name__, str(error)[:1500]))
        for question in some(of_lives):
            try:
                question(folder)
            except AssertionError as error:
                failed.append((question.__name__, str(error)[:1500]))
        for name, error in failed:
            print("FAIL", name, error)
        questions = len(some(asked)) + len(some(of_lives))
        print(f"{questions - len(failed)} of {questions} hold")
        return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
