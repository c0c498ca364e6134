#pragma once

// The batteries of sites over time: how full they are, and what they take from the grid or give to
// their site. See Battery in proto/facts.proto.

#include <vector>

#include "sim/base/index.h"
#include "sim/base/units.h"
#include "sim/cluster/ledger.h"
#include "topologies/machine.h"

namespace gridlock {

class Batteries {
 public:
  /// All are full.
  explicit Batteries(const std::vector<SiteSpec>& sites);

  /// By how much more than its cap a site may draw now. A battery that was empty helps again when
  /// it is half full.
  [[nodiscard]] Watts Support(const SiteSpec& spec, SiteIndex site) const;

  /// How long that stays so while the site draws `load`, PUE included; infinite: for good.
  [[nodiscard]] Seconds SupportLasts(const SiteSpec& spec, SiteIndex site, Watts load) const;

  /// The site draws `load` over the stretch. What its battery does, part by part; empty where it
  /// rests.
  std::vector<BatteryPart> Advance(const SiteSpec& spec, SiteIndex site, const Stretch& stretch,
                                   Watts load);

 private:
  struct State {
    /// What it can hold now.
    [[nodiscard]] Joules CapacityOf(const BatterySpec& battery) const;

    Joules stored;
    Joules faded{};     ///< of its capacity, since it was new
    bool helps = true;  ///< see Support
  };

  std::vector<State> states_;
};

}  // namespace gridlock
