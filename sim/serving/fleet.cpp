#include "sim/serving/fleet.h"

#include <algorithm>
#include <cmath>
#include <queue>

#include "sim/base/check.h"
#include "sim/serving/load_source.h"
#include "sim/serving/replica_pool.h"

namespace gridlock {

namespace {

struct FleetEvent {
  Seconds time;
  bool ended = false;  ///< else it arrives
  std::size_t request = 0;
};

struct LaterInFleet {
  bool operator()(const FleetEvent& a, const FleetEvent& b) const {
    return a.time != b.time ? a.time > b.time : a.request > b.request;
  }
};

class FleetRun {
 public:
  FleetRun(const IterationCosts& costs, int replicas, Router router, const ServeLoad& load)
      : costs_(costs),
        pool_(costs, static_cast<std::size_t>(replicas), load.batch_max, router, load.prefixes),
        source_(load, costs.layout().TokensPerStep()) {
    Await(source_.Begin());
  }

  FleetResult Run() {
    while (Next()) {
    }
    result_.served.work = pool_.Work();
    result_.served.cache_tokens = costs_.cache_tokens();
    result_.served.prefixes = pool_.Prefixes();
    for (std::size_t i = 0; i < pool_.size(); ++i) {
      result_.replicas.push_back(pool_.at(i).work());
    }
    return std::move(result_);
  }

 private:
  void Await(const std::vector<BatchRequest>& requests) {
    for (const BatchRequest& request : requests) {
      const auto id = static_cast<std::size_t>(request.id);
      places_.resize(std::max(places_.size(), id + 1), 0);
      events_.push({request.arrival, false, id});
    }
  }

  // What comes first; at equal times arrivals and ends, then replicas.
  bool Next() {
    const Seconds event = events_.empty() ? Seconds(HUGE_VAL) : events_.top().time;
    Seconds step;
    const std::size_t first = pool_.First(step);
    if (std::isinf(std::min(event, step).si())) {
      return false;
    }
    if (event <= step) {
      const FleetEvent next = events_.top();
      events_.pop();
      Handle(next);
    } else {
      pool_.at(first).StepOnce(event, [this](const BatchOutcome& outcome) {
        result_.served.Add(ServedOf(outcome, costs_));
        result_.served.duration = std::max(result_.served.duration, outcome.end);
        events_.push({outcome.end, true, static_cast<std::size_t>(outcome.request.id)});
      });
    }
    return true;
  }

  void Handle(const FleetEvent& event) {
    const BatchRequest request = source_.at(static_cast<std::int64_t>(event.request));
    if (!event.ended) {
      const std::size_t place = pool_.Choose(request);
      places_[event.request] = place;
      pool_.at(place).Submit(request);
      return;
    }
    pool_.Left(places_[event.request], request);
    Await(source_.After(request.id, event.time));
  }

  const IterationCosts& costs_;
  ReplicaPool pool_;
  LoadSource source_;
  std::vector<std::size_t> places_;  ///< the replica of each request
  std::priority_queue<FleetEvent, std::vector<FleetEvent>, LaterInFleet> events_;
  FleetResult result_;
};

}  // namespace

FleetResult RunFleet(const IterationCosts& costs, int replicas, Router router,
                     const ServeLoad& load) {
  CHECK(replicas > 0 && !load.prefilled);
  return FleetRun(costs, replicas, router, load).Run();
}

}  // namespace gridlock
