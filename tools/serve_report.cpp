#include "tools/serve_report.h"

#include <algorithm>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/report/json.h"

#include "tools/serve_adapters.h"
#include "tools/serve_images.h"
#include "tools/serve_prefix.h"

namespace gridlock {

namespace {

struct LatencyColumn {
  const char* name;
  Seconds ServedRequest::*member;
};

constexpr LatencyColumn kLatencies[] = {{"TTFT", &ServedRequest::ttft},
                                        {"TPOT", &ServedRequest::tpot},
                                        {"end to end", &ServedRequest::end_to_end}};

std::string LatencyText(const ServeResult& result) {
  std::string text =
      fmt::format("  {:<12} {:>10} {:>10} {:>10} {:>10}\n", "", "median", "p90", "p99", "longest");
  for (const LatencyColumn& column : kLatencies) {
    const std::vector<Seconds> values = result.Values(column.member);
    text += fmt::format("  {:<12}", column.name);
    for (const double q : {0.5, 0.9, 0.99, 1.0}) {
      text += fmt::format(" {:>10}", FormatSeconds(QuantileOf(values, q)));
    }
    text += "\n";
  }
  return text;
}

std::string BindingText(const ServeResult& result, const IterationCosts& costs) {
  const Bindings bindings = BindingsOf(result, costs);
  if (bindings.waits.empty()) {
    return "";
  }
  const auto rows = [](const std::vector<Binding>& list) {
    std::string text;
    for (const Binding& each : list) {
      text += each.share >= 0.001 ? fmt::format("  {:<14} {:>5.1f} %   {}\n", each.limit,
                                                100 * each.share, each.remedy)
                                  : "";
    }
    return text;
  };
  const Binding &wait = bindings.waits.front(), &time = bindings.times.front();
  return "what a request waits for before it starts (share of busy time)\n" + rows(bindings.waits) +
         "what iterations spend their time on\n" + rows(bindings.times) +
         (wait.limit == "load"
              ? fmt::format(
                    "binds: {} in each iteration ({})\n       requests rarely wait: the replicas "
                    "keep up with the load\n",
                    time.limit, time.remedy)
              : fmt::format("binds: {} ({})\n       iterations take their time by {} ({})\n",
                            wait.limit, wait.remedy, time.limit, time.remedy));
}

// What a cache without end would do.
std::string EndlessText(const ServeRun& run) {
  return run.hits.blocks == 0
             ? ""
             : fmt::format(
                   "  prefixes     {} of {} blocks of prompts ({:.1f} %) begin an earlier "
                   "prompt\n",
                   run.hits.hits, run.hits.blocks,
                   100.0 * static_cast<double>(run.hits.hits) /
                       static_cast<double>(run.hits.blocks));
}

// What the cache holds; states of a fixed size bound sequences, and no tokens.
std::string RoomText(const ServeRun& run, const IterationCosts& costs) {
  const BatchWork& work = run.result.work;
  if (costs.sequences_most() > 0) {
    return fmt::format(
        "  states       layers keep a state of fixed size: HBM holds those of {} sequences of any "
        "length\n",
        costs.sequences_most());
  }
  const auto tokens = static_cast<double>(run.result.cache_tokens);
  const int context = run.deployment.model.context;
  const std::int64_t windows = costs.WindowTokens(run.deployment.model.window);
  const auto whole = static_cast<double>(context + costs.WindowTokens(context));
  return fmt::format(
      "  KV cache     {:.1f} % full on average, {:.1f} % at most; it holds {} tokens{}{}\n",
      100 * work.cache_seconds / std::max(1e-12, work.busy.si()) / tokens,
      100.0 * static_cast<double>(work.cache_peak) / tokens, run.result.cache_tokens,
      windows > 0 ? fmt::format(", of which windows of a sequence take up to {}", windows) : "",
      context > 0 ? fmt::format(", {:.2f} requests of the model's whole context of {}",
                                tokens / whole, context)
                  : "");
}

}  // namespace

void RefuseIfNoneWasServed(const ServeResult& result) {
  const auto served =
      std::find_if(result.requests.begin(), result.requests.end(), [](const auto& request) {
        return !request.refused;
      });
  if (!result.requests.empty() && served == result.requests.end()) {
    throw UserError("", fmt::format("all {} requests are refused: the KV cache of a replica holds "
                                    "{} tokens, fewer than any of them takes; expected shorter "
                                    "requests, a wider --tensor or more --kv-tokens",
                                    result.requests.size(), result.cache_tokens));
  }
}

std::string ServeRunText(const ServeRun& run, const IterationCosts& costs, double usd_per_hour) {
  const Deployment& d = run.deployment;
  const ServeResult& r = run.result;
  const Delivered out = DeliveredBy(d, r, costs, run.objectives, usd_per_hour);
  const BatchWork& work = r.work;
  const double busy = std::max(1e-12, work.busy.si());
  std::string text = fmt::format(
      "{}, {} of {} {} (tensor {}, pipeline {}, data {}; {} weights), engine {}\n", d.model.name,
      d.replicas == 1 ? "one replica" : fmt::format("{} replicas", d.replicas),
      d.layout.accelerators(), d.part.name, d.layout.tensor, d.layout.pipeline, d.layout.data,
      WeightFormatName(d.layout.weights), d.engine.name);
  text += run.note.empty() ? "" : run.note + "\n";
  std::int64_t refused = 0;
  for (const ServedRequest& each : r.requests) {
    refused += each.refused ? 1 : 0;
  }
  text += fmt::format("  requests     {}{} in {} ({} refused, {} evictions)\n", r.requests.size(),
                      d.replicas == 1 ? "" : ", simulated on one of the replicas,",
                      FormatSeconds(r.duration), refused, work.evictions);
  text += EndlessText(run) + PrefixText(r.prefixes, r.duration);
  text +=
      ImageText(run.encode, {}, Seconds(0), r.duration) + AdapterText(work, costs, run.adapters);
  text += LatencyText(r);
  text += fmt::format(
      "  tokens/s     {:.1f} of answers, {:.1f} per accelerator, {:.1f} per user; {:.1f} of "
      "prompts\n",
      out.output_rate, out.per_accelerator, out.per_user, r.InputRate() * d.replicas);
  const bool asked = run.objectives.ttft > Seconds(0) || run.objectives.tpot > Seconds(0);
  text += asked ? fmt::format("  goodput      {:.3f} requests/s ({:.1f} % within the objectives)\n",
                              out.goodput, 100 * out.within)
                : fmt::format("  served       {:.3f} requests/s\n", out.goodput);
  text +=
      fmt::format("  batch        {:.1f} sequences on average, {} at most; the engine takes {}\n",
                  work.sequence_seconds / busy, work.batch_peak, costs.batch_most());
  text += RoomText(run, costs);
  text += fmt::format("  weights      {} of the {} of each accelerator\n",
                      FormatBytes(costs.weight_bytes()), FormatBytes(Bytes(d.part.hbm_capacity)));
  if (out.watts > 0) {
    text += fmt::format("  power        {} per accelerator, {:.3g} J per output token\n",
                        FormatWatts(Watts(out.watts)), out.joules_per_token);
  }
  if (out.usd_per_million > 0) {
    text +=
        fmt::format("  cost         {:.4g} USD per million output tokens\n", out.usd_per_million);
  }
  return text + BindingText(r, costs);
}

std::string ServeRunJson(const ServeRun& run, const IterationCosts& costs, double usd_per_hour) {
  const ServeResult& r = run.result;
  const Delivered out = DeliveredBy(run.deployment, r, costs, run.objectives, usd_per_hour);
  JsonWriter json;
  json.BeginObject();
  json.Member("model", run.deployment.model.name);
  json.Member("part", run.deployment.part.name);
  json.Member("engine", run.deployment.engine.name);
  json.Member("replicas", run.deployment.replicas);
  json.Member("accelerators", run.deployment.accelerators());
  json.Member("note", run.note);
  json.Member("requests", r.requests.size());
  json.Member("evictions", r.work.evictions);
  json.Member("duration_s", r.duration.si());
  const bool states = costs.sequences_most() > 0;
  json.Member("cache_tokens", states ? 0 : r.cache_tokens);
  json.Member("sequences_most", costs.sequences_most());
  json.Member("cache_bytes_per_token", costs.CacheBytesOf(1).si());
  json.Member("weight_bytes_per_accelerator", costs.weight_bytes().si());
  json.Member("cache_peak_tokens", r.work.cache_peak);
  json.Member("batch_peak", r.work.batch_peak);
  json.Member("prefix_blocks", run.hits.blocks);
  json.Member("prefix_hits", run.hits.hits);
  AddPrefixMembers(r.prefixes, json);
  AddAdapterMembers(r.work, costs, json);
  AddImageMembers(run.encode, {}, Seconds(0), r.duration, json);
  for (const LatencyColumn& column : kLatencies) {
    const std::vector<Seconds> values = r.Values(column.member);
    json.Key(column.name == std::string("end to end") ? "e2e_s"
             : column.name == std::string("TTFT")     ? "ttft_s"
                                                      : "tpot_s");
    json.BeginObject();
    json.Member("median", QuantileOf(values, 0.5).si());
    json.Member("p90", QuantileOf(values, 0.9).si());
    json.Member("p99", QuantileOf(values, 0.99).si());
    json.EndObject();
  }
  json.Member("output_tokens_per_s", out.output_rate);
  json.Member("output_tokens_per_s_per_accelerator", out.per_accelerator);
  json.Member("output_tokens_per_s_per_user", out.per_user);
  json.Member("goodput_requests_per_s", out.goodput);
  json.Member("within_objectives", out.within);
  json.Member("watts_per_accelerator", out.watts);
  json.Member("joules_per_output_token", out.joules_per_token);
  json.Member("usd_per_million_output_tokens", out.usd_per_million);
  const Bindings bindings = BindingsOf(r, costs);
  for (const auto& [name, list] :
       {std::pair{"waits", &bindings.waits}, {"times", &bindings.times}}) {
    json.Objects(name, *list, [&json](const Binding& each) {
      json.Member("limit", each.limit);
      json.Member("share", each.share);
      json.Member("remedy", each.remedy);
    });
  }
  json.EndObject();
  return json.Finish();
}

}  // namespace gridlock
