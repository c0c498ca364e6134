#pragma once

// Which numbers of the catalogue a scenario uses that nobody published or measured.

#include <vector>

#include "sim/scenario/life.h"

namespace gridlock {

/// The estimates of a cluster that a site has not replaced by numbers of its own. `site` is where
/// the site was written, before it took over what the cluster says.
std::vector<Estimate> EstimatesOfCluster(const Entry<proto::Cluster>& cluster, const Written& site);

/// True when a site has written the value at `path`, such as "fabric.clos.tiers", or something that
/// holds it.
bool HasWritten(const Written& site, const std::string& path);

/// The estimates of all other entries that the sites, jobs and failures of a scenario name, each
/// once: per site, then per job.
std::vector<Estimate> EstimatesOfEntries(const ScenarioMessage& from,
                                         const std::vector<JobSpec>& jobs);

}  // namespace gridlock
