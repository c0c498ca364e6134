#include "tools/serve_fleet.h"

#include <algorithm>

#include <fmt/format.h>

#include "sim/report/json.h"
#include "sim/serving/fleet.h"

#include "tools/serve_pools.h"
#include "tools/serve_prefix.h"

namespace gridlock {

namespace {

struct FleetColumn {
  const char* name;
  const char* key;
  Seconds ServedRequest::*member;
};

constexpr FleetColumn kColumns[] = {{"TTFT", "ttft_s", &ServedRequest::ttft},
                                    {"TPOT", "tpot_s", &ServedRequest::tpot},
                                    {"end to end", "e2e_s", &ServedRequest::end_to_end}};

// The busiest and the least busy replica, of the duration.
std::pair<double, double> BusyOf(const FleetResult& result) {
  double least = 1e300, most = 0;
  for (const BatchWork& each : result.replicas) {
    least = std::min(least, each.busy.si());
    most = std::max(most, each.busy.si());
  }
  const double duration = std::max(1e-12, result.served.duration.si());
  return {least / duration, most / duration};
}

// Of all replicas: the run stands for one deployment of one replica.
Delivered DeliveredByAll(const ServeRun& run, const FleetResult& result,
                         const IterationCosts& costs, double usd_per_hour) {
  Deployment one = run.deployment;
  one.replicas = 1;
  ServeResult mean = result.served;
  const double replicas = run.deployment.replicas;
  mean.work.busy = mean.work.busy / replicas;
  mean.work.flop /= replicas;
  mean.work.bytes /= replicas;
  mean.output_tokens =
      static_cast<std::int64_t>(static_cast<double>(mean.output_tokens) / replicas);
  return DeliveredBy(one, mean, costs, run.objectives, usd_per_hour);
}

std::string FleetText(const std::string& router, const ServeRun& run, const FleetResult& result,
                      const Delivered& one) {
  const Deployment& d = run.deployment;
  const ServeResult& r = result.served;
  std::string text = fmt::format(
      "{}, {} replicas of {} {} behind a {} router, engine {}\n{}{}"
      "  requests     {} in {} ({} evictions)\n  {:<12} {:>10} {:>10} {:>10} {:>10}\n",
      d.model.name, d.replicas, d.layout.accelerators(), d.part.name, router, d.engine.name,
      run.note, run.note.empty() ? "" : "\n", r.requests.size(), FormatSeconds(r.duration),
      r.work.evictions, "", "median", "p90", "p99", "longest");
  for (const FleetColumn& column : kColumns) {
    const std::vector<Seconds> values = r.Values(column.member);
    text += fmt::format("  {:<12}", column.name);
    for (const double q : {0.5, 0.9, 0.99, 1.0}) {
      text += fmt::format(" {:>10}", FormatSeconds(QuantileOf(values, q)));
    }
    text += "\n";
  }
  const auto [least, most] = BusyOf(result);
  text +=
      fmt::format("  tokens/s     {:.1f} of answers, {:.1f} per accelerator; {:.1f} of prompts\n",
                  r.OutputRate(), r.OutputRate() / d.accelerators(), r.InputRate());
  text += fmt::format("  prefilled    {:.4g} million tokens of the {:.4g} million of all prompts\n",
                      1e-6 * static_cast<double>(r.work.prompt_tokens),
                      1e-6 * static_cast<double>(r.prompt_tokens));
  text += PrefixText(r.prefixes, r.duration * static_cast<double>(d.replicas));
  text += fmt::format("  busy         replicas from {:.1f} % to {:.1f} % of the time\n",
                      100 * least, 100 * most);
  if (one.watts > 0) {
    text += fmt::format("  power        {} per accelerator, {:.3g} J per output token\n",
                        FormatWatts(Watts(one.watts)), one.joules_per_token);
  }
  return text;
}

std::string FleetJson(const std::string& router, const ServeRun& run, const FleetResult& result,
                      const Delivered& one) {
  const Deployment& d = run.deployment;
  const ServeResult& r = result.served;
  const auto [least, most] = BusyOf(result);
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
  for (const FleetColumn& column : kColumns) {
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
  AddPrefixMembers(r.prefixes, json);
  json.EndObject();
  return json.Finish();
}

}  // namespace

std::string ServeFleet(const std::string& router, const ServeRun& run, const ServeLoad& load,
                       double usd_per_hour, const std::string& format) {
  const Deployment& d = run.deployment;
  const IterationCosts costs(d.model, d.part, d.engine, d.layout, "");
  const FleetResult result = RunFleet(costs, d.replicas, RouterOf(router), load);
  const Delivered one = DeliveredByAll(run, result, costs, usd_per_hour);
  return format == "json" ? FleetJson(router, run, result, one)
                          : FleetText(router, run, result, one);
}

}  // namespace gridlock
