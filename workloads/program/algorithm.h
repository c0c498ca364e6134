#pragma once

// Algorithms of collectives as values: what each costs, and which ranks send to which.
//
// An algorithm is one file of this folder and one row of the table in algorithms.cpp. It runs in
// phases, one after another. Of each phase it says two things: a cost (delay, and bytes per unit of
// weight) and a shape (who sends to whom, without any network). sim/plan lays shapes on routes,
// once per group; the evaluators then pay delay and bytes. Nothing outside this folder knows a ring
// from a tree.

#include <functional>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "workloads/program/collective.h"

namespace gridlock {

/// Is told each pair of nodes of which one sends to the other.
using EdgeSink = std::function<void(int from, int to)>;

/// Who sends to whom among `nodes` nodes numbered from 0, all at the same time. A pattern that
/// changes from phase to phase gets the `step` of the phase, e.g. the distance 1, 2, 4.
struct Pattern {
  void (*edges)(int nodes, int step, const EdgeSink& sink) = nullptr;
  int step = 0;

  [[nodiscard]] bool empty() const { return edges == nullptr; }
};

/// The transfers of one phase: one inside the scale-up domains and one across NICs, side by side.
/// Each moves at the pace of its slowest link, since every rank waits for its neighbours.
struct PhaseShape {
  /// Inside each domain every member sends and receives once: a ring of its members, or their
  /// switch.
  bool ports = false;
  /// Across domains: nodes are domains. The pattern is laid once for each member that every domain
  /// has (GroupShape::per_domain), each copy through the NIC of another member.
  Pattern over_domains;
  /// Nodes are ranks. Edges between ranks of one domain go inside it, the others across NICs.
  Pattern over_ranks;
};

struct Algorithm {
  const char* name;   ///< as users write it: "ring"
  const char* words;  ///< for people: "rings, one through each NIC of a domain"
  /// The operations that it is an algorithm for.
  bool (*carries)(CollectiveKind kind);
  /// "" where it runs on such a group, else the reason: "the group has 12 ranks, and ...".
  std::string (*refuses)(const GroupShape& group, const ServerSpec& server);
  /// The shape and the cost of each phase, in order: as many of the one as of the other.
  std::vector<PhaseShape> (*shapes)(const GroupShape& group);
  std::vector<CollectiveCost> (*costs)(const CollectiveCall& call);
};

/// All algorithms that users can name.
std::span<const Algorithm* const> Algorithms();

/// The algorithm of that name; nullptr when there is none.
const Algorithm* AlgorithmByName(const std::string& name);

/// What NCCL did when the catalogue's fits were measured: rings, or the switch of the domain where
/// that added up. The delay of an all-reduce over several domains is that of rings or of a double
/// binary tree, whichever is shorter. Training uses this algorithm. A table of algorithms by size,
/// as a library has one, would take its place: the writers of programs (training_program.cpp,
/// collective_test.cpp) choose the algorithm of each collective.
extern const Algorithm kFitted;
/// Rings: one inside a domain, or as many as a domain has members across domains.
extern const Algorithm kRing;
/// Every pair of ranks exchanges its part directly.
extern const Algorithm kPairs;

/// What kFitted costs; it has one phase. For passes, which carry collectives without a group.
CollectiveCost FittedCost(const CollectiveCall& call);

/// A ring over `nodes`: each sends to the next.
void RingEdges(int nodes, int step, const EdgeSink& sink);

/// Rings through all domains and one in each of them, as in kRing.
PhaseShape RingShape(const GroupShape& group);

/// Share of the ports' bandwidth that a ring reaches inside a domain. A ring's all-reduce is a
/// reduce-scatter and an all-gather. Where the fit of all-reduces was measured with the switch
/// adding up, it says nothing about rings; then the fits of the other two are used.
double RingEfficiency(CollectiveKind kind, const CollectiveFit& in);

/// What rings cost (Patarasuk and Yuan 2009). `efficiency` is that of long messages inside a
/// domain. S bytes take 2 (n-1)/n S on the wire of a rank for an all-reduce and (n-1)/n S for a
/// gather or a scatter; steps are 2 (n-1) and n-1. Over several domains, of which the smallest
/// holds g members, there are g rings. Every NIC carries 1/g of the bytes of a single ring, and
/// every port what the NICs of the other members carry, (g-1)/g. Members lie site by site, so in
/// one round of the ring a chunk crosses one fibre per site: with 3 sites 3 fibres, and 2 when
/// every domain is a site of its own. Over several domains the steps take at most `steps_most`.
CollectiveCost RingCost(const CollectiveCall& call, double efficiency,
                        Seconds steps_most = Seconds(std::numeric_limits<double>::infinity()));

/// Delay of an all-reduce over several domains by double binary trees of the domains (Sanders,
/// Speck and Traeff 2009): up and down a tree whose depth is log2 of the domains, through the
/// members of a domain one after another. Each way crosses as many fibres as a tree of the sites is
/// deep: 2 of 4 sites.
Seconds TreeDelay(const GroupShape& group, const ServerSpec& server);

}  // namespace gridlock
