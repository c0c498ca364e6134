#pragma once

// Which servers are in service, and who holds them.

#include <cstdint>
#include <vector>

#include "sim/scheduler/scheduler.h"
#include "topologies/machine.h"
#include "topologies/placement.h"

namespace gridlock {

class Servers {
 public:
  explicit Servers(const std::vector<SiteSpec>& sites);

  /// The servers go to `job`. CHECKs that all are free.
  void Take(JobIndex job, const Placement& placement);

  /// The servers come back from `job`. Those that are out of service stay unusable.
  void Give(JobIndex job, const Placement& placement);

  /// A server goes out of service. Outages nest: with two reasons to be down, both must go. Returns
  /// the job that holds the server; -1: none.
  JobIndex TakeDown(SiteIndex site, ServerIndex server);

  /// One reason to be out of service has gone. True when the server is back in service.
  bool BringBack(SiteIndex site, ServerIndex server);

  [[nodiscard]] bool in_service(SiteIndex site, ServerIndex server) const {
    return sites_[site].reasons_down[server] == 0;
  }

  /// The job that holds a server, in service or not; -1: none.
  [[nodiscard]] JobIndex holder(SiteIndex site, ServerIndex server) const {
    return sites_[site].holder[server];
  }

  /// Servers of these that are in service.
  [[nodiscard]] std::int32_t InService(const ServerRun& servers) const;

  /// Servers of these that a job holds.
  [[nodiscard]] std::int32_t HeldBy(JobIndex job, const ServerRun& servers) const;

  /// So many of the free servers are spares from now on.
  void Reserve(SiteIndex site, std::int32_t servers) { sites_[site].state.reserved = servers; }

  /// What the scheduler sees.
  [[nodiscard]] const SiteState& state(SiteIndex site) const { return sites_[site].state; }

  /// Servers that run nothing and are in service.
  [[nodiscard]] std::int32_t free(SiteIndex site) const { return sites_[site].free; }

  /// Servers out of service that nobody holds any more.
  [[nodiscard]] std::int32_t down(SiteIndex site) const { return sites_[site].down; }

  [[nodiscard]] std::int32_t servers(SiteIndex site) const {
    return static_cast<std::int32_t>(sites_[site].holder.size());
  }

 private:
  struct Site {
    SiteState state;
    std::vector<JobIndex> holder;            ///< job, or -1
    std::vector<std::int32_t> reasons_down;  ///< 0: in service
    std::int32_t free = 0, down = 0;
  };

  /// Counts one server in (+1) or out (-1) of the class that it is in now.
  static void Count(Site& site, ServerIndex server, std::int32_t by);

  std::vector<Site> sites_;
};

}  // namespace gridlock
