#pragma once

// How the servers of a site hang together: nested groups, e.g. the servers under a leaf and the
// leaves of a pod. Whoever packs jobs, remembers placements or asks what jobs share needs no more
// than this of a topology.

#include <cstdint>
#include <string>
#include <vector>

#include "sim/base/index.h"

namespace gridlock {

/// Nested groups of consecutive servers. Level 0 has the smallest groups; every group of a level
/// lies within one group of the next.
class Locality {
 public:
  struct Level {
    std::string name;  ///< of one group, e.g. "leaf"
    /// First server of each group, rising, from 0.
    std::vector<ServerIndex> first;
    /// Whether the links that leave a group can set the pace of traffic.
    bool exits_can_bind = true;
    /// Whether traffic between servers of one and the same group may use the links that leave it,
    /// as between rails.
    bool exits_used_within = false;
  };

  /// One group for the whole site.
  static Locality Flat(std::string name, std::int32_t servers);

  /// At least one level. `interchangeable`: see interchangeable().
  Locality(std::int32_t servers, std::vector<Level> levels, bool interchangeable);

  [[nodiscard]] std::int32_t servers() const { return servers_; }

  [[nodiscard]] int levels() const { return static_cast<int>(levels_.size()); }

  [[nodiscard]] const Level& level(int level) const { return levels_[level]; }

  [[nodiscard]] std::int32_t groups(int level) const {
    return static_cast<std::int32_t>(levels_[level].first.size());
  }

  [[nodiscard]] std::int32_t group_of(int level, ServerIndex server) const;

  /// First server of a group.
  [[nodiscard]] ServerIndex begin_of(int level, std::int32_t group) const {
    return levels_[level].first[group];
  }

  /// The server behind the last one of a group.
  [[nodiscard]] ServerIndex end_of(int level, std::int32_t group) const {
    return group + 1 < groups(level) ? levels_[level].first[group + 1] : ServerIndex{servers_};
  }

  /// Whether exchanging two servers of a group, or two groups within a larger one, leaves all step
  /// times as they are. It does not where routes are hashed by the numbers of servers, or where
  /// distances within a group differ.
  [[nodiscard]] bool interchangeable() const { return interchangeable_; }

  /// First servers of groups of `size` servers each, the last one perhaps smaller.
  static std::vector<ServerIndex> Every(std::int64_t size, std::int32_t servers);

 private:
  std::int32_t servers_;
  std::vector<Level> levels_;
  bool interchangeable_;
};

}  // namespace gridlock
