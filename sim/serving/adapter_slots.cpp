#include "sim/serving/adapter_slots.h"

#include "sim/base/check.h"

namespace gridlock {

bool AdapterSlots::HasRoom(std::int32_t adapter) const {
  return adapter < 0 || held_.contains(adapter) ||
         static_cast<std::int64_t>(held_.size()) < slots_ || !idle_.empty();
}

bool AdapterSlots::Take(std::int32_t adapter) {
  if (adapter < 0) {
    return false;
  }
  CHECK(HasRoom(adapter));
  const bool there = held_.contains(adapter);
  if (!there && static_cast<std::int64_t>(held_.size()) >= slots_) {
    held_.erase(idle_.begin()->second);
    idle_.erase(idle_.begin());
  }
  Held& held = held_[adapter];
  idle_.erase({held.used, adapter});
  ++held.users;
  held.used = ++calls_;
  return !there;
}

void AdapterSlots::BeginDecode(std::int32_t adapter) {
  if (adapter >= 0) {
    ++decoding_;
    different_ += held_[adapter].decoders++ == 0 ? 1 : 0;
  }
}

void AdapterSlots::EndDecode(std::int32_t adapter) {
  if (adapter >= 0) {
    --decoding_;
    different_ -= --held_[adapter].decoders == 0 ? 1 : 0;
  }
}

void AdapterSlots::Release(std::int32_t adapter) {
  if (adapter < 0) {
    return;
  }
  Held& held = held_[adapter];
  held.used = ++calls_;
  if (--held.users == 0) {
    idle_.emplace(held.used, adapter);
  }
}

std::int64_t AdapterSlots::Different(const std::vector<std::int32_t>& adapters, bool beside) const {
  std::set<std::int32_t> others;
  for (const std::int32_t adapter : adapters) {
    const auto found = held_.find(adapter);
    if (!beside || found == held_.end() || found->second.decoders == 0) {
      others.insert(adapter);
    }
  }
  return (beside ? different_ : 0) + static_cast<std::int64_t>(others.size());
}

}  // namespace gridlock
