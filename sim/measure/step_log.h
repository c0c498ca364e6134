#pragma once

// What an evaluator writes down while a step runs: for each agent an unbroken list of what it did
// and until when, and what each wait was waiting for. Everything reported is derived from this.

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "sim/plan/plan.h"
#include "sim/record/series.h"

namespace gridlock {

/// In StepLog::agents: an agent, counted from the first one of its job in the plan.
using AgentRow = Index<struct AgentRowTag>;

/// What set the pace of an interval: a tier of the plan's resources, or one of four things that are
/// no resource.
class Cause {
 public:
  static const Cause kCompute;
  static const Cause kLatency;   ///< message and algorithm-step delays
  static const Cause kLaunch;    ///< launch floor
  static const Cause kOverhead;  ///< the training framework's own time per step

  /// A tier of Plan::tiers.
  constexpr Cause(TierIndex tier) : value_(static_cast<std::int16_t>(tier.value)) {}  // NOLINT

  /// Tiers in their order, from the accelerator outwards; the others before them.
  constexpr auto operator<=>(const Cause&) const = default;

  /// Position among all causes of a plan: its tiers, then compute, latency, launch and overhead.
  [[nodiscard]] int Position(const TierTable& tiers) const {
    return value_ >= 0 ? value_ : tiers.size() - 1 - value_;
  }

  /// The cause at a position below Count().
  [[nodiscard]] static Cause At(int position, const TierTable& tiers) {
    return Cause(position < tiers.size() ? position : tiers.size() - 1 - position);
  }

  /// How many causes a plan has.
  [[nodiscard]] static int Count(const TierTable& tiers) { return tiers.size() + 4; }

 private:
  explicit constexpr Cause(int value) : value_(static_cast<std::int16_t>(value)) {}

  std::int16_t value_;  ///< a tier, or below zero
};

inline constexpr Cause Cause::kCompute{-1};
inline constexpr Cause Cause::kLatency{-2};
inline constexpr Cause Cause::kLaunch{-3};
inline constexpr Cause Cause::kOverhead{-4};

/// Seconds. Two things that end closer together than this end together: twice the resolution of the
/// simulated clock.
inline constexpr double kInstant = 2e-9;

/// Two loads count as equal when their ratio is nearer to 1 than this. Example: a full leaf and the
/// NICs below it have equal loads but for rounding, and rounding must not decide which of the two
/// is named.
inline constexpr double kTie = 1 + 1e-9;

/// The name of a tier, or "compute", "latency", "launch", "overhead".
std::string CauseName(Cause cause, const TierTable& tiers);

/// The same for people: "the links between leaves and spines", "latency of messages".
std::string CauseInWords(Cause cause, const TierTable& tiers);

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
  double posted = 0;   ///< seconds
  double latency = 0;  ///< seconds of (arrival - posted) that no bandwidth removes
  AgentRow sender{0};
  std::int32_t sender_records = 0;  ///< records the sender had when it posted
  Cause cause = TierTable::kNic;
};

/// One phase of a collective of a communicator. The first phase starts when the last member has
/// come, each other one follows the phase before as its `previous`.
struct CollectiveRecord {
  double start = 0, end = 0;  ///< seconds; start includes the wait for the collective before
  double latency = 0;
  AgentRow last_agent{0};  ///< the member that came last
  std::int32_t last_agent_records = 0;
  std::int32_t previous = -1;  ///< collective whose end let this one start; -1: the last member did
  std::int32_t collective = 0;  ///< in StepProgram::collectives
  std::int32_t phase = 0;       ///< of its algorithm
  Cause cause = TierTable::kNic;
};

/// A stretch of the simulated step that the real step goes through more often: the real step does
/// what the log says until `from` + `length`, then the stretch `times` times more, then the rest of
/// the log. Example: a step of 1,000,000 micro-batches of which 300 were simulated, with a stretch
/// of 10 micro-batches, has 99,970 `times`. See long_step.h.
struct Cycle {
  double from = 0;                 ///< seconds
  double length = 0;               ///< seconds
  std::int64_t times = 0;          ///< 0: the log is the whole step
  std::int64_t micro_batches = 0;  ///< of the stretch
  std::vector<Span> actions;       ///< of the stretch, by role

