#!/usr/bin/env python3
"""Engines that people run at home, parts of one's own, and AMD's published latencies.

Speeds of llama.cpp: XiongjieDai/GPU-Benchmarks-on-LLM-Inference (README.md, May 2024), Llama 3 of 8B
and 70B, llama-bench. Latencies of 8 MI300X: ROCm/vllm, docs/dev-docker/README.md (vLLM 0.11, November
2025), Llama 3.1 in FP8, prompts of 128 tokens and answers of 2,048.

usage: serving_local_check.py GRIDLOCK SOURCE_DIR
"""

import json
import os
import sys
import tempfile
from statistics import median

import program
from asking import ask

GRIDLOCK = os.path.abspath(sys.argv[1])
ROOT = sys.argv[2]
SMALL, LARGE = "llama-3.1-8b", "llama-3.1-70b"

# Tokens/s of one stream: 512 generated, and prompts of 1,024 tokens. With a 70B llama.cpp overlapped cards on
# six of them and not on two and four; no reason is known.
SPEEDS = [
    ("rtx_3090", 1, SMALL, "q4_k_m", 115.42, 3865), ("rtx_3090", 1, SMALL, "f16", 47.40, 4240),
    ("rtx_4090", 1, SMALL, "q4_k_m", 130.58, 6899), ("rtx_4090", 1, SMALL, "f16", 54.84, 9056),
    ("rtx_3090", 2, SMALL, "q4_k_m", 111.67, 4004), ("rtx_4090", 2, SMALL, "f16", 53.64, 11095),
    ("rtx_3090", 2, LARGE, "q4_k_m", 16.57, None), ("rtx_4090", 2, LARGE, "q4_k_m", 19.22, None),
    ("rtx_3090", 4, LARGE, "q4_k_m", 17.07, None), ("rtx_4090", 4, LARGE, "q4_k_m", 19.80, None),
]

# The same of parts whose constants are those of others of their kind, but for M2 Ultra and M3 Max.
OTHERS = [("rtx_3070", SMALL, "q4_k_m", 72.79), ("rtx_3080", SMALL, "q4_k_m", 109.57), ("rtx_3080_ti", SMALL, "q4_k_m", 110.60),
          ("rtx_4070_ti", SMALL, "q4_k_m", 83.50), ("rtx_4080", SMALL, "q4_k_m", 108.15),
          ("m2_ultra", SMALL, "q4_k_m", 78.81), ("m2_ultra", SMALL, "f16", 36.90), ("m2_ultra", LARGE, "q4_k_m", 12.48),
          ("m3_max", SMALL, "q4_k_m", 48.97), ("m3_max", SMALL, "f16", 22.04), ("m3_max", LARGE, "q4_k_m", 7.65),
          ("m1_max", SMALL, "f16", 18.75)]

# Seconds by batch.
LATENCIES = {LARGE: {1: 16.154, 4: 18.322, 16: 21.850, 32: 25.513, 64: 32.539, 128: 45.193},
             "llama-3.1-405b": {1: 48.138, 4: 49.790, 16: 55.685, 32: 67.445, 64: 86.597, 128: 120.387}}


def call(*arguments):
    return program.run([GRIDLOCK, *map(str, arguments)], text=True, capture_output=True, check=False,
                       cwd=ROOT)


def serve(*arguments):
    done = call("serve", *arguments, "--format", "json")
    assert done.returncode == 0, (arguments, done.returncode, done.stderr)
    return json.loads(done.stdout)


def close(errors, middle, most, what):
    print(f"  {what}: median {100 * median(map(abs, errors)):.1f} %, most {100 * max(map(abs, errors)):.1f} %")
    assert median(map(abs, errors)) <= middle and max(map(abs, errors)) <= most, (what, errors)


def stream(part, cards, model, weights, *more):
    """Seconds to the first token, and between tokens, of one request alone."""
    run = serve("--engine", "llamacpp_2024", "--part", part, "--pipeline", cards, "--model", model, "--weights",
                weights, "--concurrency", 1, "--requests", 1, *more)
    return run["ttft_s"]["median"] - 0.002, run["tpot_s"]["median"]


