#include "sim/serving/pools.h"

#include <algorithm>
#include <cmath>
#include <queue>

#include "sim/base/check.h"

namespace gridlock {

namespace {

// What a request went through. Times before it is there are infinite.
struct Passage {
  BatchRequest request;
  Seconds admitted, first_token, there;
  std::size_t prefill = 0, decode = 0;
};

enum class What { kArrival, kPrefilled, kDecoded };

struct Event {
  Seconds time;
  What what = What::kArrival;
  std::size_t request = 0;
};

struct Later {
  bool operator()(const Event& a, const Event& b) const {
    return a.time != b.time ? a.time > b.time : a.request > b.request;
  }
};

void Add(const BatchWork& work, BatchWork& sum) {
  sum.busy += work.busy;
  for (std::size_t i = 0; i < sum.limits.size(); ++i) {
    sum.limits[i] += work.limits[i];
  }
  for (std::size_t i = 0; i < sum.waits.size(); ++i) {
    sum.waits[i] += work.waits[i];
  }
  sum.sequence_seconds += work.sequence_seconds;
  sum.cache_seconds += work.cache_seconds;
  sum.iterations += work.iterations;
  sum.prompt_tokens += work.prompt_tokens;
  sum.output_tokens += work.output_tokens;
  sum.evictions += work.evictions;
  sum.cache_peak = std::max(sum.cache_peak, work.cache_peak);
  sum.batch_peak = std::max(sum.batch_peak, work.batch_peak);
  sum.flop += work.flop;
  sum.bytes += work.bytes;
}

/// Replicas that share requests.
class Pool {
 public:
  Pool(const IterationCosts& costs, std::size_t replicas, std::int64_t batch_max, Router router)
      : router_(router), loads_(replicas, 0) {
    for (std::size_t i = 0; i < replicas; ++i) {
      replicas_.emplace_back(costs, batch_max);
    }
  }

  std::size_t Choose() {
    std::size_t chosen = next_ % replicas_.size();
    if (router_ == Router::kLeastLoaded) {
      chosen =
          static_cast<std::size_t>(std::min_element(loads_.begin(), loads_.end()) - loads_.begin());
    }
    ++next_;
    ++loads_[chosen];
    return chosen;
  }

  void Left(std::size_t replica) { --loads_[replica]; }

  BatchingReplica& at(std::size_t replica) { return replicas_[replica]; }

  /// The replica with the earliest clock among those that have something to do.
  [[nodiscard]] std::size_t First(Seconds& time) const {
    std::size_t first = replicas_.size();
    time = Seconds(HUGE_VAL);
    for (std::size_t i = 0; i < replicas_.size(); ++i) {
      const BatchingReplica& each = replicas_[i];
      if (each.waiting() + each.in_batch() > 0 && each.clock() < time) {
        time = each.clock();
        first = i;
      }
    }
    return first;
  }

  [[nodiscard]] BatchWork Work() const {
    BatchWork sum;
    for (const BatchingReplica& each : replicas_) {
      Add(each.work(), sum);
    }
    return sum;
  }

 private:
  Router router_;
  std::vector<std::int64_t> loads_;
  std::size_t next_ = 0;
  std::vector<BatchingReplica> replicas_;
};

class PoolRun {
 public:
  PoolRun(const PoolSpec& spec, const ServeLoad& load)
      : spec_(spec),
        load_(load),
        prefill_(*spec.prefill, spec.links.leaving.size(), 0, spec.router),
        decode_(*spec.decode, spec.links.entering.size(), load.batch_max, spec.router),
        network_(spec.links) {
    for (const BatchRequest& request :
         RequestsOfLoad(load, spec.decode->layout().TokensPerStep())) {
      passages_.push_back({request, {}, {}, {}, 0, 0});
    }
    const std::size_t in_flight = load.kind == LoadKind::kConcurrency
                                      ? static_cast<std::size_t>(std::max(1.0, load.value))
                                      : passages_.size();
    while (started_ < std::min(in_flight, passages_.size())) {
      StartNext(Seconds(0));
    }
  }

  PoolResult Run() {
    while (Next()) {
    }
    result_.served.work = decode_.Work();
    result_.served.cache_tokens = spec_.decode->cache_tokens();
    result_.prefill_work = prefill_.Work();
    result_.moved = network_.moved();
    result_.network_busy = network_.busy();
    result_.other_share = network_.OtherShare();
    return std::move(result_);
  }

 private:
  void StartNext(Seconds at) {
    if (started_ < passages_.size()) {
      BatchRequest& request = passages_[started_].request;
      request.arrival = std::max(request.arrival, at);
      events_.push({request.arrival, What::kArrival, started_++});
    }
  }

