#!/usr/bin/env python3
"""Models of Hugging Face: published counts of parameters, defaults, wrong files; jobs that name one.
Arguments of Megatron-LM and torchtitan as scenarios.

usage: imports_check.py GRIDLOCK DOCS
"""

import json
import re
import sys
import tempfile
from pathlib import Path

from published_models import DEEPSEEK_V3, LLAMA, OWN_NAMES, PUBLISHED

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))
import program  # noqa: E402
from asking import some  # noqa: E402

GRIDLOCK = Path(sys.argv[1]).resolve()


def call(*arguments, code=0):
    done = program.run([GRIDLOCK, *map(str, arguments)], capture_output=True, text=True,
                       check=False)
    assert done.returncode == code, (arguments, done.returncode, done.stdout, done.stderr)
    return done


SCENARIO = """schema_version: 1
name: "file"
site {{ cluster: "meta_16k_h100" servers: 1 }}
job {{
  pretraining {{
    {} stack: "megatron_core" layout {{ tensor: 8 pipeline: 1 data: 1 }}
    global_batch: 1 sequence_length: 4096 zero: 1
  }}
}}
"""


def written(folder, config, name="config.json"):
    file = folder / name
    file.write_text(config if isinstance(config, str) else json.dumps(config), encoding="utf-8")
    return file


def check_parameters(folder):
    for name, config, billions, within in PUBLISHED + OWN_NAMES:
        done = call("import", "hf", written(folder, config), "--name", "m")
        text = re.search(r"([\d.]+) (billion|million) parameters", done.stderr)
        found = float(text.group(1)) * (1 if text.group(2) == "billion" else 1e-3)
        # Four digits are printed.
        assert abs(found / billions - 1) < within + 5e-4, (name, found, billions)
        assert done.stdout.startswith("model {\n  name: \"m\"\n"), done.stdout


def check_notes(folder):
    notes = call("import", "hf", written(folder, DEEPSEEK_V3 | {"colour": 1})).stderr
    assert "37.55 billion of 671 billion parameters for a token" in notes, notes
    assert "note: 1 module that predicts further tokens is trained with the model" in notes, notes
    assert "note: not read: colour\n" in notes, notes
    notes = call("import", "hf", written(folder, {"model_type": "mistral"})).stderr
    assert "note: num_hidden_layers is not given: 32, the default of MistralConfig\n" in notes, notes
    assert "note: num_key_value_heads is not given: 8, the default of MistralConfig\n" in notes
    every = {"first_k_dense_replace": 0, "moe_layer_freq": 2}
    text = call("import", "hf", written(folder, DEEPSEEK_V3 | every)).stdout
    assert "every: 2\n" in text, text
    done = call("import", "hf", written(folder, DEEPSEEK_V3 | {"moe_layer_freq": 1}))
    assert "dense_layers: 3\n" in done.stdout and "moe_layer_freq" not in done.stderr, done.stdout
    text = call("import", "hf", written(folder, {"model_type": "gemma3", "text_config": {
        "model_type": "gemma3_text", "hidden_size": 2560, "num_hidden_layers": 34}})).stdout
    assert "layers: 34" in text and "head_dim: 256" in text, text


def check_other_names(folder):
    """Classes before they were in Transformers: ChatGLM3 6B has 6.24 billion parameters, Falcon 7B
    6.92 and Falcon 40B 41.8 (model cards)."""
    for title, config, billions in (
            ("ChatGLM3", {"model_type": "chatglm", "hidden_size": 4096, "ffn_hidden_size": 13696,
                          "num_layers": 28, "num_attention_heads": 32, "multi_query_attention": True,
                          "multi_query_group_num": 2, "padded_vocab_size": 65024, "kv_channels": 128,
                          "seq_length": 8192}, 6.24),
            ("Falcon 7B", {"model_type": "RefinedWebModel", "hidden_size": 4544, "n_layer": 32,
                           "n_head": 71, "multi_query": True, "vocab_size": 65024}, 6.92),
            ("Falcon 40B", {"model_type": "RefinedWeb", "hidden_size": 8192, "n_layer": 60,
                            "n_head": 128, "n_head_kv": 8, "vocab_size": 65024}, 41.3)):
        done = call("import", "hf", written(folder, config), "--name", "m")
        parameters = float(re.search(r"([\d.]+) billion parameters", done.stderr).group(1))
        assert abs(parameters / billions - 1) < 0.015, (title, parameters)


