#!/usr/bin/env python3
"""What people asked about training, asked of the program, with the answer that was measured or that
follows on paper.

usage: training_questions_check.py GRIDLOCK SOURCE_DIR [--print]
"""

import json
import os
import sys
import tempfile
from pathlib import Path

import program
from asking import some

GRIDLOCK, ROOT = os.path.abspath(sys.argv[1]), sys.argv[2]
PRINT = "--print" in sys.argv
CLOS = """clos { tiers: 2 rail_optimized: false servers_per_leaf: 4 leaves_per_pod: 32
  leaf_oversubscription: 1 leaf_switch: "quantum2_qm9700" spine_switch: "quantum2_qm9700"
  routing: SPRAY }"""
# Llama 2 7B, Llama 3.1 8B with a name of its own, GPT-2 124M and XL, from their model cards.
LLAMA_2_7B = """layers: 32 hidden: 4096 heads: 32 kv_heads: 32 ffn: 11008 gated: true
  vocabulary: 32000"""
TINY_LLAMA = """layers: 22 hidden: 2048 heads: 32 kv_heads: 4 ffn: 5632 gated: true
  vocabulary: 32000"""
GPT_2 = """layers: 12 hidden: 768 heads: 12 kv_heads: 12 ffn: 3072 gated: false vocabulary: 50304
  max_positions: 1024 tied_embeddings: true"""
GPT_2_LARGE = """layers: 36 hidden: 1280 heads: 20 kv_heads: 20 ffn: 5120 gated: false
  vocabulary: 50304 max_positions: 1024 tied_embeddings: true"""
NEOX_20B = """layers: 44 hidden: 6144 heads: 64 kv_heads: 64 ffn: 24576 gated: false
  vocabulary: 50432"""
FORTY_LAYERS = """layers: 40 hidden: 2048 heads: 16 kv_heads: 16 ffn: 8192 gated: false
  vocabulary: 50304"""


def scenario(folder, server, servers, model, layout, batch, sequence, stack="megatron_core",
             micro=1, precision="BF16", zero=1, recompute="NONE", more="", site=""):
    own = "" if model.replace("_", "").replace(".", "").isalnum() else model
    name = "m" if own else model
    catalog = f'catalog {{ model {{ name: "m" {own} source {{ text: "model card" }} }} }}' if own else ""
    path = Path(folder) / "question.textproto"
    path.write_text(f"""schema_version: 1
name: "question"
{catalog}
site {{ name: "s" server: "{server}" servers: {servers} fabric {{ {CLOS} }} {site} }}
job {{ name: "j" pretraining {{ model: "{name}" stack: "{stack}" layout {{ {layout} }}
  global_batch: {batch} micro_batch: {micro} sequence_length: {sequence} precision: {precision}
  zero: {zero} recompute: {recompute} {more} }} }}
""", encoding="utf-8")
    return str(path)


def run(path, *arguments, refused=False):
    done = program.run([GRIDLOCK, "run", path, "-q", "--format", "json", "-o", path + ".out", *arguments],
                       text=True, capture_output=True, check=False, cwd=ROOT)
    assert (done.returncode == 2) == refused, (path, arguments, done.returncode, done.stderr)
    return done.stderr if refused else json.loads(done.stdout)


def near(value, expected, tolerance, what):
    if PRINT:
        print(f"{what}: {value:.4g}, expected {expected:.4g} ({100 * (value / expected - 1):+.1f} %)")
    assert PRINT or abs(value / expected - 1) <= tolerance, (what, value, expected)


def rate(answer):
    return answer["model_flop_per_s_per_accelerator"] / 1e12


def tokens(answer):
    return answer["tokens_per_s_per_accelerator"]


def peak(answer):
    return max(stage["total_bytes"] for stage in answer["memory"]) / 2**30


def a_tuned_mixture_on_two_servers(folder):
    """NVIDIA/Megatron-LM, issue 756: Mixtral 8x7B on 16 H100 takes 5.53 s with EP8."""
    path = scenario(folder, "dgx_h100", 2, "mixtral_8x7b",
                    "tensor: 1 pipeline: 2 data: 8 expert: 8", 128, 4096)
    near(run(path)["step_time_s"], 5.53, 0.05, "EP8")


def a_70b_on_128_h100_should_reach_420(folder):
    """NVIDIA/Megatron-LM, issue 1031: about 410 to 420 TFLOP/s is what the stack gives."""
    path = scenario(folder, "dgx_h100", 16, "llama_3.1_70b",
                    "tensor: 8 pipeline: 8 data: 2 sequence_parallel: true", 128, 4096)
    near(rate(run(path)), 415, 0.05, "70B on 128 H100")


def thirty_two_bits_are_seven_times_slower(folder):
    """NVIDIA/Megatron-LM, issue 1000: 20 TFLOP/s in FP32 on A100, 130 to 160 in BF16."""
    rates = []
    for precision in ("FP32", "BF16"):
        path = scenario(folder, "dgx_a100", 2, "llama_3.1_70b",
                        "tensor: 8 pipeline: 2 data: 1 sequence_parallel: true", 32, 2048,
                        precision=precision, recompute="FULL_LAYER")
        rates.append(rate(run(path, "--set", "site[0].override.hbm_capacity=800 GB")))
    near(rates[1], 145, 0.1, "BF16")
    assert 6 < rates[1] / rates[0] < 14, rates


