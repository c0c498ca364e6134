#pragma once

// Replays traces on SimGrid, which shares the links max-min fairly.
//
//   when a node has all that it waits for:
//     with a time of its own: its end is known at once, and so on for those that wait for it
//     a message: its transfer starts when the clock gets there; the receiver's node ends with it
//     a collective: once every rank of the group has come, and the one before it in the group is
//       done, its phases run; then the nodes of all ranks end
//
// Nothing but transfers needs the clock, so a trace costs SimGrid its communication only.

#include <cstdint>
#include <functional>
#include <vector>

#include "sim/measure/step_log.h"
#include "sim/plan/plan.h"
#include "workloads/program/replay_program.h"

namespace gridlock {

/// A node of a rank.
struct RankNode {
  std::int32_t rank = -1, node = -1;
};

struct ReplayRun {
  /// A collective or a message that was carried out.
  struct Call {
    std::int32_t collective = 0;  ///< in the program
    double ready = 0;             ///< the last rank has come; of a message: its sender
    double start = 0;             ///< the one before it in the group is done
    double end = 0;
    double latency = 0;          ///< of its phases
    RankNode last;               ///< who came last
    std::int32_t previous = -1;  ///< the call that it waited for, in `calls`
  };

  struct Rank {
    std::vector<double> start, end;        ///< by node, seconds
    std::vector<std::int32_t> waited_for;  ///< the node that ended last before it began; -1: none
    std::vector<std::int32_t> call_of;     ///< by node, in `calls`; -1: none
  };

  std::vector<Rank> ranks;
  std::vector<Call> calls;
  std::vector<double> carried;  ///< bytes, by resource of the plan
  double end = 0;
  std::uint64_t activities = 0;
};

/// Tells how many of the nodes are done, 0..1.
using ReplayProgress = std::function<void(double)>;

/// Throws UserError when some ranks wait for others for ever. At most once per process.
ReplayRun RunReplay(const ReplayWork& work, const Plan& plan, const ServerSpec& server,
                    const ReplayProgress& progress);

}  // namespace gridlock
