#pragma once

// What a job does in one step, written once and symbolically: per pipeline stage, an ordered list
// of passes, messages and collectives. No clock and no SimGrid: the full, folded and analytic
// evaluators all read this program, so they cannot drift apart.

#include <cstdint>
#include <string>
#include <vector>

#include "sim/base/units.h"
#include "topologies/machine.h"
#include "workloads/collective.h"
#include "workloads/training.h"

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
  /// All-to-alls to and from experts follow: kFloor, behind them, applies the floor.
  bool exchanges = false;
};

/// A collective over one parallel dimension. `payload` is the full buffer of one rank.
struct Collective {
  /// Which ranks take part, all of one tensor rank: the replicas of a stage that share one sharded
  /// copy (all of them unless the layout has a shard group), those that hold the same shard in
  /// every copy, or the first and last stage of one replica (tied embeddings). With experts: the
  /// ranks that share the experts of a layer, or those that hold the same experts.
  enum class Over { kData, kReplica, kEmbedding, kExpert, kExpertData };

  std::string name;
  Over over = Over::kData;
  CollectiveKind kind = CollectiveKind::kAllReduce;
  Bytes payload;
  /// Collective that each member hands over as soon as this one is done; -1: none.
  std::int32_t next = -1;
  double calls = 1;         ///< equal collectives in a row that this one stands for
  TokenCopies tokens = {};  ///< of an all-to-all
};

/// Cost of all calls of a collective on a group.
CollectiveCost CostOf(const Collective& collective, const GroupShape& group,
                      const ServerSpec& server);

/// Neighbour in the pipeline that a message goes to or comes from.
enum class Direction : std::uint8_t { kForward, kBackward };

/// One entry of a role's program.
struct Action {
  enum class Kind : std::uint8_t {
    kPass,     ///< run passes[index]; blocks
    kSend,     ///< send the pipeline message in `direction`; does not block
    kReceive,  ///< wait for the message that travels in `direction`
    kStart,    ///< hand collectives[index] to the communicator; does not block
    kWait,     ///< wait until collectives[index] (as started last) is done
    kFloor,    ///< wait until the floor of passes[index], the last pass, has gone by since it began
    kDelay,    ///< wait `delay`
  };

  Kind kind = Kind::kPass;
  Direction direction = Direction::kForward;
  std::int32_t index = 0;
};

/// The program of all ranks of one pipeline stage.
using Role = std::vector<Action>;

struct StepProgram {
  Layout layout;
  std::vector<Pass> passes;
  std::vector<Collective> collectives;
  std::vector<Role> roles;         ///< by pipeline stage
  Bytes message;                   ///< of one pipeline message per tensor-parallel rank
  Seconds delay;                   ///< of every kDelay
  std::int64_t tokens = 0;         ///< per step
  Flop model_flop, hardware_flop;  ///< per step, whole job
  FlopPerSecond peak;              ///< of one accelerator in the job's format, dense
};

/// The job as it runs on several sites at once: its replicas are shared out evenly over them, and
/// sharded copies stay within a site (without a shard_group, a copy per site), so that only sums of
/// shards go between sites. Also without sharding gradients are summed in these three steps:
/// scattered within the site, summed over the sites, gathered within. Throws UserError when the
/// replicas cannot be shared out so.
TrainingSpec AcrossSites(TrainingSpec job, int sites);

/// Writes the step of a pretraining job for a machine. Checks what needs both: HBM capacity, and
/// tensor-parallel groups against the scale-up domain. Throws UserError.
StepProgram BuildStepProgram(const TrainingSpec& job, const ServerSpec& server);

/// Efficiency of a GEMM of `flop` on a measured surface: linear in log(FLOP), constant beyond its
/// ends.
double GemmEfficiency(const MatrixRate& rate, Flop flop);

}  // namespace gridlock
