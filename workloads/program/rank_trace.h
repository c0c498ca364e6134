#pragma once

// What one rank did, as a trace recorded it: nodes with times or sizes, and what each waits for.
// No clock: the replay (replay_program.h, sim/engine/replay_engine.h) finds out when.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "sim/base/units.h"
#include "workloads/program/collective.h"

namespace gridlock {

/// A queue that does one thing at a time, in order: a thread of the host, a stream of the
/// accelerator.
struct TraceLane {
  bool host = false;
  std::string name;  ///< "stream 7", "thread 1", "compute"
};

/// A collective or a message as nodes name it. Nodes that ask for the same share one.
struct TraceCall {
  enum class Kind : std::uint8_t { kCollective, kSend, kReceive };

  Kind kind = Kind::kCollective;
  CollectiveKind collective = CollectiveKind::kAllReduce;
  bool rooted_parts = false;     ///< a gather or scatter: each rank's part goes to or from one rank
  double bytes = 0;              ///< of the buffer that a rank brings
  std::string group;             ///< name of the group; "" for the dimensions, or for everybody
  std::vector<bool> dimensions;  ///< in which of them ranks differ; empty: not said
  int peer = -1;                 ///< of a message
  int tag = 0;

  auto operator<=>(const TraceCall&) const = default;
};

struct TraceNode {
  enum class Kind : std::uint8_t { kHost, kCompute, kMemory, kCall, kMark };

  std::uint64_t id = 0;
  double start = -1;                          ///< recorded, seconds; negative: not recorded
  double seconds = 0;                         ///< recorded
  float flop = 0;                             ///< when no time is recorded
  float bytes = 0;                            ///< that memory moves, when no time is recorded
  std::int32_t deps_begin = 0, deps_end = 0;  ///< in RankTrace::deps; data first
  std::int32_t data_end = 0;                  ///< control dependencies from here on
  std::int32_t lane = -1;                     ///< in RankTrace::lanes; -1: none
  std::int32_t call = -1;                     ///< in RankTrace::calls
  Kind kind = Kind::kMark;
};

struct RankTrace {
  std::string file;
  std::vector<TraceNode> nodes;
  std::vector<std::int32_t> deps;  ///< positions in `nodes`
  std::vector<TraceLane> lanes;
  std::vector<TraceCall> calls;
  std::map<std::string, std::vector<int>> groups;  ///< ranks by name, where the trace lists them
  std::map<std::string, int> group_sizes;          ///< of groups of all ranks, which it counts only
  std::map<std::string, std::int64_t> odd;         ///< what was found and left out, with its count
};

/// The order of a trace: what each node waits for, its lanes included.
struct OrderedTrace {
  const RankTrace* trace = nullptr;
  std::vector<std::int32_t> waits;             ///< by node: how many others it waits for
  std::vector<std::int32_t> next_begin, next;  ///< who waits for node n: from next_begin[n] on
  std::vector<std::int32_t> order;             ///< one in which nothing waits for a later one
  bool control = true;                         ///< control dependencies count
};

/// Orders nodes by their dependencies, then by recorded start, then by id; nodes of one lane follow
/// each other. Control dependencies count only where they agree with the others: PyTorch writes the
/// call stack there. Throws UserError when nodes wait for each other in a ring.
/// @param one_stream all lanes of the accelerator are one
OrderedTrace Order(const RankTrace& trace, bool one_stream);

}  // namespace gridlock
