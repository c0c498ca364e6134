#pragma once

// Models whose layers are single blocks, as Nemotron and Megatron-LM write them: "MEM*EM-".

#include <optional>
#include <string>
#include <string_view>

#include "workloads/training.h"

namespace gridlock {

/// The pattern of the schema. M: Mamba-2, *: attention, -: feed-forward, E: experts; "|" parts
/// pipeline stages, and "/" begins the blocks of modules that predict further tokens, which are
/// left out. Nothing for other letters, or none.
std::optional<std::string> PatternOfHybrid(std::string_view letters);

/// Experts that work on a latent of `latent` numbers instead of the stream: they get the width that
/// has the same weights and FLOP on the stream (Nemotron 3, `moe_latent_size`). Shared experts stay
/// on the stream. @return a note that says so
std::string NarrowForLatent(ModelSpec& model, int latent);

}  // namespace gridlock
