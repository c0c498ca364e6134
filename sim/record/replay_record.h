#pragma once

// What the replay of traces leaves behind. Plain data.

#include <cstdint>
#include <string>
#include <vector>

#include "sim/base/units.h"

namespace gridlock {

/// What one rank did over the whole replay.
struct ReplayRank {
  std::int32_t rank = 0;
  Seconds compute;        ///< its accelerator computed or moved memory
  Seconds host;           ///< some thread of its host was busy
  Seconds communication;  ///< a collective or a message was under way or waited for
  Seconds exposed;        ///< the same while the accelerator computed nothing
  Seconds waiting;        ///< within communication: for ranks that had not come yet
  Seconds idle;           ///< neither compute nor communication
  Seconds end;            ///< of its last node
};

/// Seconds of the critical path by what its nodes are.
struct ReplayPathPart {
  std::string what;  ///< "compute", "memory", "host", "all_reduce", "message", ...
  std::int64_t nodes = 0;
  Seconds time;
};

/// All collectives of one kind, or all messages.
struct ReplayCalls {
  std::string what;  ///< "all_reduce"
  std::int64_t count = 0;
  Bytes bytes;      ///< of all their buffers together
  Seconds time;     ///< from their start to their end, added up
  Seconds waiting;  ///< behind others of their group, added up
};

/// The links of a tier.
struct ReplayTier {
  std::string name;
  std::int64_t links = 0;  ///< that carried something
  Bytes bytes;
  double mean = 0, most = 0;  ///< share of their capacity in use over the whole time
};

/// What the trace of rank 0 itself says.
struct ReplayRecorded {
  struct Lane {
    std::string name;
    std::int64_t nodes = 0;
    Seconds time{};  ///< recorded, of all its nodes
  };

  std::vector<Lane> lanes;  ///< the busiest first
  Seconds all;              ///< recorded, of all nodes
  Seconds communication;    ///< recorded, of collectives and messages of the accelerator
  Seconds span;             ///< from the first recorded start to the last end; 0: no starts
};

struct ReplayRecord {
  std::string scenario, machine;  ///< whose network: its name, and in words
  std::string path;               ///< where the traces stand
  bool one_stream = false;        ///< streams were left out
  double compute_speed = 1;       ///< over that of the recorded accelerators
  bool recorded_calls = false;    ///< collectives took their recorded time
  Seconds time;
  std::int64_t ranks = 0, distinct = 0;  ///< traces that differ
  std::int64_t nodes = 0;                ///< of all ranks
  std::vector<ReplayRank> by_rank;
  std::vector<ReplayPathPart> path_parts;  ///< add up to `time`
  std::vector<ReplayCalls> calls;
  std::vector<ReplayTier> tiers;
  ReplayRecorded recorded;
  std::vector<std::string> notes;
  std::uint64_t activities = 0;
};

}  // namespace gridlock
