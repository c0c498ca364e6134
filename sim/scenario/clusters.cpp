#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/catalogue/like.h"
#include "sim/catalogue/sources.h"
#include "sim/scenario/cluster_site.h"
#include "sim/scenario/convert.h"
#include "sim/scenario/scenario_estimates.h"
#include "sim/schema/rules.h"

namespace gridlock {
namespace {

/// What a site that names `cluster` is before it says anything of its own.
struct SiteOfCluster {
  proto::Site message;
  Written written;
};

SiteOfCluster MakeSiteOf(const Entry<proto::Cluster>& cluster) {
  SiteOfCluster site;
  site.message.set_server(cluster.message->server());
  site.message.set_servers(cluster.message->servers());
  *site.message.mutable_fabric() = cluster.message->fabric();
  for (const char* field : {"server", "servers", "fabric"}) {
    if (cluster.written->Has(field)) {
      site.written.fields[field] = {cluster.written->At(field)};
    }
  }
  if (!cluster.message->building().empty()) {
    site.message.mutable_facility()->set_building(cluster.message->building());
    const Written& place = cluster.written->At("building");
    site.written.fields["facility"] = {Written{place.name, place.name, {{"building", {place}}}}};
  }
  return site;
}

using Sides = google::protobuf::RepeatedField<std::int32_t>;

std::int64_t ProductOf(const Sides& sides) {
  std::int64_t product = 1;
  for (const std::int32_t side : sides) {
    product *= side;
  }
  return product;
}

std::string Times(const Sides& sides) {
  return fmt::format("{}", fmt::join(sides, " x "));
}

/// How `blocks` blocks make a grid with as many sides as `most`, none longer than the longest of
/// these: the one whose sides differ least, shortest first, as clouds name slices. None: there is
/// no such grid.
std::optional<Sides> GridOfBlocks(std::int32_t blocks, const Sides& most) {
  const std::int32_t longest = *std::max_element(most.begin(), most.end());
  std::optional<Sides> best;
  std::int32_t least = 0;
  const int planes = most.size() > 2 ? blocks : 1;
  for (std::int32_t a = 1; a <= planes; ++a) {
    for (std::int32_t b = a; blocks % a == 0 && std::int64_t{a} * b * b <= blocks; ++b) {
      const std::int32_t c = blocks / a / b;
      if (a * b * c != blocks || c > longest || (best && a + b + c >= least)) {
        continue;
      }
      least = a + b + c;
      const std::array<std::int32_t, 3> sides = {a, b, c};
      best = Sides(sides.end() - most.size(), sides.end());
    }
  }
  return best;
}

/// Servers of a pod whose optical switches close any slice: fewer of them make a torus of their
/// own, and a torus of another size has as many servers as fill it.
void FitTorus(const proto::Cluster& cluster, const Written& own, const std::string& path,
              SiteOfCluster& site, std::vector<std::string>& notes) {
  if (!cluster.fabric().has_torus() || !site.message.fabric().has_torus()) {
    return;
  }
  proto::Torus& torus = *site.message.mutable_fabric()->mutable_torus();
  const bool sized = HasWritten(own, "fabric.torus.size");
  const bool shaped = HasWritten(own, "fabric.torus.block") || torus.slice_size() > 0 ||
                      torus.size_size() != torus.block_size() || ProductOf(torus.block()) < 1;
  const std::int64_t room = shaped ? 0 : ProductOf(torus.size()) / ProductOf(torus.block());
  const std::int32_t servers = site.message.servers();
  if (shaped || room < 1 || sized == own.Has("servers") || servers < 1) {
    return;
  }
  if (sized && room <= INT32_MAX) {
    site.message.set_servers(static_cast<std::int32_t>(room));
    site.written.fields["servers"] = {own.At("fabric").At("torus").At("size")};
    notes.push_back(
        fmt::format("{}.servers: {}, what fill a torus of {}", path, room, Times(torus.size())));
    return;
  }
  if (servers >= room || torus.optical_switches() == 0) {
    return;
  }
  Sides blocks = torus.size();
  for (int d = 0; d < blocks.size(); ++d) {
    blocks[d] /= torus.block(d);
  }
  const std::optional<Sides> grid = GridOfBlocks(servers, blocks);
  if (!grid) {
    notes.push_back(fmt::format(
        "{}.fabric.torus: {} of the {} servers of a torus of {}, which make no torus of their own; "
        "the places of the others are routers that pass traffic on (slice: gives it other sides)",
        path, servers, room, Times(torus.size())));
    return;
  }
  const std::string whole = Times(torus.size());
  for (int d = 0; d < grid->size(); ++d) {
    torus.set_size(d, (*grid)[d] * torus.block(d));
  }
  notes.push_back(
      fmt::format("{}.fabric.torus.size: {}, the slice that {} servers fill of a pod "
                  "of {}",
                  path, Times(torus.size()), servers, whole));
}

/// One server alone uses nothing of the network between the servers of its cluster.
void LeaveOutNetwork(const Written& own, const std::string& path, SiteOfCluster& site,
                     std::vector<std::string>& notes) {
  if (site.message.servers() == 1 && !site.message.fabric().has_torus() && !own.Has("fabric")) {
    site.message.clear_fabric();
    site.written.fields.erase("fabric");
    notes.push_back(path + ".fabric: none, for one server alone uses nothing of its cluster's");
  }
}

/// Fields of the cluster that the site takes and fields that it has its own of; a block of which it
/// has none of its own is named once.
struct Taken {
  std::vector<std::string> taken;
  std::vector<std::string> own;
};

Taken TakenFrom(const Entry<proto::Cluster>& cluster, const Written& site) {
  Taken fields;
  ForEachValue(*cluster.message, *cluster.written, [&](const WrittenValue& value) {
    if (!NeedsSource(value) || value.path == "hypothetical") {
      return;  // a label
    }
    const std::string block = value.path.substr(0, value.path.find('.'));
    if (HasWritten(site, block == "building" ? "facility.building" : value.path)) {
      fields.own.push_back(value.path);
    } else if (site.Has(block)) {
      fields.taken.push_back(value.path);
    } else if (fields.taken.empty() || fields.taken.back() != block) {
      fields.taken.push_back(block);
    }
  });
  return fields;
}

std::string Joined(const std::vector<std::string>& texts) {
  std::string joined;
  for (const std::string& text : texts) {
    joined += (joined.empty() ? "" : ", ") + text;
  }
  return joined;
}

/// "site[0].cluster: meta_24k_h100 gives server, fabric; the site's own: servers".
void NoteCluster(const Entry<proto::Cluster>& cluster, const Written& site, const std::string& path,
                 std::vector<std::string>& notes) {
  const std::string& name = cluster.message->name();
  const Taken fields = TakenFrom(cluster, site);
  notes.push_back(path + ".cluster: " + name + " gives " +
                  (fields.taken.empty() ? "nothing" : Joined(fields.taken)) +
                  (fields.own.empty() ? "" : "; the site's own: " + Joined(fields.own)));
  if (cluster.message->hypothetical()) {
    notes.push_back(path + ".cluster: " + name + " is hypothetical: nobody has built it");
  }
}

}  // namespace

bool ExpandClusters(const Catalogue& catalogue, proto::Scenario& scenario, Written& written,
                    Remarks remarks, ProblemList& problems) {
  const std::size_t before = problems.size();
  for (int i = 0; i < scenario.site_size(); ++i) {
    proto::Site& site = *scenario.mutable_site(i);
    Written& site_written = written.fields["site"][static_cast<std::size_t>(i)];
    if (site.cluster().empty()) {
      continue;
    }
    const Entry<proto::Cluster>* const cluster = Find(catalogue.clusters, "cluster", site.cluster(),
                                                      site_written.At("cluster").value, problems);
    if (cluster == nullptr) {
      continue;
    }
    // A wrong entry of the scenario's own would be blamed a second time, on the site. What stands
    // in the catalogue's files has been checked.
    if (problems.empty()) {
      CheckRules(*cluster->message, *cluster->written, "catalog.cluster", problems);
    }
    const std::string path = ElementPath("site", static_cast<std::size_t>(i));
    NoteCluster(*cluster, site_written, path, remarks.notes);
    for (Estimate& estimate : EstimatesOfCluster(*cluster, site_written)) {
      remarks.estimates.push_back(std::move(estimate));
    }
    SiteOfCluster merged = MakeSiteOf(*cluster);
    merged.written.name = site_written.name;
    merged.written.value = site_written.value;
    LayOver(site, site_written, merged.message, merged.written);
    FitTorus(*cluster->message, site_written, path, merged, remarks.notes);
    LeaveOutNetwork(site_written, path, merged, remarks.notes);
    site = std::move(merged.message);
    site_written = std::move(merged.written);
  }
  return problems.size() == before;
}

double PueOf(const proto::Facility& facility, const Catalogue& catalogue, const std::string& path,
             std::vector<std::string>& notes) {
  if (facility.pue() != 0.0) {
    return facility.pue();
  }
  if (facility.building().empty()) {
    return 1.0;
  }
  const Entry<proto::Building>& building = catalogue.buildings.at(facility.building());
  const std::string name = building.message->name();
  notes.push_back(path + ".pue: that of the building " + name);
  return building.message->pue();
}

ClusterSite LoadCluster(const std::string& name) {
  ProblemList problems;
  proto::Scenario scenario;
  Written written;
  written.name.file = "--cluster";
  scenario.add_site()->set_cluster(name);
  written.fields["site"] = {Written{written.name, written.name, {}}};
  const Catalogue catalogue(scenario, written, CatalogueExtent::kWhole, problems);
  problems.ThrowIfAny();
  ClusterSite cluster;
  if (ExpandClusters(catalogue, scenario, written, {cluster.notes, cluster.estimates}, problems)) {
    scenario.mutable_site(0)->set_name(name);
    cluster.site = MakeSite(scenario, 0, catalogue, cluster.notes);
  }
  problems.ThrowIfAny();
  for (Estimate& estimate : EstimatesOfEntries({scenario, written, catalogue}, {})) {
    cluster.estimates.push_back(std::move(estimate));
  }
  cluster.parts = PartsOf(catalogue);
  return cluster;
}

}  // namespace gridlock
