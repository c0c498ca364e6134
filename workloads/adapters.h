#pragma once

// Names of what can be fine-tuned: where adapters sit, formats of frozen weights, optimizers.

#include <string>
#include <vector>

#include "workloads/training.h"

namespace gridlock {

/// Bits of adapter_target that a name means: of Hugging Face PEFT ("q_proj"), of Megatron
/// ("linear_fc1"), of older models ("query_key_value"), or of a block ("attention", "ffn",
/// "all-linear"). 0: there is no such name.
int AdapterTargetByName(const std::string& name);

/// All those names.
std::vector<std::string> AdapterTargetNames();

/// The same of adapters that are served: also "experts".
int ServedTargetByName(const std::string& name);

std::vector<std::string> ServedTargetNames();

/// Bytes of a frozen weight in a format, scales with it: "nf4" 0.5625. Negative: no such name.
double FrozenFormatBytes(const std::string& name);

std::vector<std::string> FrozenFormatNames();

/// By their number among those names.
const char* FrozenFormatName(int number);
double FrozenFormatBytes(int number);

/// A row of the table of optimizers; nullptr: no such name.
const OptimizerSpec* OptimizerByName(const std::string& name);

std::vector<std::string> OptimizerNames();

/// Bytes of states that a stack's optimizer keeps of one trained parameter: a master copy where the
/// stack has one, and moments. Adapters in 32 bits are their own master copies.
struct StateBytes {
  double master = 0;
  double moments = 0;        ///< of matrices
  double table_moments = 0;  ///< of embedding and LM head

  [[nodiscard]] double total() const { return master + moments; }
};

StateBytes StatesOf(const TrainingSpec& job);

/// Whether of sharded parameters only master weights stay. A stack whose states have none keeps its
/// 16-bit weights.
bool KeepsMasterWeightsOnly(const TrainingSpec& job);

/// HBM bytes that the update of one parameter moves.
double UpdateTraffic(const TrainingSpec& job);

/// FLOP of orthogonalising the updates of so many parameters of matrices (Muon); 0 for others.
Flop OrthogonalFlop(const TrainingSpec& job, double parameters);

/// The least time of an update whose states are in the memory of the host or on its disks:
/// gradients go there, weights come back at `host`.
Seconds UpdateElsewhere(const TrainingSpec& job, double parameters, BytesPerSecond host);

}  // namespace gridlock
