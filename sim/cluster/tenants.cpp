#include "sim/cluster/tenants.h"

#include <cmath>

namespace gridlock {

std::int32_t Tenants::NumberOf(const std::string& name) {
  const auto [entry, added] =
      numbers_.try_emplace(name, static_cast<std::int32_t>(numbers_.size()));
  if (added) {
    const auto share = spec_->share.find(name);
    share_.push_back(share == spec_->share.end() ? 1 : share->second);
    used_.push_back(0);
    const auto quota = spec_->quota.find(name);
    quota_.push_back(quota == spec_->quota.end() ? 0 : quota->second);
  }
  return entry->second;
}

void Tenants::Forget(Seconds length) {
  if (spec_->half_life > Seconds(0)) {
    for (double& used : used_) {
      used *= std::exp2(-(length / spec_->half_life));
    }
  }
}

void Tenants::Charge(std::int32_t tenant, double accelerators, Seconds length) {
  const auto number = static_cast<std::size_t>(tenant);
  used_[number] += accelerators * length.si() / share_[number];
}

}  // namespace gridlock
