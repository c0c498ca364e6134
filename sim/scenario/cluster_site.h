#pragma once

// A cluster of the catalogue without a scenario around it.

#include <string>
#include <vector>

#include "sim/catalogue/estimate.h"
#include "sim/catalogue/network_parts.h"
#include "topologies/machine.h"

namespace gridlock {

/// A cluster as a site of its own.
struct ClusterSite {
  SiteSpec site;
  std::vector<std::string> notes;   ///< as a scenario's: how texts were understood
  std::vector<Estimate> estimates;  ///< among the numbers of the cluster and of what it is made of
  NetworkParts parts;               ///< what networks are built of
};

/// Throws UserError when there is no cluster called `name`, with the nearest name, and when the
/// catalogue has mistakes.
ClusterSite LoadCluster(const std::string& name);

}  // namespace gridlock
