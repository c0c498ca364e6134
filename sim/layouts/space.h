#pragma once

// All layouts of a job on so many accelerators, and why some are none.

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "sim/layouts/choice.h"
#include "topologies/machine.h"

namespace gridlock {

/// Why a layout is refused. The first reason counts.
enum class Refused {
  kTensor,   ///< tensor-parallel ranks: heads, widths, sequence, scale-up domain
  kContext,  ///< context-parallel ranks do not share the sequence
  kLayers,   ///< stages and chunks do not share the layers
  kBatch,    ///< replicas and micro-batches do not share the batch
  kRounds,   ///< interleaving takes micro-batches in rounds of the stages
  kExperts,  ///< expert-parallel ranks do not share the experts, or the ranks
  kMemory,   ///< HBM overflows
};

inline constexpr int kRefusals = 7;

/// For people: "HBM overflows".
const char* RefusedInWords(Refused reason);

/// "tensor", "context", ... , "memory": for programs.
const char* RefusedName(Refused reason);

using RefusedCounts = std::array<std::int64_t, kRefusals>;

/// A size that a search must not vary: its name, and its value.
struct FixedSize {
  std::string name;  ///< "tensor", "context", "pipeline", "virtual_pipeline", "data", "expert",
                     ///< "expert_tensor", "micro_batch", "zero" or "recompute" (0 none, 1
                     ///< selective, 2 full)
  std::int64_t value = 0;
};

/// "tensor=8,zero=1" as a list. Throws UserError with the nearest name.
std::vector<FixedSize> ParseFixed(const std::string& text);

/// "bf16,nf4" as numbers of formats of a frozen base, from 1. Throws UserError with the nearest
/// name.
std::vector<std::int32_t> ParseBases(const std::string& text);

/// What a search varies, and what it holds fixed.
struct LayoutSpace {
  TrainingSpec job;               ///< the fixed part: model, stack, batch, sequence, precision
  ServerSpec server;              ///< of the site
  std::int64_t accelerators = 0;  ///< of each layout
  double hbm_margin = 0;          ///< share of HBM that must stay free
  std::int64_t micro_batch_most = 32;
  std::vector<FixedSize> fixed;     ///< layouts with other sizes are left out, uncounted
  bool offload = false;             ///< tries activations in host memory too
  bool shard_groups = false;        ///< tries sharded copies inside a scale-up domain too
  bool zero_bubble = false;         ///< tries the zero-bubble schedule too
  std::int32_t part_of_domain = 0;  ///< tries so many accelerators of each domain too; 0: all alone
  std::vector<std::int32_t> bases;  ///< formats of a frozen base to try, by their numbers from 1;
                                    ///< empty: the job's own
};

/// Of a scale-up domain of a rack the part that sizes divide which are powers of two, 64 of 72,
/// where so many accelerators are a multiple of that part and not of the domain; else 0.
std::int32_t EvenPartOf(int domain, std::int64_t accelerators);

/// Bytes of HBM that a layout may need.
Bytes RoomOf(const LayoutSpace& space);

/// Parts of a space that can be searched apart from each other: sizes of tensor and context
/// parallelism, and how many accelerators of each scale-up domain are used (0: all).
struct SpacePart {
  std::int32_t tensor = 1, context = 1, domain_ranks = 0;
};

/// The parts, in the order of their sizes. Counts the sizes that are refused.
std::vector<SpacePart> PartsOf(const LayoutSpace& space, RefusedCounts& refused);

/// Calls `visit` with every layout of a part that divides everything, in a fixed order, with `job`
/// laid out so; HBM is not looked at. A size that divides nothing counts once for each combination
/// of the sizes chosen before it.
void ForEachLayout(const LayoutSpace& space, const SpacePart& part, RefusedCounts& refused,
                   const std::function<void(const LayoutChoice&, const TrainingSpec&)>& visit);

}  // namespace gridlock
