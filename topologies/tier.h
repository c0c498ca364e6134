#pragma once

// Tiers as data: the classes in which the use of links and memories is added up, reported and
// blamed. A topology names its own tiers; nothing outside of it lists them.

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "sim/base/check.h"
#include "sim/base/index.h"

namespace gridlock {

/// Position in a TierTable.
using TierIndex = Index<struct TierTag>;

/// Letters of dimensions in names of tiers: "ring_x", "mesh_z".
inline constexpr const char* kAxis = "xyz";

/// A class of links, or HBM.
struct Tier {
  std::string name;   ///< in traces and JSON, e.g. "leaf"
  std::string words;  ///< on the screen, e.g. "the links between leaves and spines"
  /// Whether one link may carry the traffic of several jobs. The ports and NICs of a server belong
  /// to the one job that holds the server.
  bool shared = true;
  /// What an accelerator pays for each byte on a link, as a share of PowerSpec::per_link_byte. A
  /// byte between two accelerators crosses one port out and one port in: 0.5 each. 0: the link
  /// belongs to switches, whose power does not depend on traffic.
  double link_energy = 0;
};

/// All tiers of a network, from the accelerator outwards, HBM last: scale-up ports and NICs, then
/// those that its topologies name, then wide-area links and HBM. Of two equally loaded resources
/// the one whose tier stands first is named.
class TierTable {
 public:
  static constexpr TierIndex kScaleUp{0};
  static constexpr TierIndex kNic{1};
  static constexpr TierIndex kFirstOwn{2};  ///< first of those that a topology names
  /// A limit, so that loops over tiers need no memory of their own.
  static constexpr int kMost = 16;

  /// `own`: the tiers that topologies name.
  explicit TierTable(std::vector<Tier> own = {}) {
    tiers_.push_back({"scale_up", "the scale-up links", /*shared=*/false, 0.5});
    tiers_.push_back({"nic", "the NICs", /*shared=*/false, 0.5});
    for (Tier& tier : own) {
      tiers_.push_back(std::move(tier));
    }
    tiers_.push_back({"wan", "the wide-area links", /*shared=*/true, 0});
    tiers_.push_back({"hbm", "HBM bandwidth", /*shared=*/false, 0});
    CHECK(size() <= kMost);
  }

  [[nodiscard]] int size() const { return static_cast<int>(tiers_.size()); }

  [[nodiscard]] TierIndex wan() const { return {size() - 2}; }

  [[nodiscard]] TierIndex hbm() const { return {size() - 1}; }

  [[nodiscard]] const Tier& operator[](TierIndex tier) const { return tiers_[tier.value]; }

  /// The tier with this name; value -1 when there is none.
  [[nodiscard]] TierIndex Named(const std::string& name) const {
    const auto found = std::find_if(tiers_.begin(), tiers_.end(), [&](const Tier& tier) {
      return tier.name == name;
    });
    return {found == tiers_.end() ? -1 : static_cast<std::int32_t>(found - tiers_.begin())};
  }

  [[nodiscard]] auto begin() const { return tiers_.begin(); }

  [[nodiscard]] auto end() const { return tiers_.end(); }

 private:
  std::vector<Tier> tiers_;
};

}  // namespace gridlock