def check_unknown_classes(folder):
    """A class that is not known is read by the usual names, and never loses its experts."""
    fancy = LLAMA | {"model_type": "fancy"}
    for activation, gated in [("silu", "true"), ("geglu", "true"), ("relu2", "false"),
                              ("gelu_new", "false")]:
        done = call("import", "hf", written(folder, fancy | {"hidden_act": activation}))
        assert f"gated: {gated}\n" in done.stdout, done
        assert (activation + " has no gate" in done.stderr) == (gated == "false"), done.stderr
    done = call("import", "hf", written(folder, fancy | {"moe_number": 64}), code=2)
    assert '"moe_number" is 64, and how a class that is not known calls its experts' in done.stderr
    experts = {"moe_num_experts": 8, "moe_top_k": 2, "moe_ffn_hidden_size": 1024,
               "moe_num_shared_experts": 1, "moe_capacity": 64}
    done = call("import", "hf", written(folder, fancy | experts))
    for line in ("experts: 8", "experts_per_token: 2", "expert_ffn: 1024", "shared_experts: 1"):
        assert line + "\n" in done.stdout, done.stdout
    done = call("import", "hf", written(folder, fancy | experts | {"expert_inner_dim": 64}), code=2)
    assert '"expert_inner_dim" is 64' in done.stderr, done.stderr
    sparse = DEEPSEEK_V3 | {"model_type": "deepseek_v32", "index_topk": 2048}
    done = call("import", "hf", written(folder, sparse))
    assert "671.9 billion parameters" in done.stderr, done.stderr
    assert "indexer { heads: 64 head_dim: 128 tokens: 2048 }\n" in done.stdout, done.stdout
    # facebook/wav2vec2-base: 95 million parameters; albert/albert-xxlarge-v2: 223 with its pooler of 17.
    done = call("import", "hf", written(folder, {"model_type": "wav2vec2"}))
    assert "94.32 million parameters" in done.stderr, done.stderr
    assert "convolution { width: 768 kernel: 128 stride: 1 groups: 16 }\n" in done.stdout, done.stdout
    done = call("import", "hf", written(folder, {"model_type": "albert"}))
    assert "205.8 million parameters" in done.stderr, done.stderr
    assert "distinct_layers: 1\n" in done.stdout and "embedding_width: 128\n" in done.stdout, done.stdout
    gemma = {"model_type": "gemma3n_text", "intermediate_size": [8192, 16384] * 15}
    done = call("import", "hf", written(folder, gemma))
    assert "ffn: 12288\n" in done.stdout and 'pattern: "LLLLG"' in done.stdout, done.stdout
    assert "intermediate_size is 8192 to 16384 by layer" in done.stderr, done.stderr


def check_slips(folder):
    """A size that is misspelt would be another model's."""
    config = {key: value for key, value in LLAMA.items() if key != "num_hidden_layers"}
    done = call("import", "hf", written(folder, config | {"num_hidden_layer": 32}), code=2)
    assert "num_hidden_layer" in done.stderr and 'did you mean "num_hidden_layers"?' in done.stderr, done
    config = {key: value for key, value in LLAMA.items() if key != "intermediate_size"}
    done = call("import", "hf", written(folder, config | {"intermediate_sizee": 14336}), code=2)
    assert 'did you mean "intermediate_size"?' in done.stderr, done


