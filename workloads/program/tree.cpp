// All-reduce by a double binary tree: two trees over the same nodes, each with half of the buffer.
// A node that has children in one tree has none in the other, so that all links are busy (Sanders,
// Speck and Traeff 2009, "Two-tree algorithms for full bandwidth broadcast, reduction and scan";
// NCCL 2.4 and later).

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "sim/base/check.h"
#include "workloads/program/algorithm.h"
#include "workloads/program/steps.h"

namespace gridlock {

namespace {

// The parent of a node in a binary tree of `nodes` whose root is node 0, -1 for the root. Odd nodes
// are leaves; node 2k at height h is the parent of the nodes 2^(h-1) away from it (the numbering of
// NCCL, src/graph/trees.cc: ncclGetBtree).
int ParentOf(int node, int nodes) {
  if (node == 0) {
    return -1;
  }
  const int lowest = node & -node;
  const int up = (node ^ lowest) | (lowest << 1);
  return up < nodes ? up : node ^ lowest;
}

// Calls `edge` with each child and its parent in both trees. The second tree is the first one read
// backwards, or moved on by one node where the number of nodes is odd (ncclGetDtree).
template <typename F>
void ForEachChild(int nodes, const F& edge) {
  for (int node = 1; node < nodes; ++node) {
    const int parent = ParentOf(node, nodes);
    edge(node, parent);
    if (nodes % 2 == 0) {
      edge(nodes - 1 - node, nodes - 1 - parent);
    } else {
      edge((node + 1) % nodes, (parent + 1) % nodes);
    }
  }
}

// Sums go up and come down again.
void TreeEdges(int nodes, int /*step*/, const EdgeSink& sink) {
  ForEachChild(nodes, [&](int child, int parent) {
    sink(child, parent);
    sink(parent, child);
  });
}

// The most edges of both trees that one node has: 4, unless there are very few nodes. That many
// halves of the buffer leave it, and as many reach it.
int MostEdges(int nodes) {
  std::vector<int> edges(static_cast<std::size_t>(nodes), 0);
  ForEachChild(nodes, [&](int child, int parent) {
    ++edges[child];
    ++edges[parent];
  });
  return *std::max_element(edges.begin(), edges.end());
}

double DepthOf(int nodes) {
  return std::ceil(std::log2(static_cast<double>(nodes)));
}

// One domain: nodes are ranks, edges are ports.
CollectiveCost TreesInside(const CollectiveCall& call) {
  const CollectiveFit& in = call.server.scale_up;
  const Bytes wire = call.payload * (MostEdges(call.group.ranks) / 2.0);
  CollectiveCost cost = CostInside(DomainLoad(call, in.all_reduce_efficiency, wire));
  cost.latency += in.base_latency + in.step_latency * (2 * DepthOf(call.group.ranks));
  return cost;
}

// A chunk of a long message passes the members of a domain before it leaves; the fits of NICs were
// measured on eight. Of one member the chunks wait for nobody, and a step of Simple takes 25 us in
// place of 39 (two servers with an H100 each, 2 to 32 MiB, NVIDIA/nccl-tests issue 232; NCCL's own
// model counts 14 us and two latencies of the network). In between it grows by the member. The
// members are passed once up and once down, however deep the tree is.
constexpr double kLoneStep = 0.59;  // of what a step takes beyond one of short messages

// Beside what goes through the switch (in_switch.cpp) each of g members adds its gth of the buffer
// to what the tree brings: the kernel that paces the switch moves another S / g. That those bytes
// cost it the same is an assumption. With more than two domains one has two children and a parent,
// which its kernels serve by turns.
Load SwitchLoad(const CollectiveCall& call) {
  const CollectiveFit& in = call.server.scale_up;
  const bool more = call.group.domains > 2 && in.in_switch_tree_efficiency > 0;
  const int g = call.group.per_domain;
  return DomainLoad(call, more ? in.in_switch_tree_efficiency : in.in_switch_efficiency,
                    call.payload * (InSwitchWire(g) + 1.0 / g));
}

// Both trees of the domains. Inside a domain the members add up one after another (`in_switch`:
// their switch adds up), and hand the sum on the same way.
CollectiveCost TreesAcross(const CollectiveCall& call, bool in_switch) {
  const GroupShape& group = call.group;
  const CollectiveFit& in = call.server.scale_up;
  const CollectiveFit& out = call.server.across();
  const double g = group.per_domain;
  const double depth = 2 * DepthOf(group.domains);
  const double hops_in =
      2 * (call.server.network.is_torus() ? StepsInside(call.server, group.per_domain)
                                          : static_cast<double>(group.ranks) / group.domains - 1);
  Load nic =
      NicLoad(call, out.all_reduce_efficiency, call.payload * (MostEdges(group.domains) / (2 * g)));
  const Load domain =
      in_switch ? SwitchLoad(call)
                : DomainLoad(call, in.all_reduce_efficiency, call.payload * (2 * (g - 1) / g));
  if (!call.server.direct) {
    nic.passed_on = (std::min(g, double{kBoardRanks}) - 1) / (kBoardRanks - 1);
  }
  const double steps = depth * kLoneStep + 2 * (1 - kLoneStep) * nic.passed_on;
  CollectiveCost cost = CostAcross(nic, domain, steps);
  cost.latency += out.base_latency +
                  (in_switch ? in.in_switch_latency + PipelineFill(call, domain, depth)
                             : in.step_latency * hops_in) +
                  out.step_latency * depth + group.tree_hops * 2 +
                  group.wan_latency * (2 * DepthOf(group.sites));
  return cost;
}

// TreeLoad counts what a port and a NIC carry; an edge carries its part of that.
std::vector<CollectiveCost> ByEdge(CollectiveCost load, const GroupShape& group) {
  if (group.domains == 1) {
    load.domain_bytes = load.domain_bytes / MostEdges(group.ranks);
  } else {
    load.nic_bytes = load.nic_bytes / MostEdges(group.domains);
  }
  return {load};
}

std::vector<PhaseShape> TreeShapes(const GroupShape& group) {
  PhaseShape shape;
  if (group.domains == 1) {
    shape.over_ranks = {TreeEdges};
  } else {
    shape.ports = group.ranks > group.domains;
    shape.over_domains = {TreeEdges};
  }
  return {shape};
}

bool IsAllReduce(CollectiveKind kind) {
  return kind == CollectiveKind::kAllReduce;
}

}  // namespace

CollectiveCost TreeLoad(const CollectiveCall& call) {
  if (call.group.ranks <= 1) {
    return {};
  }
  return call.group.domains == 1 ? TreesInside(call) : TreesAcross(call, false);
}

CollectiveCost SwitchTreeLoad(const CollectiveCall& call) {
  CHECK(call.group.domains > 1);
  return TreesAcross(call, true);
}

const Algorithm kTree{
    .name = "tree",
    .words = "a double binary tree, one through each NIC of a domain",
    .carries = IsAllReduce,
    .refuses = RunsAlways,
    .chosen =
        [](const GroupShape& group, const ServerSpec& server) {
          return group.domains > 1 || JoinsHosts(group, server);
        },
    .shapes = TreeShapes,
    .costs =
        [](const CollectiveCall& call) {
          return ByEdge(TreeLoad(call), call.group);
        },
};

const Algorithm kSwitchTree{
    .name = "in_switch_tree",
    .words = "the switch of each domain adds up, a double binary tree joins the domains",
    .carries = IsAllReduce,
    .refuses = [](const GroupShape& group, const ServerSpec& server) -> std::string {
      if (group.domains == 1) {
        return "it joins domains, and a group lies in one; there it is called \"in_switch\"";
      }
      return SwitchAddsNothing(server);
    },
    .chosen = UsesSwitch,
    .shapes = TreeShapes,
    .costs =
        [](const CollectiveCall& call) {
          return ByEdge(SwitchTreeLoad(call), call.group);
        },
};

}  // namespace gridlock
