#pragma once

// Latencies of millions of requests in a few kilobytes: histograms with logarithmic buckets.

#include <cstdint>
#include <vector>

#include "sim/base/units.h"
#include "sim/serving/serving_unit.h"
#include "workloads/job.h"

namespace gridlock {

/// Counts durations from 1 us to 1e7 s in buckets that are 2 % wide, so that a quantile is within
/// 1 % of that of the sample; shorter and longer ones count in the outermost buckets. The mean is
/// exact.
class LatencyHistogram {
 public:
  LatencyHistogram();

  void Add(Seconds latency);
  void Merge(const LatencyHistogram& other);

  [[nodiscard]] std::int64_t count() const { return count_; }

  /// 0 when nothing was counted.
  [[nodiscard]] Seconds Mean() const;

  /// The latency of rank ceil(q count), q in (0, 1]: the middle of its bucket. 0 when nothing was
  /// counted.
  [[nodiscard]] Seconds Quantile(double q) const;

 private:
  std::vector<std::int64_t> buckets_;
  std::int64_t count_ = 0;
  Seconds sum_;
};

/// Latencies of the requests of one group.
struct GroupLatency {
  std::int64_t completed = 0;
  std::int64_t refused = 0;
  std::int64_t prompt_tokens = 0, output_tokens = 0;  ///< of those that completed
  std::int64_t within_objectives = 0;                 ///< of those that completed
  Seconds network;                                    ///< of those, to sites and back: a sum
  LatencyHistogram ttft;                              ///< sent to first token
  LatencyHistogram tpot;        ///< (end - first token) / (tokens - 1); not of answers of one token
  LatencyHistogram end_to_end;  ///< arrival to last token

  void Merge(const GroupLatency& other);

  /// Share of all requests that met both objectives. Refused requests did not meet them. 1 when
  /// there were no requests.
  [[nodiscard]] double ShareWithinObjectives() const;
};

/// Latencies of a fleet, by group of requests.
class FleetLatency {
 public:
  explicit FleetLatency(const ServingSpec& fleet);

  void Add(const CompletedRequest& request);
  void Merge(const FleetLatency& other);

  /// In the order of ServingSpec::groups.
  [[nodiscard]] const std::vector<GroupLatency>& groups() const { return groups_; }

  /// All groups together.
  [[nodiscard]] GroupLatency Total() const;

 private:
  std::vector<GroupLatency> groups_;
  Seconds ttft_objective_, tpot_objective_;  ///< 0: none
};

}  // namespace gridlock
