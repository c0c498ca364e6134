"""Searches and services as functions: plan, build, serve, serve_plan, export."""

from __future__ import annotations

import json
import os
import tempfile
from typing import Any, Iterable, Mapping, Union

import pandas as pd

from ._program import call, option_words
from ._scenario import Scenario, as_file, override_words

Overrides = Mapping[str, Any]
Listed = Union[str, int, float, Iterable[Any]]
"""One value, several, or a text with commas: 512, [512, 1024], "512,1024"."""


def _joined(value: Listed | None) -> str | None:
    if value is None:
        return None
    if isinstance(value, (str, int, float)):
        return str(value)
    return ",".join(str(each) for each in value)


def _flat(record: Mapping[str, Any]) -> dict[str, Any]:
    """{"ttft_s": {"median": 1}} becomes {"ttft_median_s": 1}: a name ends in its unit."""
    out: dict[str, Any] = {}
    for name, value in record.items():
        if isinstance(value, Mapping):
            stem = name.removesuffix("_s")
            unit = "_s" if stem != name else ""
            out.update({f"{stem}_{part}{unit}": number for part, number in value.items()})
        else:
            out[name] = value
    return out


def plan(scenario: Scenario | None = None, overrides: Overrides | None = None, *,
         model: str | None = None, cluster: str | None = None, accelerator: str | None = None,
         global_batch: str | int | None = None, sequence_length: int | None = None,
         stack: str | None = None, precision: str | None = None, accelerators: Listed | None = None,
         tokens: str | float | None = None, price: float | None = None, hbm_margin: str | None = None,
         max_megawatts: float | None = None, max_dollars: float | None = None,
         max_micro_batch: int | None = None, fix: Mapping[str, int] | None = None,
         top: int = 5, variants: bool = False, simulate: bool = True, offload: bool = False,
         hsdp: bool = False, zero_bubble: bool = False, jobs: int | None = None,
         write: str | os.PathLike[str] | None = None) -> pd.DataFrame:
    """Searches all layouts of a training job and ranks the best of those that fit.

    Args:
        scenario: path, text or dict with one training job; or
        model: a model of the catalogue instead, with `global_batch` (sequences, or "16.8M tokens"),
            `sequence_length` (tokens), `stack`, `precision`, and `cluster` or `accelerator`.
        accelerators: how many, or several: then `on_front` says which no other beats in time and cost.
        tokens: of the whole run, "15.6T": gives `days`, `energy_j` and `usd`.
        price: USD of an accelerator-hour.
        hbm_margin: share of HBM that must stay free, "5%".
        max_megawatts: most mean power, MW, PUE included.
        max_dollars: most that the run may cost, USD.
        fix: sizes that must not vary, {"context": 1, "zero": 1}.
        top: rows for each number of accelerators.
        variants: rank all layouts, not only the best variant of each split.
        simulate: False leaves times in closed form, without contention.
        write: folder for the proposals as scenarios: write/1.textproto is the first row.

    Returns:
        One row for each proposal, the best first: accelerators, the layout (tensor, context, pipeline,
        virtual_pipeline, data, expert, micro_batch, zero, recompute, ...), step_time_s, mfu (0 to 1),
        tokens_per_s, peak_hbm_bytes, mean_power_w, and attribution_s.compute, attribution_s.nic, ...: s of
        the critical path by what set the pace. `attrs` has the counts of layouts that were looked at.
    """
    fixed = ",".join(f"{name}={value}" for name, value in (fix or {}).items())
    words = option_words({
        "--model": model, "--cluster": cluster, "--accelerator": accelerator,
        "--global-batch": global_batch, "--sequence-length": sequence_length, "--stack": stack,
        "--precision": precision, "--accelerators": _joined(accelerators), "--tokens": tokens,
        "--price": price, "--hbm-margin": hbm_margin, "--max-megawatts": max_megawatts,
        "--max-dollars": max_dollars, "--max-micro-batch": max_micro_batch, "--fix": fixed or None,
        "--top": top, "--variants": variants, "--analytic": not simulate, "--offload": offload,
        "--hsdp": hsdp, "--zero-bubble": zero_bubble, "-j": jobs,
        "--write": os.fspath(write) if write is not None else None})
    words += [*override_words(overrides), "--format", "json", "-q"]
    if (scenario is None) == (model is None):
        raise ValueError("expected a scenario or the name of a model")
    if scenario is None:
        result = json.loads(call(["plan", *words]))
    else:
        with as_file(scenario) as file:
            result = json.loads(call(["plan", file, *words]))
    frame = pd.json_normalize(result.pop("proposals"))
    frame.columns = [name.removeprefix("layout.") for name in frame.columns]
    frame.attrs = result
    return frame


