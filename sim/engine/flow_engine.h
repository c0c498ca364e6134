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

/// A flow moves on to another route.
struct Reroute {
  Seconds at;
  std::int32_t flow = 0;
  Span route;             ///< in FlowPlan::routes
  bool reachable = true;  ///< false: it waits until another change gives it a route
  Seconds resend{};       ///< until its first byte on the new route is sent
};

/// A link gets another capacity.
struct Recapacity {
  Seconds at;
  std::int32_t resource = 0;
  BytesPerSecond capacity;
};

struct FlowChanges {
  std::vector<Reroute> reroutes;         ///< by rising time
  std::vector<Recapacity> recapacities;  ///< by rising time
};

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

/// @param shares also note the rate of every flow over time
FlowRun RunFlows(const FlowPlan& plan, const FlowChanges& changes, bool shares);

}  // namespace gridlock
