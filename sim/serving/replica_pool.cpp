#include "sim/serving/replica_pool.h"

#include "sim/base/check.h"

namespace gridlock {

ReplicaPool::ReplicaPool(const IterationCosts& costs, std::size_t replicas, std::int64_t batch_max,
                         Router router, const PrefixSpec& prefixes)
    : router_(router), in_service_(replicas, true), requests_(replicas, 0), tokens_(replicas, 0) {
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

std::size_t ReplicaPool::Choose(const BatchRequest& request) {
  while (router_ == Router::kRoundRobin && !in_service_[next_ % replicas_.size()]) {
    ++next_;
  }
  std::size_t chosen = next_++ % replicas_.size();
  std::int64_t least = -1;
  for (std::size_t i = 0; router_ != Router::kRoundRobin && i < replicas_.size(); ++i) {
    if (!in_service_[i]) {
      continue;
    }
    const std::int64_t load =
        router_ == Router::kLeastLoaded ? requests_[i] : tokens_[i] + TokensToPrefill(i, request);
    if (least < 0 || load < least) {
      least = load;
      chosen = i;
    }
  }
  ++requests_[chosen];
  const auto id = static_cast<std::size_t>(request.id);
  counted_.resize(std::max(counted_.size(), id + 1), 0);
  counted_[id] = TokensToPrefill(chosen, request);
  tokens_[chosen] += counted_[id];
  return chosen;
}

void ReplicaPool::Left(std::size_t replica, const BatchRequest& request) {
  --requests_[replica];
  tokens_[replica] -= counted_[static_cast<std::size_t>(request.id)];
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
