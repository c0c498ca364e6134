#pragma once

// What the framework of a row of a table says of it beyond its catalogue entry.

#include <string>

#include "sim/catalogue/list.h"
#include "sim/catalogue/named_stack.h"
#include "sim/validation/case_table.h"

namespace gridlock {

/// Names that tables may use: those of the catalogue, and the table's own names of stacks.
KnownNames NamesOf(const CatalogueList& catalogue);

/// Why its stack (StackOf), in words, where the row's own name says less than who published it;
/// else "".
std::string WhyStack(const PublishedCase& row, const CatalogueList& catalogue);

/// The row's framework is a compiler that computes again, or sends to the host, what does not fit.
bool Recomputes(const PublishedCase& row, const CatalogueList& catalogue);

/// The row is of a dense model on Megatron-LM or what builds on it: attention is computed again
/// where the row leaves that open.
bool RepeatsAttention(const PublishedCase& row, const CatalogueList& catalogue);

/// The row is of a recipe of Megatron-Bridge. These compute no attention again
/// (recompute_granularity is not set for dense models; NVIDIA-NeMo/Megatron-Bridge, perf_recipes),
/// and send activations to the host where sharded parameters do not leave enough room
/// (cpu_offloading_num_layers: 5 to 40 of 80 layers of a 70B model).
bool OffloadsFirst(const PublishedCase& row);

/// The run trains the modules of its model that predict further tokens, where it has some. Recipes
/// of NVIDIA do (mtp_num_layers is 1 for DeepSeek-V3, and 260 GFLOP a token are published, not
/// 250), and so did DeepSeek (arXiv:2412.19437, section 4.2). Notes with "w/o MTP" say otherwise.
bool TrainsPredictions(const PublishedCase& row);

}  // namespace gridlock
