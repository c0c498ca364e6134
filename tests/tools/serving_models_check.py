#!/usr/bin/env python3
"""Models as people serve them: formats of checkpoints, windows, tied tables, encoders, small memories,
long prompts on data-parallel ranks, watts. Sizes are those of the files at Hugging Face.

usage: serving_models_check.py GRIDLOCK SOURCE_DIR
"""

import json
import os
import shutil
import sys
import tempfile

import program
from asking import ask

GRIDLOCK = os.path.abspath(sys.argv[1])
ROOT = sys.argv[2]
ONE = ("--requests", 1, "--input", 16, "--output-tokens", 2)


def call(*arguments):
    return program.run([GRIDLOCK, "serve", *map(str, arguments)], text=True, capture_output=True,
                       check=False, cwd=ROOT)


def serve(*arguments):
    done = call(*arguments, "--format", "json")
    assert done.returncode == 0, (arguments, done.returncode, done.stderr)
    return json.loads(done.stdout)


def refused(*arguments):
    done = call(*arguments)
    assert done.returncode == 2, (arguments, done.returncode, done.stdout)
    return done.stderr


def near(value, expected, tolerance, what):
    print(f"  {what}: {value:.4g}, expected {expected:.4g} ({100 * (value / expected - 1):+.1f} %)")
    assert abs(value / expected - 1) <= tolerance, (what, value, expected)


def weights(run):
    return run["weight_bytes_per_accelerator"] * run["accelerators"] / 1e9


def config(**fields):
    with tempfile.NamedTemporaryFile("w", suffix=".json", delete=False, encoding="utf-8") as file:
        json.dump({"model_type": "llama", "hidden_size": 8192, "intermediate_size": 28672,
                   "num_hidden_layers": 80, "num_attention_heads": 64, "num_key_value_heads": 8,
                   "vocab_size": 128256, "tie_word_embeddings": False, **fields}, file)
    return file.name


def a_config_says_the_format_of_its_checkpoint():
    """A 70B as each tool packs it: 68.45 billion weights of layers, 4.2 GB of tables in 16 bits."""
    layers, tables = 68.45, 4.2
    for packing, format_, byte in (
            ({"quant_method": "awq", "bits": 4, "group_size": 128}, "int4", 0.53),
            ({"quant_method": "gptq", "bits": 8, "group_size": 128}, "int8", 1),
            ({"quant_method": "gptq", "bits": "4"}, "int4", 0.53),
            ({"quant_method": "fp8", "weight_block_size": [128, 128]}, "fp8", 1),
            ({"quant_method": "fbgemm_fp8"}, "fp8", 1),
            ({"quant_method": "compressed-tensors", "config_groups": {"group_0": {
                "weights": {"num_bits": 8, "type": "float"}}}}, "fp8", 1),
            ({"quant_method": "compressed-tensors", "config_groups": {"group_0": {
                "weights": {"num_bits": 4, "type": "int"}}}}, "int4", 0.53),
            ({"quant_method": "modelopt", "quant_algo": "NVFP4"}, "nvfp4", 0.5625),
            ({"quant_method": "modelopt", "config_groups": {"group_0": {
                "weights": {"num_bits": 4, "type": "float", "group_size": 16}}}}, "nvfp4", 0.5625),
            ({"quant_method": "bitsandbytes", "load_in_4bit": True}, "int4", 0.53),
            ({"quant_method": "quark", "global_quant_config": {"weight": {"dtype": "fp8_e4m3"}}},
             "fp8", 1)):
        file = config(quantization_config=packing)
        run = serve("--model", file, "--part", "h200_sxm", "--tensor", 2, *ONE)
        near(weights(run), layers * byte + tables, 0.01, f"GB of a 70B, {packing['quant_method']}")
        assert f"weights in {format_}, as the checkpoint is published" in run["note"], run["note"]
    wide = serve("--model", config(), "--part", "h200_sxm", "--tensor", 2, *ONE)
    near(weights(wide), 2 * layers + tables, 0.01, "GB of a 70B in 16 bits")
    said = call("--model", config(quantization_config={"quant_method": "own"}), "--tensor", 8, *ONE)
    assert 'no format is known by "own"' in said.stderr, said.stderr
    ffn = config(quantization_config={"quant_method": "fbgemm_fp8", "modules_to_not_convert":
                                      ["model.layers.0.self_attn.q_proj"]})
    more = serve("--model", ffn, "--part", "h200_sxm", "--tensor", 2, *ONE)
    near(weights(more), layers + tables + 80 * 8192 * 128 * (2 * 64 + 2 * 8) / 1e9, 0.01,
         "GB of a 70B whose attention keeps 16 bits")