  // What comes first; at equal times caches that have come, then events, then replicas.
  bool Next() {
    const Seconds event = events_.empty() ? Seconds(HUGE_VAL) : events_.top().time;
    const Seconds flow = network_.NextEnd();
    Seconds prefill, decode;
    const std::size_t prefiller = prefill_.First(prefill), decoder = decode_.First(decode);
    const Seconds first = std::min({event, flow, prefill, decode});
    if (std::isinf(first.si())) {
      return false;
    }
    if (flow <= first) {
      for (const KvNetwork::Ended& each : network_.AdvanceTo(flow)) {
        Arrive(static_cast<std::size_t>(each.id), each.time);
      }
    } else if (event <= first) {
      const Event next = events_.top();
      events_.pop();
      Handle(next);
    } else if (decode <= first) {
      decode_.at(decoder).StepOnce(std::min({event, flow, prefill}), [this](const auto& outcome) {
        Decoded(outcome);
      });
    } else {
      prefill_.at(prefiller).StepOnce(Seconds(HUGE_VAL), [this](const auto& outcome) {
        Prefilled(outcome);
      });
    }
    return true;
  }

  void Handle(const Event& event) {
    Passage& passage = passages_[event.request];
    switch (event.what) {
      case What::kArrival: {
        passage.prefill = prefill_.Choose();
        BatchRequest request = passage.request;
        request.output_tokens = 1;
        prefill_.at(passage.prefill).Submit(request);
        return;
      }
      case What::kPrefilled:
        prefill_.Left(passage.prefill);
        passage.decode = decode_.Choose();
        network_.Start(event.time, static_cast<std::int64_t>(event.request), passage.prefill,
                       passage.decode, spec_.decode->CacheBytesOf(passage.request.prompt_tokens));
        return;
      case What::kDecoded:
        decode_.Left(passage.decode);
        End(event);
        return;
    }
  }

  void End(const Event& event) {
    if (load_.kind == LoadKind::kConcurrency) {
      StartNext(event.time);
    }
  }

  void Prefilled(const BatchOutcome& outcome) {
    const auto request = static_cast<std::size_t>(outcome.request.id);
    Passage& passage = passages_[request];
    passage.admitted = outcome.admitted;
    passage.first_token = outcome.end;
    if (outcome.refused || passage.request.output_tokens == 1) {
      BatchOutcome ended = outcome;
      ended.request.output_tokens = passage.request.output_tokens;
      Serve(ended, passage);
      prefill_.Left(passage.prefill);
      End({outcome.end, What::kDecoded, request});
      return;
    }
    result_.waits_of_prefill.push_back(outcome.admitted - passage.request.arrival);
    events_.push({outcome.end, What::kPrefilled, request});
  }

  void Arrive(std::size_t index, Seconds time) {
    Passage& passage = passages_[index];
    passage.there = time;
    result_.transfers.push_back(time - passage.first_token);
    BatchRequest request = passage.request;
    request.arrival = time;
    request.prefilled = true;
    decode_.at(passage.decode).Submit(request);
  }

  void Decoded(const BatchOutcome& outcome) {
    const auto request = static_cast<std::size_t>(outcome.request.id);
    const Passage& passage = passages_[request];
    if (!outcome.refused) {
      result_.waits_of_decode.push_back(outcome.admitted - passage.there);
    }
    Serve(outcome, passage);
    events_.push({outcome.end, What::kDecoded, request});
  }

  void Serve(const BatchOutcome& outcome, const Passage& passage) {
    ServeResult& served = result_.served;
    BatchOutcome whole = outcome;
    whole.request.arrival = passage.request.arrival;
    whole.first_token = passage.first_token;
    served.Add(ServedOf(whole, *spec_.decode));
    served.duration = std::max(served.duration, outcome.end);
  }

  const PoolSpec& spec_;
  const ServeLoad& load_;
  Pool prefill_, decode_;
  KvNetwork network_;
  std::vector<Passage> passages_;
  std::size_t started_ = 0;
  std::priority_queue<Event, std::vector<Event>, Later> events_;
  PoolResult result_;
};

}  // namespace

PoolResult RunPools(const PoolSpec& spec, const ServeLoad& load) {
  CHECK(spec.prefill != nullptr && spec.decode != nullptr && !load.prefilled);
  CHECK(!spec.links.leaving.empty() && !spec.links.entering.empty());
  return PoolRun(spec, load).Run();
}

}  // namespace gridlock
