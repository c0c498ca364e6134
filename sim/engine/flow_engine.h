#pragma once

// Runs messages on SimGrid, which shares the links max-min fairly at every instant.
//
//   at each start, end or change of routes:
//     note what every flow under way has moved since the last look, and on which links
//     start, end or re-route flows
//
// A look costs time for every flow under way. With very many of them looks are rarer than events;
// ends stay exact, and the noted rates are means between two looks.

#include <cstdint>
#include <vector>

#include "sim/plan/flow_plan.h"

namespace gridlock {

/// The rate of a flow over an interval.
struct FlowShare {
  std::int32_t flow = 0;
  double from = 0, until = 0;  ///< seconds
  double rate = 0;             ///< byte/s on the wire
};

struct FlowRun {
  std::vector<double> ends;  ///< by flow: when its last byte left its sender; infinite: never
  /// The link of its route that was used most while it was under way, and how much; -1: none.
  std::vector<std::int32_t> bound_by;
  std::vector<double> bound_use;
  std::vector<double> carried;  ///< bytes, by resource
  std::vector<FlowShare> shares;
  std::uint64_t activities = 0;
};

struct FlowRunOptions {
  bool shares = false;  ///< also note the rate of every flow over time
};

FlowRun RunFlows(const FlowPlan& plan, const FlowChanges& changes, const FlowRunOptions& options);

}  // namespace gridlock
