// All-reduce by a double binary tree: two trees over the same nodes, each with half of the buffer.
// A node that has children in one tree has none in the other, so that all links are busy (Sanders,
// Speck and Traeff 2009, "Two-tree algorithms for full bandwidth broadcast, reduction and scan";
// NCCL 2.4 and later).

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "workloads/program/algorithm.h"

namespace gridlock {

extern const Algorithm kTree;

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

// Bytes of one chunk of a tree that carries `bytes`: 512 KiB, halved while there would be fewer
// than 8 chunks for each level of the tree, down to 128 KiB; then 4, to 64 KiB; then 1, to 32 KiB
// (NCCL 2.18, src/enqueue.cc; buffers of 4 MiB in 8 steps, src/init.cc).
double ChunkOf(double bytes, double depth) {
  struct Rule {
    double chunks_per_level, least;
  };

  constexpr double kKib = 1024;
  double chunk = 512 * kKib;
  for (const Rule& rule : {Rule{8, 128 * kKib}, {4, 64 * kKib}, {1, 32 * kKib}}) {
    while (bytes / chunk < rule.chunks_per_level * depth && chunk > rule.least) {
      chunk /= 2;
    }
  }
  return std::min(chunk, bytes);
}

// A chunk is sent on once it has come in whole, so the first one takes its own time on a link for
// each of the 2 x depth links on its way up and down; those behind it follow it closely.
Seconds FillOf(Bytes half, double depth, BytesPerSecond link) {
  return Bytes(ChunkOf(half.si(), depth)) / link * (2 * depth);
}

// One domain: nodes are ranks, edges are ports.
CollectiveCost InsideADomain(const CollectiveCall& call) {
  const CollectiveFit& in = call.server.scale_up;
  const int edges = MostEdges(call.group.ranks);
  const double depth = DepthOf(call.group.ranks);
  const BytesPerSecond port = call.server.accelerator.scale_up_bandwidth;
  const double efficiency = RingEfficiency(call.kind, in);
  const Bytes half = call.payload / 2;
  const double share = WithLocalCopy(edges / 4.0, in);
  const Sent sent = FasterProtocol(call.payload * (2 * share),
                                   {in, port, efficiency, FillOf(half / efficiency, depth, port)});
  CollectiveCost cost;
  cost.domain_bytes = sent.bytes / edges;
  cost.latency = in.base_latency + in.step_latency * (2 * depth) + sent.later;
  return cost;
}

CollectiveCost TreeCost(const CollectiveCall& call) {
  const GroupShape& group = call.group;
  if (group.ranks <= 1) {
    return {};
  }
  if (group.domains == 1) {
    return InsideADomain(call);
  }
  const CollectiveFit& in = call.server.scale_up;
  const CollectiveFit& out = call.server.across();
  const double g = group.per_domain;
  const int edges = MostEdges(group.domains);
  const BytesPerSecond nic = call.server.across_bandwidth();
  const Bytes half = call.payload / (2 * g);
  const Seconds fill = FillOf(half / out.all_reduce_efficiency, DepthOf(group.domains), nic);
  const Sent sent = FasterProtocol(half * edges, {out, nic, out.all_reduce_efficiency, fill});
  CollectiveCost cost;
  cost.nic_bytes = sent.bytes / edges;
  cost.domain_bytes = call.payload * (2 * (g - 1) / g) / RingEfficiency(call.kind, in);
  cost.latency = out.base_latency + TreeDelay(group, call.server) + sent.later;
  return cost;
}

}  // namespace

Seconds TreeDelay(const GroupShape& group, const ServerSpec& server) {
  const double hops_in = static_cast<double>(group.ranks) / group.domains - 1;
  return server.scale_up.step_latency * (2 * hops_in) +
         server.across().step_latency * (2 * DepthOf(group.domains)) +
         group.wan_latency * (2 * DepthOf(group.sites));
}

const Algorithm kTree{
    .name = "tree",
    .words = "a double binary tree, one through each NIC of a domain",
    .carries =
        [](CollectiveKind kind) {
          return kind == CollectiveKind::kAllReduce;
        },
    .refuses =
        [](const GroupShape& /*group*/, const ServerSpec& /*server*/) {
          return std::string();
        },
    .shapes =
        [](const GroupShape& group) {
          PhaseShape shape;
          if (group.domains == 1) {
            shape.over_ranks = {TreeEdges};
          } else {
            shape.ports = group.ranks > group.domains;
            shape.over_domains = {TreeEdges};
          }
          return std::vector<PhaseShape>{shape};
        },
    .costs =
        [](const CollectiveCall& call) {
          return std::vector<CollectiveCost>{TreeCost(call)};
        },
};

}  // namespace gridlock