def build(*, power: str | None = None, dollars: str | float | None = None, days: float | None = None,
          parts: Listed | None = None, spines: Listed | None = None, model: str | None = None,
          tokens: str | float | None = None, batch: str | float | None = None,
          sequence_length: int | None = None, stack: str | None = None, precision: str | None = None,
          experiments: int | None = None, experiment_compute: float | None = None,
          users: str | float | None = None, requests_per_user: float | None = None,
          serve_model: str | None = None, failure_rate: str | None = None,
          repair_hours: float | None = None, restart_minutes: float | None = None,
          pue: float | None = None, electricity: float | None = None, scheduler: str | None = None,
          jobs: int | None = None, out: str | os.PathLike[str] | None = None) -> pd.DataFrame:
    """From a budget, a demand and a horizon to builds, each of which is simulated over its life.

    Args:
        power: contracted, PUE included, "100 MW"; and, or,
        dollars: USD for the capital, and for energy until the horizon, "4B".
        days: the horizon, days.
        parts: accelerators of the catalogue to try, "h100_sxm,h200_sxm".
        spines: oversubscriptions above the spines to try, [1, 2].
        tokens: that the final run of `model` trains, "15T"; `batch` of them a step.
        experiments: how many prepare it, with `experiment_compute` times its FLOP in all.
        users: a day, of `serve_model`, each with `requests_per_user`.
        repair_hours: h until a failed server is back. restart_minutes: min of a restart.
        electricity: USD per kWh.
        out: folder that keeps each build as a scenario; none are kept without it.

    Returns:
        One row for each build, the best first: accelerator, servers, spare_servers, layout, days (NaN: not
        done by the horizon), ettr and holding_mfu (0 to 1), mean_mw and peak_mw (MW), capital_usd,
        energy_usd, binds (in words), scenario (a file, with `out`), problem (why it was not built).
    """
    words = option_words({
        "--power": power, "--dollars": dollars, "--days": days, "--accelerators": _joined(parts),
        "--spines": _joined(spines), "--model": model, "--tokens": tokens, "--batch": batch,
        "--sequence-length": sequence_length, "--stack": stack, "--precision": precision,
        "--experiments": experiments, "--experiment-compute": experiment_compute, "--users": users,
        "--requests-per-user": requests_per_user, "--serve": serve_model,
        "--failure-rate": failure_rate, "--repair": repair_hours, "--restart": restart_minutes,
        "--pue": pue, "--electricity": electricity, "--scheduler": scheduler, "-j": jobs})
    words = ["build", *words, "--format", "json", "-q", "-o"]
    if out is not None:
        result = json.loads(call([*words, os.fspath(out)]))
    else:
        with tempfile.TemporaryDirectory(prefix="gridlock-") as folder:
            result = json.loads(call([*words, folder]))
            for each in result["builds"]:
                each.pop("scenario", None)
    frame = pd.DataFrame(result.pop("builds"))
    frame.attrs = result
    return frame


def _serve_once(scenario: Scenario | None, words: list[str]) -> dict[str, Any]:
    words = [*words, "--format", "json"]
    if scenario is None:
        return json.loads(call(["serve", *words]))
    with as_file(scenario) as file:
        return json.loads(call(["serve", file, *words]))


