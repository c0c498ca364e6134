#include "topologies/clos/links.h"

#include <limits>
#include <variant>

#include "sim/base/check.h"

namespace gridlock {

ClosLinks::ClosLinks(const SiteSpec& site, const ClosLayout& layout)
    : sprayed_(std::get<ClosSpec>(site.fabric).routing == Routing::kSpray), layout_(layout) {
  const int tiers = std::get<ClosSpec>(site.fabric).tiers;
  const bool ecmp = !sprayed_;  // links stand one by one
  std::int64_t leaf_links = 0;
  if (tiers >= 2) {
    leaf_links = ecmp ? std::int64_t{layout_.leaves} * layout_.uplinks_per_leaf : layout_.leaves;
  }
  std::int64_t spine_links = 0;
  if (tiers == 3) {
    spine_links =
        ecmp ? std::int64_t{layout_.pods} * layout_.spines_per_pod * layout_.uplinks_per_spine
             : layout_.pods;
  }
  const std::array<std::int64_t, kFamilies> counts = {
      layout_.accelerators, layout_.accelerators, layout_.nics, layout_.nics,
      leaf_links,           leaf_links,           spine_links,  spine_links};
  std::int64_t next = 0;
  for (int f = 0; f < kFamilies; ++f) {
    next += counts[f];
    if (next > std::numeric_limits<int>::max()) {
      throw UserError(site.path + ".servers",
                      "more links than can be numbered; routing SPRAY needs fewer than ECMP");
    }
    first_[f + 1] = static_cast<int>(next);
  }
}

ClosLinks::Family ClosLinks::family(LinkIndex link) const {
  CHECK(link.value >= 0 && link.value < size());
  // The first family that ends behind the link; empty families end where they begin.
  int f = 0;
  while (link.value >= first_[f + 1]) {
    ++f;
  }
  return static_cast<Family>(f);
}

std::pair<int, int> ClosLinks::LeafAndSpine(int position) const {
  if (sprayed_) {
    return {position, position / layout_.leaves_per_pod};
  }
  const int leaf = position / layout_.uplinks_per_leaf;
  return {leaf, leaf / layout_.leaves_per_pod * layout_.spines_per_pod +
                    position % layout_.uplinks_per_leaf / layout_.links_per_spine};
}

std::pair<int, int> ClosLinks::SpineAndCore(int position) const {
  if (sprayed_) {
    return {position, 0};
  }
  const int spine = position / layout_.uplinks_per_spine;
  return {spine, spine % layout_.spines_per_pod * layout_.cores_per_plane +
                     position % layout_.uplinks_per_spine / layout_.links_per_core};
}

std::uint64_t ClosLinks::StreamOf(Family family) {
  switch (family) {
    case kLeafUp:
      return ClosStreams::kUplink;
    case kLeafDown:
      return ClosStreams::kDownlink;
    case kSpineUp:
      return ClosStreams::kSpineUplink;
    case kSpineDown:
      return ClosStreams::kCoreDownlink;
    default:
      return 0;
  }
}

}  // namespace gridlock
