#include "sim/oracle/shape.h"

#include <algorithm>
#include <cmath>

#include "sim/base/archive.h"
#include "topologies/machine_fields.h"
#include "workloads/training_fields.h"

namespace gridlock {

namespace {

// Groups of the outermost level that has several; 1 where all servers lie in one group.
std::int32_t GroupsApart(const Locality& locality) {
  std::int32_t groups = 1;
  for (int level = locality.levels() - 1; level >= 0 && groups == 1; --level) {
    groups = locality.groups(level);
  }
  return groups;
}

// Into how many equal runs of servers a site's part is dealt out, round robin: as many as there are
// groups, or fewer so that they are equal.
std::int32_t DealtRuns(const Locality& locality, std::int32_t servers) {
  std::int32_t runs = std::min(GroupsApart(locality), servers);
  while (servers % runs != 0) {
    --runs;
  }
  return runs;
}

// A prime number of servers cannot be dealt out evenly.
bool CanBeDealt(const Locality& locality, std::int32_t servers) {
  return GroupsApart(locality) == 1 || DealtRuns(locality, servers) > 1;
}

bool Binds(const Locality& locality, int level) {
  return locality.level(level).exits_can_bind && locality.groups(level) > 1;
}

// A job that lies in few groups whose links out can bind is slow where most of its servers have to
// pass one of them, which no count of neighbours tells.
bool LiesInManyGroups(const Locality& locality, std::int32_t servers) {
  for (int level = 0; level < locality.levels(); ++level) {
    if (Binds(locality, level) &&
        locality.group_of(level, ServerIndex{servers - 1}) + 1 < kShapedGroups) {
      return false;
    }
  }
  return true;
}

// Neighbours of a placement that lie apart, by level: those of one site that no group holds both
// of.
std::vector<std::int64_t> NeighboursApart(const Placement& placement, const Network& network) {
  std::vector<std::int64_t> apart;
  const ServerRun* before = nullptr;
  for (const ServerRun& run : placement) {
    const Locality& locality = network.fabric(run.site).locality();
    apart.resize(std::max(apart.size(), static_cast<std::size_t>(locality.levels())));
    for (int level = 0; level < locality.levels(); ++level) {
      const auto group = [&](ServerIndex server) {
        return locality.group_of(level, server);
      };
      std::int64_t& count = apart[static_cast<std::size_t>(level)];
      count += group({run.first + run.count - 1}) - group(run.first);
      if (before != nullptr && before->site == run.site &&
          group({before->first + before->count - 1}) != group(run.first)) {
        ++count;
      }
    }
    before = &run;
  }
  return apart;
}

StepRate Between(const StepRate& a, const StepRate& b, double place) {
  StepRate rate = a;
  rate.step_time += (b.step_time - a.step_time) * place;
  rate.energy += (b.energy - a.energy) * place;
  rate.wan_bytes += (b.wan_bytes - a.wan_bytes) * place;
  return rate;
}

}  // namespace

Placement Shape::Packed() const {
  Placement placement;
  for (std::size_t i = 0; i < sites.size(); ++i) {
    placement.push_back({sites[i], 0, servers[i]});
  }
  return placement;
}

Placement Shape::Scattered(const Network& network) const {
  Placement placement;
  for (std::size_t i = 0; i < sites.size(); ++i) {
    const std::int32_t runs = DealtRuns(network.fabric(sites[i]).locality(), servers[i]);
    const std::int32_t each = servers[i] / runs;
    for (std::int32_t s = 0; s < servers[i]; ++s) {
      placement.push_back({sites[i], s % runs * each + s / runs, 1});
    }
  }
  return placement;
}

std::int32_t Shape::MostGaps(const Network& network) const {
  std::int32_t most = 0;
  for (std::size_t i = 0; i < sites.size(); ++i) {
    most = std::max(most, network.fabric(sites[i]).site().servers - servers[i]);
  }
  return most;
}

Placement Shape::Spread(double share, const Network& network) const {
  Placement placement;
  for (std::size_t i = 0; i < sites.size(); ++i) {
    const Locality& locality = network.fabric(sites[i]).locality();
    const std::int32_t room = network.fabric(sites[i]).site().servers - servers[i];
    const std::int64_t gaps = std::lround(share * room), all = servers[i] + gaps;
    std::vector<Placement> leaves;  // of the servers of one innermost group each
    std::int32_t group = -1;
    for (std::int64_t server = 0; server < all; ++server) {
      if ((server + 1) * gaps / all > server * gaps / all) {
        continue;
      }
      const ServerIndex here{static_cast<std::int32_t>(server)};
      if (const std::int32_t its = locality.group_of(0, here); its != group) {
        group = its;
        leaves.emplace_back();
      }
      Placement& leaf = leaves.back();
      if (!leaf.empty() && leaf.back().first + leaf.back().count == here) {
        ++leaf.back().count;
      } else {
        leaf.push_back({sites[i], here, 1});
      }
    }
    std::stable_sort(leaves.begin(), leaves.end(), [](const Placement& a, const Placement& b) {
      return ServersIn(a) > ServersIn(b);
    });
    for (const Placement& leaf : leaves) {
      placement.insert(placement.end(), leaf.begin(), leaf.end());
    }
  }
  return placement;
}

double Shape::Apart(const Placement& placement, const Network& network) const {
  const std::vector<std::int64_t> packed = NeighboursApart(Packed(), network);
  const std::vector<std::int64_t> here = NeighboursApart(placement, network);
  const double neighbours =
      static_cast<double>(ServersIn(placement)) - static_cast<double>(sites.size());
  double sum = 0;
  for (std::size_t level = 0; level < packed.size(); ++level) {
    const double most = neighbours - static_cast<double>(packed[level]);
    if (most > 0) {
      sum += static_cast<double>(here[level] - packed[level]) / most;
    }
  }
  return std::clamp(sum / static_cast<double>(packed.size()), 0.0, 1.0);
}

bool CanBind(const Shape& shape, const Network& network) {
  return std::any_of(shape.sites.begin(), shape.sites.end(), [&](SiteIndex site) {
    const Locality& locality = network.fabric(site).locality();
    for (int level = 0; level < locality.levels(); ++level) {
      if (locality.level(level).exits_can_bind) {
        return true;
      }
    }
    return false;
  });
}

std::optional<Shape> ShapeOf(const Placement& placement, const Network& network) {
  if (ServersIn(placement) < kShapedServers) {
    return std::nullopt;
  }
  Shape shape;
  for (const ServerRun& run : placement) {
    const Locality& locality = network.fabric(run.site).locality();
    if (!locality.interchangeable()) {
      return std::nullopt;
    }
    if (!shape.sites.empty() && shape.sites.back() == run.site) {
      shape.servers.back() += run.count;
      continue;
    }
    if (std::find(shape.sites.begin(), shape.sites.end(), run.site) != shape.sites.end()) {
      return std::nullopt;
    }
    shape.sites.push_back(run.site);
    shape.servers.push_back(run.count);
  }
  for (std::size_t i = 0; i < shape.sites.size(); ++i) {
    const Locality& locality = network.fabric(shape.sites[i]).locality();
    if (!LiesInManyGroups(locality, shape.servers[i])) {
      return std::nullopt;
    }
  }
  return shape;
}

std::string KeyOfShape(const Situation& situation, PlacedIndex job, const Shape& shape) {
  ArchiveWriter key(ArchiveWriter::What::kBearing);
  key.All(*situation.jobs[job].training, *situation.sites, *situation.wans);
  for (std::size_t i = 0; i < shape.sites.size(); ++i) {
    key.All(shape.sites[i], shape.servers[i]);
  }
  return std::move(key.bytes);
}

// Whether one step stands for all: the packed one, or that between both, which is as near to each
// of them.
void ShapeRates::Begin(const Shape& shape, const Network& network, const Simulate& simulate) {
  begun_ = true;
  for (std::size_t i = 0; i < shape.sites.size(); ++i) {
    if (!CanBeDealt(network.fabric(shape.sites[i]).locality(), shape.servers[i])) {
      return;
    }
  }
  if (CanBind(shape, network)) {
    return;
  }
  const StepRate packed = At(0, shape, network, simulate).rate;
  const StepRate scattered = simulate(shape.Scattered(network));
  const double apart = std::abs(scattered.step_time / packed.step_time - 1);
  if (apart <= kShapeTolerance) {
    one_ = packed;
  } else if (apart <= 2 * kShapeTolerance) {
    one_ = Between(packed, scattered, 0.5);
  }
}

std::optional<ShapeRates::Alike> ShapeRates::AlikeOf(const Shape& shape, const Network& network,
                                                     const Simulate& simulate) {
  try {
    if (!begun_) {
      Begin(shape, network, simulate);
    }
  } catch (const UserError&) {
    refused_ = true;
  }
  return one_ ? std::optional(Alike{*one_, marks_.at(0).rate}) : std::nullopt;
}

double ShapeRates::ApartAt(double share, const Shape& shape, const Network& network) {
  const auto [entry, first] = aparts_.try_emplace(share, 0.0);
  if (first) {
    entry->second = shape.Apart(shape.Spread(share, network), network);
  }
  return entry->second;
}

const ShapeRates::Mark& ShapeRates::At(double share, const Shape& shape, const Network& network,
                                       const Simulate& simulate) {
  const auto known = marks_.find(share);
  if (known != marks_.end()) {
    return known->second;
  }
  const Mark mark{ApartAt(share, shape, network), simulate(shape.Spread(share, network))};
  return marks_.emplace(share, mark).first->second;
}

std::optional<StepRate> ShapeRates::Of(const Placement& placement, const Shape& shape,
                                       const Network& network, const Simulate& simulate) {
  if (refused_) {
    return std::nullopt;
  }
  try {
    if (!begun_) {
      Begin(shape, network, simulate);
    }
    if (one_) {
      return one_;
    }
    constexpr double kCoarse = 4;  // between marks of the scale, before any is found too far apart
    const std::int32_t most = shape.MostGaps(network);
    const double fewest = 1.0 / std::max(1, most);
    const double apart = shape.Apart(placement, network);
    const auto beyond = [&](double share) {
      return apart > ApartAt(share, shape, network);
    };
    double high = 1;
    while (high > fewest && !beyond(high / kCoarse)) {
      high /= kCoarse;
    }
    double low = high > fewest ? high / kCoarse : 0;
    const auto apart_by = [&] {
      return std::abs(At(high, shape, network, simulate).rate.step_time /
                          At(low, shape, network, simulate).rate.step_time -
                      1);
    };
    if (apart_by() > kShapeReach) {
      return std::nullopt;  // how many lie apart says too little of such a step
    }
    for (;;) {
      const Mark& below = At(low, shape, network, simulate);
      const Mark& above = At(high, shape, network, simulate);
      const double between = std::sqrt(low * high);
      if (apart_by() <= kShapeTolerance || (high - low) * most <= 1 || between <= low) {
        const double width = above.apart - below.apart;
        const double place = width > 0 ? std::clamp((apart - below.apart) / width, 0.0, 1.0) : 0.0;
        return Between(below.rate, above.rate, place);
      }
      (beyond(between) ? low : high) = between;
    }
  } catch (const UserError&) {
    refused_ = true;
    return std::nullopt;
  }
}

}  // namespace gridlock
