#include "sim/study/changing_network.h"

#include <algorithm>
#include <string>

#include "sim/base/check.h"

namespace gridlock {

ChangingNetwork::ChangingNetwork(const Scenario& scenario, bool all) {
  const std::size_t site = scenario.jobs.empty() || scenario.jobs[0].sites.empty()
                               ? 0
                               : static_cast<std::size_t>(scenario.jobs[0].sites[0]);
  const auto add = [&](const std::vector<SiteSpec>& sites, const std::vector<WanSpec>& wans,
                       Seconds from, Seconds failover) {
    if (all) {
      networks_.emplace_back(sites, wans);
    } else {
      networks_.emplace_back(sites[site]);
    }
    epochs_.push_back({from, nullptr, failover});
  };
  if (scenario.epochs.empty()) {
    add(scenario.sites, scenario.wans, Seconds(0), Seconds(0));
  }
  for (const Epoch& epoch : scenario.epochs) {
    add(epoch.sites, epoch.wans, epoch.from, epoch.failover);
  }
  for (std::size_t e = 0; e < epochs_.size(); ++e) {
    epochs_[e].network = &networks_[e];
  }
}

bool ChangesWithin(const Scenario& scenario) {
  return scenario.horizon <= Seconds(0) && scenario.epochs.size() > 1;
}

Fidelity FidelityOf(const Scenario& scenario, Fidelity asked) {
  if (!ChangesWithin(scenario)) {
    return asked;
  }
  if (asked == Fidelity::kAnalytic || asked == Fidelity::kSampled) {
    throw UserError("change", std::string("links that fail within a step have no ") +
                                  (asked == Fidelity::kAnalytic
                                       ? "closed form: analytic times know no other traffic"
                                       : "sample: the replicas that they touch must be in it") +
                                  "; expected --fidelity full");
  }
  return asked;
}

}  // namespace gridlock
