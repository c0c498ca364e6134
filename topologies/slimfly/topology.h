#pragma once

#include <string>
#include <vector>

#include "topologies/routers/shortest.h"
#include "topologies/slimfly/spec.h"

namespace gridlock {

/// Router (s, x, y) of subgraph s = 0 or 1 is number (s q + x) q + y. With the generator sets X and
/// X' of the paper, (0, x, y) is joined to (0, x, y') where y - y' is in X, (1, m, c) to (1, m, c')
/// where c - c' is in X', and (0, x, y) to (1, m, c) where y = m x + c.
class SlimFlyTopology final : public ShortestPathTopology {
 public:
  /// The site's fabric must be a SlimFlySpec. Throws UserError when there is no such graph, routers
  /// run out of ports, or the servers have no room.
  explicit SlimFlyTopology(const SiteSpec& site);

  [[nodiscard]] const SlimFlySpec& slimfly() const { return std::get<SlimFlySpec>(site().fabric); }

  [[nodiscard]] std::string shape() const override;
  [[nodiscard]] std::vector<std::string> facts() const override;

 protected:
  [[nodiscard]] std::vector<Halving> Halvings() const override;
};

}  // namespace gridlock
