#include "sim/serving/prefix_cache.h"

#include <algorithm>

#include "sim/base/check.h"

namespace gridlock {

PrefixCache::Found PrefixCache::Take(const std::vector<std::int64_t>& blocks, std::int64_t most) {
  Found found;
  for (const std::int64_t id : blocks) {
    const auto place = blocks_.find(id);
    if (place == blocks_.end() || found.hbm + found.host == most) {
      break;
    }
    ++(place->second.tier == Tier::kHost ? found.host : found.hbm);
    Use(place->second);
  }
  counts.blocks += static_cast<std::int64_t>(blocks.size());
  counts.hbm += found.hbm;
  counts.host += found.host;
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

void PrefixCache::Fit(std::int64_t tokens) {
  const std::int64_t most =
      spec_.hbm_tokens < 0 ? tokens : std::min(spec_.hbm_tokens, std::max<std::int64_t>(tokens, 0));
  while (!hbm_.empty() && idle_tokens() > most) {
    const std::int64_t id = hbm_.front();
    ToHost(id, blocks_.at(id));
  }
}

}  // namespace gridlock
