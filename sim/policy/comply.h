#pragma once

// The transform "cut this part until that rule lets it through".

#include <optional>
#include <string>
#include <vector>

#include "sim/policy/export_rules.h"

namespace gridlock {

/// What may be cut.
enum class Knob {
  kFitting,          ///< whatever the rule is about
  kLinks,            ///< scale-up links
  kCompute,          ///< all peak rates by one factor
  kMemoryBandwidth,  ///< memory bandwidth
};

/// A part after the cut. Factors are 1 where nothing was cut, below 1 otherwise.
struct CutPart {
  AcceleratorFacts facts;
  double links_factor = 1.0;
  double compute_factor = 1.0;
  double memory_factor = 1.0;
  std::vector<std::string> changes;  ///< one sentence per cut: what, from, to, and why
};

/// The part with the smallest cut of `knob` after which `rule` lets it through. The cut ends one
/// unit (1 TPP, 1 GB/s) below the threshold, as a vendor would choose. A part that passes already
/// comes back uncut. Under December 2024, kMemoryBandwidth cuts the stacks of HBM until 3A090.c no
/// longer covers them, and leaves the logic alone. Returns nothing when this knob alone does not
/// suffice.
std::optional<CutPart> CutUntilPasses(const AcceleratorFacts& part, ExportRule rule, Knob knob);

}  // namespace gridlock
