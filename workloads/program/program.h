#pragma once

// What a job does in one step, written once and symbolically: its ranks and groups of ranks, and
// per pipeline stage an ordered list of passes, messages and collectives. No clock and no SimGrid:
// the full, folded and analytic evaluators all read this program, so they cannot drift apart. Who
// writes programs: training_program.h and collective_test.h.

#include <cstdint>
#include <string>
#include <vector>

#include "sim/base/units.h"
#include "topologies/machine.h"
#include "workloads/program/algorithm.h"
#include "workloads/program/groups.h"

namespace gridlock {

/// Arithmetic and HBM traffic of one pass on every accelerator of a tensor-parallel group, and the
/// group's own collectives. Alone on the machine it takes
///   max(compute_time + memory_bytes / HBM + exposed collectives, floor) + host_wait.
struct Pass {
  std::string name;      ///< "forward", "backward", "optimizer"
  Seconds compute_time;  ///< of the operations that the matrix units bound
  Bytes compute_bytes;   ///< HBM traffic of those operations, spread over compute_time
  Bytes memory_bytes;    ///< HBM traffic of the operations that HBM bounds
  Seconds memory_time;   ///< what memory_bytes take when power slows HBM below its own rate; else 0
  Flop flop;             ///< of all operations
  Joules flop_energy;    ///< that they take, by the width of their format
  Bytes tensor_exposed;  ///< collective bytes per port and direction that nothing hides
  Bytes tensor_overlapped;  ///< collective bytes that run beside the compute
  Bytes context;            ///< keys and values sent around, beside the compute; per rank
  Seconds tensor_latency;   ///< delays of the exposed collectives
  Seconds floor;            ///< launch floor
  Seconds host_wait;        ///< on top of all else: the accelerator waits for the host
  /// True when all-to-alls to and from experts follow the pass. The action kFloor behind them then
  /// applies the floor.
  bool exchanges = false;
};

/// A collective that each group of one family does. `payload` is the full buffer of one rank.
struct Collective {
  std::string name;
  FamilyIndex family;  ///< in StepProgram::families
  CollectiveKind kind = CollectiveKind::kAllReduce;
  Bytes payload;
  const Algorithm* algorithm = &kFitted;
  /// Collective that each member hands over as soon as this one is done; -1: none.
  std::int32_t next = -1;
  double calls = 1;         ///< equal collectives in a row that this one stands for
  TokenCopies tokens = {};  ///< of an all-to-all
  bool to_experts = false;  ///< carries tokens to or from experts: waits for it are told apart
};

/// What each phase of a collective costs on a group, all calls together.
std::vector<CollectiveCost> CostsOf(const Collective& collective, const GroupShape& group,
                                    const ServerSpec& server);

/// Neighbour in the pipeline that a message goes to or comes from.
enum class Direction : std::uint8_t { kForward, kBackward };

/// Messages between neighbours travel in two lanes, each in both directions. Those of a lane and
/// direction arrive in the order of sending. The way back of a V has a lane of its own.
inline constexpr int kLanes = 2;
inline constexpr int kChannels = 2 * kLanes;

/// One entry of a role's program.
struct Action {
  enum class Kind : std::uint8_t {
    kPass,     ///< run passes[index]; blocks
    kSend,     ///< send the pipeline message in `direction`, in lane `index`; does not block
    kReceive,  ///< wait for the message that travels in `direction`, in lane `index`
    kStart,    ///< hand collectives[index] to the communicator; does not block
    kWait,     ///< wait until collectives[index] (as started last) is done
    kFloor,    ///< wait until the floor of passes[index], the last pass, has gone by since it began
    kDelay,    ///< wait `delay`
  };

  Kind kind = Kind::kPass;
  Direction direction = Direction::kForward;
  std::int32_t index = 0;

  /// Of a message: direction and lane as one number, 0 .. kChannels - 1.
  [[nodiscard]] int channel() const { return 2 * index + static_cast<int>(direction); }
};

/// The direction of a channel: 0 or 1.
constexpr int DirectionOf(int channel) {
  return channel % 2;
}

/// The program of all ranks of one pipeline stage.
using Role = std::vector<Action>;

struct StepProgram {
  RankGrid grid;
  std::vector<GroupFamily> families;  ///< who communicates; those that no collective names are idle
  std::vector<Pass> passes;
  std::vector<Collective> collectives;
  std::vector<Role> roles;  ///< by pipeline stage
  /// Of a training step: micro-batches that the roles take through the pipeline, after how many a
  /// schedule repeats, and, by pipeline stage, where each pass of the schedule begins in its role.
  std::int64_t micro_batches = 0, micro_batch_round = 1;
  std::vector<std::vector<std::int32_t>> pass_starts;
  Bytes message;                   ///< of one pipeline message per rank
  bool message_ring = false;       ///< messages also go from the last stage round to the first
  Seconds delay;                   ///< of every kDelay
  std::int64_t tokens = 0;         ///< per step
  Flop model_flop, hardware_flop;  ///< per step, whole job
  FlopPerSecond peak;              ///< of one accelerator in the job's format, dense
};

}  // namespace gridlock
