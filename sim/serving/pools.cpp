#include "sim/serving/pools.h"

#include <algorithm>
#include <cmath>
#include <queue>

#include "sim/base/check.h"
#include "sim/serving/replica_pool.h"

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

class PoolRun {
 public:
  PoolRun(const PoolSpec& spec, const ServeLoad& load)
      : spec_(spec),
        load_(load),
        prefill_(*spec.prefill, spec.links.leaving.size(), 0, spec.router, load.prefixes),
        decode_(*spec.decode, spec.links.entering.size(), load.batch_max,
                spec.router == Router::kPrefixAware ? Router::kLeastLoaded : spec.router, {}),
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
    result_.served.prefixes = prefill_.Prefixes();
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
        passage.prefill = prefill_.Choose(passage.request);
        BatchRequest request = passage.request;
        request.output_tokens = 1;
        prefill_.at(passage.prefill).Submit(request);
        return;
      }
      case What::kPrefilled:
        prefill_.Left(passage.prefill, passage.request);
        passage.decode = decode_.Choose(passage.request);
        network_.Start(event.time, static_cast<std::int64_t>(event.request), passage.prefill,
                       passage.decode, spec_.decode->CacheBytesOf(passage.request.prompt_tokens));
        return;
      case What::kDecoded:
        decode_.Left(passage.decode, passage.request);
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
      prefill_.Left(passage.prefill, passage.request);
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
    request.blocks = nullptr;  // decode replicas keep no beginnings
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
  ReplicaPool prefill_, decode_;
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