def shares_of_weights_over_slow_ethernet(folder):
    """hiyouga/LlamaFactory, issue 5014: 4 s on one A800 server, 90 s on two over 10 Gbit/s: every
    micro-batch gathers 16 GB of weights."""
    times = []
    for servers in (1, 2):
        path = scenario(folder, "hgx_a800", servers, "llama_3.1_8b", f"data: {8 * servers}",
                        8 * servers, 2048, stack="deepspeed_hf", zero=3, recompute="FULL_LAYER",
                        site='override { nic_bandwidth: "1.25 Gbps" }')
        times.append(run(path))
    assert times[1]["step_time_s"] > 12 * times[0]["step_time_s"], [t["step_time_s"] for t in times]
    assert times[1]["binding_wall"] == "nic", times[1]["binding_wall"]


def seven_b_with_fsdp(folder):
    """foundation-model-stack/fms-fsdp, issue 89: 9,600 tokens/s per H100, 3,700 per A100: 46 % of the
    dense peak, not 24. Its A100 share 400 Gbit/s among eight, its H100 800 (README)."""
    for server, nic, expected in (("dgx_h100", 100, 9600), ("dgx_a100", 50, 3700)):
        path = scenario(folder, server, 8, LLAMA_2_7B, "data: 64", 128, 4096, stack="fms_fsdp", micro=2,
                        zero=3, site=f'override {{ nic_bandwidth: "{nic} Gbps" }}')
        near(tokens(run(path)), expected, 0.2, server)


def a_small_llama_on_sixteen_a100(folder):
    """jzhang38/TinyLlama: 24,000 tokens/s per A100 40 GB."""
    path = scenario(folder, "hgx_a100_40gb", 2, TINY_LLAMA, "tensor: 1 pipeline: 1 data: 16", 1024, 2048,
                    stack="composer_fsdp", micro=8, zero=3)
    near(tokens(run(path)), 24000, 0.15, "TinyLlama")


def gpt_2_on_two_a10(folder):
    """karpathy/llm.c, PR 621: 58,000 tokens/s per A10."""
    path = scenario(folder, "a10_box", 1, GPT_2, "tensor: 1 pipeline: 1 data: 2", 512, 1024, stack="pytorch_compile",
                    micro=16, zero=1)
    near(tokens(run(path)), 58000, 0.2, "A10")


def experts_and_a_pipeline_on_b200(folder):
    """mlc-ai/pith-train, issue 79: 17,500 tokens/s per B200 with EP4 and PP2."""
    path = scenario(folder, "hgx_b200", 1, "qwen3_30b_a3b",
                    "tensor: 1 pipeline: 2 data: 4 expert: 4", 64, 8192)
    near(tokens(run(path, "--set", "site[0].override.hbm_capacity=800 GB")), 17500, 0.15, "EP4 PP2")


def layers_are_never_dropped(folder):
    """NVIDIA/Megatron-LM, issue 1303: 40 layers over 16 stages, 30 over 4."""
    even = scenario(folder, "dgx_a100", 16, FORTY_LAYERS, "tensor: 1 pipeline: 16 data: 8", 128, 1024)
    assert "40 layers" in run(even, refused=True)
    uneven = scenario(folder, "dgx_a100", 16, FORTY_LAYERS,
                      "tensor: 1 pipeline: 16 data: 8 uneven_layers: true", 128, 1024)
    weights = [stage["weights_bytes"] for stage in run(uneven)["memory"]]
    assert len(weights) == 16 and min(weights) > 0, weights
    layers = sorted(round(each / weights[8]) for each in weights[1:-1])
    assert layers[0] >= 1, weights


def scores_that_are_kept_do_not_fit_a_v100(folder):
    """NVIDIA/Megatron-LM, issue 525: GPT-2 774M is out of memory on 32 GB without fused attention."""
    path = scenario(folder, "dgx_1v", 1, GPT_2_LARGE, "data: 8", 64, 1024, stack="megatron_2021",
                    micro=8, precision="BF16", zero=0)
    text = run(path, refused=True)
    assert "HBM" in text, text


def a_20b_on_three_servers(folder):
    """EleutherAI/gpt-neox, issue 707: PP6 x TP4 fits 24 A100 of 40 GB."""
    path = scenario(folder, "hgx_a100_40gb", 3, NEOX_20B, "tensor: 4 pipeline: 6 data: 1 uneven_layers: true", 32,
                    2048, stack="megatron_2021", recompute="FULL_LAYER")
    assert peak(run(path)) < 39.5


def finer_stages_need_less_memory(folder):
    """NVIDIA-NeMo/Megatron-Bridge, PR 3107: VPP10 passes where VPP5 is over the edge."""
    peaks = []
    for chunks in (5, 10):
        path = scenario(folder, "dgx_h100", 4, "llama_3.1_70b",
                        f"tensor: 4 pipeline: 4 virtual_pipeline: {chunks} data: 2 "
                        "sequence_parallel: true", 64, 4096)
        peaks.append(peak(run(path, "--set", "site[0].override.hbm_capacity=800 GB")))
    assert peaks[1] < peaks[0], peaks


