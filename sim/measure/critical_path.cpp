#include "sim/measure/critical_path.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "sim/base/check.h"

namespace gridlock {

namespace {

// A position on the path: an agent and how many of its records lie before `now`.
class Walk {
 public:
  /// `part`: how much of a stretch of time, from and until, counts.
  template <typename Part>
  Walk(const StepLog& log, const TierTable& tiers, const Part& part)
      : log_(log),
        tiers_(tiers),
        part_(part),
        time_(static_cast<std::size_t>(Cause::Count(tiers))) {}

  std::vector<double> Run() && {
    now_ = log_.End();
    // Of agents that end together the first: rounding must not choose between their paths.
    while (now_ > 0 &&
           (log_.agents[agent_].empty() || log_.agents[agent_].back().end < now_ - kInstant)) {
      ++agent_;
    }
    records_ = now_ > 0 ? log_.RecordsOf(agent_) : 0;
    while (records_ > 0 && now_ > 0) {
      Step(log_.agents[agent_][records_ - 1]);
    }
    CHECK(now_ <= 0);
    return std::move(time_);
  }

 private:
  void Charge(Cause cause, double until) {
    time_[cause.Position(tiers_)] += part_(until, now_);
    now_ = until;
  }

  // A transfer ran from `start`, of which `latency` was delay.
  void ChargeTransfer(Cause cause, double start, double latency) {
    const double flowing = std::min(now_, start + latency);
    Charge(cause, flowing);
    Charge(Cause::kLatency, start);
  }

  void Step(const AgentRecord& record) {
    if (record.awaited < 0) {
      Charge(record.cause, records_ > 1 ? log_.agents[agent_][records_ - 2].end : 0.0);
      --records_;
    } else if (record.activity == Activity::kPipelineWait) {
      const MessageRecord& message = log_.messages[record.awaited];
      ChargeTransfer(message.cause, message.posted, message.latency);
      agent_ = message.sender;
      records_ = message.sender_records;
    } else {
      FollowCollective(record.awaited);
    }
  }

  void FollowCollective(std::int32_t index) {
    while (true) {
      const CollectiveRecord& collective = log_.collectives[index];
      ChargeTransfer(collective.cause, collective.start, collective.latency);
      if (collective.previous < 0) {
        agent_ = collective.last_agent;
        records_ = collective.last_agent_records;
        return;
      }
      index = collective.previous;
    }
  }

  const StepLog& log_;
  const TierTable& tiers_;
  std::function<double(double from, double until)> part_;
  std::vector<double> time_;
  double now_ = 0;
  AgentRow agent_{0};
  std::int32_t records_ = 0;
};

}  // namespace

std::vector<double> CriticalPath(const StepLog& log, const TierTable& tiers) {
  return Walk(log, tiers,
              [&log](double from, double until) {
                return log.cycle.Stretched(from, until);
              })
      .Run();
}

std::vector<double> CriticalPathWithin(const StepLog& log, const TierTable& tiers, double begin,
                                       double end) {
  const Cycle window{begin, end - begin, 0, 0, {}};
  return Walk(log, tiers,
              [&window](double from, double until) {
                return window.Overlap(from, until);
              })
      .Run();
}

}  // namespace gridlock
