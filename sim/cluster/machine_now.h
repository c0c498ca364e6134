#pragma once

// The machine as it is now: sites and links of the present epoch, what the hour says of prices and
// weather, which links are cut, and what is not delivered yet.

#include <cstdint>
#include <optional>
#include <vector>

#include "sim/scenario/scenario.h"

namespace gridlock {

class MachineNow {
 public:
  explicit MachineNow(const Scenario& scenario);

  /// Constant while nothing is said below.
  [[nodiscard]] const std::vector<SiteSpec>& sites() const { return sites_; }

  /// Links between sites; those that are cut have a bandwidth of 0.
  [[nodiscard]] const std::vector<WanSpec>& wans() const { return open_wans_; }

  /// The same as if none were cut.
  [[nodiscard]] const std::vector<WanSpec>& built_wans() const { return wans_; }

  [[nodiscard]] const SiteSpec& site(SiteIndex site) const { return sites_[site]; }

  /// Sites and links become those of the epoch.
  void BeginEpoch(std::size_t epoch, Seconds now);

  /// Prices, carbon, weather and caps become those that the profiles of sites say of now.
  void ApplyHours(Seconds now);
  void ApplyHour(SiteIndex site, Seconds now);

  /// When the hour of that number begins, counted on through the repetitions of the profile of a
  /// site that has one.
  [[nodiscard]] Seconds HourOf(SiteIndex site, std::int64_t number) const;

  /// A link between sites is out of service, for one reason more or one less.
  void CutLink(WanIndex wan) {
    ++wan_outages_[wan];
    OpenWays();
  }

  void RestoreLink(WanIndex wan) {
    --wan_outages_[wan];
    OpenWays();
  }

  /// Whether all of these sites reach each other over links that are not cut.
  [[nodiscard]] bool Connected(const std::vector<SiteIndex>& sites) const;

  /// Whether sites that both have some of these servers, by site, do not reach each other.
  [[nodiscard]] bool IsCutOff(const std::vector<std::int32_t>& servers) const;

  /// Servers of a site that have not been delivered, or have left it.
  [[nodiscard]] std::int32_t absent(SiteIndex site) const { return absent_[site]; }

  void Deliver(SiteIndex site, std::int32_t servers) { absent_[site] -= servers; }

  void Retire(SiteIndex site, std::int32_t servers) { absent_[site] += servers; }

  /// Of switches, transceivers and storage of a site.
  [[nodiscard]] Watts switch_power(SiteIndex site) const { return fixed_[site].switches; }

  [[nodiscard]] Watts optics_power(SiteIndex site) const { return fixed_[site].optics; }

  [[nodiscard]] Watts storage_power(SiteIndex site) const { return fixed_[site].storage; }

  /// All that a site draws beside its servers.
  [[nodiscard]] Watts power_beside(SiteIndex site) const {
    return fixed_[site].switches + fixed_[site].optics + fixed_[site].storage;
  }

  /// PUE of a site with so much IT power, in the weather of now.
  [[nodiscard]] double PueOf(SiteIndex site, Watts it) const {
    return sites_[site].PueAt(temperature_[site], it / fixed_[site].all);
  }

  /// The same with all accelerators at their limits.
  [[nodiscard]] double FullPueOf(SiteIndex site) const {
    return sites_[site].PueAt(temperature_[site], 1);
  }

  /// PUE of a site of another epoch, in usual weather.
  [[nodiscard]] double UsualPueOf(SiteIndex site, const SiteSpec& spec, Watts it) const {
    return spec.PueAt(std::nullopt, it / fixed_[site].all);
  }

 private:
  void OpenWays();

  /// Power that does not change.
  struct Fixed {
    Watts switches, optics, storage;
    Watts all;  ///< IT power with all accelerators at their limits
  };

  const Scenario* scenario_;
  std::vector<SiteSpec> sites_;
  std::vector<WanSpec> wans_;       ///< as built
  std::vector<WanSpec> open_wans_;  ///< see wans()
  /// By two sites: whether there is a way from one to the other, or it is the same.
  std::vector<std::vector<bool>> open_;
  std::size_t epoch_ = 0;
  std::vector<int> wan_outages_;
  std::vector<std::int32_t> absent_;
  std::vector<std::optional<double>> temperature_;  ///< outside
  std::vector<Fixed> fixed_;
};

}  // namespace gridlock
