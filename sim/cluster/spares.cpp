#include "sim/cluster/spares.h"

#include <algorithm>

namespace gridlock {

Spares::Spares(const ReliabilitySpec& spec, const std::vector<std::int32_t>& servers)
    : hot_(spec.hot_spares) {
  for (const std::int32_t there : servers) {
    Site& site = sites_.emplace_back();
    site.cold = std::min(spec.cold_spares, there);
    for (std::int32_t i = 1; i <= site.cold; ++i) {
      site.off.push_back({there - i});
    }
  }
}

std::int32_t Spares::kept_free(SiteIndex number) const {
  const Site& site = sites_[number];
  const auto off = static_cast<std::int32_t>(site.off.size());
  const std::int32_t cold_on = site.cold - off - site.starting;
  const std::int32_t missing = std::max(0, site.out - cold_on);
  return std::max(0, hot_ - missing);
}

std::vector<ServerIndex> Spares::TakeOut(SiteIndex number, std::int32_t servers) {
  Site& site = sites_[number];
  site.out += servers;
  std::vector<ServerIndex> switched_on;
  while (!site.off.empty() && site.cold - static_cast<std::int32_t>(site.off.size()) < site.out) {
    switched_on.push_back(site.off.back());
    site.off.pop_back();
    ++site.starting;
  }
  return switched_on;
}

std::vector<ServerIndex> Spares::Repair(const ServerRun& servers) {
  Site& site = sites_[servers.site];
  std::vector<ServerIndex> back;
  for (std::int32_t i = 0; i < servers.count; ++i) {
    const ServerIndex server{servers.first + i};
    --site.out;
    const std::int32_t wanted = std::min(site.cold, site.out);
    if (site.cold - static_cast<std::int32_t>(site.off.size()) > wanted) {
      site.off.push_back(server);
    } else {
      back.push_back(server);
    }
  }
  return back;
}

}  // namespace gridlock
