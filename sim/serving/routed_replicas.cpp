#include "sim/serving/routed_replicas.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <queue>

#include "sim/base/check.h"
#include "sim/serving/encode_pool.h"
#include "sim/serving/load_source.h"
#include "sim/serving/replica_pool.h"

namespace gridlock {

namespace {

enum class RoutedWhat { kArrival, kEncoded, kEnded, kReady, kDecide };

struct RoutedEvent {
  Seconds time;
  RoutedWhat what = RoutedWhat::kArrival;
  std::size_t number = 0;  ///< of a request, or of a replica that is ready
};

struct LaterRouted {
  bool operator()(const RoutedEvent& a, const RoutedEvent& b) const {
    return a.time != b.time ? a.time > b.time : a.number > b.number;
  }
};

class RoutedRun {
 public:
  RoutedRun(const IterationCosts& costs, int replicas, Router router, const ServeLoad& load,
            const ScaleSpec& scale)
      : costs_(costs),
        pool_(costs, static_cast<std::size_t>(replicas), load.batch_max, router, load.prefixes),
        encoders_(load.encode),
        source_(load, costs.layout().TokensPerStep()),
        scale_(scale),
        autoscaler_(scale, replicas),
        states_(static_cast<std::size_t>(replicas), State::kInService),
        since_(states_.size()) {
    Await(source_.Begin());
    if (scale.weights > Bytes(0)) {
      loads_.emplace(scale.links);
      begun_.resize(states_.size());
      sending_.resize(scale.links.leaving.size(), 0);
      from_.resize(states_.size(), 0);
    }
    if (scales()) {
      for (std::size_t i = static_cast<std::size_t>(scale.replicas_min); i < states_.size(); ++i) {
        SetState(i, State::kOff, Seconds(0));
      }
      NoteSize(Seconds(0));
      events_.push({scale.interval, RoutedWhat::kDecide, 0});
    }
  }

  RoutedResult Run() {
    while (Next()) {
    }
    // Replicas that were ready after the last answer served nobody.
    std::erase_if(result_.sizes, [this](const ReplicaCounts& each) {
      return each.time > result_.served.duration;
    });
    result_.served.work = pool_.Work();
    result_.served.cache_tokens = costs_.cache_tokens();
    result_.served.prefixes = pool_.Prefixes();
    for (std::size_t i = 0; i < pool_.size(); ++i) {
      result_.replicas.push_back(pool_.at(i).work());
      SetState(i, State::kOff, result_.served.duration);
    }
    result_.other_share = loads_ ? loads_->OtherShare() : 1;
    result_.encoding = encoders_.spans();
    result_.encoder_busy = encoders_.busy();
    return std::move(result_);
  }

 private:
  enum class State { kOff, kStarting, kInService, kLeaving };

  [[nodiscard]] bool scales() const { return scale_.replicas_min > 0; }

  void Await(const std::vector<BatchRequest>& requests) {
    for (const BatchRequest& request : requests) {
      const auto id = static_cast<std::size_t>(request.id);
      places_.resize(std::max(places_.size(), id + 1), 0);
      events_.push({request.arrival, RoutedWhat::kArrival, id});
      ++coming_;
    }
  }

  // What comes first; at equal times events, then replicas.
  bool Next() {
    const Seconds event = events_.empty() ? Seconds(HUGE_VAL) : events_.top().time;
    Seconds step;
    const std::size_t first = pool_.First(step);
    const Seconds loaded = loads_ ? loads_->NextEnd() : Seconds(HUGE_VAL);
    if (std::isinf(std::min({event, step, loaded}).si())) {
      return false;
    }
    if (loaded <= std::min(event, step)) {
      EndLoads(loaded);
      return true;
    }
    if (event <= step) {
      const RoutedEvent next = events_.top();
      events_.pop();
      Handle(next);
    } else {
      pool_.at(first).StepOnce(event, [this](const BatchOutcome& outcome) {
        result_.served.Add(ServedOf(outcome, costs_));
        result_.served.duration = std::max(result_.served.duration, outcome.end);
        events_.push(
            {outcome.end, RoutedWhat::kEnded, static_cast<std::size_t>(outcome.request.id)});
      });
    }
    return true;
  }

  void Handle(const RoutedEvent& event) {
    switch (event.what) {
      case RoutedWhat::kArrival:
        --coming_;
        ++inside_;
        if (encoders_.used()) {
          events_.push({encoders_.Encode(event.time), RoutedWhat::kEncoded, event.number});
          return;
        }
        Route(event);
        return;
      case RoutedWhat::kEncoded:
        Route(event);
        return;
      case RoutedWhat::kEnded:
        End(event);
        return;
      case RoutedWhat::kReady:
        SetState(event.number, State::kInService, event.time);
        NoteSize(event.time);
        return;
      case RoutedWhat::kDecide:
        Decide(event.time);
        return;
    }
  }

  void Route(const RoutedEvent& event) {
    const BatchRequest& request = source_.at(static_cast<std::int64_t>(event.number));
    const std::size_t place = pool_.Choose(request);
    places_[event.number] = place;
    if (encoders_.used() || scales()) {
      pool_.at(place).WaitUntil(event.time);
    }
    pool_.at(place).Submit(request);
  }