def serve(scenario: Scenario | None = None, overrides: Overrides | None = None, *,
          model: str | None = None, part: str | None = None, engine: str | None = None,
          rate: float | Iterable[float] | None = None,
          concurrency: float | Iterable[float] | None = None, input: float | None = None,
          output_tokens: float | None = None, spread: float | None = None, tensor: int | None = None,
          pipeline: int | None = None, data: int | None = None, replicas: int | None = None,
          weights: str | None = None, kv: str | None = None, batch_max: int | None = None,
          requests: int | None = None, ttft_ms: float | None = None, tpot_ms: float | None = None,
          usd_per_hour: float | None = None, drafts: int | None = None, accepted: float | None = None,
          prefill_replicas: int | None = None, prefill_tensor: int | None = None,
          kv_gbs: float | None = None, core_gbs: float | None = None, other_gbs: float | None = None,
          router: str | None = None, replay: str | os.PathLike[str] | None = None,
          prefix_cache: str | int | None = None, host_cache_gb: float | None = None,
          host_gbs: float | None = None, store_gb: float | None = None, store_gbs: float | None = None,
          kv_tokens: int | None = None, turns: float | None = None, pause_s: float | None = None,
          answers: int | None = None, burstiness: float | None = None, surge: str | None = None,
          adapters: int | None = None, adapter_rank: int | None = None,
          adapter_slots: int | None = None, adapter_skew: float | None = None,
          adapter_targets: str | None = None, images: int | None = None,
          image_tokens: int | None = None, encoder: str | None = None, encoders: int | None = None,
          expert_ranks: int | None = None, micro_batches: int | None = None,
          replicas_min: int | None = None, target_requests: float | None = None,
          weights_from: str | None = None, storage_gbs: float | None = None,
          engine_start_s: float | None = None,
          cap: str | None = None, values: str | None = None, seed: int | None = None) -> pd.DataFrame:
    """Serves requests with a model: latencies, rates and what binds.

    Args:
        scenario: path, text or dict with a serving job, whose fleet and requests are taken; without one
            `model`, `part` and the rest say all.
        rate: requests/s of all replicas; several give a row each.
        concurrency: requests in flight, instead of a rate; several give a row each.
        input, output_tokens: mean tokens of a prompt and of an answer; `spread` is the sigma of their
            log-normal lengths, 0 for equal ones.
        tensor, pipeline, data: ranks of one of the `replicas`.
        weights: "bf16", "fp8", "int8", "int4", "nvfp4", "mxfp4". kv: of the cache, "bf16", "fp8", "auto".
        requests: of one replica, simulated.
        ttft_ms, tpot_ms: objectives, ms.
        usd_per_hour: price of one accelerator, USD.
        prefill_replicas: replicas that only prefill; kv_gbs, core_gbs, other_gbs: GB/s of an accelerator,
            of the fabric between the pools, and of other jobs on it.
        router: of pools, or of several `replicas`, which are then all simulated: "round_robin",
            "least_loaded" or "prefix_aware".
        replay: a recorded trace: Azure LLM (.csv), Mooncake, Dynamo or AIPerf (.jsonl), a result of
            vLLM's or SGLang's benchmark, or ShareGPT (.json).
        prefix_cache: "room", "infinite" or tokens; behind it `host_cache_gb` of a replica at `host_gbs` and
            `store_gb` of all at `store_gbs` (GB and GB/s).
        kv_tokens: that the KV cache of a replica holds, as its engine prints them.
        turns, pause_s: mean turns of a conversation, each with `input` tokens more, and mean seconds between
            them; answers: to each prompt at once. `rate`, `concurrency` and `requests` count conversations.
        burstiness: shape of gamma-distributed times between arrivals, 1 for Poisson; surge: a flash crowd,
            "AT:SPAN:TIMES" in s.
        adapters: low-rank adapters, one of which each request asks for, with their rank, slots in HBM, skew
            (the n-th in proportion to n^-skew) and targets ("q_proj,v_proj").
        images: of each request, image_tokens of its prompt each; encoders: accelerators that only encode.
        expert_ranks: accelerators of experts alone; micro_batches take turns with attention.
        replicas_min: the fleet follows its requests, target_requests for each replica; one that is started
            gets weights_from "host", "replica" or "storage" (storage_gbs), and is up engine_start_s later.
        cap: "hbm", "hbm_capacity", "flops", "scale_up" or "nic": a row for each of `values` ("100,50%").

    Returns:
        One row for each rate, or for each value of a cap (share, value, ttft_median_s, tpot_median_s, ...,
        binds). Of rates: ttft_median_s, ttft_p90_s, ttft_p99_s, tpot_..., e2e_..., in s;
        output_tokens_per_s, in all, per_accelerator and per_user; goodput_requests_per_s;
        within_objectives (0 to 1); watts_per_accelerator (W); joules_per_output_token (J);
        usd_per_million_output_tokens; `waits_on` and `spends_on`: what most makes the first that waits
        wait, and what iterations spend most time on. `attrs` has `waits`, `times` and `sizes` (of a fleet
        that grows and shrinks), a list for each row.
    """
    words = [*override_words(overrides), *option_words({
        "--model": model, "--part": part, "--engine": engine, "--input": input,
        "--output-tokens": output_tokens, "--spread": spread, "--tensor": tensor,
        "--pipeline": pipeline, "--data": data, "--replicas": replicas, "--weights": weights,
        "--kv": kv, "--batch-max": batch_max, "--requests": requests, "--ttft-ms": ttft_ms,
        "--tpot-ms": tpot_ms, "--usd-per-hour": usd_per_hour, "--drafts": drafts,
        "--accepted": accepted, "--prefill-replicas": prefill_replicas,
        "--prefill-tensor": prefill_tensor, "--kv-gbs": kv_gbs, "--core-gbs": core_gbs,
        "--other-gbs": other_gbs, "--router": router,
        "--replay": os.fspath(replay) if replay is not None else None,
        "--prefix-cache": prefix_cache, "--host-cache-gb": host_cache_gb, "--host-gbs": host_gbs,
        "--store-gb": store_gb, "--store-gbs": store_gbs, "--kv-tokens": kv_tokens, "--turns": turns,
        "--pause-s": pause_s, "--answers": answers, "--burstiness": burstiness, "--surge": surge,
        "--adapters": adapters, "--adapter-rank": adapter_rank, "--adapter-slots": adapter_slots,
        "--adapter-skew": adapter_skew, "--adapter-targets": adapter_targets, "--images": images,
        "--image-tokens": image_tokens, "--encoder": encoder, "--encoders": encoders,
        "--expert-ranks": expert_ranks, "--micro-batches": micro_batches,
        "--replicas-min": replicas_min, "--target-requests": target_requests,
        "--weights-from": weights_from, "--storage-gbs": storage_gbs,
        "--engine-start-s": engine_start_s, "--cap": cap, "--values": values, "--seed": seed})]
    if rate is not None and concurrency is not None:
        raise ValueError("expected a rate or a concurrency")
    name, loads = ("rate", rate) if concurrency is None else ("concurrency", concurrency)
    rows, waits, times, sizes = [], [], [], []
    if cap is not None:
        only = [] if rate is None and concurrency is None else option_words({f"--{name}": loads})
        record = _serve_once(scenario, [*words, *only])
        frame = pd.DataFrame(record.pop("points"))
        frame.attrs = record
        return frame
    for load in loads if isinstance(loads, Iterable) else [loads]:
        record = _serve_once(scenario, [*words, *option_words({f"--{name}": load})])
        waits.append(record.pop("waits", []))
        times.append(record.pop("times", []))
        sizes.append(record.pop("sizes", []))
        first = {} if load is None else {name: float(load)}
        rows.append({**first, **_flat(record),
                     "waits_on": waits[-1][0]["limit"] if waits[-1] else None,
                     "spends_on": times[-1][0]["limit"] if times[-1] else None})
    frame = pd.DataFrame(rows)
    frame.attrs = {"waits": waits, "times": times, "sizes": sizes}
    return frame


