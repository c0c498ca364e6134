#pragma once

// How many switches and links a folded Clos needs: the counts that ClosTopology turns into links.

#include "sim/base/units.h"
#include "topologies/machine.h"

namespace gridlock {

/// Counts and speeds of a folded Clos. A last leaf or pod that is only partly filled is built in
/// full: it keeps its uplinks and spines.
struct ClosLayout {
  int accelerators = 0;          ///< of the site
  int nics_per_server = 0;       ///< several NICs of one accelerator count as one of their sum
  int nics = 0;                  ///< of the site
  int ports_per_nic = 0;         ///< leaf ports that one (summed) NIC takes
  BytesPerSecond nic_bandwidth;  ///< of one (summed) NIC, per direction
  int nics_per_leaf = 0;         ///< under a full leaf
  int leaves = 0;
  int leaves_per_pod = 0;
  int pods = 0;
  int uplinks_per_leaf = 0;  ///< links from one leaf to the spines of its pod
  int spines_per_pod = 0;
  int links_per_spine = 0;    ///< parallel links from one leaf to each spine of its pod
  int uplinks_per_spine = 0;  ///< links from one spine to the cores of its plane
  int cores_per_plane = 0;
  int links_per_core = 0;  ///< parallel links from one spine to each core of its plane
  int cores = 0;
  BytesPerSecond leaf_uplink;   ///< one link leaf to spine: the slower of the two ports
  BytesPerSecond spine_uplink;  ///< one link spine to core; zero with two tiers
};

/// Counts the switches and links of a site's Clos.
///
/// NICs: the k NICs of one accelerator count as one NIC with k times the bandwidth and k times the
/// ports, under one leaf. A NIC faster than a leaf port takes as many ports as it needs; a slower
/// one still takes a whole port (a switch whose ports are split is another catalogue entry).
///
/// Uplinks of a leaf = ceil(bandwidth down / (oversubscription x bandwidth of an uplink)). The
/// spines of a pod are the fewest that have the ports, each with the same number of links from
/// every leaf. Spine s of every pod belongs to plane s, whose cores reach spine s of each pod; the
/// cores, too, are the fewest that have the ports. M. Al-Fares, A. Loukissas, A. Vahdat, "A
/// scalable, commodity data center network architecture", SIGCOMM 2008, section 3, is the case
/// where every switch has k ports.
///
/// Throws UserError with every problem found: sizes that are not positive, NICs that do not divide,
/// switches that run out of ports (with what would fit), two tiers where three are needed.
ClosLayout LayOutClos(const SiteSpec& site);

}  // namespace gridlock
