#include "sim/cluster/machine_now.h"

#include <algorithm>
#include <cmath>

#include "sim/energy/site_power.h"
#include "topologies/topology.h"
#include "topologies/wan_way.h"

namespace gridlock {

MachineNow::MachineNow(const Scenario& scenario)
    : scenario_(&scenario),
      sites_(scenario.sites),
      wans_(scenario.wans),
      wan_outages_(scenario.wans.size(), 0),
      temperature_(scenario.sites.size()) {
  for (const SiteSpec& site : sites_) {
    const auto topology = MakeTopology(site);
    Fixed fixed{PowerOfSwitches(*topology), PowerOfOptics(*topology), site.storage_power, {}};
    fixed.all =
        FullPower(site.server) * site.servers + fixed.switches + fixed.optics + fixed.storage;
    fixed_.push_back(fixed);
    std::int32_t later = 0;
    for (const DeliverySpec& delivery : site.deliveries) {
      later += delivery.servers;
    }
    absent_.push_back(later);
  }
  OpenWays();
}

void MachineNow::BeginEpoch(std::size_t epoch, Seconds now) {
  sites_ = scenario_->epochs[epoch].sites;
  wans_ = scenario_->epochs[epoch].wans;
  epoch_ = epoch;
  OpenWays();
  ApplyHours(now);
}

void MachineNow::OpenWays() {
  open_wans_ = wans_;
  for (std::size_t w = 0; w < wans_.size(); ++w) {
    if (wan_outages_[w] > 0) {
      open_wans_[w].bandwidth = BytesPerSecond(0);
    }
  }
  const std::size_t count = sites_.size();
  open_.assign(count, std::vector<bool>(count, true));
  for (std::size_t a = 0; a < count; ++a) {
    for (std::size_t b = 0; b < count; ++b) {
      open_[a][b] =
          a == b || !WanWay(open_wans_, IndexOf<SiteIndex>(a), IndexOf<SiteIndex>(b)).empty();
    }
  }
}

void MachineNow::ApplyHours(Seconds now) {
  for (std::size_t s = 0; s < sites_.size(); ++s) {
    ApplyHour(IndexOf<SiteIndex>(s), now);
  }
}

void MachineNow::ApplyHour(SiteIndex number, Seconds now) {
  SiteSpec& site = sites_[number];
  if (!site.profile) {
    return;
  }
  const std::vector<HourSpec>& hours = site.profile->hours;
  const double into = std::fmod(now.si(), site.profile->repeats.si());
  constexpr Seconds kSlack(1e-6);  // times of events round
  auto after = std::upper_bound(hours.begin(), hours.end(), Seconds(into) + kSlack,
                                [](Seconds at, const HourSpec& each) {
                                  return at < each.at;
                                });
  // Before the first, the last still holds.
  const HourSpec& hour = after == hours.begin() ? hours.back() : *(after - 1);
  site.electricity_usd_per_kwh = hour.electricity.value_or(site.electricity_usd_per_kwh);
  site.carbon_g_per_kwh = hour.carbon.value_or(site.carbon_g_per_kwh);
  temperature_[number] = hour.temperature;
  const Watts usual = scenario_->epochs[epoch_].sites[number].power_cap;
  const bool dear =
      site.response_cap > Watts(0) && hour.electricity && *hour.electricity > site.response_price;
  site.power_cap = !dear              ? usual
                   : usual > Watts(0) ? std::min(usual, site.response_cap)
                                      : site.response_cap;
}

Seconds MachineNow::HourOf(SiteIndex site, std::int64_t number) const {
  const ProfileSpec& profile = *sites_[site].profile;
  const auto hours = static_cast<std::int64_t>(profile.hours.size());
  return profile.repeats * static_cast<double>(number / hours) +
         profile.hours[static_cast<std::size_t>(number % hours)].at;
}

bool MachineNow::Connected(const std::vector<SiteIndex>& sites) const {
  return std::all_of(sites.begin(), sites.end(), [&](SiteIndex from) {
    return std::all_of(sites.begin(), sites.end(), [&](SiteIndex to) {
      return open_[static_cast<std::size_t>(from.value)][static_cast<std::size_t>(to.value)];
    });
  });
}

bool MachineNow::IsCutOff(const std::vector<std::int32_t>& servers) const {
  std::vector<SiteIndex> used;
  for (std::size_t s = 0; s < servers.size(); ++s) {
    if (servers[s] > 0) {
      used.push_back(IndexOf<SiteIndex>(s));
    }
  }
  return !Connected(used);
}

}  // namespace gridlock
