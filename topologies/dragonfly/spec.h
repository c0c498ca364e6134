#pragma once

#include <string>

#include "topologies/routers/spec.h"
#include "topologies/switch.h"

namespace gridlock {

/// A dragonfly (J. Kim, W. Dally, S. Scott, D. Abts, "Technology-driven, highly-scalable dragonfly
/// topology", ISCA 2008): groups of routers that are all joined to each other, and global links
/// from every group to every other one. With spines it is a dragonfly+ (A. Shpiner et al.,
/// "Dragonfly+: low cost topology for scaling datacenters", HiPINEB 2017): a group is then a Clos
/// of leaves, which servers hang on, and spines, which have the global links.
struct DragonflySpec {
  std::string path;
  int groups = 0;
  int routers_per_group = 0;   ///< with spines: leaves
  int spines_per_group = 0;    ///< 0: no dragonfly+
  int servers_per_router = 0;  ///< all NICs of a server at one router
  int global_links = 0;        ///< to other groups, of each router, or with spines of each spine
  int local_links = 1;         ///< parallel links of two routers of a group that are joined
  SwitchSpec router, spine;
  RouterRouting routing;

  [[nodiscard]] bool direct() const { return false; }
};

/// "dragonfly of 9 groups of 4 routers, minimal, spread over all shortest ways".
std::string TitleOf(const DragonflySpec& dragonfly);

}  // namespace gridlock
