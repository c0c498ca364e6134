#include "sim/validation/statistics.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "sim/base/check.h"

namespace gridlock {

namespace {

double Mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

}  // namespace

double ErrorPct(double predicted, double published) {
  CHECK(published > 0);
  return 100.0 * (predicted / published - 1.0);
}

double Quantile(std::vector<double> values, double share) {
  CHECK(!values.empty() && share >= 0 && share <= 1);
  std::sort(values.begin(), values.end());
  const double position = share * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(std::floor(position));
  const std::size_t above = std::min(below + 1, values.size() - 1);
  const double part = position - static_cast<double>(below);
  return values[below] + part * (values[above] - values[below]);
}

ErrorStatistics StatisticsOf(const std::vector<std::optional<double>>& errors_pct) {
  ErrorStatistics out;
  out.rows = static_cast<int>(errors_pct.size());
  std::vector<double> absolute;
  std::vector<double> present;
  for (const std::optional<double>& error : errors_pct) {
    if (error) {
      absolute.push_back(std::abs(*error));
      present.push_back(*error);
    }
  }
  out.predicted = static_cast<int>(present.size());
  out.missing = out.rows - out.predicted;
  if (!present.empty()) {
    out.median = Quantile(absolute, 0.5);
    out.p90 = Quantile(absolute, 0.9);
    out.mean = Mean(absolute);
    out.bias = Mean(present);
  }
  return out;
}

}  // namespace gridlock
