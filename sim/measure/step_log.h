#pragma once

// What an evaluator writes down while a step runs: for each agent an unbroken list of what it did
// and until when, and what each wait was waiting for. Everything reported is derived from this.

#include <cstdint>
#include <vector>

#include "sim/plan/plan.h"
#include "sim/record/series.h"

namespace gridlock {

/// What set the pace of an interval. The first six are ResourceClass.
enum class Cause : std::uint8_t {
  kScaleUp,
  kNic,
  kLeaf,
  kSpine,
  kWan,
  kHbm,
  kCompute,
  kLatency,   ///< message and algorithm-step delays
  kLaunch,    ///< launch floor
  kOverhead,  ///< the training framework's own time per step
};

inline constexpr int kCauses = 10;

/// Seconds. Two things that end closer together than this end together: twice the resolution of the
/// simulated clock.
inline constexpr double kInstant = 2e-9;

/// Loads that differ by less are alike: a full leaf and the NICs below it come to the same load,
/// but for the rounding, which must not decide which of them is named.
inline constexpr double kTie = 1 + 1e-9;

/// "scale_up", "nic", "leaf", "spine", "wan", "hbm", "compute", "latency", "launch", "overhead".
const char* CauseName(Cause cause);

/// What an agent was doing.
enum class Activity : std::uint8_t {
  kCompute,
  kMemoryBound,
  kTensorComm,    ///< exposed collectives of the tensor-parallel group
  kPipelineWait,  ///< bubble and exposed pipeline messages
  kDataComm,      ///< exposed collectives over replicas
  kExpertComm,    ///< exposed all-to-alls to and from experts
  kLaunch,
  kOverhead,
  kIdle,  ///< done before the slowest
};

inline constexpr int kActivities = 9;

/// "compute", "memory_bound", "tensor_comm", ...
const char* ActivityName(Activity activity);

/// One interval of an agent; it begins where the one before ends.
struct AgentRecord {
  double end = 0;  ///< seconds
  std::int32_t awaited =
      -1;  ///< index of the message or collective that ended the wait; -1: no wait
  Activity activity = Activity::kCompute;
  Cause cause = Cause::kCompute;
};

/// A pipeline message: who sent it after which of its records, and what paced it.
struct MessageRecord {
  double posted = 0;                ///< seconds
  double latency = 0;               ///< seconds of (arrival - posted) that no bandwidth removes
  std::int32_t sender = 0;          ///< agent
  std::int32_t sender_records = 0;  ///< records the sender had when it posted
  Cause cause = Cause::kNic;
};

/// One phase of a collective of a communicator. The first phase starts when the last member has
/// come, each other one follows the phase before as its `previous`.
struct CollectiveRecord {
  double start = 0, end = 0;  ///< seconds; start includes the wait for the collective before
  double latency = 0;
  std::int32_t last_agent = 0;  ///< the member that came last
  std::int32_t last_agent_records = 0;
  std::int32_t previous = -1;  ///< collective whose end let this one start; -1: the last member did
  std::int32_t collective = 0;  ///< in StepProgram::collectives
  std::int32_t phase = 0;       ///< of its algorithm
  Cause cause = Cause::kNic;
};

struct StepLog {
  std::vector<std::vector<AgentRecord>> agents;
  std::vector<MessageRecord> messages;
  std::vector<CollectiveRecord> collectives;
  std::uint64_t activities = 0;  ///< SimGrid activities that were started

  void Add(std::int32_t agent, double end, Activity activity, Cause cause,
           std::int32_t awaited = -1) {
    agents[agent].push_back({end, awaited, activity, cause});
  }

  /// Charges all that `agent` has done since it had `first` records to `cause`: work beside which
  /// something slower ran did not set the pace, nor did what it waited for meanwhile. What the
  /// agent did stays as it is.
  void Recharge(std::int32_t agent, std::int32_t first, Cause cause) {
    for (std::int32_t i = first; i < RecordsOf(agent); ++i) {
      agents[agent][i].cause = cause;
      agents[agent][i].awaited = -1;
    }
  }

  [[nodiscard]] std::int32_t RecordsOf(std::int32_t agent) const {
    return static_cast<std::int32_t>(agents[agent].size());
  }

  /// When the last agent was done.
  [[nodiscard]] double End() const;
};

/// Series that a step accumulates: the resource classes, then FLOP.
inline constexpr int kFlopSeries = kResourceClasses;
inline constexpr int kSeries = kResourceClasses + 1;

/// Bytes that one byte of each route puts on each resource class, over all members of the plan.
/// Computed once per route; used at every completion.
class RouteTraffic {
 public:
  explicit RouteTraffic(const Plan& plan) : plan_(plan) {}

  /// Adds the traffic of `bytes` along `route` during [start, end) to the series.
  void Account(Span route, double bytes, double start, double end,
               UtilisationAccumulator& series) const {
    double per_class[kResourceClasses] = {};
    for (std::int32_t i = route.begin; i < route.end; ++i) {
      const Plan::Resource& resource = plan_.resources[plan_.routes[i].resource];
      per_class[static_cast<int>(resource.resource_class)] +=
          static_cast<double>(plan_.routes[i].weight) * resource.unit *
          static_cast<double>(resource.members);
    }
    for (int c = 0; c < kResourceClasses; ++c) {
      if (per_class[c] > 0) {
        series.Add(c, start, end, per_class[c] * bytes);
      }
    }
  }

 private:
  const Plan& plan_;
};

}  // namespace gridlock
