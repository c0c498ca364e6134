#include "sim/serving/replica_pool.h"

#include <tuple>

#include "sim/base/check.h"

namespace gridlock {

ReplicaPool::ReplicaPool(const IterationCosts& costs, std::size_t replicas, std::int64_t batch_max,
                         Router router, const PrefixSpec& prefixes)
    : router_(router),
      in_service_(replicas, true),
      requests_(replicas, 0),
      tokens_(replicas, 0),
      adapters_(replicas) {
  CHECK(replicas > 0);
  if (prefixes.use && prefixes.store_tokens > 0) {
    store_ = std::make_unique<PrefixStore>(prefixes.store_tokens / prefixes.block);
  }
  for (std::size_t i = 0; i < replicas; ++i) {
    replicas_.emplace_back(costs, batch_max);
    if (prefixes.use) {
      replicas_.back().KeepPrefixes(prefixes, store_.get());
    }
  }
}

// Of the request, what the replica's own cache lacks.
std::int64_t ReplicaPool::TokensToPrefill(std::size_t replica, const BatchRequest& request) const {
  const PrefixCache* prefixes = replicas_[replica].prefixes();
  if (prefixes == nullptr || request.blocks == nullptr) {
    return request.prompt_tokens - request.cached_tokens;
  }
  const std::int64_t there = prefixes->Leading(*request.blocks) * prefixes->spec().block;
  return request.prompt_tokens - std::min(there, request.prompt_tokens - 1);
}

std::size_t ReplicaPool::ChooseByLoad(const BatchRequest& request) const {
  std::size_t chosen = 0;
  std::int64_t least = -1;
  for (std::size_t i = 0; i < replicas_.size(); ++i) {
    if (!in_service_[i]) {
      continue;
    }
    const std::int64_t load =
        router_ == Router::kPrefixAware ? tokens_[i] + TokensToPrefill(i, request) : requests_[i];
    if (least < 0 || load < least) {
      least = load;
      chosen = i;
    }
  }
  return chosen;
}

// In HBM, or on its way there.
bool ReplicaPool::HasAdapter(std::size_t replica, std::int32_t adapter) const {
  return replicas_[replica].adapters().Holds(adapter) || adapters_[replica].contains(adapter);
}

// One that has it, the others only where all of those are full. Of these first those with a slot
// left, then those with the fewest requests, then those with the fewest adapters.
std::size_t ReplicaPool::ChooseByAdapter(std::int32_t adapter) const {
  std::size_t chosen = replicas_.size();
  std::tuple<bool, int, std::int64_t, std::int64_t> best;
  for (std::size_t i = 0; i < replicas_.size(); ++i) {
    if (!in_service_[i]) {
      continue;
    }
    const AdapterSlots& slots = replicas_[i].adapters();
    std::int64_t there = slots.held();
    for (const auto& [each, requests] : adapters_[i]) {
      there += slots.Holds(each) ? 0 : 1;
    }
    const bool full = requests_[i] >= replicas_[i].batch_max();
    const int rank = HasAdapter(i, adapter) ? 0 : there < slots.slots() ? 1 : 2;
    const std::tuple mine(full, rank, requests_[i], there);
    if (chosen == replicas_.size() || mine < best) {
      chosen = i;
      best = mine;
    }
  }
  return chosen;
}

std::size_t ReplicaPool::Choose(const BatchRequest& request) {
  while (router_ == Router::kRoundRobin && !in_service_[next_ % replicas_.size()]) {
    ++next_;
  }
  const std::size_t turn = next_++ % replicas_.size();
  const bool by_adapter = router_ == Router::kAdapterAware && request.adapter >= 0;
  const std::size_t chosen = by_adapter                       ? ChooseByAdapter(request.adapter)
                             : router_ == Router::kRoundRobin ? turn
                                                              : ChooseByLoad(request);
  ++requests_[chosen];
  if (by_adapter) {
    ++adapters_[chosen][request.adapter];
  }
  const auto id = static_cast<std::size_t>(request.id);
  counted_.resize(std::max(counted_.size(), id + 1), 0);
  counted_[id] = TokensToPrefill(chosen, request);
  tokens_[chosen] += counted_[id];
  return chosen;
}

void ReplicaPool::Left(std::size_t replica, const BatchRequest& request) {
  --requests_[replica];
  tokens_[replica] -= counted_[static_cast<std::size_t>(request.id)];
  const auto asked = adapters_[replica].find(request.adapter);
  if (asked != adapters_[replica].end() && --asked->second == 0) {
    adapters_[replica].erase(asked);
  }
}

std::size_t ReplicaPool::First(Seconds& time) const {
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

void ReplicaPool::SetCosts(const IterationCosts& costs) {
  for (BatchingReplica& each : replicas_) {
    each.SetCosts(costs);
  }
}

void ReplicaPool::Clear() {
  for (BatchingReplica& each : replicas_) {
    (void)each.TakeAll();
  }
  std::fill(requests_.begin(), requests_.end(), 0);
  std::fill(tokens_.begin(), tokens_.end(), 0);
  adapters_.assign(replicas_.size(), {});
}

BatchWork ReplicaPool::TakeWork() {
  BatchWork sum;
  for (BatchingReplica& each : replicas_) {
    sum += each.TakeWork();
  }
  return sum;
}

BatchWork ReplicaPool::Work() const {
  BatchWork sum;
  for (const BatchingReplica& each : replicas_) {
    sum += each.work();
  }
  return sum;
}

PrefixCounts ReplicaPool::Prefixes() const {
  PrefixCounts sum;
  for (const BatchingReplica& each : replicas_) {
    if (each.prefixes() != nullptr) {
      const PrefixCounts& counts = each.prefixes()->counts;
      sum.blocks += counts.blocks;
      sum.hbm += counts.hbm;
      sum.host += counts.host;
      sum.store += counts.store;
      sum.loaded += counts.loaded;
      sum.loading += counts.loading;
    }
  }
  return sum;
}

}  // namespace gridlock
