#pragma once

// Who takes part in a program: its ranks, and the groups of ranks that communicate.
//
// A rank is one accelerator of a job. Ranks are numbered before anything is placed. A family of
// groups is a handful of numbers, however many ranks it covers: "every 8th rank, 128 of them, and
// such a group for each of 8 first ranks" is two axes. So the program of a job on a million
// accelerators is as small as that of a job on eight.

#include <cstdint>
#include <string>
#include <vector>

#include "sim/base/index.h"

namespace gridlock {

/// Order of the parallel dimensions over consecutive accelerators, fastest first.
enum class RankOrder { kTensorDataPipeline, kTensorPipelineData };

using RankIndex = Index<struct RankTag>;      ///< 0 .. RankGrid::ranks() - 1
using FamilyIndex = Index<struct FamilyTag>;  ///< in StepProgram::families

/// The ranks of a job as a grid of four dimensions. A job without one of them has size 1 there: a
/// plain row of n ranks is {.data = n}. Rank numbers run fastest through `tensor`, then through
/// `context`, `data` and `pipeline`. All ranks of one tensor x context plane do the same at the
/// same time: they are one agent.
struct RankGrid {
  std::string path;  ///< of the field that asks for these ranks; messages point at it
  int tensor = 1;
  int context = 1;
  int data = 1;
  int pipeline = 1;
  RankOrder order = RankOrder::kTensorDataPipeline;  ///< in which the ranks fill the servers
  int domain_ranks = 0;  ///< accelerators of each scale-up domain that are used; 0: all
  /// The accelerator of each rank, rising, counting from the first one of the placement; empty: one
  /// after another. Of a plain row of ranks only.
  std::vector<int> chosen;

  /// Ranks of one agent.
  [[nodiscard]] int width() const { return tensor * context; }

  [[nodiscard]] int agents() const { return data * pipeline; }

  [[nodiscard]] int ranks() const { return width() * agents(); }

  /// Accelerators that are used of a scale-up domain of `domain`.
  [[nodiscard]] int used_of(int domain) const { return domain_ranks > 0 ? domain_ranks : domain; }

  /// The agent that a rank belongs to, 0 .. agents() - 1.
  [[nodiscard]] int agent_of(RankIndex rank) const { return rank.value / width(); }
};

/// `count` positions, `stride` apart.
struct Axis {
  int count = 1;
  int stride = 1;
};

/// Groups of equally many ranks. A group is named by one position on each axis of `groups`, a
/// member by one on each axis of `members`; the rank is the sum of position x stride over all axes.
/// Axes stand slowest first, so that the last one runs fastest, and the ranks of a group rise.
///
/// Example: 32 ranks in servers of 8. The groups of the ranks that have the same place in their
/// server are {.groups = {{8, 1}}, .members = {{4, 8}}}: group 3 is the ranks 3, 11, 19 and 27.
struct GroupFamily {
  std::string name;  ///< "data": for people
  std::vector<Axis> groups;
  std::vector<Axis> members;
  std::vector<int> listed =
      {};  ///< the ranks of the only group, rising, where axes do not say them

  [[nodiscard]] std::int64_t group_count() const;

  /// Ranks in each group.
  [[nodiscard]] std::int64_t group_size() const;

  /// The ranks of group `group`, 0 .. group_count() - 1, rising.
  [[nodiscard]] std::vector<RankIndex> RanksOf(std::int64_t group) const;
};

}  // namespace gridlock
