#pragma once

// A fleet of the cluster: its replicas, the servers that they stand on, and what these draw.

#include <cstdint>
#include <vector>

#include "sim/cluster/fleet_replicas.h"
#include "topologies/placement.h"

namespace gridlock {

/// What the work of a fleet draws above its servers when they wait, if servers of one site did all
/// of it. Servers of several sites each do an equal share.
struct FleetPower {
  Watts now;
  Watts full;  ///< if its boards kept their own limit
};

struct Fleet {
  FleetReplicas replicas;
  Placement servers = {};  ///< in the order in which replicas fill them
  Seconds start{-1};       ///< when it took its first servers; below 0: it never had any

  /// Replicas that have servers and do not take requests yet.
  struct Starting {
    Seconds ready;
    std::int32_t replicas = 0;
    SiteIndex site;
    std::int64_t load = 0;  ///< number of the load that it waits for; 0: of none
    Placement servers;      ///< those of them that are still held
  };

  std::vector<Starting> starting = {};
  std::int64_t loads = 0;              ///< of weights over links that it has begun
  std::int32_t sender = -1;            ///< of Course, where its replicas send weights to others
  std::int32_t servers_lost = 0;       ///< to failures and outages
  std::vector<FleetPower> power = {};  ///< by site, mean since the last event
  std::vector<int> limits = {};        ///< levels of power limits that it works at, by site
  double slowed = 1;                   ///< how many times as long its iterations take by these

  [[nodiscard]] const ServingSpec& spec() const { return replicas.spec(); }
};

}  // namespace gridlock
