#!/usr/bin/env python3
"""Scripts of Megatron-LM as people write them: defaults in quotes, sums, branches; models of other classes.

usage: scripts_check.py GRIDLOCK EXAMPLES
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from published_models import LLAMA, MINIMAX, NEMOTRON_H

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))
from asking import some  # noqa: E402

GRIDLOCK = Path(sys.argv[1]).resolve()
EXAMPLES = Path(sys.argv[2]).resolve()

MODEL = ("--num-layers 48 --hidden-size 2048 --num-attention-heads 16 --vocab-size 32000 --seq-length 4096 "
         "--micro-batch-size 1 --global-batch-size 64 --bf16 --use-distributed-optimizer ")
LAUNCH = "torchrun --nproc_per_node 8 --nnodes 2 pretrain_gpt.py "


def call(*arguments, code=0):
    done = subprocess.run([GRIDLOCK, *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == code, (arguments, done.returncode, done.stdout, done.stderr)
    return done


def imported(folder, script, code=0):
    file = folder / "s.sh"
    file.write_text(script, encoding="utf-8")
    done = call("import", "megatron", file, "--accelerator", "h100_sxm", code=code)
    return done.stdout, done.stderr.replace(str(folder) + "/", "")


def has(text, *lines):
    for line in lines:
        assert f"{line}\n" in text, (line, text)


def check_variables(folder):
    """Quotes in defaults and around values, sums, and what they are put into."""
    text, _ = imported(folder, 'TP=${TP:-"4"}\nPP="2"\nNODES=$((2 * (1 + 1)))\nSEQ=$((1+4095))\n'
                       'BATCH=$(( $NODES*PP * 8 ))\nSTRATEGY=${S:-"optim_grads_params"}\n'
        + LAUNCH.replace("--nnodes 2", "--nnodes ${NODES}") + MODEL
        + "--tensor-model-parallel-size $TP --pipeline-model-parallel-size ${PP} "
          "--global-batch-size ${BATCH} --seq-length $SEQ --use-megatron-fsdp "
          "--data-parallel-sharding-strategy ${STRATEGY}\n")
    has(text, "tensor: 4", "pipeline: 2", "servers: 4", "global_batch: 64", "zero: 3", "sequence_length: 4096")


def check_tests_in_front(folder):
    """What a shell makes of a test with && and || behind it."""
    for lines, tensor in (('A=0; TP=1; [ "$A" = 1 ] && TP=2 || TP=4', 4), ('A=1; TP=1; [ "$A" = 1 ] && TP=2 || TP=4', 2),
                          ("A=0; TP=1; [ $A = 1 ] || TP=4", 4), ("A=1; TP=1; [ $A = 1 ] || TP=4", 1),
                          ("A=0; TP=1; [[ $A == 1 && $A == 1 ]] && TP=4", 1),
                          ('A=0; TP=1; [ "$A" = 1 ] && { PP=2; TP=2; }', 1),
                          ("A=1; TP=1; [ $A = 1 ] && { TP=2; PP=2; }", 2)):
        text, _ = imported(folder, lines + "\n" + LAUNCH + MODEL + "--tensor-model-parallel-size $TP\n")
        has(text, f"tensor: {tensor}")


BRANCHES = """#!/bin/bash
SIZE=${SIZE:-"16B"}
if [ $SIZE = 671B ]; then
  HIDDEN=7168   # it's the large one
  LAYERS=61
elif [[ "$SIZE" == "16B" && $TP != 4 ]]; then
  HIDDEN=2048; LAYERS=48
else
  HIDDEN=1; LAYERS=1
fi
case $SIZE in
  671B|236B) FFN=18432 ;;
  1?B)
    FFN=10944
    ;;
  *)
    echo "unknown: $SIZE"; exit 1 ;;
