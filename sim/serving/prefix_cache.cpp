#include "sim/serving/prefix_cache.h"

#include <algorithm>

#include "sim/base/check.h"

namespace gridlock {

bool PrefixStore::Touch(std::int64_t id) {
  const auto found = places_.find(id);
  if (found == places_.end()) {
    return false;
  }
  order_.splice(order_.end(), order_, found->second);
  return true;
}

void PrefixStore::Add(std::int64_t id) {
  if (most_ < 1 || Touch(id)) {
    return;
  }
  places_[id] = order_.insert(order_.end(), id);
  if (blocks() > most_) {
    places_.erase(order_.front());
    order_.pop_front();
  }
}

std::int64_t PrefixCache::Leading(const std::vector<std::int64_t>& blocks) const {
  std::int64_t leading = 0;
  for (const std::int64_t id : blocks) {
    if (blocks_.find(id) == blocks_.end()) {
      break;
    }
    ++leading;
  }
  return leading;
}

PrefixCache::Found PrefixCache::Take(const std::vector<std::int64_t>& blocks, std::int64_t most) {
  Found found;
  for (const std::int64_t id : blocks) {
    const auto place = blocks_.find(id);
    if (found.all() == most) {
      break;
    }
    if (place != blocks_.end()) {
      ++(place->second.tier == Tier::kHost ? found.host : found.hbm);
      Use(place->second);
    } else if (store_ != nullptr && store_->Touch(id)) {
      ++found.store;
      Use(blocks_[id]);
    } else {
      break;
    }
  }
  counts.blocks += static_cast<std::int64_t>(blocks.size());
  counts.hbm += found.hbm;
  counts.host += found.host;
  counts.store += found.store;
  return found;
}

void PrefixCache::Use(Block& block) {
  if (block.users++ == 0 && block.tier != Tier::kUsed) {
    (block.tier == Tier::kHbm ? hbm_ : host_).erase(block.place);
    block.tier = Tier::kUsed;
  }
}

void PrefixCache::Fill(const std::vector<std::int64_t>& blocks, std::int64_t taken) {
  for (std::size_t i = static_cast<std::size_t>(taken); i < blocks.size(); ++i) {
    Use(blocks_[blocks[i]]);
    if (store_ != nullptr) {
      store_->Add(blocks[i]);
    }
  }
}

void PrefixCache::Release(const std::vector<std::int64_t>& blocks, std::int64_t used) {
  // The tail first, so that the heads of prompts are the last to leave.
  for (std::int64_t i = used - 1; i >= 0; --i) {
    Block& block = blocks_.at(blocks[static_cast<std::size_t>(i)]);
    CHECK(block.users > 0);
    if (--block.users == 0) {
      block.tier = Tier::kHbm;
      block.place = hbm_.insert(hbm_.end(), blocks[static_cast<std::size_t>(i)]);
    }
  }
}

void PrefixCache::ToHost(std::int64_t id, Block& block) {
  hbm_.erase(block.place);
  if (spec_.host_tokens < spec_.block) {
    blocks_.erase(id);
    return;
  }
  block.tier = Tier::kHost;
  block.place = host_.insert(host_.end(), id);
  while (host_tokens() > spec_.host_tokens) {
    blocks_.erase(host_.front());
    host_.pop_front();
  }
}

Seconds PrefixCache::Load(Seconds now, Bytes host, Bytes store) {
  Seconds span(0);
  span += host > Bytes(0) ? host / spec_.host_rate : Seconds(0);
  span += store > Bytes(0) ? store / spec_.store_rate : Seconds(0);
  link_free_ = std::max(link_free_, now) + span;
  counts.loaded += host + store;
  counts.loading += span;
  return link_free_;
}

void PrefixCache::Fit(std::int64_t tokens) {
  const std::int64_t most =
      spec_.hbm_tokens < 0 ? tokens : std::min(spec_.hbm_tokens, std::max<std::int64_t>(tokens, 0));
  while (!hbm_.empty() && idle_tokens() > most) {
    const std::int64_t id = hbm_.front();
    ToHost(id, blocks_.at(id));
  }
}

}  // namespace gridlock
