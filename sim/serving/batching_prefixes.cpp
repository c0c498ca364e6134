// Beginnings of prompts that a replica keeps, and those that come from the host or the store.

#include "sim/serving/batching.h"

namespace gridlock {

// What an earlier prompt begins with as well is not prefilled again.
void BatchingReplica::TakePrefix(Sequence& sequence) {
  const std::vector<std::int64_t>* blocks = sequence.outcome.request.blocks;
  if (prefixes_ == nullptr || blocks == nullptr) {
    return;
  }
  const std::int64_t block = prefixes_->spec().block;
  prefixes_->Fit(capacity_ - held_ + Held(sequence));
  const PrefixCache::Found found =
      prefixes_->Take(*blocks, (sequence.outcome.request.prompt_tokens - 1) / block);
  sequence.blocks_used = found.all();
  sequence.prefilled = sequence.blocks_used * block;
  FitPrefixes();
  if (found.host + found.store > 0) {
    sequence.loaded = prefixes_->Load(clock_, costs_->CacheBytesOf(found.host * block),
                                      costs_->CacheBytesOf(found.store * block));
  }
}

void BatchingReplica::LeavePrefix(Sequence& sequence) {
  if (sequence.blocks_used > 0) {
    prefixes_->Release(*sequence.outcome.request.blocks, sequence.blocks_used);
    sequence.blocks_used = 0;
    FitPrefixes();
  }
}

// Beginnings give way to sequences.
void BatchingReplica::FitPrefixes() {
  if (prefixes_ != nullptr) {
    prefixes_->Fit(capacity_ - held_);
  }
}

void BatchingReplica::EndLoads() {
  while (!loading_.empty() && loading_.front().loaded <= clock_) {
    prefilling_.push_back(std::move(loading_.front()));
    loading_.pop_front();
  }
}

}  // namespace gridlock
