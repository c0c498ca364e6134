#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "topologies/dragonfly/spec.h"
#include "topologies/routers/topology.h"

namespace gridlock {

/// Routers are numbered group by group, with spines the leaves of a group first. Group i reaches
/// group i + 1 + d (around the ring of groups) by the global ports d, d + (groups - 1), ... of its
/// routers, counted router by router. So all groups look alike. Ports that do not come out even are
/// left free.
///
/// Minimal ways take one global link, any of those between the two groups; within a group the
/// direct link, or with spines any spine. Valiant goes minimally to another group than the two, and
/// from there on minimally; within a group it is minimal.
class DragonflyTopology final : public RouterTopology {
 public:
  /// The site's fabric must be a DragonflySpec. Throws UserError when routers run out of ports, the
  /// servers have no room, or a group has too few global links to reach all others.
  explicit DragonflyTopology(const SiteSpec& site);

  [[nodiscard]] const DragonflySpec& dragonfly() const {
    return std::get<DragonflySpec>(site().fabric);
  }

  /// Leaves and spines of a group.
  [[nodiscard]] int group_size() const {
    return dragonfly().routers_per_group + dragonfly().spines_per_group;
  }

  [[nodiscard]] int group_of(int router) const { return router / group_size(); }

  /// Global links between each two groups.
  [[nodiscard]] int links_between_groups() const;

  /// The two ends of the n-th of them.
  [[nodiscard]] std::pair<int, int> GlobalLink(int from_group, int to_group, int n) const;

  [[nodiscard]] std::string shape() const override;
  [[nodiscard]] std::vector<std::string> facts() const override;

 protected:
  [[nodiscard]] std::vector<Way> MinimalWays(int from, int to,
                                             std::uint64_t flow_hash) const override;
  [[nodiscard]] std::int32_t minimal_parts() const override;
  [[nodiscard]] std::int32_t DetoursBetween(int from, int to) const override;
  [[nodiscard]] std::int32_t detour_parts() const override;
  [[nodiscard]] Way Detour(int from, int to, std::int32_t n,
                           std::uint64_t flow_hash) const override;
  [[nodiscard]] std::vector<Halving> Halvings() const override;

 private:
  /// Goes on to a router of the same group; `pick` chooses among the routers between.
  void GoLocally(Way& way, int to, std::uint64_t pick) const;

  /// Goes on to another group over the n-th global link.
  void GoToGroup(Way& way, int group, int n, std::uint64_t pick) const;
};

}  // namespace gridlock
