// What NCCL itself expects of rings and trees, which is how it chooses between them. The constants
// are those of its tuning model (src/graph/tuning.cc, 2.19): latencies of a step in microseconds,
// by protocol, over NVLink and over a network, and factors on the bandwidth. It expects a tree to
// send the buffer twice, also between two servers, where once is enough.

#include <algorithm>
#include <array>
#include <cmath>

#include "workloads/program/algorithm.h"

namespace gridlock {

namespace {

struct ProtocolGuess {
  double tree_base, tree_inside, tree_across;  ///< us
  double ring_base, ring_inside, ring_across;  ///< us
  double bandwidth;                            ///< share
};

// LL, LL128, Simple.
constexpr std::array<ProtocolGuess, 3> kProtocols{{
    {6.8, 0.6, 5.0, 6.6, 0.6, 2.7, 0.25},
    {14.0, 1.25, 8.5, 14.0, 1.9, 4.0, 0.92},
    {8.4, 4.0, 14.0, 8.4, 3.4, 14.0, 1.0},
}};

// Of an all-reduce over several servers: what rings of Simple are expected to wait more.
constexpr double kRingPlateau = 1.4;

constexpr double kTreeShare = 0.92;

// Of NVLink's rate: 20 GB/s of 25 of a link of NVLink 2 and 3 (src/graph/topo.h).
constexpr double kCountedShare = 0.8;

// Aggregated trees (PAT, 2.24 and later): us of a call, a round (14 us of the network over 3.5) and
// a rank, and the share of the bandwidth.
constexpr double kAggregatedBase = 8.0;
constexpr double kAggregatedRound = 14 / 3.5;
constexpr double kAggregatedRank = 2.8;
constexpr double kAggregatedShare = 0.75;

// Switches: us inside a domain (NVLS over NVLink in hwLatencies), and the share of twice a port
// that it expects of Blackwell (nvlsEfficiency), both of 2.24. A step between domains counts 14 us
// there and twice the latency of the NIC; that this is 3.45 us is our estimate.
constexpr double kSwitchInside = 25;
constexpr double kSwitchAcross = 14 + 2 * 3.45;
constexpr double kSwitchShare = 0.74;

}  // namespace

// With one rank in each domain nothing hides the delays of a network: NCCL counts those of trees.
Seconds ExpectedOfRing(const CollectiveCall& call) {
  const double n = call.group.ranks;
  const double d = call.group.domains;
  const bool sums = call.kind == CollectiveKind::kAllReduce;
  const double rounds = sums ? 2 : 1;
  const double seconds = rounds * (n - 1) / n * (call.payload / LibraryBandwidth(call)).si();
  double best = HUGE_VAL;
  for (const ProtocolGuess& p : kProtocols) {
    const double across = n > d ? p.ring_across : p.tree_across;
    const double wait = sums && &p == &kProtocols.back() ? kRingPlateau : 1;
    const double steps = rounds * wait * ((n - d) * p.ring_inside + (d - 1) * across);
    best = std::min(best, (p.ring_base + steps) * 1e-6 + seconds / p.bandwidth);
  }
  return Seconds(best);
}

Seconds ExpectedOfAggregatedTrees(const CollectiveCall& call) {
  const double n = call.group.ranks;
  const double rounds = std::floor(std::log2(n));
  const double latency = kAggregatedBase + rounds * kAggregatedRound + n * kAggregatedRank;
  return Seconds(latency * 1e-6) + call.payload / (LibraryBandwidth(call) * kAggregatedShare);
}

// Over two servers NCCL counts for a tree what its links inside of them carry, where that is more
// than the NICs do (src/graph/tuning.cc takes bwIntra of up to two nodes, and src/graph/search.cc
// raises that of trees above the rate of the NICs; its authors: NVIDIA/nccl-tests issue 196,
// NVIDIA/nccl issue 946). So two servers of A100 are joined by a tree, and two of H100 with 400
// Gbps for each by a ring.
Seconds ExpectedOfTree(const CollectiveCall& call) {
  const double inside = static_cast<double>(call.group.ranks) / call.group.domains - 1;
  const double depth = std::ceil(std::log2(static_cast<double>(call.group.domains)));
  const bool by_links = call.group.domains == 2 && call.group.per_domain > 1 && !call.server.direct;
  const BytesPerSecond links = call.server.accelerator.scale_up_bandwidth * kCountedShare;
  const BytesPerSecond pace =
      by_links ? std::max(links, LibraryBandwidth(call)) : LibraryBandwidth(call);
  const double seconds = 2 * (call.payload / pace).si() / kTreeShare;
  double best = HUGE_VAL;
  for (const ProtocolGuess& p : kProtocols) {
    const double latency = p.tree_base + 2 * (inside * p.tree_inside + depth * p.tree_across);
    best = std::min(best, latency * 1e-6 + seconds / p.bandwidth);
  }
  return Seconds(best);
}

Seconds ExpectedOfSwitch(const CollectiveCall& call) {
  const double n = call.group.ranks;
  const double depth = std::ceil(std::log2(static_cast<double>(call.group.domains)));
  const BytesPerSecond port = call.server.accelerator.scale_up_bandwidth * (2 * kSwitchShare);
  const BytesPerSecond nics = NicShareOf(call) * static_cast<double>(call.group.per_domain);
  const BytesPerSecond pace = call.group.domains > 1 ? std::min(port, nics) : port;
  return Seconds((kSwitchInside + 2 * depth * kSwitchAcross) * 1e-6) +
         call.payload * (2 * (n - 1) / n) / pace;
}

BytesPerSecond LibraryBandwidth(const CollectiveCall& call) {
  const BytesPerSecond nics = NicShareOf(call) * static_cast<double>(call.group.per_domain);
  return std::min(nics, call.server.accelerator.scale_up_bandwidth);
}

}  // namespace gridlock