esac
while [[ $# -gt 0 ]]; do
  case $1 in
    --layers) LAYERS="$2"; shift 2 ;;
  esac
done
FP8="no"
ARGS=(--hidden-size $HIDDEN)
if [ "$FP8" = yes ] || [ -n "${WANTS_FP8}" ]; then ARGS+=(--fp8-format hybrid); fi
if [ ! -f "$DATA" ]; then
  EXTRA="--mock-data"
fi
[ "$FP8" = no ] && RECOMPUTE="--recompute-granularity full"
"""


def check_branches(folder):
    """Conditions on what the script sets are decided; what cannot be known is said, with its line."""
    text, notes = imported(folder, BRANCHES + LAUNCH + MODEL.replace("--hidden-size 2048 ", "").replace(
        "--num-layers 48", "--num-layers $LAYERS") + '"${ARGS[@]}" --ffn-hidden-size $FFN $RECOMPUTE\n')
    has(text, "hidden: 2048", "layers: 48", "ffn: 10944", "precision: BF16", "recompute: FULL_LAYER")
    for note in ("line 26: not taken, since the script does not set WANTS_FP8: `[ \"$FP8\" = yes ]",
                 "line 27: not taken, as if the file were there: `[ ! -f \"$DATA\" ]`"):
        assert "note: " + note in notes, (note, notes)
    assert "line 3" not in notes and "line 19" not in notes, notes
    text, _ = imported(folder, BRANCHES.replace('"16B"}', '"671B"}') + LAUNCH + MODEL
                       + "--hidden-size $HIDDEN --ffn-hidden-size $FFN\n")
    has(text, "hidden: 7168", "ffn: 18432")


def check_slip(folder):
    """A missing argument is looked for under a name like it."""
    _, errors = imported(folder, LAUNCH + MODEL.replace("--num-layers", "--num-lyers") + "\n", code=2)
    assert "s.sh:1:56: --num-layers is missing; here stands --num-lyers" in errors, errors


def check_models(folder):
    """Hybrid patterns, experts on a latent, windows, gates, and lists of layers with experts."""
    moe = "--num-experts 8 --moe-router-topk 2 --moe-ffn-hidden-size 1024 "
    text, _ = imported(folder, LAUNCH + MODEL + moe + "--moe-layer-freq [0,1]*24\n")
    has(text, "every: 2")
    text, notes = imported(folder, LAUNCH + MODEL + moe + "--moe-layer-freq '([1]*40+[0]*8)'\n")
    has(text, "dense_layers: 8")
    assert "the 8 dense layers stand in front here" in notes, notes
    text, notes = imported(folder, LAUNCH + MODEL + "--quick-geglu --window-size 127,0 "
                           "--window-attn-skip-freq 2\n")
    has(text, "gated: true", "window: 128", 'pattern: "LG"')
    text, _ = imported(folder, LAUNCH + MODEL.replace("--num-layers 48", "--num-layers 8")
                       + "--hybrid-override-pattern M*M-M*M- --mamba-num-heads 64 --window-size 127,0\n")
    has(text, 'pattern: "RLRFRLRF"')
    assert "not mapped" not in notes, notes
    pattern = "MEMEM*EMEM*EMEMEME"
    text, notes = imported(folder, LAUNCH + MODEL.replace("--num-layers 48 ", "") + moe
                           + f"--hybrid-override-pattern {pattern} --mamba-num-heads 64 --moe-latent-size 512\n")
    has(text, "layers: 18", "kind: MAMBA_2", 'pattern: "' + pattern.translate(str.maketrans("M*", "RG")) + '"',
        "expert_ffn: 256")
    assert "experts 1024 wide on a latent of 512 count as experts 256 wide" in notes, notes


def check_formats(folder):
    """Recipes of narrow formats, optimizers, gradients, and what runs beside what."""
    for more, lines in [("--fp8-format e4m3 --fp8-recipe mxfp8", ["precision: MXFP8"]),
                        ("--fp8-format hybrid", ["precision: FP8"]),
                        ("--fp4-format e2m1", ["precision: NVFP4"]),
                        ("--optimizer muon", ['optimizer: "muon"']),
                        ("--optimizer sgd", ['optimizer: "sgd_momentum"']),
                        ("", ["main_gradient_bytes: 4", 'stack: "megatron_core_wide_gradients"']),
                        ("--grad-reduce-in-bf16", ['stack: "megatron_core"']),
                        ("--num-experts 8 --moe-expert-capacity-factor 1.25 --grad-reduce-in-bf16 "
                         "--overlap-moe-expert-parallel-comm",
                         ["expert_load: { capacity: 1.25 }", 'stack: "megatron_exchange_overlap"'])]:
        text, notes = imported(folder, LAUNCH + MODEL + more + "\n")
        has(text, *lines)
        assert "not mapped" not in notes, (more, notes)
    bytes_of = []
    for more in ("", " --grad-reduce-in-bf16"):
        text, _ = imported(folder, LAUNCH + MODEL + more + "\n")
        (folder / "g.textproto").write_text(text)
        run = json.loads(call("run", folder / "g.textproto", "--format", "json", "-o", folder / "og").stdout)
        bytes_of.append(run["memory"][0]["gradients_bytes"] if "memory" in run else run["peak_hbm_bytes"])
    assert bytes_of[0] > 1.05 * bytes_of[1], bytes_of


def fingerprint(file, folder):
    return json.loads(call("run", file, "--format", "json", "-o", folder / "of").stdout)["fingerprint"]


def check_round_trip(folder):
    """What export writes for Megatron-LM is read as the same step."""
    for example, sets in (("01-two-servers", ["job[0].pretraining.stack=megatron_core"]),
                          ("01-two-servers", ["job[0].pretraining.stack=megatron_core",
                                              "job[0].pretraining.model=mixtral_8x7b",
                                              "job[0].pretraining.layout={ tensor: 4 pipeline: 2 data: 2 expert: 2 "
                                              "sequence_parallel: true rank_order: TENSOR_DATA_PIPELINE }",
                                              "job[0].pretraining.recompute=FULL_LAYER"])):
        scenario = EXAMPLES / example / "scenario.textproto"
        options = [word for each in sets for word in ("--set", each)]
        call("export", scenario, *options, "--to", "megatron", "-o", folder / "e.args")
        back = folder / "back.textproto"
        call("import", "megatron", folder / "e.args", "--accelerator", "h100_sxm", "--accelerators", 16,
             "-o", back)
        # The machine of the example instead of the one that import assumes.
        machine = re.search(r"\nsite \{.*?\n\}\n", scenario.read_text(), re.S).group(0)
        text = re.sub(r"\nsite \{.*?\n\}\n", lambda _: machine, back.read_text(), flags=re.S)
        back.write_text(text)
        call("run", scenario, *options, "-o", folder / "os")
        first = json.loads(call("run", scenario, *options, "--format", "json", "-o", folder / "os").stdout)
        assert fingerprint(back, folder) == first["fingerprint"], (example, sets)


def hf(folder, config, code=0):
    file = folder / "config.json"
    file.write_text(json.dumps(config), encoding="utf-8")
    return call("import", "hf", file, "--name", "m", code=code)


def billions(done):
    return float(re.search(r"([\d.]+) billion parameters", done.stderr).group(1))


def check_classes(folder):
    """Classes that are like one that is known, and layers that each file says in its own way."""
    for type_ in ("minimax_m1", "minimax_m3", "another"):
        done = hf(folder, MINIMAX | {"model_type": type_})
        assert abs(billions(done) / 456 - 1) < 3e-3, (type_, done.stderr)
    blocks = [{"M": "mamba", "*": "attention", "-": "mlp"}[c] for c in NEMOTRON_H["hybrid_override_pattern"]]
    named = {key: value for key, value in NEMOTRON_H.items() if key != "hybrid_override_pattern"}
    done = hf(folder, named | {"layers_block_type": blocks})
    assert abs(billions(done) / 8.10 - 1) < 2e-3, done.stderr
    done = hf(folder, named | {"layers_block_type": blocks[:-1] + ["conv"]}, code=2)
    assert "a layer is of another kind; expected M (mamba)" in done.stderr, done.stderr
    # nvidia/NVIDIA-Nemotron-3-Super-120B-A12B: 120.6 billion parameters with its module ahead.
    done = hf(folder, NEMOTRON_H | {
        "num_key_value_heads": 2, "hybrid_override_pattern": "MEMEMEM*EMEMEMEM*EMEMEMEM*EMEMEMEMEM*EMEMEMEMEM*EMEMEMEMEM*"
        "EMEMEMEMEM*EMEMEMEM*EMEMEMEME", "intermediate_size": 2688, "moe_intermediate_size": 2688,
        "moe_shared_expert_intermediate_size": 5376, "moe_latent_size": 1024, "n_routed_experts": 512,
        "n_shared_experts": 1, "num_experts_per_tok": 22})
    assert abs(billions(done) / 120.6 - 1) < 0.02, done.stderr
    assert "note: approximated: experts 2688 wide on a latent of 1024" in done.stderr, done.stderr


def check_unknown_recurrences(folder):
    jamba = LLAMA | {"model_type": "jamba2", "attn_layer_period": 8, "attn_layer_offset": 4, "mamba_d_state": 16,
                     "mamba_d_conv": 4, "mamba_expand": 2, "num_experts": 16, "num_experts_per_tok": 2,
                     "expert_layer_period": 2, "expert_layer_offset": 1}
    done = hf(folder, jamba)
    assert 'model_type "jamba2" is not known: read as "jamba", whose fields it has' in done.stderr, done.stderr
    assert "kind: MAMBA\n" in done.stdout, done.stdout
    del jamba["attn_layer_period"], jamba["num_experts"], jamba["num_experts_per_tok"]
    done = hf(folder, jamba | {"expert_layer_period": 1}, code=2)
    assert '"mamba_d_state" is 16, and which layers of a class that is not known have a recurrence' in done.stderr
    # openbmb/MiniCPM3-4B: 4.07 billion; values are as wide as keys without positions.
    done = hf(folder, {"model_type": "minicpm3", "hidden_size": 2560, "intermediate_size": 6400,
                       "num_hidden_layers": 62, "num_attention_heads": 40, "num_key_value_heads": 40,
                       "q_lora_rank": 768, "kv_lora_rank": 256, "qk_nope_head_dim": 64, "qk_rope_head_dim": 32,
                       "vocab_size": 73448, "tie_word_embeddings": True})
    assert abs(billions(done) / 4.07 - 1) < 0.01, done.stderr
    done = hf(folder, {"model_type": "zamba2", "hidden_size": 3584, "num_hidden_layers": 81,
                       "num_attention_heads": 32, "attention_head_dim": 224, "intermediate_size": 14336,
                       "hybrid_layer_ids": [6, 11, 17], "num_mem_blocks": 2, "n_mamba_heads": 112})
    assert "3 layers share 2 blocks of attention and feed-forward, which count in each" in done.stderr
    assert "0.257 billion parameters more than there are" in done.stderr, done.stderr


def main():
    with tempfile.TemporaryDirectory() as name:
        for check in some((check_variables, check_tests_in_front, check_branches, check_slip, check_models, check_formats,
                           check_round_trip, check_classes, check_unknown_recurrences)):
            check(Path(name))


main()
