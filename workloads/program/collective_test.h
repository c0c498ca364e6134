#pragma once

// Writes a test of one collective as a program: one size after another, all groups at once, as
// nccl-tests does (github.com/NVIDIA/nccl-tests).

#include <cstdint>
#include <string>
#include <vector>

#include "workloads/program/program.h"
#include "workloads/program/protocol.h"

namespace gridlock {

/// A test of a collective as the user states it. Its ranks are the first accelerators of the site.
struct CollectiveTestSpec {
  std::string path;  ///< "job[0].collective_test"
  CollectiveKind kind = CollectiveKind::kAllReduce;
  std::vector<Bytes> sizes;  ///< of the full buffer of a rank, see CollectiveCall::payload
  /// nullptr: every algorithm that a library has; of each size the one that it takes counts.
  const Algorithm* algorithm = nullptr;
  std::vector<const Algorithm*> excluded;  ///< that the library must do without
  int ranks = 0;                           ///< 0: all accelerators of the site, see OnSite
  int group_size = 0;                      ///< 0: all ranks are one group
  int group_stride = 1;                    ///< from one rank of a group to the next
  int iterations = 1;
  int domain_ranks = 0;           ///< used of each server; 0: all
  std::vector<int> accelerators;  ///< those of the ranks, rising; empty: the first
  TokenCopies tokens{.copies = 8, .domains_most = 4};  ///< of tokens on their way to experts
  Protocol protocol = Protocol::kAutomatic;
  bool uneven = false;  ///< all_to_allv: an all-to-all whose parts differ
  /// Of an uneven one. What the first rank of a group gets over the mean of all; 0: `parts` says.
  double imbalance = 0;
  std::vector<double> parts;  ///< one for each rank of a group, or one for each pair of them

  /// "all_reduce"; "all_to_allv" where the parts differ.
  [[nodiscard]] std::string Name() const { return uneven ? kUnevenName : CollectiveName(kind); }

  static constexpr const char* kUnevenName = "all_to_allv";
};

/// Most pairs of ranks of an all-to-all of which each is a route that is laid: 4,096 ranks in one
/// group. Of more some stand for all, see SampledPairs.
inline constexpr std::int64_t kPairsMost = std::int64_t{1} << 24;

/// Most pairs of an uneven one, each of which is a message that moves by itself. Of more the
/// busiest link sets the pace.
inline constexpr std::int64_t kUnevenPairsMost = std::int64_t{1} << 20;

/// Most collectives that one test may run: sizes x algorithms x iterations.
inline constexpr std::int64_t kTestRunsMost = 20000;

/// Of an all-to-all of too many ranks to lay: one pair between domains in so many stands for all;
/// 1: every pair is laid. `spec` as OnSite gives it.
int SampledPairs(const CollectiveTestSpec& spec);

/// Bus bandwidth over algorithm bandwidth: 2 (n-1)/n for an all-reduce, (n-1)/n for gathers,
/// scatters and all-to-alls, 1 for all others (nccl-tests, doc/PERFORMANCE.md).
double BusFactor(CollectiveKind kind, std::int64_t ranks);

/// The test with what it leaves to the machine filled in: ranks and group size.
CollectiveTestSpec OnSite(CollectiveTestSpec spec, const SiteSpec& site);

/// The program of a test with `spec.ranks` ranks on servers of one make. Collective i is row i of
/// the result: each size with each algorithm, sizes slowest. Behind them stands a barrier, which
/// takes no time, so that all groups begin each collective together. Throws UserError when the
/// algorithm does not carry the operation or does not run on the groups, and when the test is too
/// large.
StepProgram BuildCollectiveTest(const CollectiveTestSpec& spec, const ServerSpec& machine);

/// Rows of the program: its collectives without the barrier.
std::int32_t RowsOf(const StepProgram& program);

}  // namespace gridlock
