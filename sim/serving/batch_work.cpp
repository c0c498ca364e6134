#include "sim/serving/batch_work.h"

#include <algorithm>

namespace gridlock {

void BatchWork::Spend(Seconds time, double of_them, const LimitTimes& base, Wait wait) {
  double known = 0;
  for (std::size_t i = 0; i < base.size(); ++i) {
    limits[i] += base[i] * of_them;
    known += base[i] * of_them;
  }
  limits[static_cast<std::size_t>(Limit::kCache)] += time.si() - known;
  waits[static_cast<std::size_t>(wait)] += time.si();
  busy += time;
}

void BatchWork::SpendBeside(const LimitTimes& all, Wait wait) {
  double time = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    limits[i] += all[i];
    time += all[i];
  }
  waits[static_cast<std::size_t>(wait)] += time;
  busy += Seconds(time);
}

void BatchWork::AddAdapters(const AdapterCosts& costs, Seconds time, double of_them, double adapted,
                            double different) {
  flop += of_them * adapted * costs.flop();
  bytes += of_them * different * costs.read_bytes();
  adapter_seconds += different * time.si();
}

BatchWork& BatchWork::operator+=(const BatchWork& other) {
  busy += other.busy;
  for (std::size_t i = 0; i < limits.size(); ++i) {
    limits[i] += other.limits[i];
  }
  for (std::size_t i = 0; i < waits.size(); ++i) {
    waits[i] += other.waits[i];
  }
  sequence_seconds += other.sequence_seconds;
  cache_seconds += other.cache_seconds;
  prompt_tokens += other.prompt_tokens;
  output_tokens += other.output_tokens;
  evictions += other.evictions;
  cache_peak = std::max(cache_peak, other.cache_peak);
  batch_peak = std::max(batch_peak, other.batch_peak);
  flop += other.flop;
  bytes += other.bytes;
  rows += other.rows;
  reads += other.reads;
  pairs += other.pairs;
  adapter_loads += other.adapter_loads;
  adapter_loading += other.adapter_loading;
  adapter_seconds += other.adapter_seconds;
  return *this;
}

}  // namespace gridlock
