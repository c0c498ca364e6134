#pragma once

#include <string>

#include "topologies/switch.h"

namespace gridlock {

/// A folded Clos of two tiers (leaf, spine) or three (leaf, spine, core).
struct ClosSpec {
  std::string path;
  bool rail_optimized =
      false;                 ///< NIC i of each server to leaf i of its group, else all to one leaf
  int servers_per_leaf = 0;  ///< servers per leaf (per group of rail leaves when rail-optimized)
  int leaves_per_pod = 0;    ///< leaves under one set of spines
  double leaf_oversubscription = 1;  ///< down:up bandwidth of a leaf; 0.5 has twice the uplinks
  double spine_oversubscription =
      1;  ///< down:up bandwidth of a pod's spines, when there is a third tier
  int tiers = 2;
  SwitchSpec leaf, spine, core;
  Routing routing = Routing::kSpray;

  [[nodiscard]] bool direct() const { return false; }
};

/// "Clos of 2 tiers, oversubscription 1:1 above the leaves, sprayed".
std::string TitleOf(const ClosSpec& clos);

}  // namespace gridlock