def check_megatron_programs(folder):
    """Encoders, moments in 16 bits, layers on the host, and DeepSpeed's fork."""
    small = ("--num-layers 24 --hidden-size 1024 --num-attention-heads 16 --seq-length 512 "
             "--max-position-embeddings 512 --micro-batch-size 4 --global-batch-size 32 "
             "--vocab-size 30522 --bf16 ")

    def imported(script, more, launch="torchrun --nproc_per_node 8 --nnodes 1"):
        (folder / "p.sh").write_text(f"{launch} {script} {small} {more}\n", encoding="utf-8")
        done = call("import", "megatron", folder / "p.sh", "--accelerator", "h100_sxm", "-o",
                    folder / "p.textproto")
        return done, (folder / "p.textproto").read_text(encoding="utf-8")

    # 6 x (24 x 12 h^2 + 30,720 h) + 12 x 24 x 512 h FLOP for each of 32 x 512 tokens.
    _, text = imported("pretrain_bert.py", "--tensor-model-parallel-size 2")
    assert "attention: FULL\n" in text, text
    flop = json.loads(call("run", folder / "p.textproto", "--format", "json", "-o",
                           folder / "ob").stdout)["model_flop"]
    assert abs(flop / 35.25e12 - 1) < 1e-3, flop
    _, text = imported("pretrain_gpt.py", "--tensor-model-parallel-size 2")
    assert "attention: CAUSAL\n" in text, text
    done, text = imported("pretrain_t5.py", "--encoder-num-layers 12 --decoder-num-layers 6 "
                          "--encoder-seq-length 512 --decoder-seq-length 128")
    assert "encoder { layers: 12 tokens: 512 }" in text and "layers: 6\n" in text, text
    assert "sequence_length: 128\n" in text and "not mapped" not in done.stderr, (text, done.stderr)
    call("run", folder / "p.textproto", "-o", folder / "ot")
    done, text = imported("pretrain_gpt.py", "--use-precision-aware-optimizer --exp-avg-dtype bf16 "
                          "--exp-avg-sq-dtype bf16 --cpu-offloading --cpu-offloading-num-layers 10 "
                          "--context-parallel-size 2 --cp-comm-type a2a")
    assert 'optimizer: "adamw_16bit"\n' in text and "offload_layers: 10\n" in text, text
    assert "context_exchange: ALL_TO_ALL" in text, text
    assert "not mapped" not in done.stderr, done.stderr
    call("run", folder / "p.textproto", "-o", folder / "om")
    _, text = imported("pretrain_gpt.py", "--zero-stage 2 --checkpoint-activations")
    assert "zero: 2\n" in text and "recompute: FULL_LAYER\n" in text, text


def check_megatron_of_today(folder):
    """DeepEP, the optimizer on the host, tokens further ahead, and stages one by one."""
    script = folder / "moe.sh"
    script.write_text(
        "torchrun --nproc_per_node 8 --nnodes 32 pretrain_gpt.py --num-layers 61 --hidden-size 7168 "
        "--ffn-hidden-size 18432 --num-attention-heads 128 --swiglu --num-experts 256 --moe-router-topk 8 "
        "--moe-ffn-hidden-size 2048 --moe-layer-freq '([0]*3+[1]*58)' --moe-enable-deepep "
        "--expert-model-parallel-size 64 --expert-tensor-parallel-size 1 --pipeline-model-parallel-size 4 "
        '--pipeline-model-parallel-layout "Et*3|(tt|)*29m|L" --mtp-num-layers 1 --vocab-size 129280 '
        "--seq-length 4096 --micro-batch-size 1 --global-batch-size 2048 --bf16 "
        "--use-distributed-optimizer --optimizer-cpu-offload\n")
    done = call("import", "megatron", script, "--accelerator", "h100_sxm")
    for part in ('stack: "megatron_deepep_wide_gradients"', "virtual_pipeline: 8", "optimizer_place: ON_HOST",
                 "prediction_modules: 1", "32 stages, 8 on a rank"):
        assert part in done.stdout, (part, done.stdout)
    assert "not mapped" not in done.stderr, done.stderr
    script.write_text(script.read_text().replace("(tt|)*29", "(tt|)*30"))
    done = call("import", "megatron", script, "--accelerator", "h100_sxm", code=2)
    assert "33 stages, which 4 pipeline ranks do not share" in done.stderr, done.stderr


