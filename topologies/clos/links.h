#pragma once

// The links of a Clos, numbered family by family.

#include <array>
#include <cstdint>
#include <utility>

#include "topologies/clos/layout.h"
#include "topologies/machine.h"
#include "topologies/topology.h"

namespace gridlock {

/// Streams of hashes, one for each choice on the way, so that choices are independent of each
/// other.
enum ClosStreams : std::uint64_t {
  kUplink = 1,
  kSpineUplink = 2,
  kDownlink = 3,
  kCoreDownlink = 4
};

class ClosLinks {
 public:
  /// Families of links in their fixed order; an even one goes out or up, the next comes back.
  enum Family {
    kScaleUpOut,
    kScaleUpIn,
    kNicUp,
    kNicDown,
    kLeafUp,
    kLeafDown,
    kSpineUp,
    kSpineDown,
    kFamilies
  };

  /// Throws UserError where there are more links than can be numbered.
  ClosLinks(const SiteSpec& site, const ClosLayout& layout);

  [[nodiscard]] int size() const { return first_.back(); }

  [[nodiscard]] Family family(LinkIndex link) const;

  /// Of a link in its family. With spraying leaves and pods have one bundle each.
  [[nodiscard]] int position(LinkIndex link) const { return link.value - first_[family(link)]; }

  [[nodiscard]] LinkIndex At(Family family, int position) const {
    return {first_[family] + position};
  }

  /// The lower and the upper machine of the link at a position of a pair of families, within their
  /// kinds.
  [[nodiscard]] std::pair<int, int> LeafAndSpine(int position) const;
  [[nodiscard]] std::pair<int, int> SpineAndCore(int position) const;

  /// The stream of hashes that choose among the links of a family.
  [[nodiscard]] static std::uint64_t StreamOf(Family family);

 private:
  bool sprayed_;
  ClosLayout layout_;
  std::array<int, kFamilies + 1> first_{};  ///< first link of each family; the last is size()
};

}  // namespace gridlock
