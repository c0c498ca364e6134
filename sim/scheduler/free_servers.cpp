#include "sim/scheduler/free_servers.h"

#include <algorithm>
#include <numeric>
#include <tuple>
#include <utility>

#include "sim/base/check.h"

namespace gridlock {

namespace {

// Ranks in the order of servers, but first in the innermost groups (leaves) that the job has most
// servers of: so groups of ranks that fit a leaf stay under one, and an odd server shifts only
// those at the end.
Placement RunsOf(SiteIndex site, const Locality& locality,
                 const std::vector<ServerIndex>& servers) {
  // Servers of one group, one after another in `servers`.
  struct Part {
    std::int32_t share, group;
    std::size_t begin, end;
  };

  std::vector<std::int32_t> in_group(static_cast<std::size_t>(locality.groups(0)), 0);
  std::vector<Part> parts;
  for (std::size_t i = 0; i < servers.size(); ++i) {
    const bool same = !parts.empty() && servers[i] >= locality.begin_of(0, parts.back().group) &&
                      servers[i] < locality.end_of(0, parts.back().group);
    if (!same) {
      parts.push_back({0, locality.group_of(0, servers[i]), i, i});
    }
    ++parts.back().end;
    ++in_group[static_cast<std::size_t>(parts.back().group)];
  }
  for (Part& part : parts) {
    part.share = in_group[static_cast<std::size_t>(part.group)];
  }
  std::sort(parts.begin(), parts.end(), [](const Part& a, const Part& b) {
    return std::tuple(b.share, a.group, a.begin) < std::tuple(a.share, b.group, b.begin);
  });
  Placement runs;
  for (const Part& part : parts) {
    for (std::size_t i = part.begin; i < part.end; ++i) {
      AddServer(site, servers[i], runs);
    }
  }
  return runs;
}

}  // namespace

FreeServers::FreeServers(const SiteState& site)
    : site_(site), locality_(*site.locality), free_(site.free) {
  CHECK(static_cast<std::int32_t>(free_.size()) == locality_.servers());
  for (int level = 0; level < locality_.levels(); ++level) {
    by_group_.emplace_back(locality_.groups(level));
  }
  for (std::int32_t group = 0; group < locality_.groups(0); ++group) {
    const ServerIndex first = locality_.begin_of(0, group);
    const auto count = static_cast<std::int32_t>(
        std::count(free_.begin() + first, free_.begin() + locality_.end_of(0, group), char{1}));
    for (int level = 0; level < locality_.levels(); ++level) {
      by_group_[level][locality_.group_of(level, first)] += count;
    }
    total_ += count;
  }
  for (int level = 0; site.building && level < site.building->levels(); ++level) {
    std::vector<std::int32_t>& counts = in_building_.emplace_back(site.building->groups(level));
    for (std::size_t server = 0; server < free_.size(); ++server) {
      counts[site.building->group_of(level, IndexOf<ServerIndex>(server))] += free_[server];
    }
  }
}

NamedLevel LevelNamed(const SiteState& site, const std::string& name) {
  for (const Locality* groups : {site.building.get(), site.locality.get()}) {
    for (int level = 0; groups != nullptr && level < groups->levels(); ++level) {
      if (groups->level(level).name == name) {
        return {groups, level};
      }
    }
  }
  return {};
}

std::vector<ServerRun> PlacesWithin(const SiteState& site, SiteIndex site_number,
                                    const std::string& within) {
  if (within.empty()) {
    return {{site_number, ServerIndex{0}, site.locality->servers()}};
  }
  std::vector<ServerRun> places;
  const NamedLevel named = LevelNamed(site, within);
  for (std::int32_t group = 0; named.groups != nullptr && group < named.groups->groups(named.level);
       ++group) {
    const ServerIndex first = named.groups->begin_of(named.level, group);
    places.push_back({site_number, first, named.groups->end_of(named.level, group) - first});
  }
  return places;
}

bool FreeServers::Holds(std::int32_t servers, const std::string& within) const {
  if (within.empty()) {
    return servers <= total_;
  }
  const NamedLevel named = LevelNamed(site_, within);
  return named.groups != nullptr && GroupThatHolds(named, servers) >= 0;
}

const std::vector<std::int32_t>& FreeServers::FreeBy(const NamedLevel& named) const {
  return named.groups == &locality_ ? by_group_[named.level] : in_building_[named.level];
}

// The group of a level with the fewest free servers that holds so many; -1: none does.
std::int32_t FreeServers::GroupThatHolds(const NamedLevel& named, std::int32_t servers) const {
  const std::vector<std::int32_t>& free = FreeBy(named);
  std::int32_t best = -1;
  for (std::int32_t g = 0; g < named.groups->groups(named.level); ++g) {
    if (free[g] >= servers && (best < 0 || free[g] < free[best])) {
      best = g;
    }
  }
  return best;
}

std::int32_t FreeServers::FreeIn(const ServerRun& servers) const {
  const auto first = free_.begin() + servers.first.value;
  return static_cast<std::int32_t>(std::count(first, first + servers.count, char{1}));
}

void FreeServers::Count(ServerIndex server, std::int32_t by) {
  free_[server] = by > 0 ? 1 : 0;
  for (int level = 0; level < locality_.levels(); ++level) {
    by_group_[level][locality_.group_of(level, server)] += by;
  }
  CountInBuilding(server, by);
  total_ += by;
}

void FreeServers::CountInBuilding(ServerIndex server, std::int32_t by) {
  for (std::size_t level = 0; level < in_building_.size(); ++level) {
    in_building_[level][site_.building->group_of(static_cast<int>(level), server)] += by;
  }
}

void FreeServers::Remove(const ServerRun& servers) {
  for (std::int32_t i = 0; i < servers.count; ++i) {
    if (const ServerIndex server{servers.first + i}; free_[server] != 0) {
      Count(server, -1);
    }
  }
}

void FreeServers::RemoveSome(const ServerRun& servers, std::int32_t count) {
  for (std::int32_t i = servers.count - 1; i >= 0 && count > 0; --i) {
    if (const ServerIndex server{servers.first + i}; free_[server] != 0) {
      Count(server, -1);
      --count;
    }
  }
}

void FreeServers::Add(const ServerRun& servers) {
  for (std::int32_t i = 0; i < servers.count; ++i) {
    if (const ServerIndex server{servers.first + i}; free_[server] == 0) {
      Count(server, +1);
    }
  }
}

Placement FreeServers::Take(SiteIndex site_number, std::int32_t servers,
                            const std::string& within) {
  CHECK(servers > 0);
  if (!Holds(servers, within)) {
    return {};
  }
  std::vector<ServerIndex> taken;
  if (!within.empty()) {
    const NamedLevel among = LevelNamed(site_, within);
    const std::int32_t group = GroupThatHolds(among, servers);
    if (among.groups != &locality_) {
      return TakeAmong(site_number, among, group, servers);
    }
    TakeFromGroup(among.level, group, servers, taken);
    return RunsOf(site_number, locality_, taken);
  }
  const std::int32_t group = InnermostThatHolds(servers);
  if (group >= 0) {
    TakeServers(group, servers, taken);
  } else {
    const int outermost = locality_.levels() - 1;
    TakeFromGroups({outermost, 0, locality_.groups(outermost)}, servers, taken);
  }
  return RunsOf(site_number, locality_, taken);
}

// Of a rack, a row or a feed, which the groups of the network may cross: packed as if nothing else
// were free.
Placement FreeServers::TakeAmong(SiteIndex site_number, const NamedLevel& among, std::int32_t group,
                                 std::int32_t servers) {
  const ServerIndex begin = among.groups->begin_of(among.level, group);
  const ServerIndex end = among.groups->end_of(among.level, group);
  FreeServers inside = *this;
  inside.Remove({site_number, ServerIndex{0}, begin.value});
  inside.Remove({site_number, end, locality_.servers() - end.value});
  Placement placement = inside.Take(site_number, servers);
  for (const ServerRun& run : placement) {
    Remove(run);
  }
  return placement;
}

// The innermost group with the fewest free servers that holds all; of several the one whose next
// outer group has the fewest, and so on. -1: none does.
std::int32_t FreeServers::InnermostThatHolds(std::int32_t servers) const {
  std::int32_t best = -1;
  const auto emptier = [this](std::int32_t a, std::int32_t b) {
    for (int level = 0; level < locality_.levels(); ++level) {
      const std::int32_t in_a =
          by_group_[level][locality_.group_of(level, locality_.begin_of(0, a))];
      const std::int32_t in_b =
          by_group_[level][locality_.group_of(level, locality_.begin_of(0, b))];
      if (in_a != in_b) {
        return in_a < in_b;
      }
    }
    return false;
  };
  for (std::int32_t group = 0; group < locality_.groups(0); ++group) {
    if (by_group_[0][group] >= servers && (best < 0 || emptier(group, best))) {
      best = group;
    }
  }
  return best;
}

// Which of several groups to take from next: the one with the fewest free servers that holds all,
// else the one with the most, so that few are touched.
std::int32_t FreeServers::NextGroup(const Groups& groups, std::int32_t servers) const {
  const std::vector<std::int32_t>& free = by_group_[groups.level];
  std::int32_t best = groups.begin;
  for (std::int32_t g = groups.begin + 1; g < groups.end; ++g) {
    const bool holds = free[g] >= servers, best_holds = free[best] >= servers;
    if (holds == best_holds ? (holds ? free[g] < free[best] : free[g] > free[best]) : holds) {
      best = g;
    }
  }
  return best;
}

void FreeServers::TakeFromGroups(const Groups& groups, std::int32_t servers,
                                 std::vector<ServerIndex>& taken) {
  const std::vector<std::int32_t>& free = by_group_[groups.level];
  if (std::accumulate(free.begin() + groups.begin, free.begin() + groups.end, 0) == servers) {
    // All of them: the order does not matter.
    for (std::int32_t group = groups.begin; group < groups.end; ++group) {
      if (const std::int32_t count = free[group]; count > 0) {
        TakeFromGroup(groups.level, group, count, taken);
      }
    }
    return;
  }
  while (servers > 0) {
    const std::int32_t group = NextGroup(groups, servers);
    const std::int32_t count = std::min(servers, by_group_[groups.level][group]);
    CHECK(count > 0);
    TakeFromGroup(groups.level, group, count, taken);
    servers -= count;
  }
}

void FreeServers::TakeFromGroup(int level, std::int32_t group, std::int32_t servers,
                                std::vector<ServerIndex>& taken) {
  if (level == 0) {
    TakeServers(group, servers, taken);
    return;
  }
  const int inner = level - 1;
  const ServerIndex last{locality_.end_of(level, group) - 1};
  TakeFromGroups({inner, locality_.group_of(inner, locality_.begin_of(level, group)),
                  locality_.group_of(inner, last) + 1},
                 servers, taken);
}

void FreeServers::TakeServers(std::int32_t group, std::int32_t servers,
                              std::vector<ServerIndex>& taken) {
  const ServerIndex first = locality_.begin_of(0, group);
  ServerIndex server = first;
  for (std::int32_t left = servers; left > 0; ++server) {
    if (free_[server] != 0) {
      free_[server] = 0;
      CountInBuilding(server, -1);
      taken.push_back(server);
      --left;
    }
  }
  for (int level = 0; level < locality_.levels(); ++level) {
    by_group_[level][locality_.group_of(level, first)] -= servers;
  }
  total_ -= servers;
}

Placement Place(const SiteState& site, SiteIndex site_number, std::int32_t servers) {
  return FreeServers(site).Take(site_number, servers);
}

}  // namespace gridlock
