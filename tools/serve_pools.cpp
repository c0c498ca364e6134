#include "tools/serve_pools.h"

#include <algorithm>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/report/json.h"

#include "tools/serve_images.h"
#include "tools/serve_prefix.h"
#include "tools/serve_report.h"

namespace gridlock {

namespace {

Seconds MeanOf(const std::vector<Seconds>& values) {
  Seconds sum;
  for (const Seconds& each : values) {
    sum += each;
  }
  return values.empty() ? Seconds(0) : sum / static_cast<double>(values.size());
}

// A step on the way of a request, and how long requests take it.
struct Stage {
  const char* name;
  const char* key;
  std::vector<Seconds> values;
};

std::vector<Stage> StagesOf(const PoolResult& result) {
  return {{"TTFT", "ttft_s", result.served.Values(&ServedRequest::ttft)},
          {"TPOT", "tpot_s", result.served.Values(&ServedRequest::tpot)},
          {"end to end", "e2e_s", result.served.Values(&ServedRequest::end_to_end)},
          {"prefill queue", "prefill_wait_s", result.waits_of_prefill},
          {"cache moves", "transfer_s", result.transfers},
          {"decode queue", "decode_wait_s", result.waits_of_decode}};
}

std::string PoolAdapterText(const char* pool, const BatchWork& work, const AdapterCosts& costs,
                            int asked) {
  return asked == 0 ? ""
                    : fmt::format(
                          "  adapters     {}: {} loads of {} on each accelerator, {:.1f} % "
                          "of its busy time\n",
                          pool, work.adapter_loads, FormatBytes(costs.bytes()),
                          100 * work.adapter_loading / std::max(Seconds(1e-12), work.busy));
}

std::string PoolsText(const ServePoolOptions& options, const Deployment& decode,
                      const PoolsRun& run, const ServeLoad& load) {
  const InferenceLayout& prefill = run.prefill;
  const PoolResult& result = run.result;
  const PoolShares shares = result.Shares(options.prefill_replicas, decode.replicas);
  const ServeResult& served = result.served;
  const int accelerators =
      decode.accelerators() + options.prefill_replicas * prefill.accelerators();
  std::string text = fmt::format(
      "{} on {}: {} prefill replicas of {} and {} decode replicas of {}, engine {}\n"
      "  requests     {} in {} ({} evictions)\n  {:<16} {:>10} {:>10} {:>10} {:>10}\n",
      decode.model.name, decode.part.name, options.prefill_replicas, prefill.accelerators(),
      decode.replicas, decode.layout.accelerators(), decode.engine.name, served.requests.size(),
      FormatSeconds(served.duration), served.work.evictions, "", "mean", "median", "p90", "p99");
  for (const Stage& stage : StagesOf(result)) {
    text += fmt::format("  {:<16} {:>10}", stage.name, FormatSeconds(MeanOf(stage.values)));
    for (const double q : {0.5, 0.9, 0.99}) {
      text += fmt::format(" {:>10}", FormatSeconds(QuantileOf(stage.values, q)));
    }
    text += "\n";
  }
  text += fmt::format(
      "  tokens/s     {:.1f} of answers, {:.1f} per accelerator; {:.1f} of prompts\n"
      "  caches       {} moved from prefill to decode\n"
      "  busy         prefill {:.1f} %, fabric {:.1f} %, decode {:.1f} % of the time\n",
      served.OutputRate(), served.OutputRate() / accelerators, served.InputRate(),
      FormatBytes(result.moved), 100 * shares.prefill, 100 * shares.network, 100 * shares.decode);
  text += PrefixText(served.prefixes, served.duration);
  text += ImageText(load.encode, result.encoding, result.encoder_busy, served.duration);
  text += PoolAdapterText("prefill", result.prefill_work, run.adapters, load.adapters.count) +
          PoolAdapterText("decode", served.work, run.adapters, load.adapters.count);
  if (options.other_gbs > 0) {
    text += fmt::format("  other        gets {:.1f} % of the {} GB/s that it wants\n",
                        100 * result.other_share, options.other_gbs);
  }
  return text;
}

std::string PoolsJson(const ServePoolOptions& options, const Deployment& decode,
                      const PoolsRun& run, const ServeLoad& load) {
  const InferenceLayout& prefill = run.prefill;
  const PoolResult& result = run.result;
  const PoolShares shares = result.Shares(options.prefill_replicas, decode.replicas);
  JsonWriter json;
  json.BeginObject();
  json.Member("model", decode.model.name);
  json.Member("part", decode.part.name);
  json.Member("engine", decode.engine.name);
  json.Member("prefill_replicas", options.prefill_replicas);
  json.Member("decode_replicas", decode.replicas);
  json.Member("accelerators",
              decode.accelerators() + options.prefill_replicas * prefill.accelerators());
  json.Member("requests", result.served.requests.size());
  json.Member("evictions", result.served.work.evictions);
  json.Member("duration_s", result.served.duration.si());
  for (const Stage& stage : StagesOf(result)) {
    json.Key(stage.key);
    json.BeginObject();
    json.Member("mean", MeanOf(stage.values).si());
    json.Member("median", QuantileOf(stage.values, 0.5).si());
    json.Member("p90", QuantileOf(stage.values, 0.9).si());
    json.Member("p99", QuantileOf(stage.values, 0.99).si());
    json.EndObject();
  }
  json.Member("output_tokens_per_s", result.served.OutputRate());
  json.Member("cache_bytes_moved", result.moved.si());
  json.Member("prefill_busy", shares.prefill);
  json.Member("fabric_busy", shares.network);
  json.Member("decode_busy", shares.decode);
  json.Member("other_traffic_share", result.other_share);
  AddPrefixMembers(result.served.prefixes, json);
  AddImageMembers(load.encode, result.encoding, result.encoder_busy, result.served.duration, json);
  json.Member("adapter_loads_prefill", result.prefill_work.adapter_loads);
  json.Member("adapter_loads_decode", result.served.work.adapter_loads);
  json.EndObject();
  return json.Finish();
}

}  // namespace

void AddPoolOptions(CLI::App& command, ServePoolOptions& options) {
  command
      .add_option("--prefill-replicas", options.prefill_replicas,
                  "Replicas that only prefill; --replicas then only decode")
      ->check(CLI::Range(1, 4096));
  command
      .add_option("--prefill-tensor", options.prefill_tensor,
                  "Tensor-parallel ranks of one of them (default: --tensor)")
      ->check(CLI::Range(1, 4096));
  command
      .add_option("--kv-gbs", options.kv_gbs,
                  "GB/s in one direction at which an accelerator sends or receives caches "
                  "(default: its NIC)")
      ->check(CLI::Range(1e-3, 1e5));
  command
      .add_option(
          "--core-gbs", options.core_gbs,
          "GB/s that the fabric carries between the pools, or to replicas that load weights "
          "(default: it never binds)")
      ->check(CLI::Range(1e-3, 1e9));
  command
      .add_option(
          "--other-gbs", options.other_gbs,
          "GB/s that other jobs want of --core-gbs; they and caches or weights share it fairly")
      ->check(CLI::Range(1e-3, 1e9));
  command
      .add_option("--router", options.router,
                  "Who gets a request: in turn; who has fewest; who has the fewest tokens to "
                  "prefill, beginnings that lie there not counted; or who has its adapter")
      ->check(CLI::IsMember({"round_robin", "least_loaded", "prefix_aware", "adapter_aware"}))
      ->capture_default_str();
}

Router RouterOf(const std::string& name) {
  return name == "round_robin"     ? Router::kRoundRobin
         : name == "prefix_aware"  ? Router::kPrefixAware
         : name == "adapter_aware" ? Router::kAdapterAware
                                   : Router::kLeastLoaded;
}

PoolsRun RunPoolsOf(const ServePoolOptions& options, const Deployment& decode,
                    const ServeLoad& load) {
  if (options.other_gbs > 0 && options.core_gbs <= 0) {
    throw UserError("", "--other-gbs: is a share of the fabric; --core-gbs says how much that is");
  }
  PoolsRun run;
  run.prefill = decode.layout;
  run.prefill.draft_tokens = 0;
  run.prefill.expert_ranks = 0;
  if (options.prefill_tensor > 0) {
    run.prefill.tensor = options.prefill_tensor;
  }
  const IterationCosts prefill_costs(decode.model, decode.part, decode.engine, run.prefill, "");
  const IterationCosts decode_costs(decode.model, decode.part, decode.engine, decode.layout, "");
  const double rate = options.kv_gbs > 0 ? options.kv_gbs * 1e9 : decode.part.nic_bandwidth;
  PoolSpec spec;
  spec.prefill = &prefill_costs;
  spec.decode = &decode_costs;
  spec.router = RouterOf(options.router);
  spec.links = LinksBetween(options.prefill_replicas, rate * run.prefill.accelerators(),
                            decode.replicas, rate * decode.layout.accelerators());
  spec.links.core = options.core_gbs * 1e9;
  spec.links.other_demand = options.other_gbs * 1e9;
  run.result = RunPools(spec, load);
  run.adapters = decode_costs.adapters();
  run.binds = run.result.Shares(options.prefill_replicas, decode.replicas).binds();
  return run;
}

std::string ServePools(const ServePoolOptions& options, const Deployment& decode,
                       const ServeLoad& load, const std::string& format) {
  const PoolsRun run = RunPoolsOf(options, decode, load);
  RefuseIfNoneWasServed(run.result.served);
  return format == "json" ? PoolsJson(options, decode, run, load)
                          : PoolsText(options, decode, run, load);
}

}  // namespace gridlock
