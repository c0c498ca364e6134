#include "sim/engine/flow_engine.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "sim/base/check.h"
#include "sim/engine/timeline.h"

namespace gridlock {

namespace {

// Looks may visit this many flows in all, and this many more for each event.
constexpr std::size_t kVisitsFree = 2'000'000;
constexpr std::size_t kVisitsPerEvent = 16;

// Behind the end of everything.
constexpr double kForever = 1e15;

// Ends closer together than this share of the whole time are one instant; a double knows the time
// to 1e-16 of it.
constexpr double kPrecision = 1e-12;

std::vector<BytesPerSecond> CapacitiesOf(const FlowPlan& plan) {
  std::vector<BytesPerSecond> capacities;
  capacities.reserve(plan.resources.size());
  for (const FlowPlan::Resource& resource : plan.resources) {
    capacities.push_back(resource.capacity);
  }
  return capacities;
}

/// About how long the clock runs; 1 s at least.
double TimeScaleOf(const FlowPlan& plan, const FlowChanges& changes) {
  double latest = 1;
  std::vector<double> seconds(plan.resources.size(), 0.0);
  for (const FlowPlan::Flow& flow : plan.flows) {
    for (std::int32_t i = flow.route.begin; i < flow.route.end; ++i) {
      const RouteEntry entry = plan.routes[i];
      seconds[entry.resource] +=
          entry.weight * (flow.wire / plan.resources[entry.resource].capacity).si();
    }
  }
  for (const FlowPlan::Flow& flow : plan.flows) {
    latest = std::max(latest, flow.start.si());
  }
  for (const Reroute& change : changes.reroutes) {
    latest = std::max(latest, change.at.si());
  }
  return latest + *std::max_element(seconds.begin(), seconds.end());
}

class FlowRunner {
 public:
  FlowRunner(const FlowPlan& plan, const FlowChanges& changes, const FlowRunOptions& options)
      : plan_(plan),
        changes_(changes),
        options_(options),
        timeline_(CapacitiesOf(plan), Seconds(kPrecision * TimeScaleOf(plan, changes))),
        state_(plan.flows.size()),
        order_(plan.flows.size()),
        load_(plan.resources.size(), 0.0) {
    run_.ends.assign(plan.flows.size(), std::numeric_limits<double>::infinity());
    run_.bound_by.assign(plan.flows.size(), -1);
    run_.bound_use.assign(plan.flows.size(), 0.0);
    run_.carried.assign(plan.resources.size(), 0.0);
    std::iota(order_.begin(), order_.end(), 0);
    std::stable_sort(order_.begin(), order_.end(), [&](std::int32_t a, std::int32_t b) {
      return plan.flows[a].start < plan.flows[b].start;
    });
    for (std::size_t f = 0; f < state_.size(); ++f) {
      state_[f].route = plan.flows[f].route;
      state_[f].reachable = plan.flows[f].reachable;
    }
  }

  FlowRun Run() {
    ScheduleStart();
    ScheduleReroute();
    ScheduleRecapacity();
    timeline_.RunUntil(Seconds(kForever));
    return std::move(run_);
  }

 private:
  struct State {
    Span route;
    bool reachable = true;
    bool waits = false;   ///< it has begun, and has no way or has not been sent again yet
    double left = 0;      ///< bytes, at the last look
    double began_at = 0;  ///< seconds
    double began = 0;     ///< the look that `carried` is from
    double rate = -1;     ///< of the open share; -1: none
    double rate_since = 0;
    std::int32_t active = -1;  ///< position in active_
    TransferId transfer = TransferId::kNone;
    std::vector<double> carried;  ///< by entry of the route, when it began
  };

  [[nodiscard]] double Now() const { return timeline_.now().si(); }

  void ScheduleStart() {
    if (next_start_ < order_.size()) {
      timeline_.At(plan_.flows[order_[next_start_]].start, [this] {
        StartDue();
      });
    }
  }

  void StartDue() {
    Look();
    const Seconds start = plan_.flows[order_[next_start_]].start;
    for (; next_start_ < order_.size() && plan_.flows[order_[next_start_]].start == start;
         ++next_start_) {
      const std::int32_t f = order_[next_start_];
      state_[f].left = plan_.flows[f].wire.si();
      state_[f].waits = true;
      if (state_[f].reachable) {
        Begin(f);
      }
    }
    ScheduleStart();
  }

  void ScheduleReroute() {
    if (next_reroute_ < changes_.reroutes.size()) {
      timeline_.At(changes_.reroutes[next_reroute_].at, [this] {
        RerouteDue();
      });
    }
  }

  void RerouteDue() {
    Look();
    const auto& reroutes = changes_.reroutes;
    const Seconds at = reroutes[next_reroute_].at;
    for (; next_reroute_ < reroutes.size() && reroutes[next_reroute_].at == at; ++next_reroute_) {
      const Reroute& change = reroutes[next_reroute_];
      State& state = state_[change.flow];
      if (state.active >= 0) {
        state.left = Stop(change.flow);
        state.waits = true;
      }
      state.route = change.route;
      state.reachable = change.reachable;
      if (state.waits && state.reachable) {
        timeline_.At(at + change.failover, [this, flow = change.flow] {
          if (state_[flow].waits && state_[flow].reachable) {
            Look();
            Begin(flow);
          }
        });
      }
    }
    ScheduleReroute();
  }