def rollout(trainer: Scenario, overrides: Overrides | None = None, *, model: str | None = None,
            part: str | None = None, engine: str | None = None, input: float | None = None,
            output_tokens: float | None = None, spread: float | None = None, tensor: int | None = None,
            pipeline: int | None = None, data: int | None = None, replicas: int | None = None,
            weights: str | None = None, prompts: int | None = None, answers: int | None = None,
            lag: int | None = None, steps: int | None = None, weight_gbs: float | None = None,
            seed: int | None = None) -> pd.DataFrame:
    """Reinforcement learning: a fleet answers, a trainer learns, its weights go to the fleet.

    Args:
        trainer: path, text or dict of a scenario with one training job; its step is taken for each token.
        prompts, answers: of a step, and to each prompt; the other options are those of `serve`.
        lag: steps by which answers may be older than what is trained.
        weight_gbs: GB/s at which an accelerator of the fleet gets new weights; its NIC's when not given.

    Returns:
        One row for each step, times in s: answers_s, answers_half_s, training_s, weights_s,
        answers_begin_s, ... `attrs` has step_s (mean), the shares of each part, fleet_busy and `binds`.
    """
    words = [*override_words(overrides), *option_words({
        "--model": model, "--part": part, "--engine": engine, "--input": input,
        "--output-tokens": output_tokens, "--spread": spread, "--tensor": tensor,
        "--pipeline": pipeline, "--data": data, "--replicas": replicas, "--weights": weights,
        "--prompts": prompts, "--answers": answers, "--lag": lag, "--steps": steps,
        "--weight-gbs": weight_gbs, "--seed": seed})]
    with as_file(trainer) as file:
        result = json.loads(call(["rollout", file, *words, "--format", "json"]))
    frame = pd.DataFrame(result.pop("points"))
    frame.attrs = result
    return frame


