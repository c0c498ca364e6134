#include "sim/cluster/afflictions.h"

#include <algorithm>
#include <limits>

#include "sim/base/check.h"
#include "sim/cluster/servers.h"

namespace gridlock {

bool Afflicts(const ClusterView& view, const Affliction& affliction, JobIndex job) {
  const Member& member = view.members[job];
  if (!member.run || !member.run->holds_servers()) {
    return false;
  }
  if (affliction.run >= 0) {
    return affliction.run == job && affliction.placed_at == member.run->placed_at();
  }
  return view.servers.HeldBy(job, affliction.servers) > 0;
}

std::uint64_t Afflictions::Begin(Affliction affliction) {
  affliction.number = ++begun_;
  unnoticed_.push_back(affliction);
  return begun_;
}

Affliction* Afflictions::Find(std::uint64_t number) {
  const auto found =
      std::find_if(unnoticed_.begin(), unnoticed_.end(), [number](const Affliction& each) {
        return each.number == number;
      });
  return found == unnoticed_.end() ? nullptr : &*found;
}

Affliction Afflictions::Notice(std::uint64_t number) {
  const Affliction* found = Find(number);
  CHECK(found != nullptr);
  const Affliction noticed = *found;
  unnoticed_.erase(unnoticed_.begin() + (found - unnoticed_.data()));
  return noticed;
}

double Afflictions::SlowdownOf(const ClusterView& view, JobIndex job) const {
  double most = 1;
  for (const Affliction& affliction : unnoticed_) {
    if (!affliction.up && Afflicts(view, affliction, job)) {
      const bool stands = affliction.slowdown <= 0;
      most = stands ? std::numeric_limits<double>::infinity() : std::max(most, affliction.slowdown);
    }
  }
  return most;
}

}  // namespace gridlock
