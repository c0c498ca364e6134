#include "sim/serving/serving_unit.h"

#include <algorithm>
#include <cmath>

#include "sim/base/check.h"

namespace gridlock {

ServingUnit::ServingUnit(const ServingSpec& fleet, const FleetCosts& costs, const KvLinks& links)
    : fleet_(&fleet), costs_(&costs) {
  if (fleet.pools()) {
    pools_ = std::make_unique<Pools>(
        PoolSpec{&*costs.prefill, &costs.decode, links, Router::kLeastLoaded}, 0, PrefixSpec());
  } else {
    replica_.emplace(costs.decode);
  }
}

void ServingUnit::Submit(const Request& request) {
  if (free_.empty()) {
    free_.push_back(static_cast<std::int64_t>(places_.size()));
    places_.emplace_back();
  }
  BatchRequest inside;
  inside.id = free_.back();
  free_.pop_back();
  places_[static_cast<std::size_t>(inside.id)] = request;
  ++held_;
  const double known = fleet_->groups[static_cast<std::size_t>(request.group)].cached_share;
  inside.arrival = request.arrival;
  inside.prompt_tokens = request.prompt_tokens;
  inside.adapter = request.adapter;
  inside.output_tokens = PassesOf(request.output_tokens, costs_->decode.layout().TokensPerStep());
  if (!costs_->images.empty()) {
    inside.encode = costs_->images[static_cast<std::size_t>(request.group)];
  }
  inside.cached_tokens = std::llround(known * static_cast<double>(request.prompt_tokens));
  if (pools_ != nullptr) {
    pools_->Submit(inside, now_);
  } else {
    replica_->WaitUntil(now_);
    replica_->Submit(inside);
  }
}

CompletedRequest ServingUnit::Ended(const Request& request, Seconds first_token, Seconds end,
                                    bool refused) const {
  const Seconds overhead(costs_->decode.engine().request_overhead);
  return {request.group,   request.prompt_tokens,  request.output_tokens,
          request.arrival, first_token + overhead, end + overhead,
          refused,         request.network};
}

void ServingUnit::AdvanceTo(Seconds until, const Completed& completed) {
  const auto end = [&](std::int64_t id, Seconds first_token, Seconds at, bool refused) {
    const Request request = places_[static_cast<std::size_t>(id)];
    free_.push_back(id);
    --held_;
    completed(Ended(request, first_token, at, refused));
  };
  if (pools_ != nullptr) {
    while (pools_->Next(until, [&](const Pools::Passage& passage) {
      end(passage.request.id, passage.first_token, passage.end, passage.refused);
    })) {
    }
  } else {
    replica_->AdvanceTo(until, [&](const BatchOutcome& outcome) {
      end(outcome.request.id, outcome.first_token, outcome.end, outcome.refused);
    });
  }
  now_ = until;
}

void ServingUnit::SetCosts(const FleetCosts& costs) {
  costs_ = &costs;
  if (pools_ != nullptr) {
    pools_->SetCosts(*costs.prefill, costs.decode);
  } else {
    replica_->SetCosts(costs.decode);
  }
}

void ServingUnit::SetCacheRate(BytesPerSecond rate) {
  if (pools_ != nullptr) {
    pools_->SetCore(now_, rate.si());
  }
}

std::vector<Request> ServingUnit::TakeAll() {
  std::vector<Request> all;
  for (const BatchRequest& each : pools_ != nullptr ? pools_->TakeAll() : replica_->TakeAll()) {
    all.push_back(places_[static_cast<std::size_t>(each.id)]);
  }
  places_.clear();
  free_.clear();
  held_ = 0;
  std::stable_sort(all.begin(), all.end(), [](const Request& a, const Request& b) {
    return a.arrival < b.arrival;
  });
  return all;
}

void ServingUnit::AddWork(const BatchWork& work, const ServingPrices& prices, double width,
                          UnitWork& sum) const {
  sum.busy += work.busy * width;
  sum.prompt_tokens += work.prompt_tokens;
  sum.output_tokens += work.output_tokens;
  sum.evictions += work.evictions;
  sum.flop += Flop(work.flop);
  ServingWork all = prices.per_row * work.rows;
  all += prices.per_output * static_cast<double>(work.output_tokens);
  all += prices.per_pair * (work.reads + work.pairs);
  sum.arithmetic += all.arithmetic;
  sum.hbm += all.hbm + Bytes(work.bytes);
  sum.links += all.links;
}

UnitWork ServingUnit::TakeWork() {
  UnitWork sum;
  if (pools_ == nullptr) {
    sum.decode = replica_->TakeWork();
    AddWork(sum.decode, costs_->decode_prices, 1, sum);
    return sum;
  }
  const double width = static_cast<double>(costs_->prefill->layout().accelerators()) /
                       costs_->decode.layout().accelerators();
  sum.decode = pools_->decode().TakeWork();
  AddWork(sum.decode, costs_->decode_prices, 1, sum);
  sum.prefill = pools_->prefill().TakeWork();
  AddWork(sum.prefill, costs_->prefill_prices, width, sum);
  sum.moved = pools_->network().moved() - moved_;
  moved_ = pools_->network().moved();
  return sum;
}

}  // namespace gridlock
