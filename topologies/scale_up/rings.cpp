#include "topologies/scale_up/rings.h"

#include <algorithm>
#include <cstddef>
#include <numeric>

#include "topologies/topology.h"

namespace gridlock {

namespace {

// Accelerators up to which the search lists all rings.
constexpr int kAllKnown = 9;
// Limits of the search: rings that are listed, and rings that are tried.
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
    fewest = a == 0 ? counts.Of(a) : std::min(fewest, counts.Of(a));
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

// Rings over many accelerators, one after another off what is left of the links.
class Rotations {
 public:
  explicit Rotations(const LinkCounts& counts) : left_(counts) {}

  // Takes a ring off the links that are left; false: none was found.
  bool TakeRing() {
    for (int i = 0; i < kStarts; ++i) {
      Ring path{static_cast<int>(Draw(static_cast<std::uint64_t>(left_.n)))};
      std::vector<bool> used(static_cast<std::size_t>(left_.n));
      used[path.front()] = true;
      if (Close(path, used)) {
        Take(path);
        return true;
      }
    }
    return false;
  }

  [[nodiscard]] const std::vector<int>& left() const { return left_.links; }

 private:
  static constexpr int kStarts = 8;
  static constexpr int kStepsEach = 60;  ///< of a start, by accelerator

  // Makes a path longer until it is a ring of all.
  bool Close(Ring& path, std::vector<bool>& used) {
    for (int step = 0; step < kStepsEach * left_.n; ++step) {
      if (Extend(path, used)) {
        continue;
      }
      const bool round = left_.At(path.back(), path.front()) > 0;
      if (round && static_cast<int>(path.size()) == left_.n) {
        return true;
      }
      if (!(round && Reopen(path, used)) && !Turn(path)) {
        return false;
      }
    }
    return false;
  }

  // Goes from the end of the path to an accelerator that is not on it.
  bool Extend(Ring& path, std::vector<bool>& used) {
    const int next = AnyNeighbour(path.back(), used);
    if (next >= 0) {
      used[next] = true;
      path.push_back(next);
    }
    return next >= 0;
  }

  // A path whose ends are joined may as well end at any of its accelerators: at one that has a
  // neighbour elsewhere.
  bool Reopen(Ring& path, const std::vector<bool>& used) {
    for (std::size_t i = 0; i < path.size(); ++i) {
      if (AnyNeighbour(path[i], used) >= 0) {
        std::rotate(path.begin(), path.begin() + static_cast<std::ptrdiff_t>(i) + 1, path.end());
        return true;
      }
    }
    return false;
  }

  // A neighbour on the path turns round what lies behind it, so that the path has another end.
  // Either end may be the last.
  bool Turn(Ring& path) {
    if (Draw(2) == 0) {
      std::reverse(path.begin(), path.end());
    }
    const int next = AnyNeighbour(path.back(), {});
    if (next >= 0) {
      std::reverse(std::find(path.begin(), path.end(), next) + 1, path.end());
    }
    return next >= 0;
  }

  // Any accelerator that a link leads to and that is not `used`; -1: there is none.
  int AnyNeighbour(int from, const std::vector<bool>& used) {
    ways_.clear();
    for (int to = 0; to < left_.n; ++to) {
      if (left_.At(from, to) > 0 && (used.empty() || !used[to])) {
        ways_.push_back(to);
      }
    }
    return ways_.empty() ? -1 : ways_[Draw(ways_.size())];
  }

  void Take(const Ring& ring) {
    for (std::size_t i = 0; i < ring.size(); ++i) {
      const int a = ring[i];
      const int b = ring[(i + 1) % ring.size()];
      --left_.links[a * left_.n + b];
      --left_.links[b * left_.n + a];
    }
  }

  // Below `count`, the same in every run.
  std::size_t Draw(std::uint64_t count) { return HashPick(0, ++drawn_, count); }

  LinkCounts left_;
  std::vector<int> ways_;
  std::uint64_t drawn_ = 0;
};

// Rings over the most that one link carries; 0 without rings.
double PaceOf(const RingSet& set) {
  return set.rings == 0 ? 0 : 1.0 * set.rings / *std::max_element(set.uses.begin(), set.uses.end());
}

RingSet Rotate(const LinkCounts& counts) {
  Rotations rotations(counts);
  int rings = 0;
  while (2 * (rings + 1) <= FewestLinks(counts) && rotations.TakeRing()) {
    ++rings;
  }
  return rings > 0 ? BothWays(counts, rotations.left(), 1, rings) : RingSet{};
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
    const RingSet searched = n <= kSearchedMost ? Search(counts) : RingSet{};
    const RingSet rotated = n > kAllKnown ? Rotate(counts) : RingSet{};
    return PaceOf(rotated) > PaceOf(searched) ? rotated : searched;
  }
  RingSet set{n - 1, std::vector<std::int32_t>(counts.links.size(), 1)};
  for (int a = 0; a < n; ++a) {
    set.uses[a * n + a] = 0;
  }
  return set;
}

}  // namespace gridlock
