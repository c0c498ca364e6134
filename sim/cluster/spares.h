#pragma once

// Spares of every site: hot ones, which the scheduler keeps free, and cold ones, which are off
// until others fail. Counts and says which servers are switched on or stay off; the cluster does
// it.

#include <cstdint>
#include <vector>

#include "sim/scenario/reliability.h"
#include "topologies/placement.h"

namespace gridlock {

class Spares {
 public:
  /// @param servers  of each site, that are there at time zero; the last of them are the cold ones
  Spares(const ReliabilitySpec& spec, const std::vector<std::int32_t>& servers);

  /// Cold spares of a site that are off.
  [[nodiscard]] const std::vector<ServerIndex>& off(SiteIndex site) const {
    return sites_[site].off;
  }

  /// Servers of a site that are to be kept free: hot spares, less those that stand in for servers
  /// that are out of service.
  [[nodiscard]] std::int32_t kept_free(SiteIndex site) const;

  /// So many servers of a site go out of service. Returns the cold spares that are switched on for
  /// them, as many as servers are out; each is there when SwitchedOn says so.
  std::vector<ServerIndex> TakeOut(SiteIndex site, std::int32_t servers);

  void SwitchedOn(SiteIndex site) { --sites_[site].starting; }

  /// Servers are repaired. Returns those that come back; the others stay off, because a cold spare
  /// has taken their place.
  std::vector<ServerIndex> Repair(const ServerRun& servers);

 private:
  struct Site {
    std::int32_t out = 0;          ///< servers out of service by failures
    std::int32_t starting = 0;     ///< cold spares on their way
    std::int32_t cold = 0;         ///< cold spares, on or off
    std::vector<ServerIndex> off;  ///< those that are off
  };

  std::int32_t hot_;
  std::vector<Site> sites_;
};

}  // namespace gridlock
