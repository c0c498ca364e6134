// What the result of a served load says in the metrics of tables.

#include <regex>
#include <vector>

#include "sim/base/numbers.h"
#include "sim/validation/serving_row.h"

namespace gridlock {

namespace {

double MeanOf(const std::vector<Seconds>& values) {
  double sum = 0;
  for (const Seconds& each : values) {
    sum += each.si();
  }
  return values.empty() ? 0 : sum / static_cast<double>(values.size());
}

// In ms; `statistic` is "mean", "median" or "p99" and the like.
std::optional<double> Latency(const std::string& statistic, const std::vector<Seconds>& values) {
  if (statistic.empty() || statistic == "mean") {
    return 1e3 * MeanOf(values);
  }
  const double rank = statistic == "median" ? 50 : ParseNumber(statistic.substr(1)).value_or(0);
  if (rank <= 0 || rank > 100) {
    return std::nullopt;
  }
  return 1e3 * QuantileOf(values, rank / 100).si();
}

// Tokens of an answer that was given, on average.
double MeanOutput(const ServeResult& result) {
  double tokens = 0, count = 0;
  for (const ServedRequest& each : result.requests) {
    tokens += each.refused ? 0 : static_cast<double>(each.output_tokens);
    count += each.refused ? 0 : 1;
  }
  return count > 0 ? tokens / count : 0;
}

double PerUser(const ServeResult& result) {
  double sum = 0, count = 0;
  for (const ServedRequest& each : result.requests) {
    if (!each.refused && each.end_to_end > Seconds(0)) {
      sum += static_cast<double>(each.output_tokens) / each.end_to_end.si();
      ++count;
    }
  }
  return count > 0 ? sum / count : 0;
}

}  // namespace

std::optional<double> ServingMetric(const std::string& metric, const ServeResult& result,
                                    double replicas, double accelerators) {
  static const std::regex kLatency("^(?:(mean|median|p\\d+)_)?(ttft|tpot|itl|e2e_latency|e2e)_ms$");
  static const std::regex kRate(
      "^(?:(output|input|total)_)?tokens_per_s(?:_per_(user|accelerator|gpu|chip))?$");
  std::smatch match;
  if (std::regex_match(metric, match, kLatency)) {
    const std::string what = match[2];
    return Latency(match[1], result.Values(what == "ttft"   ? &ServedRequest::ttft
                                           : what[0] == 'e' ? &ServedRequest::end_to_end
                                                            : &ServedRequest::tpot));
  }
  if (metric == "requests_per_s") {
    const double each = MeanOutput(result);
    return each > 0 ? result.OutputRate() / each * replicas : 0;
  }
  if (!std::regex_match(metric, match, kRate)) {
    return std::nullopt;
  }
  const std::string of = match[1], per = match[2];
  if (per == "user") {
    return PerUser(result);
  }
  const double rate = of == "input"   ? result.InputRate()
                      : of == "total" ? result.InputRate() + result.OutputRate()
                                      : result.OutputRate();
  return rate * replicas / (per.empty() ? 1 : accelerators);
}

}  // namespace gridlock
