#pragma once

#include <variant>

#include "topologies/machine.h"

namespace gridlock {

/// The Clos of a site that has one.
inline ClosSpec& ClosOf(SiteSpec& site) {
  return std::get<ClosSpec>(site.fabric);
}

inline const ClosSpec& ClosOf(const SiteSpec& site) {
  return std::get<ClosSpec>(site.fabric);
}

}  // namespace gridlock