def check_torchtitan_formats(folder):
    """Recipes of FP8, and the small DeepSeek."""
    text = ('[model]\nname = "llama3"\nflavor = "8B"\n{}[training]\nlocal_batch_size = 1\nseq_len = 8192\n'
            '[compile]\nenable = true\n[float8]\nrecipe_name = "rowwise"\n')
    file = folder / "titan.toml"
    file.write_text(text.format('converters = ["float8"]\n'))
    done = call("import", "torchtitan", file, "--accelerator", "h100_sxm", "--accelerators", 8)
    assert 'stack: "torchtitan_rowwise"' in done.stdout and "precision: FP8" in done.stdout, done.stdout
    file.write_text(text.format(""))
    done = call("import", "torchtitan", file, "--accelerator", "h100_sxm", "--accelerators", 8)
    assert "precision: BF16" in done.stdout and "no converter is given" in done.stdout, done.stdout
    file.write_text('[model]\nname = "deepseek_v3"\nflavor = "16B"\n[training]\nlocal_batch_size = 4\nseq_len = 4096\n')
    done = call("import", "torchtitan", file, "--accelerator", "h100_sxm", "--accelerators", 8)
    assert 'model: "deepseek_v2_lite"' in done.stdout, done.stdout


def check_wrong(folder):
    for config, message in [
            ('{"model_type": "llama",\n "hidden_size": }',
             'F:2:17: here stands "}"; expected a value: a text in quotes, a number, true, false, '
             'null, a list or an object'),
            ('{"model_type": "llama"\n "hidden_size": 1}', 'F:2:2: here stands "\\""; expected "," or "}"'),
            ('{"model_type": "llama', 'F:1:16: the text that begins here does not end in its line; '
             'expected a closing "'),
            ('[1]', 'F:1:1: this is no object; expected { "model_type": ... } as config.json has it'),
            ('{"model_type": "llama",\n "hidden_size": "big"}',
             'F:2:17: "hidden_size" is "big"; expected a whole number from 1 to 100000000'),
            ('{"model_type": "clip"}',
             'F:1:16: models of the type "clip" are not simulated; expected a stack of layers of '
             'one width'),
            ('{"model_type": "fancy"}',
             'F: "num_hidden_layers" is missing, and its class has no default; expected a whole '
             'number')]:
        file = written(folder, config)
        answer = call("import", "hf", file, code=2).stderr.replace(str(file), "F")
        assert answer.split("\n")[0].replace('"""', '"\\""') == message, (answer, message)


def check_jobs(folder):
    """A job that names the file takes as long as one that names the catalogue's entry."""
    written(folder, LLAMA)
    times = []
    for index, model in enumerate(['model_file: "config.json"', 'model: "llama_3.1_8b"']):
        scenario = written(folder, SCENARIO.format(model), f"s{index}.textproto")
        times.append(json.loads(call("run", scenario, "--format", "json", "-o",
                                     folder / f"o{index}").stdout)["step_time_s"])
    assert times[0] == times[1], times
    both = written(folder, SCENARIO.format('model: "llama_3.1_8b" model_file: "config.json"'), "b")
    answer = call("run", both, code=2).stderr
    assert answer.strip().endswith('b:6:39: both "model" and "model_file" are given; expected one '
                                   "of them"), answer
    none = written(folder, SCENARIO.format('model_file: "other.json"'), "n")
    answer = call("run", none, code=2).stderr
    assert "n:6:17: " in answer and "other.json" in answer, answer
    written(folder, LLAMA | {"num_hidden_layers": 16}, "half.json")
    # An assignment replaces the model, and takes as long as a scenario that says the same.
    for more in ((folder / "s1.textproto", "--set", "job[0].pretraining.model_file=half.json"),
                 (written(folder, SCENARIO.format('model_file: "half.json"'), "h"),)):
        times.append(json.loads(call("run", *more, "--format", "json", "-o",
                                     folder / "oh").stdout)["step_time_s"])
    assert times[2] == times[3] < 0.9 * times[0], times


MEGATRON = """#!/bin/bash
TP=8
export PP=${PP:-4}
MODEL_ARGS=(
  --num-layers 32 --hidden-size 4096  # a comment
  --num-attention-heads 32
  --group-query-attention --num-query-groups 8 --ffn-hidden-size 14336 --swiglu
  --position-embedding-type rope --untie-embeddings-and-output-weights
)
torchrun --nproc_per_node 8 --nnodes 16 pretrain_gpt.py "${MODEL_ARGS[@]}" \\
  --seq-length 8192 --micro-batch-size 1 --global-batch-size 64 --vocab-size 128256 \\
  --tensor-model-parallel-size $TP --pipeline-model-parallel-size ${PP} --sequence-parallel \\
  --num-layers-per-virtual-pipeline-stage 4 --bf16 --use-distributed-optimizer \\
  --overlap-grad-reduce --recompute-granularity selective --lr 3e-4 --number-layers 3
"""


