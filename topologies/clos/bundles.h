#pragma once

// Bundles of sprayed links that have lost some of them.

#include <map>
#include <string>

#include "topologies/clos/layout.h"
#include "topologies/clos/links.h"
#include "topologies/machine.h"

namespace gridlock {

class ClosBundles {
 public:
  /// With what of the site has failed. Throws UserError where nothing is left of a bundle.
  ClosBundles(const SiteSpec& site, const ClosLayout& layout);

  /// Whether a name is that of a machine or a link within bundles: see ClosTopology::IsInBundle.
  [[nodiscard]] bool Has(const std::string& name) const;

  /// Share of the links of a bundle that are in service; 1 for all other links.
  [[nodiscard]] double ShareOf(LinkIndex link, const ClosLinks& links) const;

 private:
  void Lower(const std::string& name, bool three_tiers);
  void LowerLeaf(int leaf, double links);
  void LowerPod(int pod, double links);

  [[nodiscard]] int spines() const { return layout_.pods * layout_.spines_per_pod; }

  bool sprayed_;
  ClosLayout layout_;
  std::map<int, double> leaf_share_, pod_share_;  ///< of bundles that have lost links
};

}  // namespace gridlock
