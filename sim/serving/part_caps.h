#pragma once

// Resources of a part that a cap may take away.

#include <string>
#include <vector>

#include "workloads/inference.h"

namespace gridlock {

/// A resource that can be capped.
struct CappedResource {
  const char* name;
  const char* words;
  void (*scale)(InferencePart& part, double factor);
  double (*value)(const InferencePart& part);  ///< in `unit`
  const char* unit;
};

const std::vector<CappedResource>& CappedResources();

std::vector<std::string> CappedResourceNames();

}  // namespace gridlock