def impossible_memory_is_refused(folder):
    """Epoch's interactive simulator: 1e26 FLOP on GTX 580 with 3 GB does not fit."""
    path = scenario(folder, "dgx_a100", 1, "llama_3.1_405b", "data: 8", 8, 4096)
    text = run(path, "--set", "site[0].override.hbm_capacity=3 GB", refused=True)
    assert "HBM" in text and "would fit" in text, text


def formats_of_sixteen_eight_and_four_bits(folder):
    """FP16 has the rate and the bytes of BF16; MXFP8 and NVFP4 the rates of FP8 and FP4, and the scales of
    their blocks, which cost some per cent."""
    def step(precision):
        return run(scenario(folder, "hgx_b200", 1, "llama_3.1_8b", "tensor: 1 data: 8", 8, 4096,
                            precision=precision, recompute="SELECTIVE"))["step_time_s"]

    assert step("FP16") == step("BF16")
    for blocks, plain in (("MXFP8", "FP8"), ("NVFP4", "FP4")):
        assert 1 < step(blocks) / step(plain) < 1.1, blocks
    assert step("NVFP4") < step("MXFP8") < step("FP16")
    for written, meant in (("fp8", "FP8"), ("bfloat16", "BF16"), ("nvfp4", "NVFP4")):
        said = run(scenario(folder, "hgx_b200", 1, "llama_3.1_8b", "tensor: 1 data: 8", 8, 4096,
                            precision=written), refused=True)
        assert f'did you mean "{meant}"?' in said, said
    said = run(scenario(folder, "hgx_b200", 1, "llama_3.1_8b", "tensor: 1 data: 8", 8, 4096,
                        recompute="full"), refused=True)
    assert 'did you mean "FULL_LAYER"?' in said, said


def one_server_needs_no_network(folder):
    """Nothing leaves it: the step is that under any fabric. Several get one that does not block."""
    path = scenario(folder, "dgx_h100", 1, "qwen3_8b", "tensor: 2 data: 4", 16, 4096)
    text = Path(path).read_text(encoding="utf-8").replace("qwen3_8b", "Qwen/Qwen3-8B")
    with_fabric = run(path)
    Path(path).write_text(text.replace(f"fabric {{ {CLOS} }}", ""), encoding="utf-8")
    alone = run(path)
    assert alone["step_time_s"] == with_fabric["step_time_s"]
    assert not any("fabric" in note for note in alone["notes"]), alone["notes"]
    assert 'model "Qwen/Qwen3-8B" is qwen3_8b' in alone["notes"], alone["notes"]
    text = text.replace(f"fabric {{ {CLOS} }}", "")
    for servers, tiers in ((4, 1), (100, 2), (1000, 3), (20000, 3)):
        Path(path).write_text(text.replace("servers: 1", f"servers: {servers}").replace(
            "data: 4", f"data: {4 * servers}").replace("global_batch: 16", f"global_batch: {16 * servers}"),
                              encoding="utf-8")
        notes = run(path)["notes"]
        assert any(f"Clos of {tiers} tier" in note and "does not block" in note for note in notes), (servers, notes)


def a_plan_takes_the_same_names(folder):
    """One model and one part, in the words of the catalogue and of Hugging Face and nvidia-smi."""
    def plan(model, part):
        done = program.run([GRIDLOCK, "plan", "--model", model, "--accelerator", part, "--accelerators", "64",
                            "--global-batch", "256", "--top", "1"], text=True, capture_output=True, check=False,
                           cwd=folder)
        assert done.returncode == 0, done.stderr
        return [line for line in done.stdout.splitlines() if line.startswith("1 ")]

    rows = plan("qwen3_0.6b", "h100_sxm")
    assert rows and plan("Qwen/Qwen3-0.6B", "NVIDIA H100 80GB HBM3") == rows, rows


QUESTIONS = [
    a_plan_takes_the_same_names,
    formats_of_sixteen_eight_and_four_bits, one_server_needs_no_network,
    a_tuned_mixture_on_two_servers, a_70b_on_128_h100_should_reach_420,
    thirty_two_bits_are_seven_times_slower, shares_of_weights_over_slow_ethernet, seven_b_with_fsdp,
    a_small_llama_on_sixteen_a100, gpt_2_on_two_a10, experts_and_a_pipeline_on_b200,
    layers_are_never_dropped, scores_that_are_kept_do_not_fit_a_v100, a_20b_on_three_servers,
    finer_stages_need_less_memory, impossible_memory_is_refused,
]

failures = 0
for question in some(QUESTIONS):
    with tempfile.TemporaryDirectory() as where:
        try:
            question(where)
        except AssertionError as error:
            failures += 1
            print(f"{question.__name__}: {error}")
print(f"{len(some(QUESTIONS)) - failures} of {len(some(QUESTIONS))} questions are answered")
sys.exit(1 if failures else 0)