def llama_cpp_runs_as_fast_as_measured():
    decode, prompts = [], []
    for part, cards, model, weights, tokens, prompt in SPEEDS:
        _, tpot = stream(part, cards, model, weights, "--input", 1, "--output-tokens", 512)
        decode.append(1 / tpot / tokens - 1)
        print(f"  {cards} {part}, {model} {weights}: {1 / tpot:.1f} tokens/s ({100 * decode[-1]:+.0f} %)")
        if prompt is None:
            continue
        ttft, _ = stream(part, cards, model, weights, "--input", 1024, "--output-tokens", 2)
        prompts.append(1024 / ttft / prompt - 1)
        print(f"  prompts: {1024 / ttft:.0f} tokens/s ({100 * prompts[-1]:+.0f} %)")
    close(decode, 0.05, 0.15, "tokens of one stream")
    close(prompts, 0.25, 0.7, "prompts")


def other_cards_and_macs_run_as_measured():
    errors = [1 / stream(part, 1, model, weights, "--input", 1, "--output-tokens", 512)[1] / tokens - 1
              for part, model, weights, tokens in OTHERS]
    close(errors, 0.08, 0.15, "tokens of one stream, other cards and Macs")


def layers_on_more_cards_take_turns():
    """Two cards decode no faster than one, and prompts that fill both do."""
    one, two = (stream("rtx_3090", cards, SMALL, "f16", "--input", 1, "--output-tokens", 64)[1]
                for cards in (1, 2))
    assert one <= two < 1.05 * one, (one, two)
    one, two = (stream("rtx_3090", cards, SMALL, "f16", "--input", 8000, "--output-tokens", 2)[0]
                for cards in (1, 2))
    assert two < 0.7 * one, (one, two)
    # Nor do four streams share the cards: each batch goes through both.
    one, two = (serve("--engine", "llamacpp", "--part", "rtx_3090", "--pipeline", cards, "--model", SMALL,
                      "--weights", "f16", "--concurrency", 4, "--requests", 4, "--input", 16,
                      "--output-tokens", 64)["tpot_s"]["median"] for cards in (1, 2))
    assert one <= two < 1.05 * one, (one, two)


def files_of_gguf_are_as_large_as_published():
    """Llama 3 70B: 39.59 GiB in Q4_K_M and 131.42 in F16; 69.83 in Q8_0, 53.91 in Q6_K, 46.52 in Q5_K_M,
    31.91 in Q3_K_M, 24.56 in Q2_K."""
    for name, size in (("q4_k_m", 39.59), ("f16", 131.42), ("q8_0", 69.83), ("q6_k", 53.91),
                       ("q5_k_m", 46.52), ("q3_k_m", 31.91), ("q2_k", 24.56)):
        run = serve("--engine", "llamacpp", "--model", LARGE, "--part", "h200_sxm", "--tensor", 2, "--weights",
                    name, "--requests", 1, "--concurrency", 1)
        got = run["weight_bytes_per_accelerator"] * run["accelerators"] / 2**30
        print(f"  {name}: {got:.2f} GiB, published {size}")
        assert abs(got / size - 1) < 0.03, (name, got, size)


def names_of_files_say_their_format():
    told = [serve("--engine", "llamacpp", "--part", "rtx_3090", "--concurrency", 1, "--requests", 1, "--model",
                  name, *more)["weight_bytes_per_accelerator"]
            for name, more in (("llama-3.1-8b", ()), ("llama-3.1-8b", ("--weights", "Q4_K_M")),
                               ("bartowski/Meta-Llama-3.1-8B-Instruct-GGUF:Q4_K_M", ()),
                               ("Meta-Llama-3.1-8B-Instruct-Q4_K_M.gguf", ()),
                               ("bartowski/Meta-Llama-3.1-8B-Instruct-GGUF", ()))]
    assert len(set(told)) == 1, told
    wrong = call("serve", "--weights", "q4_k_x")
    assert wrong.returncode == 2 and "q4_k_m" in wrong.stderr, wrong.stderr


def ollama_answers_one_at_a_time():
    run = serve("--engine", "ollama", "--part", "rtx_4090", "--model", SMALL, "--concurrency", 4, "--requests",
                8, "--input", 100, "--output-tokens", 50)
    assert run["batch_peak"] == 1, run["batch_peak"]