def megatron(folder, text, *more, code=0):
    out = folder / "m.textproto"
    done = call("import", "megatron", written(folder, text, "args.sh"), "-o", out, "--accelerator",
                "h100_sxm", *more, code=code)
    return done, (out.read_text(encoding="utf-8") if code == 0 else "")


def check_megatron(folder):
    done, text = megatron(folder, MEGATRON)
    for line in ("tensor: 8", "pipeline: 4", "virtual_pipeline: 2", "data: 4", "servers: 16",
                 "sequence_parallel: true", "global_batch: 64", "zero: 1", "recompute: SELECTIVE",
                 "gradients: true", "parameters: false", "kv_heads: 8", "vocabulary: 129024",
                 "tied_embeddings: false", "max_positions: 0", "precision: BF16"):
        assert f"{line}\n" in text, (line, text)
    assert ('args.sh:14:69: --number-layers is not mapped (did you mean "--num-layers"?)'
            in done.stderr.replace(str(folder) + "/", "")), done.stderr
    assert "--lr" not in done.stderr, done.stderr
    step = json.loads(call("run", folder / "m.textproto", "--format", "json", "-o",
                           folder / "om").stdout)
    assert step["step_time_s"] > 0
    # Feed-forward blocks in CUDA graphs keep more.
    _, text = megatron(folder, MEGATRON.replace(
        "--bf16", "--bf16 --cuda-graph-impl transformer_engine --cuda-graph-scope attn mlp"))
    assert 'stack: "megatron_core_graphs_wide_gradients"\n' in text, text  # recipes say --grad-reduce-in-bf16
    # The same as YAML, on a cluster.
    yaml = "language_model:\n  num_layers: 32\n  hidden_size: 4096\n  num_attention_heads: 32\n" \
           "seq_length: 4096\nvocab_size: 50257\ntensor_model_parallel_size: 2\n"
    call("import", "megatron", written(folder, yaml, "args.yaml"), "--cluster", "meta_16k_h100",
         "--accelerators", "64", "-o", folder / "y.textproto")
    text = (folder / "y.textproto").read_text(encoding="utf-8")
    assert "data: 32\n" in text and 'cluster: "meta_16k_h100"' in text, text
    call("run", folder / "y.textproto", "-o", folder / "oy")


def check_layers(folder):
    """40 layers over 16 stages: none is dropped, none stays empty."""
    odd = MEGATRON.replace("--num-layers 32", "--num-layers 40").replace(
        "--num-layers-per-virtual-pipeline-stage 4", "").replace("PP:-4", "PP:-16")
    done, text = megatron(folder, odd)
    note = ("note: 40 layers do not share out over 16 chunks: 8 of 3 and 8 of 2 here "
            "(uneven_layers); a framework that rounds down would build 32 and drop 8\n")
    assert note in done.stderr and "uneven_layers: true\n" in text, done.stderr
    few, _ = megatron(folder, odd.replace("--num-layers 40", "--num-layers 12"), code=2)
    assert few.stderr.strip().endswith("args.sh:5:3: 12 layers leave some of 16 pipeline chunks "
                                       "empty; expected at least 16 layers"), few.stderr


# A mixture of experts in 27 layers on 16 servers.
MIXTURE = MEGATRON.replace("--num-layers 32", "--num-layers 27").replace(
    "--num-layers-per-virtual-pipeline-stage 4", "").replace("PP:-4", "PP:-1").replace(
        "--swiglu", "--swiglu --num-experts 16 --moe-ffn-hidden-size 1024 --moe-layer-freq LIST")


