#pragma once

// Quantities of texts that have passed the rules, as the types of sim/base/units.h.

#include <string>

#include "sim/base/units.h"
#include "sim/schema/rules.h"

namespace gridlock {

inline Bytes DataOf(const std::string& text) {
  return Bytes(SiOf(text, Dimension::kData));
}

/// 0 s where the field was left out.
inline Seconds TimeOf(const std::string& text) {
  return Seconds(text.empty() ? 0.0 : SiOf(text, Dimension::kTime));
}

inline Watts PowerOf(const std::string& text) {
  return Watts(SiOf(text, Dimension::kPower));
}

inline BytesPerSecond BandwidthOf(const std::string& text) {
  return BytesPerSecond(SiOf(text, Dimension::kBandwidth));
}

}  // namespace gridlock
