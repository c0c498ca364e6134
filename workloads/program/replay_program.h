#pragma once

// Writes the communication of traces as a program: the groups that their calls name, and for each
// a collective of its size by the algorithm that a library takes. The program has no roles: when
// each collective begins is what the replay finds out.

#include <map>
#include <string>
#include <vector>

#include "workloads/program/program.h"
#include "workloads/program/rank_trace.h"

namespace gridlock {

/// A message between the two ranks of a group.
extern const Algorithm kMessageUp, kMessageDown;

struct ReplayOptions {
  bool one_stream = false;   ///< all that an accelerator does goes one after another
  bool recorded = false;     ///< collectives and messages take their recorded time as well
  double compute_speed = 1;  ///< recorded times of accelerators are divided by it
  const Algorithm* algorithm = nullptr;  ///< where it carries the operation; nullptr: a library's
  std::vector<int> dimensions;  ///< ranks along each dimension, the fastest first; empty: unknown
  std::map<std::string, std::vector<int>> groups;  ///< by name, before those of the traces
};

struct ReplayWork {
  StepProgram program;
  std::vector<OrderedTrace> traces;
  std::vector<std::int32_t> trace_of_rank;
  /// By rank and call of its trace: the collective of the program; -1: the recorded time counts, or
  /// nobody else takes part.
  std::vector<std::vector<std::int32_t>> collective_of_call;
  std::vector<std::vector<double>> seconds;  ///< by trace and node, of all but calls
  std::vector<std::string> notes;

  [[nodiscard]] const OrderedTrace& TraceOf(std::int32_t rank) const {
    return traces[trace_of_rank[rank]];
  }
};

/// @param server of the site that the ranks fill, one accelerator each
/// Throws UserError when a trace cannot be ordered, a group's ranks cannot be told, or a rank is
/// not in a group that it uses.
ReplayWork BuildReplay(const std::vector<const RankTrace*>& traces,
                       const std::vector<std::int32_t>& trace_of_rank, const ReplayOptions& options,
                       const ServerSpec& server);

}  // namespace gridlock
