#pragma once

// What one link of a network carried, for lists of the hottest ones.

#include <cstdint>
#include <string>
#include <vector>

#include "sim/base/units.h"

namespace gridlock {

/// One direction of a link.
struct LinkUse {
  std::string name;         ///< "leaf_up[17]"
  std::string tier;         ///< "leaf"
  BytesPerSecond capacity;  ///< per direction
  Bytes carried;            ///< protocol and headers included
  double use = 0;           ///< 0..1, mean over the time that counts
  /// The machines at its two ends, as `gridlock topo --graphml` calls them.
  std::string from = {}, to = {};
  std::int64_t alike = 1;          ///< links that carry the same in the same way, this one included
  std::vector<double> share = {};  ///< in use per interval, 0..1; empty where it is not recorded
};

}  // namespace gridlock
