#include "sim/cluster/rates.h"

#include <algorithm>

#include "sim/cluster/power_draw.h"
#include "sim/energy/site_power.h"

namespace gridlock {

std::vector<StepRate> JobRates::Of(const std::vector<PlacedJob>& jobs,
                                   const std::vector<int>& levels) const {
  std::vector<PlacedJob> simulated;
  for (const PlacedJob& job : jobs) {
    if (job.recorded <= Seconds(0) && job.share >= 1 && !IsCutOff(job)) {
      simulated.push_back(job);
    }
  }
  const std::vector<StepRate> known = Simulated(simulated, levels, machine_->wans());
  if (simulated.size() == jobs.size()) {
    return known;
  }
  std::vector<StepRate> rates;
  auto next = known.begin();
  for (const PlacedJob& job : jobs) {
    if (job.recorded > Seconds(0)) {
      rates.push_back(Recorded(job, levels));
    } else if (job.share < 1) {
      StepRate& rate = rates.emplace_back(Simulated({job}, levels, machine_->wans())[0]);
      rate.energy = rate.energy * job.share;
      rate.wan_bytes *= job.share;
    } else if (IsCutOff(job)) {
      rates.push_back(Simulated({job}, levels, machine_->built_wans())[0]);
    } else {
      rates.push_back(*next++);
    }
  }
  return rates;
}

Seconds JobRates::StepAlone(const ClusterView& view, JobIndex job,
                            const std::vector<int>& levels) const {
  const auto known = alone_.find({job, levels});
  if (known != alone_.end()) {
    return known->second;
  }
  const JobSpec& spec = *view.members[job].spec;
  const PretrainingSpec& run = view.members[job].run->spec();
  const std::size_t sites = spec.spans ? spec.sites.size() : 1;
  const Layout& layout = run.step.layout;
  Placement placement;
  for (std::size_t i = 0; i < sites; ++i) {
    const SiteIndex site = spec.sites.empty() ? SiteIndex{0} : spec.sites[i];
    placement.push_back({site, ServerIndex{0},
                         ServersOf(layout.accelerators() / static_cast<std::int64_t>(sites),
                                   layout.used_of(machine_->site(site).server.accelerators))});
  }
  const Seconds step = Of({{&run.step, placement, run.recorded}}, levels)[0].step_time;
  alone_.emplace(std::pair(job, levels), step);
  return step;
}

bool JobRates::IsCutOff(const PlacedJob& job) const {
  std::vector<SiteIndex> sites;
  for (const ServerRun& run : job.placement) {
    if (sites.empty() || sites.back() != run.site) {
      sites.push_back(run.site);
    }
  }
  return !machine_->Connected(sites);
}

std::vector<StepRate> JobRates::Simulated(const std::vector<PlacedJob>& jobs,
                                          const std::vector<int>& levels,
                                          const std::vector<WanSpec>& wans) const {
  if (jobs.empty()) {
    return {};
  }
  if (std::all_of(levels.begin(), levels.end(), [](int level) {
        return level == 0;
      })) {
    return simulated_({&machine_->sites(), &wans, jobs});
  }
  const std::vector<SiteSpec> slowed = SlowedSites(machine_->sites(), levels);
  return simulated_({&slowed, &wans, jobs});
}

// A job of a log takes as long as it took, and draws the whole power of its accelerators.
StepRate JobRates::Recorded(const PlacedJob& job, const std::vector<int>& levels) const {
  StepRate rate;
  rate.step_time = job.recorded;
  double left = job.training->layout.accelerators();
  for (const ServerRun& run : job.placement) {
    const ServerSpec& server = machine_->site(run.site).server;
    const double used =
        std::min(left, 1.0 * run.count * server.accelerators);  // the last server may be shared out
    left -= used;
    const Watts full = FullPower(server, LimitAt(server.accelerator.power, levels[run.site]));
    rate.energy += full * (used / server.accelerators) * job.recorded;
  }
  return rate;
}

}  // namespace gridlock
