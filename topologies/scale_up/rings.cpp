#include "topologies/scale_up/rings.h"

#include <algorithm>
#include <cstddef>
#include <numeric>

namespace gridlock {

namespace {

// Limits of the search: members, rings that are listed, and rings that are tried.
constexpr int kMembersMost = 16;
constexpr std::size_t kRingsMost = 30'000;
constexpr std::int64_t kTriesMost = 300'000;
constexpr std::int64_t kStepsMost = 1'000'000;

using Ring = std::vector<int>;  // accelerators in their order, from 0 on

// All rings over existing links, each in one of its two directions, until there are too many.
class RingList {
 public:
  explicit RingList(const LinkCounts& counts) : counts_(counts) {
    used_.resize(static_cast<std::size_t>(counts.n));
    used_[0] = true;
    Extend();
  }

  std::vector<Ring> rings;

 private:
  void Extend() {
    if (static_cast<int>(path_.size()) == counts_.n) {
      // Of the two directions the one whose second accelerator is lower.
      if (counts_.At(path_.back(), 0) > 0 && path_[1] < path_.back()) {
        rings.push_back(path_);
      }
      return;
    }
    for (int next = 1; next < counts_.n && rings.size() < kRingsMost && steps_ < kStepsMost;
         ++next) {
      ++steps_;
      if (!used_[next] && counts_.At(path_.back(), next) > 0) {
        used_[next] = true;
        path_.push_back(next);
        Extend();
        path_.pop_back();
        used_[next] = false;
      }
    }
  }

  const LinkCounts& counts_;
  Ring path_{0};
  std::vector<bool> used_;
  std::int64_t steps_ = 0;
};

// Takes rings off a stock of links until `wanted` are found.
class Packing {
 public:
  Packing(const LinkCounts& counts, const std::vector<Ring>& rings, int per_link)
      : n_(counts.n), rings_(rings), left_(counts.links) {
    for (int& links : left_) {
      links *= per_link;
    }
  }

  // A ring may be taken several times; the order in which rings are taken does not matter.
  bool Find(int wanted, std::size_t from = 0) {
    if (wanted == 0) {
      return true;
    }
    for (std::size_t r = from; r < rings_.size() && tries_ < kTriesMost; ++r) {
      ++tries_;
      if (Take(rings_[r])) {
        if (Suffices(wanted - 1) && Find(wanted - 1, r)) {
          return true;
        }
        Shift(rings_[r], +1);
      }
    }
    return false;
  }

  [[nodiscard]] const std::vector<int>& left() const { return left_; }

 private:
  // Each ring to come takes two links of every accelerator.
  [[nodiscard]] bool Suffices(int wanted) const {
    for (int a = 0; a < n_; ++a) {
      if (std::accumulate(left_.begin() + a * n_, left_.begin() + (a + 1) * n_, 0) < 2 * wanted) {
        return false;
      }
    }
    return true;
  }

  bool Take(const Ring& ring) {
    for (std::size_t i = 0; i < ring.size(); ++i) {
      if (left_[ring[i] * n_ + ring[(i + 1) % ring.size()]] == 0) {
        return false;
      }
    }
    Shift(ring, -1);
    return true;
  }

  void Shift(const Ring& ring, int by) {
    for (std::size_t i = 0; i < ring.size(); ++i) {
      const int a = ring[i];
      const int b = ring[(i + 1) % ring.size()];
      left_[a * n_ + b] += by;
      left_[b * n_ + a] += by;
    }
  }

  int n_;
  const std::vector<Ring>& rings_;
  std::vector<int> left_;
  std::int64_t tries_ = 0;
};

// The fewest links that one accelerator has.
int FewestLinks(const LinkCounts& counts) {
  int fewest = 0;
  for (int a = 0; a < counts.n; ++a) {
    const auto first = counts.links.begin() + std::ptrdiff_t{a} * counts.n;
    const int links = std::accumulate(first, first + counts.n, 0);
    fewest = a == 0 ? links : std::min(fewest, links);
  }
  return fewest;
}

// Rings both ways round, from what a packing has left of the links.
RingSet BothWays(const LinkCounts& counts, const std::vector<int>& left, int per_link, int rings) {
  RingSet set{2 * rings, {}};
  std::int32_t common = set.rings;
  for (std::size_t i = 0; i < left.size(); ++i) {
    set.uses.push_back(counts.links[i] * per_link - left[i]);
    common = std::gcd(common, set.uses.back());
  }
  set.rings /= common;
  for (std::int32_t& uses : set.uses) {
    uses /= common;
  }
  return set;
}

RingSet Search(const LinkCounts& counts) {
  const std::vector<Ring> rings = RingList(counts).rings;
  RingSet best;
  double best_pace = 0;
  for (const int per_link : {1, 2}) {
    for (int wanted = per_link * FewestLinks(counts) / 2; wanted > 0; --wanted) {
      const double pace = 1.0 * wanted / per_link;
      if (rings.empty() || pace <= best_pace) {
        break;
      }
      Packing packing(counts, rings, per_link);
      if (packing.Find(wanted)) {
        best = BothWays(counts, packing.left(), per_link, wanted);
        best_pace = pace;
      }
    }
  }
  return best;
}

}  // namespace

RingSet PackRings(const LinkCounts& counts) {
  const int n = counts.n;
  bool even = true;
  for (int a = 0; a < n; ++a) {
    for (int b = 0; b < n; ++b) {
      even = even && (a == b || counts.At(a, b) == counts.At(0, 1));
    }
  }
  if (even && counts.At(0, 1) == 0) {
    return {};
  }
  if (!even) {
    return n <= kMembersMost ? Search(counts) : RingSet{};
  }
  RingSet set{n - 1, std::vector<std::int32_t>(counts.links.size(), 1)};
  for (int a = 0; a < n; ++a) {
    set.uses[a * n + a] = 0;
  }
  return set;
}

}  // namespace gridlock
