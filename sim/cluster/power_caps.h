#pragma once

// Caps of power: the limits of boards that keep them, and who has to wait or stop where no limit
// does. What it decides is for the cluster to do.

#include <string>
#include <vector>

#include "sim/cluster/machine_now.h"
#include "sim/cluster/member.h"
#include "sim/cluster/rates.h"

namespace gridlock {

class PowerCaps {
 public:
  /// Throws UserError for a cap that even idle servers pass, in any epoch.
  PowerCaps(const Scenario& scenario, const MachineNow& machine);

  /// By site: by how many steps the power limit of its accelerators is lowered now; 0: it is the
  /// board's own.
  [[nodiscard]] const std::vector<int>& levels() const { return levels_; }

  /// A site may draw so much more than its cap from now on: its battery gives it.
  void SetSupport(SiteIndex site, Watts support) { support_[site] = support; }

  /// Of one accelerator of a site, now.
  [[nodiscard]] Watts LimitOf(const SiteSpec& spec, SiteIndex site) const;

  /// All boards go back to their own limits.
  void Lift();

  /// The run that has to stop so that a site keeps its caps: the last to start of those with the
  /// lowest priority. -1: none has to, or idle servers, switches and fleets alone pass the cap.
  [[nodiscard]] JobIndex WhoStops(const ClusterView& view, const JobRates& rates,
                                  SiteIndex site) const;

  /// Sets the highest limit with which a site keeps its caps. True where it is another than before.
  bool SetLimit(const ClusterView& view, const JobRates& rates, SiteIndex site);

  /// Whether the caps of its sites leave power for one run more, at the lowest limits that the
  /// policies allow.
  [[nodiscard]] bool LeaveRoomFor(const ClusterView& view, const JobRates& rates, JobIndex job,
                                  const Placement& placement) const;

  /// Why a run cannot start though nothing else trains: "train needs 590 kW at the lowest clock to
  /// start, and the cap of hall is 571 kW". "" where it is not the cap of a site.
  [[nodiscard]] std::string WhyNever(const ClusterView& view, const JobRates& rates, JobIndex job,
                                     const Placement& placement) const;

 private:
  /// What runs, or would run.
  struct Load {
    std::vector<JobIndex> runs;
    std::vector<std::vector<std::int32_t>> servers;  ///< of each run, by site
    std::vector<StepRate> rates;                     ///< of each run
    std::int32_t free = 0;                           ///< servers of the site that nobody holds
  };

  [[nodiscard]] Load LoadAt(const ClusterView& view, const JobRates& rates, SiteIndex site,
                            int level) const;
  [[nodiscard]] bool Keeps(const ClusterView& view, SiteIndex site, int level,
                           const Load& load) const;
  [[nodiscard]] Watts SitePower(const ClusterView& view, SiteIndex site, int level,
                                const Load& load) const;
  [[nodiscard]] Watts MostOfServer(const ClusterView& view, SiteIndex site, int level,
                                   const Load& load) const;
  [[nodiscard]] std::vector<int> LevelsWith(SiteIndex site, int level) const;

  std::vector<int> levels_;
  std::vector<Watts> support_;
};

/// Whether a site, or its racks or rows, have a cap.
bool HasCap(const SiteSpec& site);

}  // namespace gridlock
