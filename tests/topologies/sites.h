#pragma once

// Sites built by hand for the tests of this room: every number is chosen so that the expected
// counts can be followed on paper.

#include <cstdint>
#include <string>
#include <vector>

#include "topologies/clos/graph.h"
#include "topologies/clos/topology.h"
#include "topologies/cut.h"
#include "topologies/graph.h"
#include "topologies/machine.h"

namespace gridlock {

inline constexpr double kNic400 = 50e9;  // byte/s of 400 Gbps

/// A switch with this many 400 Gbps ports and 500 ns of latency.
SwitchSpec Switch400(const std::string& name, int ports);

/// Servers of 8 accelerators and 8 NICs of 400 Gbps under a Clos of 64-port 400 Gbps switches: 4
/// servers per leaf, 32 leaves per pod, non-blocking, three tiers, spraying.
SiteSpec EightWaySite(int servers);

/// A k-ary fat tree of one-accelerator servers: k^3/4 hosts under switches of k ports (Al-Fares et
/// al. 2008, section 3).
SiteSpec KAryFatTree(int k);

/// 16,384 accelerators in pods of 3,072: 2 servers per leaf with twice the uplinks, 192 leaves per
/// pod, 1:7 above, 576-port spines and cores.
SiteSpec UnevenPods(Routing routing);

/// A site of 2 to 48 servers drawn from a seed: any of rails or not, shared or summed NICs, two or
/// three tiers, partly filled leaves and pods, any oversubscription. Always fits its switches.
SiteSpec RandomSite(std::uint64_t seed);

/// A topology written out.
inline FabricGraph MakeGraph(const Topology& topology) {
  return FabricGraph(topology.wiring());
}

/// Cables between `from` and every machine of the graph, on the shortest way, by breadth-first
/// search.
std::vector<int> HopsOfSearch(const FabricGraph& graph, int from);

/// The route of a flow with hash 0.
std::vector<LinkIndex> RouteOf(const Topology& topology, int from, int to);

/// All links of a fabric of one tier.
std::vector<LinkIndex> LinksOf(const Topology& fabric, TierIndex tier);

/// Names of the links from one accelerator to another.
std::vector<std::string> RouteNames(const Topology& fabric, int from, int to,
                                    std::uint64_t flow_hash = 0);

/// Bytes per second that each member of a ring inside a server sends, when nothing else runs.
double RingPaceOf(const ServerSpec& server, const std::vector<int>& members);

/// The path and the message with which the links of a server are refused; "" where they are not.
std::string NetworkRefusal(const ServerSpec& server);

/// The path and the message with which MakeTopology refuses a site; "accepted" where it does not.
std::string TopologyRefusal(const SiteSpec& site);

/// Names of the links whose ends are not those of the graph of all links; empty: none.
std::string LinksWithOtherEnds(const Topology& topology);

}  // namespace gridlock
