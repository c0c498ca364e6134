#pragma once

// Links and switches of a site that are out of service, and the ways round them.

#include <cstdint>
#include <string>
#include <vector>

#include "sim/base/index.h"
#include "topologies/listed/route_graph.h"

namespace gridlock {

class Topology;

class Failures {
 public:
  /// Reads SiteSpec::failed: names of links as the topology gives them, each of which fails in both
  /// directions, of planes ("plane3"), and of machines (nodes of the route graph, "spine12" or
  /// "spine[12]"), which take all their links with them. Throws UserError (path site.path +
  /// ".failed") for other names.
  explicit Failures(const Topology& topology);

  [[nodiscard]] bool down(LinkIndex link) const { return down_[link.value]; }

  /// Appends the shortest way that is left, by the number of links; the hash picks among equal
  /// ones. Returns false when there is none.
  bool AppendDetour(AcceleratorIndex from, AcceleratorIndex to, std::uint64_t hash,
                    std::vector<LinkIndex>& route) const;

  /// The same between the two ends of a link.
  bool AppendDetourOf(LinkIndex link, std::vector<LinkIndex>& route) const;

  /// The first accelerator of a server of which none reaches any of the first server; on direct
  /// networks one that does not reach accelerator 0. -1 when there is none.
  [[nodiscard]] AcceleratorIndex CutOff() const;

 private:
  void Fail(const std::string& name, const std::string& path);
  void FailLink(std::int32_t edge);
  [[nodiscard]] bool Carries(std::int32_t edge) const;
  [[nodiscard]] std::vector<std::int32_t> DistancesTo(std::int32_t goal) const;

  RouteGraph graph_;  ///< links in the order of their numbers, then attachments
  int accelerators_ = 0;
  bool direct_ = false;
  std::vector<bool> down_;                           ///< by link
  std::vector<std::vector<std::int32_t>> out_, in_;  ///< edges of each node
  mutable std::int32_t goal_ = -1;  ///< of `distances_`, the last that was asked for
  mutable std::vector<std::int32_t> distances_;
};

}  // namespace gridlock
