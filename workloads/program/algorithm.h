#pragma once

// Algorithms of collectives as values: what each costs, and which ranks send to which.
//
// An algorithm is one file of this folder and one row of the table in algorithms.cpp. It runs in
// phases, one after another. Of each phase it says two things: a cost (delay, and bytes per unit of
// weight) and a shape (who sends to whom, without any network). sim/plan lays shapes on routes,
// once per group; the evaluators then pay delay and bytes. Nothing outside this folder knows a ring
// from a tree.

#include <functional>
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
  /// Whether a library takes it by itself on such a group, or only when it is asked for by name.
  bool (*chosen)(const GroupShape& group, const ServerSpec& server);
  /// The shape and the cost of each phase, in order: as many of the one as of the other.
  std::vector<PhaseShape> (*shapes)(const GroupShape& group);
  std::vector<CollectiveCost> (*costs)(const CollectiveCall& call);
};

/// All algorithms that users can name.
std::span<const Algorithm* const> Algorithms();

/// The algorithm of that name, ours or NCCL's (AlgorithmsMeant); nullptr when there is none.
const Algorithm* AlgorithmByName(const std::string& name);

/// What a library does: rings, double binary trees or the switches of the domains, by the size of
/// the message (LibraryChoice). The bytes go over the links of rings. Training uses this algorithm,
/// because its writer does not know how groups will lie.
extern const Algorithm kFitted;
/// Rings: one inside a domain, or as many as a domain has members across domains.
extern const Algorithm kRing;
/// Every pair of ranks exchanges its part directly.
extern const Algorithm kPairs;
/// Double binary trees, and trees of domains whose switches add up; trees that gather aggregates.
extern const Algorithm kTree, kSwitchTree, kAggregatedTrees;
/// The switch of a domain adds up; recursive halving and doubling.
extern const Algorithm kInSwitch, kHalvingDoubling;
/// A message between neighbours of a pipeline.
extern const Algorithm kNeighbours;
/// Expert dispatch and combine: straight to each rank, and forwarded inside the receiving domain.
extern const Algorithm kExpertPairs, kForwarded;

/// What kFitted costs; it has one phase. For passes, which carry collectives without a group.
CollectiveCost FittedCost(const CollectiveCall& call);

/// A ring over `nodes`: each sends to the next.
void RingEdges(int nodes, int step, const EdgeSink& sink);

/// Everybody to everybody else.
void PairEdges(int nodes, int step, const EdgeSink& sink);

/// Rings through all domains and one in each of them, as in kRing.
PhaseShape RingShape(const GroupShape& group);

/// What rings cost (Patarasuk and Yuan 2009). S bytes take 2 (n-1)/n S on the wire of a rank for an
/// all-reduce, (n-1)/n S for a gather or a scatter, and S for a broadcast or a reduction; steps are
/// 2 (n-1) and n-1. Over several domains, of which the smallest holds g members, there are g rings.
/// Every NIC carries 1/g of the bytes of a single ring, and every port what the NICs of the other
/// members carry, (g-1)/g. Members lie site by site, so in one round of the ring a chunk crosses
/// one fibre per site: with 3 sites 3 fibres, and 2 when every domain is a site of its own.
CollectiveCost RingCost(const CollectiveCall& call);

/// An all-reduce by double binary trees of the domains, on one domain of the ranks: bytes are those
/// of a port and of a NIC, not of an edge. Its delay is up and down a tree whose depth is log2 of
/// the domains, through the members of a domain one after another. Each way crosses as many fibres
/// as a tree of the sites is deep: 2 of 4 sites.
CollectiveCost TreeLoad(const CollectiveCall& call);

/// The same where the switch of each domain adds up; on several domains only.
CollectiveCost SwitchTreeLoad(const CollectiveCall& call);

/// An all-reduce that the switch of one domain adds up.
CollectiveCost InSwitchCost(const CollectiveCall& call);

/// Ranks of a domain up to which the constants of switches stand as they are: those of one board.
inline constexpr int kBoardRanks = 8;

/// What an all-reduce in the switch puts through a port, over the buffer: 1 + 1/n of n ranks, and
/// of more than eight what keeps the bus bandwidth of eight.
double InSwitchWire(int ranks);

/// What it waits until its pipeline is full. Each rank of a domain has a chunk of its own in it
/// (NCCL, src/enqueue.cc: channels x ranks x chunk go by at once), and each of `steps` of a tree of
/// domains holds as many again. A buffer too short to fill it passes its stages one by one: three
/// in a domain, so that it takes at most twice as long again, our estimate.
Seconds PipelineFill(const CollectiveCall& call, const Load& port, double steps);

/// Members of a domain up to which a library takes rings although a switch could add up: with 4 of
/// 8 H200 or B200, NCCL 2.27.7 takes rings, with 6 the switch (stas00/ml-engineering, network).
inline constexpr int kRingRanksMost = 4;

/// Whether a library lets the switches of a group's domains add up.
bool UsesSwitch(const GroupShape& group, const ServerSpec& server);

/// What NCCL's own model expects of a collective by rings and of an all-reduce by trees over
/// several domains, and the bandwidth that it counts with: that of the NICs of a domain, or of a
/// port where that is less. NCCL takes the one of which it expects less, which is not always the
/// faster one.
Seconds ExpectedOfRing(const CollectiveCall& call);
Seconds ExpectedOfTree(const CollectiveCall& call);
/// The same of aggregated trees, of a gather or scatter of one rank of each domain.
Seconds ExpectedOfAggregatedTrees(const CollectiveCall& call);
/// The same of the switches, in one domain or in trees of domains.
Seconds ExpectedOfSwitch(const CollectiveCall& call);
BytesPerSecond LibraryBandwidth(const CollectiveCall& call);

/// The algorithm that a library takes for an all-reduce or another collective that rings carry. It
/// does without those that are `excluded`, but for rings.
const Algorithm& LibraryChoice(const CollectiveCall& call,
                               std::span<const Algorithm* const> excluded = {});

/// The algorithms that a word of NCCL or of ours means: "nvls" is "in_switch", and for an exclusion
/// "in_switch_tree", too; any case, with or without underscores. Empty: there is none.
std::vector<const Algorithm*> AlgorithmsMeant(const std::string& word);

/// "" where the switch of a domain adds up, else why it does not.
std::string SwitchAddsNothing(const ServerSpec& server);

/// The `chosen` of an algorithm that libraries take, and of one that they do not have.
inline bool ChosenAlways(const GroupShape& /*group*/, const ServerSpec& /*server*/) {
  return true;
}

inline bool ChosenNever(const GroupShape& /*group*/, const ServerSpec& /*server*/) {
  return false;
}

/// The `refuses` of an algorithm that runs on every group.
inline std::string RunsAlways(const GroupShape& /*group*/, const ServerSpec& /*server*/) {
  return "";
}

}  // namespace gridlock