def check_dense_layers(folder):
    for written_as, dense in [("'([0]+[1]*26)'", 1), ("'([0]*3+[1]*24)'", 3), ("[0]*26+[1]", 26),
                              ('"([0]*2 + [1]*25)"', 2)]:
        _, text = megatron(folder, MIXTURE.replace("LIST", written_as))
        assert f"dense_layers: {dense}\n" in text, (written_as, text)
    for all_of_them in ["1", "'([1]*27)'"]:
        _, text = megatron(folder, MIXTURE.replace("LIST", all_of_them))
        assert "dense_layers" not in text and "experts: 16\n" in text, text
    for wrong, shown in [("'([0]*3+[1]*23)'", "[0]*3+[1]*23"), ("[0]*3+[1]*24+[0]", "[0]*3+[1]*24+[0]"),
                         ("'([0]*1+[2]*26)'", "[0]*1+[2]*26"), ("[0]*27", "[0]*27")]:
        done, _ = megatron(folder, MIXTURE.replace("LIST", wrong), code=2)
        message = f'--moe-layer-freq is "{shown}"; expected a number, or a list of 27 zeros and ones, ' \
            "such as ([0]*3+[1]*58)\n"
        assert done.stderr.endswith(message), (wrong, done.stderr)


def check_wrong_arguments(folder):
    for old, new, message in [
            ("--num-layers 32", "--num-layers many",
             'args.sh:5:16: --num-layers is "many"; expected a whole number from 1 to 1000000000'),
            ("--hidden-size 4096", "", "args.sh: --hidden-size is missing; expected a whole number"),
            ("TP=8", "", 'args.sh:12:32: --tensor-model-parallel-size is "$TP", which the file does '
                         "not set; expected a whole number from 1 to 1000000000"),
            ("--vocab-size 128256", "",
             "args.sh: the size of the vocabulary stands in the tokenizer's file; expected "
             "--vocab-size N in the arguments, or --vocabulary N of this command"),
            ("--nnodes 16", "--nnodes 3",
             "args.sh: tensor 8 x context 1 x pipeline 4 = 32 ranks do not divide 24 accelerators; "
             "expected a multiple of 32"),
            ("--global-batch-size 64", "--global-batch-size 66",
             "args.sh:11:42: --global-batch-size 66 is no multiple of micro-batch 1 x 4 replicas; "
             "expected a multiple of 4")]:
        done, _ = megatron(folder, MEGATRON.replace(old, new), code=2)
        lines = done.stderr.replace(str(folder) + "/", "").strip().split("\n")
        assert message in lines, (done.stderr, message)
    answer = call("import", "megatron", folder / "args.sh", "--accelerator", "h100_smx", code=2)
    assert 'did you mean "h100_sxm"?' in answer.stderr, answer.stderr


TOML = """[model]
name = "llama3"
flavor = "8B"
[training]
local_batch_size = 1
seq_len = 8192  # tokens
steps = 1000
[parallelism]
data_parallel_shard_degree = -1
tensor_parallel_degree = 2
pipeline_parallel_degree = 1
tensor_parallel_degrees = 4
[activation_checkpoint]
mode = "selective"
[compile]
enable = true
"""


def check_torchtitan(folder):
    out = folder / "t.textproto"
    file = written(folder, TOML, "llama3_8b.toml")
    done = call("import", "torchtitan", file, "--accelerator", "h100_sxm", "--accelerators", 64,
                "-o", out)
    text = out.read_text(encoding="utf-8")
    for line in ('model: "llama_3.1_8b"', 'stack: "torchtitan_tensor_compiled"', "tensor: 2", "data: 32", "zero: 3",
                 "global_batch: 32", "sequence_parallel: true", "recompute: SELECTIVE"):
        assert f"{line}\n" in text, (line, text)
    assert done.stderr.endswith(
        'llama3_8b.toml:12:1: parallelism.tensor_parallel_degrees is not mapped (did you mean '
        '"parallelism.tensor_parallel_degree"?)\n'), done.stderr
    call("run", out, "-o", folder / "ot")
    file = written(folder, TOML.replace('"8B"', '"9B"'), "llama3_8b.toml")
    answer = call("import", "torchtitan", file, "--accelerator", "h100_sxm", "--accelerators", 64,
                  code=2).stderr
    assert ':3:1: the catalogue has no model "llama3" "9B"; expected llama3 8B, ' in answer, answer


