#include "tools/serve_cap.h"

#include <algorithm>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/report/json.h"
#include "sim/serving/part_caps.h"
#include "sim/study/value_list.h"

#include "tools/progress.h"

namespace gridlock {

namespace {

const CappedResource& ResourceOf(const std::string& name) {
  for (const CappedResource& each : CappedResources()) {
    if (name == each.name) {
      return each;
    }
  }
  throw UserError("", fmt::format("--cap: nothing is called {}{}; expected one of {}", Quoted(name),
                                  DidYouMean(name, CappedResourceNames()),
                                  fmt::join(CappedResourceNames(), ", ")));
}

/// A value of the cap, and what it does.
struct Row {
  double share = 1, value = 0;
  Seconds ttft, ttft_p90, tpot;
  double rate = 0, within = 0, joules = 0, usd = 0;
  std::string binds;
  std::string refused;  ///< why nothing can be served at this value; else empty
};

void ServeAt(const Deployment& deployment, const ServePoolOptions& pools, const ServeRun& run,
             const ServeLoad& load, double usd_per_hour, Row& row) {
  const IterationCosts costs(deployment.model, deployment.part, deployment.engine,
                             deployment.layout, "");
  ServeResult served;
  double replicas = deployment.replicas;
  if (pools.prefill_replicas > 0) {
    PoolsRun result = RunPoolsOf(pools, deployment, load);
    served = std::move(result.result.served);
    replicas = 1;  // the load is that of all
    row.binds = result.binds;
  } else {
    served = RunLoad(costs, load);
    const Bindings bindings = BindingsOf(served, costs);
    row.binds = bindings.times.empty() ? "" : bindings.times.front().limit;
    const Delivered out = DeliveredBy(deployment, served, costs, run.objectives, usd_per_hour);
    row.joules = out.joules_per_token;
    row.usd = out.usd_per_million;
  }
  const std::vector<Seconds> ttft = served.Values(&ServedRequest::ttft);
  row.ttft = QuantileOf(ttft, 0.5);
  row.ttft_p90 = QuantileOf(ttft, 0.9);
  row.tpot = QuantileOf(served.Values(&ServedRequest::tpot), 0.5);
  row.rate = served.OutputRate() * replicas;
  row.within = served.Within(run.objectives.ttft, run.objectives.tpot);
}

Row RowAt(const CappedResource& resource, double share, const ServePoolOptions& pools,
          const ServeRun& run, const ServeLoad& load, double usd_per_hour) {
  Deployment deployment = run.deployment;
  resource.scale(deployment.part, share);
  Row row;
  row.share = share;
  row.value = resource.value(deployment.part);
  try {
    ServeAt(deployment, pools, run, load, usd_per_hour, row);
  } catch (const UserError& error) {
    row.refused = error.problems().empty() ? error.what() : error.problems().front().message;
  }
  return row;
}

std::string CapText(const CappedResource& resource, const ServeRun& run,
                    const std::vector<Row>& rows) {
  std::string text = fmt::format(
      "{}, {} of {} {}: a cap on the {}\n{:>16} {:>6} {:>11} {:>11} {:>10} {:>9} {:>10} {:>8} "
      "{:>9} {:>10}  {}\n",
      run.deployment.model.name,
      run.deployment.replicas == 1 ? "one replica"
                                   : fmt::format("{} replicas", run.deployment.replicas),
      run.deployment.layout.accelerators(), run.deployment.part.name, resource.words, "cap",
      "share", "TTFT median", "TTFT p90", "TPOT", "slowdown", "tokens/s", "within", "J/token",
      "USD/M", "iterations bind on");
  const Row& first = *std::find_if(rows.begin(), rows.end(), [](const Row& row) {
    return row.refused.empty();
  });
  for (const Row& row : rows) {
    if (!row.refused.empty()) {
      text += fmt::format("{:>16} {:>4.0f} %  refused: {}\n",
                          fmt::format("{:.5g} {}", row.value, resource.unit), 100 * row.share,
                          row.refused);
      continue;
    }
    text += fmt::format(
        "{:>16} {:>4.0f} % {:>11} {:>11} {:>10} {:>8.3f}x {:>10.1f} {:>6.1f} % {:>9.4g} {:>10}  "
        "{}\n",
        fmt::format("{:.5g} {}", row.value, resource.unit), 100 * row.share,
        FormatSeconds(row.ttft), FormatSeconds(row.ttft_p90), FormatSeconds(row.tpot),
        first.tpot > Seconds(0) ? row.tpot / first.tpot : 1.0, row.rate, 100 * row.within,
        row.joules, row.usd > 0 ? fmt::format("{:.4g}", row.usd) : "-", row.binds);
  }
  return text;
}

std::string CapJson(const CappedResource& resource, const ServeRun& run,
                    const std::vector<Row>& rows) {
  JsonWriter json;
  json.BeginObject();
  json.Member("model", run.deployment.model.name);
  json.Member("part", run.deployment.part.name);
  json.Member("cap", std::string(resource.name));
  json.Member("unit", std::string(resource.unit));
  json.Objects("points", rows, [&json](const Row& row) {
    json.Member("share", row.share);
    json.Member("value", row.value);
    if (!row.refused.empty()) {
      json.Member("refused", row.refused);
      return;
    }
    json.Member("ttft_median_s", row.ttft.si());
    json.Member("ttft_p90_s", row.ttft_p90.si());
    json.Member("tpot_median_s", row.tpot.si());
    json.Member("output_tokens_per_s", row.rate);
    json.Member("within_objectives", row.within);
    json.Member("joules_per_output_token", row.joules);
    json.Member("usd_per_million_output_tokens", row.usd);
    json.Member("binds", row.binds);
  });
  json.EndObject();
  return json.Finish();
}

}  // namespace

void AddServeCapOptions(CLI::App& command, ServeCapOptions& options) {
  command
      .add_option("--cap", options.resource,
                  fmt::format("The same requests with less of one resource: {}",
                              fmt::join(CappedResourceNames(), ", ")))
      ->type_name("RESOURCE");
  command
      .add_option("--values", options.values,
                  "Of --cap, in % of what the part has; \"...\" goes on evenly")
      ->type_name("LIST")
      ->capture_default_str();
}

std::string ServeCap(const ServeCapOptions& options, const ServePoolOptions& pools,
                     const ServeRun& run, const ServeLoad& load, double usd_per_hour,
                     const std::string& format, bool quiet) {
  const CappedResource& resource = ResourceOf(options.resource);
  std::vector<Row> rows;
  const std::vector<ListedValue> values = ParseValueList(options.values, "--values");
  ProgressLine progress(quiet);
  for (const ListedValue& value : values) {
    progress.Show("simulating requests",
                  static_cast<double>(rows.size()) / static_cast<double>(values.size()));
    if (value.unit != "%") {
      throw UserError(
          "", fmt::format("--values: {}; expected %, such as 100,75,50%", Quoted(value.text())));
    }
    rows.push_back(RowAt(resource, value.number / 100, pools, run, load, usd_per_hour));
  }
  progress.Clear();
  if (std::all_of(rows.begin(), rows.end(), [](const Row& row) {
        return !row.refused.empty();
      })) {
    throw UserError("", "--values: " + rows.front().refused);
  }
  return format == "json" ? CapJson(resource, run, rows) : CapText(resource, run, rows);
}

}  // namespace gridlock
