#pragma once

// Writes the routes of a plan: entry after entry, then closed, so that each resource stands in a
// route once.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "sim/plan/plan.h"

namespace gridlock {

/// HBM bytes per byte that a ring puts on the wire: a rank reads its own part and the received one
/// and writes the sum (gathers: reads what it forwards, writes what it receives; counted alike).
inline constexpr std::int32_t kRingHbmWeight = 3;
/// A message is read once where it is sent and written once where it arrives.
inline constexpr std::int32_t kSendHbmWeight = 1;

/// The load of a link that is out of service, in flows: no way over it is the least loaded.
inline constexpr double kFullOfFlows = 1e18;

class RouteWriter {
 public:
  /// @param path of the layout in the scenario, for errors. `network` and `routes` must live on.
  /// @param holds routes that lead nowhere get the resource Cut(); else they are a UserError
  RouteWriter(const Network& network, std::string path, std::vector<RouteEntry>& routes,
              bool holds = false)
      : network_(network), path_(std::move(path)), routes_(routes), holds_(holds) {}

  /// Where the next entry goes.
  [[nodiscard]] std::int32_t Mark() const { return static_cast<std::int32_t>(routes_.size()); }

  /// The resource that is the HBM of an accelerator.
  [[nodiscard]] std::int32_t Hbm(AcceleratorIndex a) const { return network_.links() + a.value; }

  /// What stands in a route that leads nowhere.
  [[nodiscard]] std::int32_t Cut() const { return network_.links() + network_.accelerators(); }

  /// A weight of whole flows, which count in parts of the ways that they take and of queue pairs.
  void Put(std::int32_t resource, std::int32_t weight) {
    routes_.push_back({resource, weight * network_.parts() * network_.queue_pairs()});
  }

  void PutRoute(AcceleratorIndex from, AcceleratorIndex to, std::int32_t weight = 1);

  /// The part of a ring that is one rank's, where a switch joins the ranks.
  void PutPorts(AcceleratorIndex a, std::int32_t weight);

  /// Rings inside the scale-up domains of `ranks` (which rise), each link with `each` times its
  /// weight. All that was put since `begin` then counts in the same parts: `parts`, a common
  /// multiple of what the rings split their bytes into.
  void PutRings(const std::vector<AcceleratorIndex>& ranks, std::int32_t each, std::int32_t begin,
                std::int32_t& parts);

  /// Closes the route that was appended since `begin`: equal resources become one entry with a
  /// weight.
  Span Close(std::int32_t begin);

  /// Routes that adapt look at what is under way at the same time: the collectives of one family,
  /// or the messages between stages.
  void ForgetLoad();

  /// Where each scale-up domain begins in the list of ranks (which rises), and the end.
  [[nodiscard]] std::vector<int> DomainStarts(const std::vector<AcceleratorIndex>& ranks) const;

 private:
  [[nodiscard]] std::int32_t Sum(std::int32_t a, std::int32_t b) const;
  void CheckReached(bool reached, AcceleratorIndex from, AcceleratorIndex to);
  void CheckRing(std::span<const AcceleratorIndex> ranks);
  void PutShares(AcceleratorIndex from, AcceleratorIndex to, std::int32_t weight);

  const Network& network_;
  std::string path_;
  std::vector<RouteEntry>& routes_;
  bool holds_;
  std::vector<LinkIndex> links_;
  std::vector<LinkShare> shares_;
  std::vector<double> load_;  ///< by link, in flows; empty where no route adapts
  std::vector<LinkLoad> loads_;
};

}  // namespace gridlock
