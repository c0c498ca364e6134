#pragma once

// What export rules ask about an accelerator: the typed form of the catalogue's facts. Filled by
// sim/catalogue, const after.

#include <optional>
#include <string>
#include <vector>

#include "sim/base/units.h"

namespace gridlock {

/// What the rules count in: GB/s.
inline constexpr double kGiga = 1e9;

/// A number format: bit length of the inputs to the multiplication, and the dense peak.
struct FormatRate {
  int bits = 0;
  FlopPerSecond peak;
};

enum class MemoryKind { kUnknown, kHbm, kGddr, kLpddr, kSram };

struct AcceleratorFacts {
  std::string name;
  std::vector<FormatRate> rates;  ///< all formats of the part
  BytesPerSecond
      links;            ///< scale-up, both directions added; zero when the host link carries it all
  BytesPerSecond host;  ///< host link, both directions added
  std::optional<double> logic_area_mm2;  ///< all logic dies of the package together
  bool planar = false;                   ///< planar transistors: no applicable die area
  bool consumer = false;                 ///< neither designed nor marketed for datacenters
  MemoryKind memory = MemoryKind::kUnknown;
  BytesPerSecond memory_bandwidth;       ///< of the part
  BytesPerSecond stack_bandwidth;        ///< of one stack of this memory; zero when not known
  std::optional<double> stack_area_mm2;  ///< footprint of one stack
};

}  // namespace gridlock
