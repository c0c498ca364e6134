#include "tools/serve_routed.h"

#include <algorithm>
#include <cmath>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "sim/report/json.h"
#include "sim/serving/routed_replicas.h"
#include "workloads/decode.h"

#include "tools/serve_adapters.h"
#include "tools/serve_images.h"
#include "tools/serve_pools.h"
#include "tools/serve_prefix.h"

namespace gridlock {

namespace {

struct RoutedColumn {
  const char* name;
  const char* key;
  Seconds ServedRequest::*member;
};

constexpr RoutedColumn kColumns[] = {{"TTFT", "ttft_s", &ServedRequest::ttft},
                                     {"TPOT", "tpot_s", &ServedRequest::tpot},
                                     {"end to end", "e2e_s", &ServedRequest::end_to_end}};

ScaleSpec ScaleOf(const ScaleOptions& options, const Deployment& deployment,
                  const IterationCosts& costs) {
  ScaleSpec scale;
  if (options.replicas_min == 0) {
    return scale;
  }
  scale.replicas_min = options.replicas_min;
  scale.target =
      options.target > 0 ? options.target : kTargetShare * static_cast<double>(costs.batch_most());
  scale.interval = Seconds(options.interval_s);
  scale.keep = Seconds(options.keep_s);
  scale.start = Seconds(options.engine_s);
  if (options.weights == "host") {
    scale.start += costs.weight_bytes() / BytesPerSecond(deployment.part.host_bandwidth);
    return scale;
  }
  const int width = deployment.layout.accelerators();
  const double nics = deployment.part.nic_bandwidth * width;
  scale.weights = costs.weight_bytes() * width;
  scale.links = LinksBetween(deployment.replicas, nics, deployment.replicas, nics);
  if (options.weights == "storage") {
    scale.links.leaving = {options.storage_gbs > 0 ? options.storage_gbs * 1e9 : HUGE_VAL};
  }
  scale.links.core = options.core_gbs * 1e9;
  scale.links.other_demand = options.other_gbs * 1e9;
  return scale;
}

// Of one replica that starts while nothing else is on the links.
Seconds StartAlone(const ScaleSpec& scale) {
  if (scale.weights <= Bytes(0)) {
    return scale.start;
  }
  const double core = scale.links.core > 0 ? scale.links.core : HUGE_VAL;
  const double rate = std::min({scale.links.leaving[0], scale.links.entering[0], core});
  return scale.start + scale.weights / BytesPerSecond(rate);
}

std::string OtherText(const RoutedResult& result, const ScaleOptions& options) {
  return options.other_gbs > 0
             ? fmt::format("  other        gets {:.1f} % of the {} GB/s that it wants\n",
                           100 * result.other_share, options.other_gbs)
             : "";
}

std::string SizesText(const RoutedResult& result, const ScaleSpec& scale,
                      const ScaleOptions& options) {
  if (result.sizes.empty()) {
    return "";
  }
  int most = 0;
  for (const ReplicaCounts& each : result.sizes) {
    most = std::max(most, each.in_service);
  }
  std::string text = fmt::format(
      "  replicas     {:.1f} on average, {} in service at most; {} started, each in {} or more: "
      "weights from the {} in {}{}, then the engine\n{}  {:>12} {:>11} {:>9} {:>8} {:>9}\n",
      result.replica_time / std::max(Seconds(1e-12), result.served.duration), most, result.starts,
      FormatSeconds(StartAlone(scale)), options.weights,
      FormatSeconds(StartAlone(scale) - Seconds(options.engine_s)),
      result.loads.empty()
          ? ""
          : fmt::format(", {} beside others at most", FormatSeconds(QuantileOf(result.loads, 1))),
      OtherText(result, options), "from", "in service", "starting", "leaving", "requests");
  constexpr std::size_t kLines = 20;
  for (std::size_t i = 0; i < std::min(kLines, result.sizes.size()); ++i) {
    const ReplicaCounts& each = result.sizes[i];
    text += fmt::format("  {:>12} {:>11} {:>9} {:>8} {:>9}\n", FormatSeconds(each.time),
                        each.in_service, each.starting, each.leaving, each.requests);
  }
  return text + (result.sizes.size() > kLines
                     ? fmt::format("  ... and {} more changes (--format json has all)\n",
                                   result.sizes.size() - kLines)
                     : "");
}

void AddSizeMembers(const RoutedResult& result, const ScaleSpec& scale, JsonWriter& json) {
  json.Member("replicas_mean",
              result.replica_time / std::max(Seconds(1e-12), result.served.duration));
  json.Member("replicas_started", result.starts);
  json.Member("replica_start_s", StartAlone(scale).si());
  json.Member("weights_there_median_s", QuantileOf(result.loads, 0.5).si());
  json.Member("weights_there_most_s", QuantileOf(result.loads, 1).si());
  json.Member("other_traffic_share", result.other_share);
  json.Objects("sizes", result.sizes, [&json](const ReplicaCounts& each) {
    json.Member("time_s", each.time.si());
    json.Member("in_service", each.in_service);
    json.Member("starting", each.starting);
    json.Member("leaving", each.leaving);
    json.Member("requests", each.requests);
  });
}

std::string RoutedText(const std::string& router, const ServeRun& run, const RoutedResult& result,
                       const IterationCosts& costs, const Delivered& one) {
  const Deployment& d = run.deployment;
  const ServeResult& r = result.served;
  std::string text = fmt::format(
      "{}, {} replicas of {} {} behind a {} router, engine {}\n{}{}"
      "  requests     {} in {} ({} evictions)\n  {:<12} {:>10} {:>10} {:>10} {:>10}\n",
      d.model.name, d.replicas, d.layout.accelerators(), d.part.name, router, d.engine.name,
      run.note, run.note.empty() ? "" : "\n", r.requests.size(), FormatSeconds(r.duration),
      r.work.evictions, "", "median", "p90", "p99", "longest");
  for (const RoutedColumn& column : kColumns) {
    const std::vector<Seconds> values = r.Values(column.member);
    text += fmt::format("  {:<12}", column.name);
    for (const double q : {0.5, 0.9, 0.99, 1.0}) {
      text += fmt::format(" {:>10}", FormatSeconds(QuantileOf(values, q)));
    }
    text += "\n";
  }
  const auto [least, most] = result.BusyShares();
  text +=
      fmt::format("  tokens/s     {:.1f} of answers, {:.1f} per accelerator; {:.1f} of prompts\n",
                  r.OutputRate(), r.OutputRate() / d.accelerators(), r.InputRate());
  text += fmt::format("  prefilled    {:.4g} million tokens of the {:.4g} million of all prompts\n",
                      1e-6 * static_cast<double>(r.work.prompt_tokens),
                      1e-6 * static_cast<double>(r.prompt_tokens));
  text += PrefixText(r.prefixes, r.duration * static_cast<double>(d.replicas));
  text += ImageText(run.encode, result.encoding, result.encoder_busy, r.duration) +
          AdapterText(r.work, costs, run.adapters);
  text += fmt::format("  busy         replicas from {:.1f} % to {:.1f} % of the time\n",
                      100 * least, 100 * most);
  if (one.watts > 0) {
    text += fmt::format("  power        {} per accelerator, {:.3g} J per output token\n",
                        FormatWatts(Watts(one.watts)), one.joules_per_token);
  }
  if (one.usd_per_million > 0) {
    text +=
        fmt::format("  cost         {:.4g} USD per million output tokens\n", one.usd_per_million);
  }
  return text;
}

std::string RoutedJson(const std::string& router, const ServeRun& run, const RoutedResult& result,
                       const IterationCosts& costs, const ScaleSpec& scale, const Delivered& one) {
  const Deployment& d = run.deployment;
  const ServeResult& r = result.served;
  const auto [least, most] = result.BusyShares();
  JsonWriter json;
  json.BeginObject();
  json.Member("model", d.model.name);
  json.Member("part", d.part.name);
  json.Member("engine", d.engine.name);
  json.Member("router", router);
  json.Member("replicas", d.replicas);
  json.Member("accelerators", d.accelerators());
  json.Member("requests", r.requests.size());
  json.Member("evictions", r.work.evictions);
  json.Member("duration_s", r.duration.si());
  for (const RoutedColumn& column : kColumns) {
    const std::vector<Seconds> values = r.Values(column.member);
    json.Key(column.key);
    json.BeginObject();
    json.Member("median", QuantileOf(values, 0.5).si());
    json.Member("p90", QuantileOf(values, 0.9).si());
    json.Member("p99", QuantileOf(values, 0.99).si());
    json.EndObject();
  }
  json.Member("output_tokens_per_s", r.OutputRate());
  json.Member("output_tokens_per_s_per_accelerator", r.OutputRate() / d.accelerators());
  json.Member("within_objectives", r.Within(run.objectives.ttft, run.objectives.tpot));
  json.Member("prompt_tokens", r.prompt_tokens);
  json.Member("prefilled_tokens", r.work.prompt_tokens);
  json.Member("busy_least", least);
  json.Member("busy_most", most);
  json.Member("watts_per_accelerator", one.watts);
  json.Member("joules_per_output_token", one.joules_per_token);
  json.Member("usd_per_million_output_tokens", one.usd_per_million);
  AddPrefixMembers(r.prefixes, json);
  AddAdapterMembers(r.work, costs, json);
  AddImageMembers(run.encode, result.encoding, result.encoder_busy, r.duration, json);
  AddSizeMembers(result, scale, json);
  json.EndObject();
  return json.Finish();
}

}  // namespace

void AddScaleOptions(CLI::App& command, ScaleOptions& options) {
  command
      .add_option("--replicas-min", options.replicas_min,
                  "The fleet has so many replicas at first and at least, and as many as its "
                  "requests ask for, at most --replicas (default: it keeps its size)")
      ->check(CLI::Range(1, 4096));
  command
      .add_option("--target-requests", options.target,
                  "Requests for each replica, waiting or running, that its size aims at (default: "
                  "0.7 of its batch)")
      ->check(CLI::Range(0.01, 1e6));
  command
      .add_option("--weights-from", options.weights,
                  "Where a replica that is started gets its weights: its host's memory, another "
                  "replica over the NICs, or storage")
      ->check(CLI::IsMember({"host", "replica", "storage"}))
      ->capture_default_str();
  command
      .add_option(
          "--storage-gbs", options.storage_gbs,
          "GB/s of the storage, which replicas that start at once share (default: their NICs "
          "bind)")
      ->check(CLI::Range(1e-3, 1e6));
  command
      .add_option("--engine-start-s", options.engine_s,
                  "Seconds until the engine takes requests, once weights are there (a log of vLLM; "
                  "of others an estimate)")
      ->check(CLI::Range(0.0, 1e5))
      ->capture_default_str();
  command
      .add_option("--decide-every-s", options.interval_s, "Seconds between decisions on its size")
      ->check(CLI::Range(0.1, 1e5))
      ->capture_default_str();
  command
      .add_option("--keep-s", options.keep_s,
                  "Seconds for which fewer replicas must do before some go")
      ->check(CLI::Range(0.0, 1e6))
      ->capture_default_str();
}

std::string ServeRouted(const std::string& router, const ServeRun& run, const ServeLoad& load,
                        const ScaleOptions& options, double usd_per_hour,
                        const std::string& format) {
  const Deployment& d = run.deployment;
  const IterationCosts costs(d.model, d.part, d.engine, d.layout, "");
  const ScaleSpec scale = ScaleOf(options, d, costs);
  const RoutedResult result = RunRouted(costs, d.replicas, RouterOf(router), load, scale);
  RefuseIfNoneWasServed(result.served);
  const Delivered one = DeliveredByRouted(d, result, costs, run.objectives, usd_per_hour);
  return format == "json"
             ? RoutedJson(router, run, result, costs, scale, one)
             : RoutedText(router, run, result, costs, one) + SizesText(result, scale, options);
}

}  // namespace gridlock