def check_round_trips(folder):
    """What export writes for torchtitan is read as the same layout."""
    examples = Path(sys.argv[2]).resolve().parent.parent / "examples"
    file = folder / "exported.toml"
    back = folder / "back.textproto"
    for example, assignments, model, lines in [
            ("02-llama-405b-16k", ["job[0].pretraining.zero=3"], "llama_3.1_405b",
             ("tensor: 8", "pipeline: 16", "virtual_pipeline: 8", "data: 128",
              "embedding_as_layer: true")),
            ("01-two-servers", ["job[0].pretraining.layout={ tensor: 2 pipeline: 4 data: 2 "
                                "sequence_parallel: true }", "job[0].pretraining.zero=3"],
             "llama_3.1_8b", ("tensor: 2", "pipeline: 4", "data: 2")),
            ("01-two-servers", ["job[0].pretraining.layout={ tensor: 2 pipeline: 4 data: 2 "
                                "virtual_pipeline: 4 sequence_parallel: true }",
                                "job[0].pretraining.zero=3"],
             "llama_3.1_8b", ("tensor: 2", "pipeline: 4", "virtual_pipeline: 4", "data: 2"))]:
        sets = [word for each in assignments for word in ("--set", each)]
        call("export", examples / example / "scenario.textproto", *sets, "--to", "torchtitan", "-o",
             file)
        accelerators = 16384 if model == "llama_3.1_405b" else 16
        call("import", "torchtitan", file, "--model", model, "--accelerator", "h100_sxm",
             "--accelerators", accelerators, "-o", back)
        text = back.read_text(encoding="utf-8")
        for line in lines:
            assert f"{line}\n" in text, (line, text)
        for field in ("virtual_pipeline", "embedding_as_layer", "uneven_layers"):
            assert (field in text) == any(field in line for line in lines), (field, text)
    file.write_text(file.read_text(encoding="utf-8").replace("_layers_per_stage = 2",
                                                             "_layers_per_stage = 3"))
    answer = call("import", "torchtitan", file, "--model", "llama_3.1_8b", "--accelerator",
                  "h100_sxm", "--accelerators", 16, code=2).stderr
    assert answer.endswith(
        "32 layers and 0 for the embedding and the head, 3 of a stage, make 11 stages, which 4 "
        "pipeline ranks do not share; expected a multiple of 4 stages\n"), answer


def check_adapters(folder):
    """huggingface/peft, adapter_config.json, both ways."""
    config = {"peft_type": "LORA", "r": 16, "lora_dropout": 0.05, "target_modules": ["q_proj", "v_proj"]}
    file = written(folder, config, "adapter_config.json")
    text = call("import", "peft", file).stdout
    assert "rank: 16\n" in text and "dropout: 0.05\n" in text, text
    scenario = Path(sys.argv[2]).resolve().parent.parent / "examples/01-two-servers/scenario.textproto"
    back = json.loads(call("export", scenario, "--set", "job[0].pretraining.adapters={ rank: 16 dropout: 0.05 "
                           "target: [\"q_proj\", \"v_proj\"] }", "--to", "peft").stdout)
    assert all(back[key] == value for key, value in config.items()), back
    wrong = call("import", "peft", written(folder, config | {"lora_dropout": 5}, "adapter_config.json"), code=2)
    assert wrong.stderr.endswith('"lora_dropout" is 5; expected a number from 0 to 0.99\n'), wrong.stderr


def check_docs(folder):
    """The files of docs/interop.md, and the commands on them."""
    page = Path(sys.argv[2]).read_text(encoding="utf-8")
    commands = 0
    for head, body in re.findall(r"^```(\w+(?: \S+)?)\n(.*?)^```$", page, re.S | re.M):
        if " " in head:
            (folder / head.split()[1]).write_text(body, encoding="utf-8")
        elif head == "sh":
            for line in body.strip().split("\n"):
                words = line.split()
                assert words[0] == "gridlock", line
                done = program.run([GRIDLOCK, *words[1:]], cwd=folder, capture_output=True,
                                   text=True, check=False)
                assert done.returncode == 0, (line, done.stderr)
                commands += 1
    assert commands == 8, commands


def main():
    with tempfile.TemporaryDirectory() as name:
        for check in some((check_parameters, check_notes, check_other_names, check_unknown_classes, check_slips,
                      check_megatron_of_today, check_megatron_programs, check_torchtitan_formats, check_wrong, check_jobs, check_megatron,
                      check_layers, check_dense_layers, check_wrong_arguments, check_torchtitan,
                      check_round_trips, check_adapters, check_docs)):
            check(Path(name))


main()
