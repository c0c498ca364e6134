#pragma once

#include <cstdint>
#include <vector>

#include "sim/scheduler/scheduler.h"

namespace gridlock {

/// What is free on a site while one decision is made, counted by group of each level of its
/// locality: placing a job costs a look at the groups, not at all servers. The site outlives it.
class FreeServers {
 public:
  explicit FreeServers(const SiteState& site);

  [[nodiscard]] std::int32_t total() const { return total_; }

  /// Takes servers as Place does; empty, and nothing taken, when they do not suffice.
  /// @param within  level of the network or of the building, one group of which is to hold them
  ///     all; "": any servers
  Placement Take(SiteIndex site_number, std::int32_t servers, const std::string& within = "");

  /// Whether Take would find so many.
  [[nodiscard]] bool Holds(std::int32_t servers, const std::string& within) const;

  /// Free ones among these.
  [[nodiscard]] std::int32_t FreeIn(const ServerRun& servers) const;

  /// Takes those of these servers that are free.
  void Remove(const ServerRun& servers);

  /// Takes so many of these servers that are free, the last ones; none below 1.
  void RemoveSome(const ServerRun& servers, std::int32_t count);

  /// These servers become free.
  void Add(const ServerRun& servers);

 private:
  /// Groups of one level with consecutive numbers.
  struct Groups {
    int level;
    std::int32_t begin, end;
  };

  [[nodiscard]] std::int32_t InnermostThatHolds(std::int32_t servers) const;
  [[nodiscard]] std::int32_t NextGroup(const Groups& groups, std::int32_t servers) const;
  [[nodiscard]] std::int32_t GroupThatHolds(const NamedLevel& named, std::int32_t servers) const;
  [[nodiscard]] Placement TakeAmong(SiteIndex site_number, const NamedLevel& among,
                                    std::int32_t group, std::int32_t servers);
  [[nodiscard]] const std::vector<std::int32_t>& FreeBy(const NamedLevel& named) const;
  void Count(ServerIndex server, std::int32_t by);
  void CountInBuilding(ServerIndex server, std::int32_t by);
  void TakeFromGroups(const Groups& groups, std::int32_t servers, std::vector<ServerIndex>& taken);
  void TakeFromGroup(int level, std::int32_t group, std::int32_t servers,
                     std::vector<ServerIndex>& taken);
  void TakeServers(std::int32_t group, std::int32_t servers, std::vector<ServerIndex>& taken);

  const SiteState& site_;
  const Locality& locality_;
  std::vector<char> free_;
  std::vector<std::vector<std::int32_t>> by_group_;     ///< free servers, by level and group
  std::vector<std::vector<std::int32_t>> in_building_;  ///< the same of racks, rows and feeds
  std::int32_t total_ = 0;
};

}  // namespace gridlock
