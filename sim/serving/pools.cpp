#include "sim/serving/pools.h"

#include <algorithm>
#include <cmath>

#include "sim/base/check.h"
#include "sim/serving/load_source.h"

namespace gridlock {

Pools::Pools(const PoolSpec& spec, std::int64_t batch_max, const PrefixSpec& prefixes)
    : decode_costs_(spec.decode),
      encoders_(spec.encode),
      prefill_(*spec.prefill, spec.links.leaving.size(), 0, spec.router, prefixes),
      decode_(*spec.decode, spec.links.entering.size(), batch_max,
              spec.router == Router::kPrefixAware ? Router::kLeastLoaded : spec.router, {}),
      network_(spec.links) {}

void Pools::Submit(const BatchRequest& request, Seconds now) {
  if (free_.empty()) {
    free_.push_back(places_.size());
    places_.emplace_back();
  }
  const std::size_t place = free_.back();
  free_.pop_back();
  places_[place] = {{request, {}, {}, {}, {}, {}, 0, false, false}, submitted_++, 0, 0};
  ++under_way_;
  After(std::max(request.arrival, now), What::kArrival, place);
}

void Pools::After(Seconds time, What what, std::size_t place) {
  events_.push({time, places_[place].number, what, place});
}

// What comes first; at equal times caches that have come, then events, then replicas.
bool Pools::Next(Seconds until, const Ended& ended) {
  const Seconds event = events_.empty() ? Seconds(HUGE_VAL) : events_.top().time;
  const Seconds flow = network_.NextEnd();
  Seconds prefill, decode;
  const std::size_t prefiller = prefill_.First(prefill), decoder = decode_.First(decode);
  const Seconds first = std::min({event, flow, prefill, decode});
  if (first >= until || std::isinf(first.si())) {
    return false;
  }
  if (flow <= first) {
    for (const KvNetwork::Ended& each : network_.AdvanceTo(flow)) {
      Arrive(static_cast<std::size_t>(each.id), each.time);
    }
  } else if (event <= first) {
    const Event next = events_.top();
    events_.pop();
    Handle(next, ended);
  } else if (decode <= first) {
    decode_.at(decoder).StepOnce(std::min({event, flow, prefill, until}),
                                 [this](const BatchOutcome& outcome) {
                                   Decoded(outcome);
                                 });
  } else {
    prefill_.at(prefiller).StepOnce(Seconds(HUGE_VAL), [this](const BatchOutcome& outcome) {
      Prefilled(outcome);
    });
  }
  return true;
}

// Of a passage, as replicas see it: by its place.
BatchRequest Pools::Inside(std::size_t place) const {
  BatchRequest request = places_[place].passage.request;
  request.id = static_cast<std::int64_t>(place);
  return request;
}

void Pools::Handle(const Event& event, const Ended& ended) {
  Place& place = places_[event.place];
  BatchRequest request = Inside(event.place);
  switch (event.what) {
    case What::kArrival:
      if (encoders_.used()) {
        After(encoders_.Encode(event.time), What::kEncoded, event.place);
        return;
      }
      [[fallthrough]];
    case What::kEncoded:
      place.prefill = prefill_.Choose(request);
      request.output_tokens = 1;
      prefill_.at(place.prefill).WaitUntil(event.time);
      prefill_.at(place.prefill).Submit(request);
      return;
    case What::kPrefilled:
      prefill_.Left(place.prefill, request);
      place.decode = decode_.Choose(request);
      network_.Start(
          event.time, request.id, place.prefill, place.decode,
          decode_costs_->CacheBytesOf(request.prompt_tokens + decode_costs_->start_tokens()));
      return;
    case What::kEnded: {
      const Passage passage = place.passage;
      passage.moved ? decode_.Left(place.decode, request) : prefill_.Left(place.prefill, request);
      place.number = -1;
      free_.push_back(event.place);
      --under_way_;
      ended(passage);
      return;
    }
  }
}

void Pools::Prefilled(const BatchOutcome& outcome) {
  const auto place = static_cast<std::size_t>(outcome.request.id);
  Passage& passage = places_[place].passage;
  passage.admitted = outcome.admitted;
  passage.first_token = passage.end = outcome.end;
  passage.refused = outcome.refused;
  const bool over = outcome.refused || passage.request.output_tokens == 1;
  After(outcome.end, over ? What::kEnded : What::kPrefilled, place);
}

void Pools::Arrive(std::size_t place, Seconds time) {
  places_[place].passage.there = time;
  places_[place].passage.moved = true;
  BatchRequest request = Inside(place);
  request.arrival = time;
  request.prefilled = true;
  request.encode = Seconds(0);  // they were
  request.blocks = nullptr;     // decode replicas keep no beginnings
  decode_.at(places_[place].decode).Submit(request);
}

void Pools::Decoded(const BatchOutcome& outcome) {
  const auto place = static_cast<std::size_t>(outcome.request.id);
  Passage& passage = places_[place].passage;
  passage.decoding = outcome.admitted;
  passage.end = outcome.end;
  passage.evictions = outcome.evictions;
  passage.refused = outcome.refused;
  After(outcome.end, What::kEnded, place);
}

void Pools::SetCosts(const IterationCosts& prefill, const IterationCosts& decode) {
  decode_costs_ = &decode;
  prefill_.SetCosts(prefill);
  decode_.SetCosts(decode);
}

std::vector<BatchRequest> Pools::TakeAll() {
  std::vector<BatchRequest> all;
  for (const Place& place : places_) {
    if (place.number >= 0) {
      all.push_back(place.passage.request);
    }
  }
  places_.clear();
  free_.clear();
  events_ = {};
  under_way_ = 0;
  network_.Clear();
  prefill_.Clear();
  decode_.Clear();
  return all;
}

const char* PoolShares::binds() const {
  const double most = std::max({prefill, network, decode});
  return most == prefill ? "prefill" : most == decode ? "decode" : "fabric";
}

PoolShares PoolResult::Shares(int prefill_replicas, int decode_replicas) const {
  const double duration = std::max(1e-12, served.duration.si());
  return {prefill_work.busy.si() / duration / prefill_replicas, network_busy.si() / duration,
          served.work.busy.si() / duration / decode_replicas};
}

PoolResult RunPools(const PoolSpec& spec, const ServeLoad& load) {
  CHECK(spec.prefill != nullptr && spec.decode != nullptr && !load.prefilled);
  CHECK(!spec.links.leaving.empty() && !spec.links.entering.empty());
  PoolSpec with_images = spec;
  with_images.encode = load.encode;
  Pools pools(with_images, load.batch_max, load.prefixes);
  LoadSource source(load, spec.decode->layout().TokensPerStep());
  const auto submit = [&](const std::vector<BatchRequest>& requests) {
    for (const BatchRequest& request : requests) {
      pools.Submit(request, request.arrival);
    }
  };
  submit(source.Begin());
  PoolResult result;
  const auto ended = [&](const Pools::Passage& passage) {
    if (!passage.refused && passage.moved) {
      result.waits_of_prefill.push_back(passage.admitted - passage.request.arrival);
      result.transfers.push_back(passage.there - passage.first_token);
      result.waits_of_decode.push_back(passage.decoding - passage.there);
    }
    const BatchOutcome whole{passage.request, passage.admitted,  passage.first_token,
                             passage.end,     passage.evictions, passage.refused};
    result.served.Add(ServedOf(whole, *spec.decode));
    result.served.duration = std::max(result.served.duration, passage.end);
    submit(source.After(passage.request.id, passage.end));
  };
  while (pools.Next(Seconds(HUGE_VAL), ended)) {
  }
  result.served.work = pools.decode().Work();
  result.served.cache_tokens = spec.decode->cache_tokens();
  result.prefill_work = pools.prefill().Work();
  result.served.prefixes = pools.prefill().Prefixes();
  result.encoding = pools.encoders().spans();
  result.encoder_busy = pools.encoders().busy();
  result.moved = pools.network().moved();
  result.network_busy = pools.network().busy();
  result.other_share = pools.network().OtherShare();
  return result;
}

}  // namespace gridlock
