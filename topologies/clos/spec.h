#pragma once

#include <string>

#include "topologies/switch.h"

namespace gridlock {

/// A folded Clos of one tier (leaf), two (leaf, spine) or three (leaf, spine, core), or several
/// such planes side by side.
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
  int planes = 1;  ///< that do not touch; each is a Clos of these sizes
  /// True: every NIC has a port in each plane. False: the NICs of a server are shared out over
  /// them.
  bool split_nics = false;
  /// Traffic between rails goes through the accelerator of the sender's server in the receiver's
  /// rail (PXN).
  bool rail_forwarding = false;

  [[nodiscard]] bool direct() const { return false; }
};

/// "Clos of 2 tiers, oversubscription 1:1 above the leaves, sprayed".
std::string TitleOf(const ClosSpec& clos);

}  // namespace gridlock