def a_name_says_the_format_of_its_checkpoint():
    """Totals of the files: 72.7, 41.6, 249 and 424 GB."""
    for name, tensor, format_, size in (
            ("RedHatAI/Meta-Llama-3.1-70B-Instruct-FP8", 2, "fp8", 72.7),
            ("Qwen/Qwen2.5-72B-Instruct-AWQ", 1, "int4", 41.6),
            ("Qwen/Qwen2.5-72B-Instruct-GPTQ-Int8", 1, "int8", 77),
            ("nvidia/Llama-3.1-405B-Instruct-FP4", 4, "nvfp4", 233),
            ("nvidia/DeepSeek-R1-FP4", 8, "nvfp4", 400)):
        run = serve("--model", name, "--part", "b200_sxm", "--tensor", tensor, *ONE)
        assert f"weights in {format_}, as the checkpoint is published" in run["note"], run["note"]
        near(weights(run), size, 0.08, f"GB of {name}")
    told = serve("--model", "Qwen/Qwen2.5-72B-Instruct-AWQ", "--part", "b200_sxm", "--tensor", 2,
                 "--weights", "bf16", *ONE)
    near(weights(told), 145.4, 0.01, "GB in 16 bits, as --weights says")


def windows_take_room_as_requests_need_it():
    """Models with windows on cards that people run them on; gemma 2 9B of half windows holds about as
    many tokens as HBM has bytes for its other layers, whatever the batch may be."""
    for model, part, format_ in (("gemma_3_27b", "h100_sxm", "bf16"), ("gemma_3_12b", "rtx_4090", "int4"),
                                 ("gemma_2_9b", "l40s", "bf16"), ("llama_4_scout", "h100_sxm", "int4")):
        run = serve("--model", model, "--part", part, "--weights", format_, "--concurrency", 1,
                    "--requests", 2)
        assert run["cache_tokens"] > 20000, (model, run["cache_tokens"])
    gemma = ("--model", "gemma_2_9b", "--part", "h100_sxm", "--concurrency", 1, "--requests", 2)
    wide, narrow = (serve(*gemma, *more)["cache_tokens"] for more in ((), ("--batch-max", 1)))
    near(wide, narrow, 0.12, "tokens of gemma 2 9B with large batches")


def tied_tables_count_once():
    """model.safetensors: 2.47, 0.99, 1.19 (0.6B with its table once) and 54.0 GB."""
    for model, part, size in (("llama_3.2_1b", "h100_sxm", 2.47), ("qwen2.5_0.5b", "h100_sxm", 0.99),
                              ("qwen3_0.6b", "h100_sxm", 1.19), ("gemma_3_27b", "h200_sxm", 54.0)):
        near(weights(serve("--model", model, "--part", part, *ONE)), size, 0.01, f"GB of {model}")


def long_prompts_go_on_all_ranks():
    """DeepSeek-V3 on eight H200: data-parallel attention prefills long prompts no slower than
    tensor-parallel attention does."""
    model = ("--model", "deepseek_v3", "--part", "h200_sxm", "--weights", "fp8", "--engine", "sglang",
             "--concurrency", 64, "--requests", 128, "--output-tokens", 1)
    for tokens in (8000, 32000):
        def rate(*layout, tokens=tokens):
            return 128 * tokens / serve(*model, "--input", tokens, *layout)["duration_s"]
        ranks, together = rate("--data", 8), rate("--tensor", 8)
        print(f"  prompts of {tokens}: {ranks:.0f} tokens/s on ranks, {together:.0f} together")
        assert ranks > together, (tokens, ranks, together)


