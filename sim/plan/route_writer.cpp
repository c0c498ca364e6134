#include "sim/plan/route_writer.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <span>

#include <fmt/format.h>

#include "sim/base/check.h"

namespace gridlock {

// Weights count parts of flows.
std::int32_t RouteWriter::Sum(std::int32_t a, std::int32_t b) const {
  if (a > std::numeric_limits<std::int32_t>::max() - b) {
    throw UserError(path_, fmt::format("more parts of flows cross a link than can be counted, {} "
                                       "of each flow; expected fewer ranks, or routing ECMP",
                                       network_.parts()));
  }
  return a + b;
}

Span RouteWriter::Close(std::int32_t begin) {
  std::sort(routes_.begin() + begin, routes_.end(), [](const RouteEntry& a, const RouteEntry& b) {
    return a.resource < b.resource;
  });
  auto last = routes_.begin() + begin;
  for (auto entry = last; entry != routes_.end(); ++entry) {
    if (last != routes_.begin() + begin && (last - 1)->resource == entry->resource) {
      (last - 1)->weight = Sum((last - 1)->weight, entry->weight);
    } else {
      *last++ = *entry;
    }
  }
  routes_.erase(last, routes_.end());
  return {begin, static_cast<std::int32_t>(routes_.size())};
}

void RouteWriter::ForgetLoad() {
  if (network_.adapts()) {
    load_.assign(static_cast<std::size_t>(network_.links()), 0.0);
    for (LinkIndex link{0}; link < network_.links(); ++link) {
      load_[link.value] = network_.failed(link) ? kFullOfFlows : 0.0;
    }
  }
}

void RouteWriter::PutPorts(AcceleratorIndex a, std::int32_t weight) {
  loads_.clear();
  CHECK(network_.AppendRing(std::span(&a, 1), loads_) == 1);
  CheckRing(std::span(&a, 1));
  for (const LinkLoad& load : loads_) {
    Put(load.link.value, load.weight * weight);
  }
}

void RouteWriter::PutRings(const std::vector<AcceleratorIndex>& ranks, std::int32_t each,
                           std::int32_t begin, std::int32_t& parts) {
  const std::vector<int> starts = DomainStarts(ranks);
  for (std::size_t d = 0; d + 1 < starts.size(); ++d) {
    loads_.clear();
    const std::span<const AcceleratorIndex> inside =
        std::span(ranks).subspan(starts[d], starts[d + 1] - starts[d]);
    const std::int32_t own = network_.AppendRing(inside, loads_);
    CheckRing(inside);
    const std::int32_t common = std::lcm(parts, own);
    for (std::int32_t i = begin; common > parts && i < Mark(); ++i) {
      routes_[i].weight *= common / parts;
    }
    parts = common;
    for (const LinkLoad& load : loads_) {
      Put(load.link.value, load.weight * each * (parts / own));
    }
  }
}

void RouteWriter::CheckReached(bool reached, AcceleratorIndex from, AcceleratorIndex to) {
  if (!reached && holds_) {
    routes_.push_back({Cut(), 1});
    return;
  }
  if (!reached) {
    throw UserError(network_.fabric(network_.site_of(from)).site().path + ".failed",
                    fmt::format("no way is left from accelerator {} to {}; expected failures that "
                                "leave one",
                                from.value, to.value));
  }
}

// Rings inside a server know no detours.
void RouteWriter::CheckRing(std::span<const AcceleratorIndex> ranks) {
  for (const LinkLoad& load : loads_) {
    if (network_.failed(load.link)) {
      return CheckReached(false, ranks.front(), ranks.back());
    }
  }
}

void RouteWriter::PutRoute(AcceleratorIndex from, AcceleratorIndex to, std::int32_t weight) {
  if (network_.parts() > 1 || network_.adapts()) {
    return PutShares(from, to, weight);
  }
  links_.clear();
  bool reached = true;
  for (int pair = 0; pair < network_.queue_pairs() && reached; ++pair) {
    reached = network_.AppendRoute(from, to, links_, static_cast<std::uint64_t>(pair));
  }
  CheckReached(reached, from, to);
  for (const LinkIndex link : links_) {
    routes_.push_back({link.value, weight});
  }
}

void RouteWriter::PutShares(AcceleratorIndex from, AcceleratorIndex to, std::int32_t weight) {
  shares_.clear();
  CheckReached(network_.AppendShares(from, to, load_, shares_), from, to);
  for (const LinkShare& share : shares_) {
    routes_.push_back({share.link.value, share.parts * weight * network_.queue_pairs()});
    if (network_.adapts()) {
      load_[share.link.value] += weight * static_cast<double>(share.parts) / network_.parts();
    }
  }
}

std::vector<int> RouteWriter::DomainStarts(const std::vector<AcceleratorIndex>& ranks) const {
  std::vector<int> starts{0};
  for (std::size_t i = 1; i < ranks.size(); ++i) {
    if (!network_.same_domain(ranks[i - 1], ranks[i])) {
      starts.push_back(static_cast<int>(i));
    }
  }
  starts.push_back(static_cast<int>(ranks.size()));
  return starts;
}

}  // namespace gridlock
