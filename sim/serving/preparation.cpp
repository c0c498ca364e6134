#include "sim/serving/preparation.h"

#include <utility>

namespace gridlock {

LimitTimes Preparation::Do(const IterationCosts& costs, BatchWork& work) {
  LimitTimes limits{};
  const std::int64_t rows = std::exchange(inputs_, 0);
  const double pairs = std::exchange(pairs_, 0);
  if (rows > 0) {
    limits = costs.EncodeLimits(rows, pairs);
    const double flop = costs.EncodeFlop(static_cast<double>(rows), pairs);
    work.flop += flop;
    work.bytes += costs.EncodeBytes(static_cast<double>(rows));
    work.rows += flop / costs.FlopOf(1, 0, 0, 0);  // as many of the decoder's
    work.prompt_tokens += rows;
  }
  const Seconds loading = costs.adapters().LoadTime() * static_cast<double>(adapters_);
  work.adapter_loads += std::exchange(adapters_, 0);
  work.adapter_loading += loading;
  limits[static_cast<std::size_t>(Limit::kHost)] += loading.si();
  limits[static_cast<std::size_t>(Limit::kCompute)] += std::exchange(images_, Seconds(0)).si();
  return limits;
}

}  // namespace gridlock