def cards_draw_what_they_were_measured_to():
    """A 3090 decodes at 310 W (noonghunna/club-3090, issue 698), and at its cap of 315 W prefills as well
    (ashalliants/ninfer-3090, pull 72); a V100 prefills at 270 to 300 W."""
    decode = ("--model", "llama-3.1-8b", "--concurrency", 1, "--requests", 4, "--input", 128,
              "--output-tokens", 256)
    prefill = ("--model", "llama-3.1-8b", "--concurrency", 32, "--requests", 64, "--input", 2000,
               "--output-tokens", 1)
    for part, load, what, watts in (("rtx_3090", decode, "decodes", 310), ("rtx_3090", prefill, "prefills", 315),
                                    ("v100_sxm_32gb", prefill, "prefills", 285)):
        run = serve(*load, "--part", part)
        near(run["watts_per_accelerator"], watts, 0.2, f"W of a {part} that {what}")


def models_that_make_no_tokens_are_refused():
    text = refused("--model", "dit_xl_2", *ONE)
    assert "dit_xl_2 is a diffusion model" in text and "expected a decoder" in text, text
    bert = config(model_type="bert", hidden_size=768, intermediate_size=3072, num_hidden_layers=12,
                  num_attention_heads=12, num_key_value_heads=12, vocab_size=30522)
    run = serve("--model", bert, "--part", "l4", "--input", 512, "--requests", 200)
    assert "is an encoder: each input is read once" in run["note"], run["note"]
    assert run["requests"] == 200, run
    for name in ("albert_xxlarge", "albert_xxlarge_v2"):  # an entry, and an alias of it
        assert "is an encoder: each input" in serve("--model", name, *ONE)["note"], name


def embeddings_and_rerankers_are_served():
    """One vector or score an input: 97 GFLOP for 512 tokens of bge-base, of 70 TFLOP/s of an A10G."""
    def rate(model, part):
        run = serve("--model", model, "--part", part, "--input", 512, "--requests", 2000)
        return run["requests"] / run["duration_s"]

    flop = 2 * 85e6 * 512 + 4 * 512 * 512 * 768 * 12
    base = rate("BAAI/bge-base-en-v1.5", "a10g")
    assert 0.25 < base * flop / 70e12 < 0.9, base
    assert 2 < base / rate("BAAI/bge-reranker-v2-m3", "a10g") < 5
    decoder = serve("--model", "Qwen/Qwen3-Embedding-8B", "--part", "h100_sxm", "--input", 512, "--output-tokens",
                    1, "--requests", 500)
    assert '"Qwen/Qwen3-Embedding-8B" is qwen3-8b' in decoder["note"], decoder["note"]


def attention_to_picked_tokens_is_served():
    """DeepSeek-V3.2 reads 2,048 tokens of a context and keys of an indexer of all."""
    times = [serve("--model", model, "--part", "h200_sxm", "--data", 8, "--concurrency", 16, "--requests", 32,
                   "--input", 64000, "--output-tokens", 200)["tpot_s"]["median"]
             for model in ("deepseek-v3.2", "deepseek-r1")]
    assert times[0] < 0.8 * times[1], times


def experts_lie_in_the_host():
    """A 120B of experts on one card: its host works on those that do not fit."""
    one = ("--model", "gpt-oss-120b", "--part", "rtx_5090", "--engine", "llamacpp", "--concurrency", 1, "--requests",
           2, "--input", 200, "--output-tokens", 200)
    assert "no room for a KV cache" in refused(*one)
    run = serve(*one, "--offload-gb", 45)
    assert 15 < 1 / run["tpot_s"]["median"] < 60, run["tpot_s"]
    assert "of the experts lie in the host's memory" in run["note"], run["note"]
    fast = serve(*one, "--offload-gb", 45, "--host-memory-gbs", 400)
    assert fast["tpot_s"]["median"] < run["tpot_s"]["median"]
    vllm = serve("--model", "llama-3.1-70b", "--part", "h100_sxm", "--offload-gb", 80, "--concurrency", 1, "--requests",
                 2, "--input", 100, "--output-tokens", 20)
    assert 80e9 / 55e9 < vllm["tpot_s"]["median"] < 2, vllm["tpot_s"]


