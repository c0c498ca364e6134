#include "sim/serving/replica_pool.h"

#include "sim/base/check.h"

namespace gridlock {

void AddWork(const BatchWork& work, BatchWork& sum) {
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
  sum.rows += work.rows;
  sum.reads += work.reads;
  sum.pairs += work.pairs;
}

ReplicaPool::ReplicaPool(const IterationCosts& costs, std::size_t replicas, std::int64_t batch_max,
                         Router router, const PrefixSpec& prefixes)
    : router_(router), requests_(replicas, 0), tokens_(replicas, 0) {
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
  std::size_t chosen = next_ % replicas_.size();
  if (router_ == Router::kLeastLoaded) {
    chosen = static_cast<std::size_t>(std::min_element(requests_.begin(), requests_.end()) -
                                      requests_.begin());
  } else if (router_ == Router::kPrefixAware) {
    std::int64_t least = 0;
    for (std::size_t i = 0; i < replicas_.size(); ++i) {
      const std::int64_t tokens = tokens_[i] + TokensToPrefill(i, request);
      if (i == 0 || tokens < least) {
        least = tokens;
        chosen = i;
      }
    }
  }
  ++next_;
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
    AddWork(each.TakeWork(), sum);
  }
  return sum;
}

BatchWork ReplicaPool::Work() const {
  BatchWork sum;
  for (const BatchingReplica& each : replicas_) {
    AddWork(each.work(), sum);
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
