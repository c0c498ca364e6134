#pragma once

#include <string>
#include <vector>

#include "topologies/jellyfish/spec.h"
#include "topologies/routers/shortest.h"

namespace gridlock {

/// The graph is drawn as the paper does it: pairs of routers with free ports that are not joined
/// are joined, until there are none; two ports that are still free then take a link that exists
/// apart and are joined to its ends. When routers x links is odd, one port is left over. The same
/// seed gives the same graph. A graph that is not connected is drawn anew.
class JellyfishTopology final : public ShortestPathTopology {
 public:
  /// The site's fabric must be a JellyfishSpec. Throws UserError when routers run out of ports, the
  /// servers have no room, or routers have fewer than two links.
  explicit JellyfishTopology(const SiteSpec& site);

  [[nodiscard]] const JellyfishSpec& jellyfish() const {
    return std::get<JellyfishSpec>(site().fabric);
  }

  [[nodiscard]] std::string shape() const override;
  [[nodiscard]] std::vector<std::string> facts() const override;

 protected:
  [[nodiscard]] std::vector<Halving> Halvings() const override;
};

}  // namespace gridlock
