#pragma once

#include <cstdint>
#include <vector>

#include "sim/scheduler/scheduler.h"

namespace gridlock {

/// What is free on a site while one decision is made, counted by leaf and pod: placing a job costs
/// a look at the leaves and pods, not at all servers.
class FreeServers {
 public:
  explicit FreeServers(const SiteState& site);

  [[nodiscard]] std::int32_t total() const { return total_; }

  /// Takes servers as Place does; empty, and nothing taken, when they do not suffice.
  Placement Take(std::int32_t site_number, std::int32_t servers);

 private:
  [[nodiscard]] std::int32_t LeafThatHolds(std::int32_t servers) const;
  std::int32_t TakeFromLeaf(std::int32_t leaf, std::int32_t servers,
                            std::vector<std::int32_t>& taken);
  std::int32_t TakeFromPod(std::int32_t pod, std::int32_t servers,
                           std::vector<std::int32_t>& taken);

  std::int32_t servers_per_leaf_, leaves_per_pod_;
  std::vector<char> free_;
  std::vector<std::int32_t> by_leaf_, by_pod_;
  std::int32_t total_ = 0;
};

}  // namespace gridlock