def top_p_by_a_sort_takes_time():
    """7.6 ms for 512 sequences of 128,256 words on an H200 (measured)."""
    load = ("--model", "llama-3.1-8b", "--part", "h200_sxm", "--engine", "vllm_1", "--concurrency", 512,
            "--requests", 1024, "--input", 100, "--output-tokens", 200)
    greedy, chosen = (serve(*load, "--sampling", how)["tpot_s"]["median"] for how in ("greedy", "top-p"))
    assert 0.9 * greedy < chosen, (greedy, chosen)
    offline = ("--model", "llama-3.1-8b", "--part", "h200_sxm", "--engine", "vllm_1", "--requests", 512,
               "--input", 100, "--output-tokens", 200)
    greedy, chosen = (serve(*offline, "--sampling", how)["tpot_s"]["median"] for how in ("greedy", "top-p"))
    near(chosen - greedy, 7.6e-3, 0.2, "s of top-p")


def decoders_behind_an_encoder_are_served():
    """Whisper large-v3: 1.54 billion parameters; twice the
    input takes longer to read, and each step after it as well."""
    one = serve("--model", "whisper_large_v3", "--part", "h100_sxm", "--input", 1500, "--output-tokens", 100,
                "--requests", 1, "--concurrency", 1)
    near(one["weight_bytes_per_accelerator"], 2 * 1.543e9, 0.01, "bytes of Whisper")
    assert "reads the whole input" in one["note"] and "was made for" not in one["note"], one["note"]
    twice = serve("--model", "whisper_large_v3", "--part", "h100_sxm", "--input", 3000, "--output-tokens", 100,
                  "--requests", 1, "--concurrency", 1)
    for what in ("ttft_s", "tpot_s"):
        assert twice[what]["median"] > one[what]["median"], (what, one, twice)
    assert "was made for inputs of 1500 tokens" in twice["note"], twice["note"]
    t5 = serve("--model", "t5_11b", "--part", "h100_sxm", *ONE)
    near(t5["weight_bytes_per_accelerator"], 2 * 11.31e9, 0.01, "bytes of T5 11B")


def padding_of_experts_counts():
    """vLLM loads gpt-oss-120b with 64.4 to 66.0 GiB on one card: kernels pad its experts."""
    run = serve("--model", "gpt-oss-120b", "--part", "h100_sxm", *ONE)
    near(run["weight_bytes_per_accelerator"] / 2**30, 64.4, 0.01, "GiB of gpt-oss-120b")


def memory_on_the_die_has_no_reserve():
    """A 70B in 8 bits on 512 chips of 230 MB: 72 GB of 118."""
    run = serve("--model", "llama-2-70b", "--part", "groq_rack", "--weights", "int8", "--tensor", 64,
                "--pipeline", 8, *ONE)
    assert run["cache_tokens"] > 4096, run["cache_tokens"]


def a_catalogue_of_ones_own_has_its_tables():
    """A folder of GRIDLOCK_CATALOG replaces serving_engines.csv, too: a broken number is seen."""
    with tempfile.TemporaryDirectory() as folder:
        for part in ("topologies/catalog", "workloads/catalog"):
            shutil.copytree(os.path.join(ROOT, part), os.path.join(folder, part))
        table = os.path.join(folder, "workloads/catalog/serving_engines.csv")
        with open(table, encoding="utf-8") as file:
            lines = file.read().splitlines(keepends=True)
        at = next(i for i, line in enumerate(lines) if line.startswith("vllm_early,memory_share,"))
        lines[at] = lines[at].replace("vllm_early,memory_share,", "vllm_early,memory_share,x")
        with open(table, "w", encoding="utf-8") as file:
            file.writelines(lines)
        done = program.run([GRIDLOCK, "serve", "--model", "llama_3.1_8b", *map(str, ONE)], text=True,
                           capture_output=True, check=False, env={**os.environ, "GRIDLOCK_CATALOG": folder})
        assert done.returncode == 2 and f"serving_engines.csv:{at + 1}:" in done.stderr, done.stderr


def main():
    ask(a_config_says_the_format_of_its_checkpoint, a_name_says_the_format_of_its_checkpoint,
        windows_take_room_as_requests_need_it, tied_tables_count_once,
        long_prompts_go_on_all_ranks, cards_draw_what_they_were_measured_to,
        models_that_make_no_tokens_are_refused, embeddings_and_rerankers_are_served,
        attention_to_picked_tokens_is_served, experts_lie_in_the_host, top_p_by_a_sort_takes_time,
        decoders_behind_an_encoder_are_served, padding_of_experts_counts, memory_on_the_die_has_no_reserve,
        a_catalogue_of_ones_own_has_its_tables)


if __name__ == "__main__":
    main()
