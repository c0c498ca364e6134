#include "sim/oracle/shape.h"

#include <algorithm>

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

bool CanBind(const Locality& locality) {
  for (int level = 0; level < locality.levels(); ++level) {
    if (locality.level(level).exits_can_bind) {
      return true;
    }
  }
  return false;
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

std::optional<Shape> ShapeOf(const Placement& placement, const Network& network) {
  if (ServersIn(placement) < kShapedServers) {
    return std::nullopt;
  }
  Shape shape;
  for (const ServerRun& run : placement) {
    const Locality& locality = network.fabric(run.site).locality();
    if (!locality.interchangeable() || CanBind(locality)) {
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
    if (GroupsApart(locality) > 1 && DealtRuns(locality, shape.servers[i]) == 1) {
      return std::nullopt;  // a prime number of servers cannot be dealt out evenly
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

}  // namespace gridlock