def serve_plan(*, model: str | None = None, part: Listed | None = None, engine: str | None = None,
               rate: float | None = None, input: float | None = None, output_tokens: float | None = None,
               spread: float | None = None, ttft_ms: float | None = None, tpot_ms: float | None = None,
               within: float | None = None, usd_per_hour: float | Listed | None = None,
               weights: Listed | None = None, kv: Listed | None = None, width_most: int | None = None,
               pools: bool = False, top: int = 10, flags: str | None = None,
               seed: int | None = None) -> pd.DataFrame:
    """Searches the cheapest deployment of a model for a load and its objectives.

    Args:
        rate: requests/s of all replicas, with `input` and `output_tokens` (means, tokens).
        ttft_ms, tpot_ms: objectives, ms, which a share `within` of the requests (0 to 1) keeps.
        part: one part, or several to choose from. usd_per_hour: price of one accelerator, USD; of several
            parts a list. Without it the fewest accelerators come first.
        weights, kv: formats to try, "bf16,fp8".
        width_most: accelerators of a replica at most.
        pools: also replicas that prefill and replicas that decode.
        flags: whose commands start replicas, "vllm", "sglang", "trtllm" or "dynamo".

    Returns:
        One row for each deployment, the cheapest first: part, accelerators, replicas, tensor, pipeline, data,
        with pools the same of those that prefill (prefill_replicas, ...), weights, kv_bytes
        (of a number of the cache), batch_max, requests_per_s_per_replica_most,
        output_tokens_per_s_per_user and per_accelerator, within_objectives (0 to 1), usd_per_hour,
        command. `attrs["tried"]` counts the deployments.
    """
    words = option_words({
        "--model": model, "--part": _joined(part), "--engine": engine, "--rate": rate, "--input": input,
        "--output-tokens": output_tokens, "--spread": spread, "--ttft-ms": ttft_ms,
        "--tpot-ms": tpot_ms, "--within": within, "--usd-per-hour": _joined(usd_per_hour),
        "--weights": _joined(weights), "--kv": _joined(kv), "--width-most": width_most, "--top": top,
        "--flags": flags, "--seed": seed})
    words += ["--pools"] if pools else []
    result = json.loads(call(["serve-plan", *words, "--format", "json"]))
    frame = pd.DataFrame(result.pop("plans")[:top])
    frame.attrs = result
    return frame


def export(scenario: Scenario, to: str, overrides: Overrides | None = None) -> str:
    """The layout of a training job in the words of a framework.

    Args:
        to: "megatron", "torchtitan" or "primus".

    Returns:
        The text of its flags or of its file of settings.
    """
    with as_file(scenario) as file:
        return call(["export", file, "--to", to, *override_words(overrides)])