  void End(const RoutedEvent& event) {
    const BatchRequest request = source_.at(static_cast<std::int64_t>(event.number));
    const std::size_t place = places_[event.number];
    pool_.Left(place, request);
    --inside_;
    if (states_[place] == State::kLeaving && pool_.requests(place) == 0) {
      SetState(place, State::kOff, event.time);
      NoteSize(event.time);
    }
    Await(source_.After(request.id, event.time));
  }

  [[nodiscard]] int Count(State state) const {
    return static_cast<int>(std::count(states_.begin(), states_.end(), state));
  }

  // A replica that is not off costs its time.
  void SetState(std::size_t replica, State state, Seconds now) {
    State& old = states_[replica];
    if (old != State::kOff && state == State::kOff) {
      result_.replica_time += now - since_[replica];
    } else if (old == State::kOff) {
      since_[replica] = now;
    }
    old = state;
    pool_.SetInService(replica, state == State::kInService);
  }

  void Decide(Seconds now) {
    const int there = Count(State::kInService) + Count(State::kStarting);
    const int wanted = autoscaler_.Decide(now, inside_, there);
    for (int i = there; i < wanted; ++i) {
      StartOne(now);
    }
    for (int i = wanted; i < there; ++i) {
      StopOne(now);
    }
    if (wanted != there) {
      NoteSize(now);
    }
    if (coming_ + inside_ > 0) {
      events_.push({now + scale_.interval, RoutedWhat::kDecide, 0});
    }
  }

  // One that is about to leave has its weights still.
  void StartOne(Seconds now) {
    const auto leaving = std::find(states_.begin(), states_.end(), State::kLeaving);
    if (leaving != states_.end()) {
      SetState(static_cast<std::size_t>(leaving - states_.begin()), State::kInService, now);
      return;
    }
    const auto off = std::find(states_.begin(), states_.end(), State::kOff);
    const auto replica = static_cast<std::size_t>(off - states_.begin());
    SetState(replica, State::kStarting, now);
    ++result_.starts;
    if (loads_) {
      Load(replica, now);
    } else {
      events_.push({now + scale_.start, RoutedWhat::kReady, replica});
    }
  }

  // From the store, or from the replica in service that sends to the fewest.
  void Load(std::size_t replica, Seconds now) {
    std::size_t from = 0;
    for (std::size_t i = 1; i < sending_.size(); ++i) {
      const bool serves = states_[i] == State::kInService;
      from =
          serves && (states_[from] != State::kInService || sending_[i] < sending_[from]) ? i : from;
    }
    ++sending_[from];
    from_[replica] = from;
    begun_[replica] = now;
    loads_->Start(now, static_cast<std::int64_t>(replica), from, replica, scale_.weights);
  }

  void EndLoads(Seconds now) {
    for (const KvNetwork::Ended& each : loads_->AdvanceTo(now)) {
      const auto replica = static_cast<std::size_t>(each.id);
      --sending_[from_[replica]];
      result_.loads.push_back(now - begun_[replica]);
      events_.push({now + scale_.start, RoutedWhat::kReady, replica});
    }
  }

  // The one with the fewest requests; none while one only starts.
  void StopOne(Seconds now) {
    std::size_t fewest = states_.size();
    for (std::size_t i = 0; i < states_.size(); ++i) {
      if (states_[i] == State::kInService &&
          (fewest == states_.size() || pool_.requests(i) < pool_.requests(fewest))) {
        fewest = i;
      }
    }
    if (fewest < states_.size() && Count(State::kInService) > scale_.replicas_min) {
      SetState(fewest, pool_.requests(fewest) > 0 ? State::kLeaving : State::kOff, now);
    }
  }

  // Of several changes at once the last.
  void NoteSize(Seconds now) {
    if (!result_.sizes.empty() && result_.sizes.back().time == now) {
      result_.sizes.pop_back();
    }
    result_.sizes.push_back(
        {now, Count(State::kInService), Count(State::kStarting), Count(State::kLeaving), inside_});
  }

  const IterationCosts& costs_;
  ReplicaPool pool_;
  EncodePool encoders_;
  LoadSource source_;
  ScaleSpec scale_;
  Autoscaler autoscaler_;
  std::vector<State> states_;             ///< by replica
  std::vector<Seconds> since_;            ///< it is not off
  std::optional<KvNetwork> loads_;        ///< weights on their way; none where they take no links
  std::vector<Seconds> begun_;            ///< its load, by replica
  std::vector<std::size_t> from_;         ///< where that comes from
  std::vector<int> sending_;              ///< loads under way, by source
  std::int64_t coming_ = 0, inside_ = 0;  ///< requests that have not arrived, and not ended
  std::vector<std::size_t> places_;       ///< the replica of each request
  std::priority_queue<RoutedEvent, std::vector<RoutedEvent>, LaterRouted> events_;
  RoutedResult result_;
};

}  // namespace

std::pair<double, double> RoutedResult::BusyShares() const {
  double least = HUGE_VAL, most = 0;
  for (const BatchWork& each : replicas) {
    least = std::min(least, each.busy.si());
    most = std::max(most, each.busy.si());
  }
  const double duration = std::max(1e-12, served.duration.si());
  return {least / duration, most / duration};
}

RoutedResult RunRouted(const IterationCosts& costs, int replicas, Router router,
                       const ServeLoad& load, const ScaleSpec& scale) {
  CHECK(replicas > 0 && !load.prefilled && scale.replicas_min <= replicas && scale.target > 0);
  return RoutedRun(costs, replicas, router, load, scale).Run();
}

}  // namespace gridlock
