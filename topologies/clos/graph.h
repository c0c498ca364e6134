#pragma once

// A Clos written out as machines and cables.

#include "topologies/topology.h"

namespace gridlock {

class ClosTopology;

/// ClosTopology's functions of these names.
LinkEnds EndsInClos(const ClosTopology& clos, LinkIndex link);
Wiring WiringOfClos(const ClosTopology& clos);
CutProblem CutOfClos(const ClosTopology& clos);
RouteGraph RouteGraphOfClos(const ClosTopology& clos);

/// Kinds of machines in ClosTopology::wiring(). Spine s of pod p is spine p x spines_per_pod + s.
struct ClosNodes {
  enum : int {
    kAccelerator,
    kScaleUpSwitch,  ///< one per scale-up domain: the ports of its accelerators meet here
    kNic,
    kLeaf,
    kSpine,
    kCore,
    kKinds
  };
};

/// Kinds of cables in ClosTopology::wiring().
struct ClosCables {
  enum : int {
    kAttachment,  ///< accelerator to its NIC, inside the server; the NIC is its only limit
    kScaleUp,     ///< accelerator to its scale-up switch
    kNic,         ///< NIC to leaf
    kLeaf,        ///< leaf to spine
    kSpine,       ///< spine to core
    kKinds
  };
};

}  // namespace gridlock