def a_plan_for_llama_cpp_writes_its_command():
    plan = call("serve-plan", "--engine", "llamacpp", "--model", LARGE, "--part", "rtx_4090", "--rate", 0.02,
                "--input", 200, "--output-tokens", 100, "--flags", "llamacpp")
    assert plan.returncode == 0, plan.stderr
    command = next(line for line in plan.stdout.splitlines() if line.startswith("llama-server"))
    print(f"  {command}")
    assert "-70b-Q4_K_M.gguf" in command and "-ub 512" in command and "--split-mode" in command, command


def a_part_of_ones_own_has_what_kernels_reach_on_its_kind():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "mine.textproto")
        with open(path, "w", encoding="utf-8") as file:
            file.write('accelerator { name: "my_h100" like: "h100_sxm" hbm_bandwidth: "6.7 TB/s" }\n'
                       'server { name: "my_box" like: "dgx_h100" accelerator: "my_h100" }\n'
                       'model { name: "my_8b" like: "llama_3.1_8b" layers: 16 }\n')
        load = ("--model", "llama-3.1-8b", "--engine", "cuda_graph", "--concurrency", 1, "--requests", 1)
        plain, fast, boxed = (serve("--part", part, "--with", path, *load)["tpot_s"]["median"]
                              for part in ("h100_sxm", "my_h100", "my_box"))
        print(f"  {1e3 * plain:.2f} ms a token, {1e3 * fast:.2f} with twice the bandwidth")
        assert fast == boxed and 0.5 * plain < fast < 0.65 * plain, (plain, fast, boxed)
        half = serve("--part", "my_h100", "--with", path, *load[2:], "--model", "my_8b")["tpot_s"]["median"]
        assert half < 0.7 * fast, (half, fast)
        plan = call("serve-plan", "--model", "my_8b", "--part", "my_h100", "--with", path, "--rate", 2)
        assert plan.returncode == 0 and "my_h100" in plan.stdout, plan.stderr
        with open(path, "a", encoding="utf-8") as file:
            file.write('accelerator { name: "other" like: "h100_sxn" }\n')
        wrong = call("serve", "--part", "my_h100", "--with", path)
        assert wrong.returncode == 2 and "mine.textproto:4:" in wrong.stderr and "h100_sxm" in wrong.stderr, \
            wrong.stderr


def a_byte_costs_what_training_pays():
    """One stream draws what a board holds, and each byte of its weights at the catalogue's price."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "dear.textproto")
        with open(path, "w", encoding="utf-8") as file:
            file.write('accelerator { name: "dear" like: "rtx_4090" power { per_hbm_byte: "400 pJ/B" } }\n')
        for part, idle, price in (("rtx_4090", 20, 340e-12), ("dear", 20, 400e-12), ("a100_sxm_80gb", 62, 138e-12)):
            run = serve("--model", SMALL, "--engine", "cuda_graph", "--part", part, "--with", path, "--weights",
                        "bf16", "--concurrency", 1, "--requests", 1, "--input", 16, "--output-tokens", 512)
            rate = (run["weight_bytes_per_accelerator"] - 1.05e9) / run["tpot_s"]["median"]
            watts = run["watts_per_accelerator"]
            print(f"  {part}: {watts:.0f} W, {idle + price * rate:.0f} W for {rate / 1e9:.0f} GB/s of weights")
            assert 0.97 < watts / (idle + price * rate) < 1.1, (part, watts, idle + price * rate)


def mi300x_in_8_bits_decodes_as_published():
    errors = []
    for model, times in LATENCIES.items():
        for batch, seconds in times.items():
            run = serve("--model", model, "--part", "mi300x", "--tensor", 8, "--weights", "fp8", "--engine",
                        "vllm_1_rocm", "--concurrency", batch, "--requests", batch, "--input", 128,
                        "--output-tokens", 2048)
            errors.append(run["tpot_s"]["median"] * 2048 / seconds - 1)
            print(f"  {model}, {batch} sequences: {100 * errors[-1]:+.1f} %")
    close(errors, 0.06, 0.15, "latencies of 8 MI300X")


def main():
    ask(llama_cpp_runs_as_fast_as_measured, other_cards_and_macs_run_as_measured, layers_on_more_cards_take_turns,
        files_of_gguf_are_as_large_as_published, names_of_files_say_their_format,
        ollama_answers_one_at_a_time, a_plan_for_llama_cpp_writes_its_command, a_part_of_ones_own_has_what_kernels_reach_on_its_kind,
        a_byte_costs_what_training_pays, mi300x_in_8_bits_decodes_as_published)


if __name__ == "__main__":
    main()
