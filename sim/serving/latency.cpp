#include "sim/serving/latency.h"

#include <algorithm>
#include <cmath>

#include "sim/base/check.h"

namespace gridlock {

namespace {

constexpr double kShortest = 1e-6;
constexpr double kLongest = 1e7;
constexpr double kRatio = 1.02;

const double kLogRatio = std::log(kRatio);
const std::size_t kBuckets =
    static_cast<std::size_t>(std::ceil(std::log(kLongest / kShortest) / kLogRatio));

}  // namespace

LatencyHistogram::LatencyHistogram() : buckets_(kBuckets) {}

void LatencyHistogram::Add(Seconds latency) {
  CHECK(latency >= Seconds(0));
  const double clamped = std::clamp(latency.si(), kShortest, kLongest);
  const double place = std::log(clamped / kShortest) / kLogRatio;
  ++buckets_[std::min(static_cast<std::size_t>(place), kBuckets - 1)];
  ++count_;
  sum_ += latency;
}

void LatencyHistogram::Merge(const LatencyHistogram& other) {
  for (std::size_t i = 0; i < kBuckets; ++i) {
    buckets_[i] += other.buckets_[i];
  }
  count_ += other.count_;
  sum_ += other.sum_;
}

Seconds LatencyHistogram::Mean() const {
  return count_ == 0 ? Seconds(0) : sum_ / static_cast<double>(count_);
}

Seconds LatencyHistogram::Quantile(double q) const {
  CHECK(q > 0 && q <= 1);
  if (count_ == 0) {
    return Seconds(0);
  }
  const std::int64_t rank =
      std::max<std::int64_t>(1, std::llround(std::ceil(q * static_cast<double>(count_) - 1e-9)));
  std::int64_t seen = 0;
  std::size_t bucket = 0;
  while (bucket + 1 < kBuckets && seen + buckets_[bucket] < rank) {
    seen += buckets_[bucket++];
  }
  return Seconds(kShortest * std::pow(kRatio, static_cast<double>(bucket) + 0.5));
}

void GroupLatency::Merge(const GroupLatency& other) {
  completed += other.completed;
  refused += other.refused;
  prompt_tokens += other.prompt_tokens;
  output_tokens += other.output_tokens;
  within_objectives += other.within_objectives;
  network += other.network;
  ttft.Merge(other.ttft);
  tpot.Merge(other.tpot);
  end_to_end.Merge(other.end_to_end);
}

double GroupLatency::ShareWithinObjectives() const {
  const std::int64_t all = completed + refused;
  return all == 0 ? 1.0 : static_cast<double>(within_objectives) / static_cast<double>(all);
}

FleetLatency::FleetLatency(const ServingSpec& fleet)
    : groups_(fleet.groups.size()),
      ttft_objective_(fleet.ttft_objective),
      tpot_objective_(fleet.tpot_objective) {}

void FleetLatency::Add(const CompletedRequest& request) {
  GroupLatency& group = groups_.at(static_cast<std::size_t>(request.group));
  if (request.refused) {
    ++group.refused;
    return;
  }
  ++group.completed;
  group.prompt_tokens += request.prompt_tokens;
  group.output_tokens += request.output_tokens;
  const Seconds ttft = request.first_token - request.arrival + request.network;
  group.network += request.network;
  group.ttft.Add(ttft);
  group.end_to_end.Add(request.end - request.arrival + request.network);
  bool within = ttft_objective_ <= Seconds(0) || ttft <= ttft_objective_;
  if (request.output_tokens > 1) {
    const Seconds tpot =
        (request.end - request.first_token) / static_cast<double>(request.output_tokens - 1);
    group.tpot.Add(tpot);
    within = within && (tpot_objective_ <= Seconds(0) || tpot <= tpot_objective_);
  }
  group.within_objectives += within ? 1 : 0;
}

void FleetLatency::Merge(const FleetLatency& other) {
  CHECK(groups_.size() == other.groups_.size());
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    groups_[i].Merge(other.groups_[i]);
  }
}

GroupLatency FleetLatency::Total() const {
  GroupLatency total;
  for (const GroupLatency& group : groups_) {
    total.Merge(group);
  }
  return total;
}

}  // namespace gridlock
