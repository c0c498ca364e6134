#pragma once

// A number of the catalogue that nobody published or measured, and who reads it.

#include <optional>
#include <string>

#include "topologies/machine.h"

namespace gridlock {

/// Which runs read a number: those of which everything that is set here holds. Made from the marks
/// in proto/catalog.proto.
struct ReadBy {
  bool steps_across_servers = false;      ///< a job lies on more than one server
  bool steps_with_experts = false;        ///< the model has experts
  bool steps_with_experts_apart = false;  ///< the experts of a layer lie on several accelerators
  bool gemms = false;                     ///< the GEMMs of a step alone, not its attention
  bool lives = false;                     ///< scenarios with a horizon
  bool nobody = false;                    ///< export rules and readers alone
  std::optional<Precision> format;        ///< steps in this number format
};

/// A number of an entry, or a block of numbers, that no publication or measurement backs.
struct Estimate {
  std::string kind;        ///< "accelerator"
  std::string entry;       ///< "h100_sxm"
  std::string field;       ///< "rate[BF16].gemm", as sources name it
  bool from_user = false;  ///< of the user's own entry: the user gave the number and no source
  ReadBy read_by;
};

}  // namespace gridlock