  void ScheduleRecapacity() {
    if (next_recapacity_ < changes_.recapacities.size()) {
      timeline_.At(changes_.recapacities[next_recapacity_].at, [this] {
        Look();
        const Recapacity& change = changes_.recapacities[next_recapacity_++];
        timeline_.SetCapacity(change.resource, change.capacity);
        ScheduleRecapacity();
      });
    }
  }

  void Begin(std::int32_t f) {
    State& state = state_[f];
    state.waits = false;
    std::vector<std::int32_t> links;
    state.carried.clear();
    for (std::int32_t i = state.route.begin; i < state.route.end; ++i) {
      const RouteEntry entry = plan_.routes[i];
      state.carried.push_back(run_.carried[entry.resource]);
      load_[entry.resource] += entry.weight;
      if (plan_.resources[entry.resource].can_bind) {
        links.insert(links.end(), entry.weight, entry.resource);
      }
    }
    state.began_at = Now();
    state.began = looked_;
    state.active = static_cast<std::int32_t>(active_.size());
    active_.push_back(f);
    ++run_.activities;
    state.transfer = timeline_.Start(links, Bytes(state.left), BytesPerSecond(0), [this, f] {
      Look();
      Settle(f, 0, Now());
      CloseShare(f, Now());
      Leave(f);
      run_.ends[f] = Now();
    });
  }

  // Takes a flow off its route; returns the bytes that it has left.
  double Stop(std::int32_t f) {
    const double left = timeline_.Cancel(state_[f].transfer).si();
    Settle(f, left, Now());
    CloseShare(f, Now());
    Leave(f);
    return left;
  }

  void Leave(std::int32_t f) {
    State& state = state_[f];
    FindBound(f);
    for (std::int32_t i = state.route.begin; i < state.route.end; ++i) {
      load_[plan_.routes[i].resource] -= plan_.routes[i].weight;
    }
    state.carried = {};
    const std::int32_t last = active_.back();
    active_[state.active] = last;
    state_[last].active = state.active;
    active_.pop_back();
    state.active = -1;
  }

  // Notes what has moved since the last look, unless that is too soon ago for so many flows.
  void Look() {
    const double now = Now();
    ++events_;
    const bool affordable = visits_ + active_.size() <= kVisitsFree + kVisitsPerEvent * events_;
    if (now <= looked_ || !(options_.shares || affordable)) {
      return;
    }
    visits_ += active_.size();
    for (const std::int32_t f : active_) {
      Settle(f, timeline_.Left(state_[f].transfer).si(), now);
    }
    looked_ = now;
  }

  void Settle(std::int32_t f, double left, double now) {
    State& state = state_[f];
    const double moved = state.left - left;
    for (std::int32_t i = state.route.begin; i < state.route.end; ++i) {
      run_.carried[plan_.routes[i].resource] += moved * plan_.routes[i].weight;
    }
    if (options_.shares && now > looked_) {
      NoteShare(f, moved / (now - std::max(looked_, state.began_at)));
    }
    state.left = left;
  }

  void NoteShare(std::int32_t f, double rate) {
    constexpr double kSame = 1e-6;  // a rate is a difference of bytes in steps of 1/256
    State& state = state_[f];
    if (state.rate >= 0 && std::abs(rate - state.rate) <= kSame * state.rate) {
      return;
    }
    CloseShare(f, looked_);
    state.rate = rate;
    state.rate_since = std::max(looked_, state.began_at);
  }

  void CloseShare(std::int32_t f, double until) {
    State& state = state_[f];
    if (state.rate >= 0 && until > state.rate_since) {
      run_.shares.push_back({f, state.rate_since, until, state.rate});
    }
    state.rate = -1;
  }

  // The link that was used most while the flow was under way. Between two looks nothing is known
  // of that; then the link with the most flows for its capacity.
  void FindBound(std::int32_t f) {
    const State& state = state_[f];
    const double seconds = looked_ - state.began;
    double most = 0;
    for (std::int32_t i = state.route.begin; i < state.route.end; ++i) {
      const std::int32_t r = plan_.routes[i].resource;
      const FlowPlan::Resource& resource = plan_.resources[r];
      if (!resource.can_bind) {
        continue;
      }
      const double carried = run_.carried[r] - state.carried[i - state.route.begin];
      const double use = (seconds > 0 ? carried / seconds : load_[r]) / resource.capacity.si();
      constexpr double kTie = 1 + 1e-6;
      if (use > most * kTie) {
        most = use;
        run_.bound_by[f] = r;
        run_.bound_use[f] = seconds > 0 ? std::min(use, 1.0) : 1.0;
      }
    }
  }

  const FlowPlan& plan_;
  const FlowChanges& changes_;
  FlowRunOptions options_;
  Timeline timeline_;
  FlowRun run_;
  std::vector<State> state_;
  std::vector<std::int32_t> order_;   ///< flows by start
  std::vector<std::int32_t> active_;  ///< flows under way
  std::vector<double> load_;          ///< flows under way by resource, with weights
  std::size_t next_start_ = 0, next_reroute_ = 0, next_recapacity_ = 0;
  std::size_t events_ = 0;
  std::size_t visits_ = 0;  ///< of flows by looks
  double looked_ = 0;       ///< time of the last look
};

}  // namespace

FlowRun RunFlows(const FlowPlan& plan, const FlowChanges& changes, const FlowRunOptions& options) {
  return FlowRunner(plan, changes, options).Run();
}

}  // namespace gridlock
