// What a site's profile says of the hour: prices, carbon, the weather, and what follows from them.

#include <algorithm>
#include <cmath>

#include "sim/cluster/cluster.h"

namespace gridlock {

// Hours of the profile, counted on through its repetitions.
void Cluster::PlanHour(SiteIndex site, std::int64_t number) {
  const ProfileSpec& profile = *sites_[site].profile;
  const auto hours = static_cast<std::int64_t>(profile.hours.size());
  const Seconds at = profile.repeats * static_cast<double>(number / hours) +
                     profile.hours[static_cast<std::size_t>(number % hours)].at;
  if (at >= scenario_.horizon) {
    return;
  }
  timeline_.At(at, [this, site, number] {
    AdvanceTo(timeline_.now());
    ApplyHour(site);
    PlanHour(site, number + 1);
    if (HasCap(site) || sites_[site].response_cap > Watts(0)) {
      ReconsiderSoon();
    }
  });
}

void Cluster::ApplyHours() {
  for (std::size_t s = 0; s < sites_.size(); ++s) {
    ApplyHour(IndexOf<SiteIndex>(s));
  }
}

// What the profile says of now, until something else is said.
void Cluster::ApplyHour(SiteIndex number) {
  SiteSpec& site = sites_[number];
  if (!site.profile) {
    return;
  }
  const std::vector<HourSpec>& hours = site.profile->hours;
  const double into = std::fmod(timeline_.now().si(), site.profile->repeats.si());
  constexpr Seconds kSlack(1e-6);  // times of events round
  auto hour = std::upper_bound(hours.begin(), hours.end(), Seconds(into) + kSlack,
                               [](Seconds at, const HourSpec& each) {
                                 return at < each.at;
                               });
  // Before the first, the last still holds.
  const HourSpec& now = hour == hours.begin() ? hours.back() : *(hour - 1);
  site.electricity_usd_per_kwh = now.electricity.value_or(site.electricity_usd_per_kwh);
  site.carbon_g_per_kwh = now.carbon.value_or(site.carbon_g_per_kwh);
  temperature_[number] = now.temperature;
  const Watts usual = scenario_.epochs[epoch_].sites[number].power_cap;
  const bool dear =
      site.response_cap > Watts(0) && now.electricity && *now.electricity > site.response_price;
  site.power_cap = !dear              ? usual
                   : usual > Watts(0) ? std::min(usual, site.response_cap)
                                      : site.response_cap;
}

}  // namespace gridlock