  /// Seconds of [begin, end) that lie in the stretch.
  [[nodiscard]] double Overlap(double begin, double end) const;

  /// How long [begin, end) of the log is in the real step.
  [[nodiscard]] double Stretched(double begin, double end) const {
    return end - begin + (times > 0 ? static_cast<double>(times) * Overlap(begin, end) : 0.0);
  }

  /// How often the real step does what the log does at `when`.
  [[nodiscard]] std::int64_t TimesAt(double when) const {
    return times > 0 && when >= from && when < from + length ? times + 1 : 1;
  }
};

struct StepLog {
  std::vector<std::vector<AgentRecord>> agents;
  std::vector<MessageRecord> messages;
  std::vector<CollectiveRecord> collectives;
  std::uint64_t activities = 0;  ///< SimGrid activities that were started
  Cycle cycle;
  /// When each agent was through each action of its role; empty unless StepOptions asks for it.
  std::vector<std::vector<double>> action_ends;

  void Add(AgentRow agent, double end, Activity activity, Cause cause, std::int32_t awaited = -1) {
    agents[agent].push_back({end, awaited, activity, cause});
  }

  /// Charges the records of `agent` from number `first` on to `cause`. Used when something slower
  /// ran beside them: neither that work nor the waits in it set the pace. The activities of the
  /// records stay as they are.
  void Recharge(AgentRow agent, std::int32_t first, Cause cause) {
    for (std::int32_t i = first; i < RecordsOf(agent); ++i) {
      agents[agent][i].cause = cause;
      agents[agent][i].awaited = -1;
    }
  }

  [[nodiscard]] std::int32_t RecordsOf(AgentRow agent) const {
    return static_cast<std::int32_t>(agents[agent].size());
  }

  /// When the last agent was done with what was simulated.
  [[nodiscard]] double End() const;

  /// Length of the real step.
  [[nodiscard]] double StepTime() const {
    return End() + static_cast<double>(cycle.times) * cycle.length;
  }
};

/// Series that a step accumulates: the tiers of the plan, then FLOP.
inline int FlopSeries(const Plan& plan) {
  return plan.tiers.size();
}

inline int SeriesOf(const Plan& plan) {
  return plan.tiers.size() + 1;
}

/// What single links carry, by resource of the plan; in a folded plan one of those alike.
struct LinkTally {
  /// The series of a resource, -1: none.
  std::vector<std::int32_t> series_of;
  UtilisationAccumulator series{1, 1};  ///< bytes
  std::vector<double> carried;          ///< bytes in all; empty where it is not counted

  void Add(std::int32_t resource, double start, double end, double bytes) {
    if (!carried.empty()) {
      carried[resource] += bytes;
    }
    if (series_of[resource] >= 0) {
      series.Add(series_of[resource], start, end, bytes);
    }
  }
};

/// Bytes that one byte of each route puts on each tier, over all members of the plan.
class RouteTraffic {
 public:
  /// @param links what single links carry is added to it; null: that is not asked for
  explicit RouteTraffic(const Plan& plan, LinkTally* links = nullptr)
      : plan_(plan), links_(links) {}

  /// Adds the traffic of `bytes` along `route` during [start, end) to the series.
  void Account(Span route, double bytes, double start, double end,
               UtilisationAccumulator& series) const {
    double per_tier[TierTable::kMost] = {};
    for (std::int32_t i = route.begin; i < route.end; ++i) {
      const Plan::Resource& resource = plan_.resources[plan_.routes[i].resource];
      const double weight = static_cast<double>(plan_.routes[i].weight) * resource.unit;
      per_tier[resource.tier.value] += weight * static_cast<double>(resource.members);
      if (links_ != nullptr) {
        links_->Add(plan_.routes[i].resource, start, end, weight * bytes);
      }
    }
    for (int t = 0; t < plan_.tiers.size(); ++t) {
      if (per_tier[t] > 0) {
        series.Add(t, start, end, per_tier[t] * bytes);
      }
    }
  }

 private:
  const Plan& plan_;
  LinkTally* links_;
};

}  // namespace gridlock
