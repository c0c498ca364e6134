// Jobs of all kinds against the sites that they may run on.

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <type_traits>

#include "sim/base/check.h"
#include "sim/scenario/convert.h"
#include "sim/scenario/fit_checks.h"
#include "sim/schema/rules.h"
#include "topologies/topology.h"
#include "topologies/wan_way.h"

namespace gridlock {
namespace {

// ", e.g. 4 or 5" for a tensor size between two that divide the heads.
std::string DivisorsNear(const ServingSpec& fleet) {
  const int heads = fleet.model.heads;
  int below = std::min(fleet.tensor, heads), above = fleet.tensor;
  while (heads % below != 0) {
    --below;
  }
  while (above < heads && heads % above != 0) {
    ++above;
  }
  return above < heads ? ", e.g. " + std::to_string(below) + " or " + std::to_string(above) : "";
}

/// Checks of one job against one site, the problems of which go to a list of their own.
class PlaceChecks {
 public:
  PlaceChecks(const JobMessage& job, const FitPlace& place, ProblemList& problems)
      : job_(job), place_(place), problems_(problems) {}

  void Check(const PretrainingSpec& run) {
    const std::int64_t accelerators =
        std::int64_t{place_.site.servers} * place_.site.server.accelerators;
    if (run.recorded > Seconds(0)) {
      if (run.step.layout.data > accelerators) {
        problems_.Add(job_.written.At("recorded").At("accelerators").value,
                      FieldPath(run.step.path, "accelerators"),
                      Refusal("\"accelerators\" is " + std::to_string(run.step.layout.data) +
                                  ", and " + place_.name + " has " + std::to_string(accelerators),
                              "at most " + std::to_string(accelerators)));
      }
      return;
    }
    CheckRun(job_.message.pretraining(), job_.written.At("pretraining"), run);
  }

  void Check(const CampaignSpec& campaign) {
    const Written& written = job_.written.At("campaign");
    for (std::size_t i = 0; i < campaign.rungs.size(); ++i) {
      const int index = static_cast<int>(i);
      CheckRun(job_.message.campaign().rung(index), written.At("rung", index), campaign.rungs[i]);
    }
  }

  void Check(const ServingSpec& fleet) {
    const ServerSpec& server = place_.site.server;
    const auto refuse = [&](const std::string& field, const std::string& what,
                            const std::string& expectation) {
      problems_.Add(job_.written.At("serving").At(field).value, FieldPath(fleet.path, field),
                    Refusal(what, expectation));
    };
    if (fleet.model.heads % fleet.tensor != 0) {
      refuse("tensor",
             "\"tensor\" is " + std::to_string(fleet.tensor) +
                 ", which does not divide the heads " + "of " + fleet.model.name + ", " +
                 std::to_string(fleet.model.heads),
             "a divisor of " + std::to_string(fleet.model.heads) + DivisorsNear(fleet));
    }
    if (fleet.prefill_tensor > 0 && fleet.model.heads % fleet.prefill_tensor != 0) {
      problems_.Add(job_.written.At("serving").At("pools").At("prefill_tensor").value,
                    FieldPath(fleet.path, "pools") + ".prefill_tensor",
                    Refusal("\"prefill_tensor\" is " + std::to_string(fleet.prefill_tensor) +
                                ", which does not divide the heads of " + fleet.model.name + ", " +
                                std::to_string(fleet.model.heads),
                            "a divisor of " + std::to_string(fleet.model.heads)));
    }
    if (fleet.pipeline > fleet.model.layers) {
      refuse("pipeline",
             "\"pipeline\" is " + std::to_string(fleet.pipeline) + ", and " + fleet.model.name +
                 " has " + std::to_string(fleet.model.layers) + " layers",
             "at most " + std::to_string(fleet.model.layers));
    }
    if (fleet.start.from == WeightsFrom::kStorage &&
        place_.site.storage_bandwidth <= BytesPerSecond(0.0)) {
      refuse("start", "weights come from the storage of " + place_.name,
             "storage_bandwidth: \"1 TB/s\" or another in the site");
    }
    const std::int64_t replicas = PlacesOf(fleet, server).CapacityOf(place_.site.servers);
    if (replicas == 0) {
      refuse("tensor",
             (fleet.pools() ? "a unit of pools takes " : "a replica takes ") +
                 std::to_string(fleet.unit_accelerators()) + " accelerators, and " + place_.name +
                 " has " + std::to_string(std::int64_t{server.accelerators} * place_.site.servers),
             "a tensor x pipeline x data that the site has room for");
    } else if (const std::int64_t all = replicas + place_.replicas_beside; fleet.replicas > all) {
      const bool alone = place_.replicas_beside == 0;
      refuse("replicas",
             "\"replicas\" is " + std::to_string(fleet.replicas) + ", and " +
                 (alone ? place_.name + " has" : "all sites together have") + " room for " +
                 std::to_string(all),
             "at most " + std::to_string(all));
    }
  }

  // The accelerators that a test names: on the site, each once, and instead of a count.
  bool CheckChosen(const CollectiveTestSpec& test, const Written& written) {
    const std::int64_t all = std::int64_t{place_.site.servers} * place_.site.server.accelerators;
    const Written& first = written.At("accelerator");
    const auto refuse = [&](const std::string& what) {
      problems_.Add(first.value, FieldPath(test.path, "accelerator"), what);
      return false;
    };
    for (const char* field : {"ranks", "ranks_per_server"}) {
      if (written.Has(field)) {
        return refuse(Refusal("both \"accelerator\" and " + Quoted(field) + " say who takes part",
                              "one of them"));
      }
    }
    const std::vector<int>& chosen = test.accelerators;
    if (chosen.size() < 2) {
      return refuse(Refusal("one accelerator alone has nobody to talk to", "two or more"));
    }
    if (chosen.back() >= all) {
      return refuse(Refusal("there is no accelerator " + std::to_string(chosen.back()) + ": " +
                                place_.name + " has " + std::to_string(all),
                            "numbers from 0 to " + std::to_string(all - 1)));
    }
    const auto twice = std::adjacent_find(chosen.begin(), chosen.end());
    if (twice != chosen.end()) {
      return refuse(Refusal("accelerator " + std::to_string(*twice) + " is named twice",
                            "each of them once"));
    }
    return true;
  }

  void Check(const CollectiveTestSpec& test) {
    const Written& written = job_.written.At("collective_test");
    const int held = place_.site.server.accelerators;
    const int used = test.domain_ranks > 0 ? test.domain_ranks : held;
    const std::int64_t accelerators = std::int64_t{place_.site.servers} * used;
    const auto refuse = [&](const std::string& field, const std::string& what) {
      problems_.Add(written.At(field).value, FieldPath(test.path, field), what);
    };
    if (!test.accelerators.empty() && !CheckChosen(test, written)) {
      return;
    }
    if (used > held) {
      refuse("ranks_per_server",
             Refusal("\"ranks_per_server\" is " + std::to_string(used) + ", and a server has " +
                         std::to_string(held) + " accelerators",
                     "at most " + std::to_string(held)));
      return;
    }
    if (test.ranks > accelerators) {
      refuse("ranks", Refusal("\"ranks\" is " + std::to_string(test.ranks) + ", and " +
                                  place_.name + " has " + std::to_string(accelerators) +
                                  (used < held ? " that take part" : " accelerators"),
                              "at most " + std::to_string(accelerators)));
      return;
    }
    const CollectiveTestSpec placed = OnSite(test, place_.site);
    const std::int64_t block = std::int64_t{placed.group_size} * placed.group_stride;
    if (block > placed.ranks || placed.ranks % block != 0) {
      refuse(test.group_size > 0 ? "group_size" : "group_stride",
             Refusal("groups of " + std::to_string(placed.group_size) + " ranks, " +
                         std::to_string(placed.group_stride) + " apart, do not share out " +
                         std::to_string(placed.ranks) + " ranks",
                     "\"group_size\" times \"group_stride\" to divide " +
                         std::to_string(placed.ranks)));
      return;
    }
    try {
      (void)BuildCollectiveTest(placed, place_.site.server);
    } catch (const UserError& error) {
      for (const Problem& problem : error.problems()) {
        refuse(problem.path.substr(test.path.size() + 1), problem.message);
      }
    }
  }

 private:
  void CheckRun(const proto::Pretraining& message, const Written& written,
                const PretrainingSpec& run) {
    CheckTrainingFit(message, written, run.step, place_, problems_);
    if (run.checkpoint_interval > Seconds(0) &&
        place_.site.storage_bandwidth <= BytesPerSecond(0.0)) {
      problems_.Add(written.At("checkpoint_interval").name, run.step.path + ".checkpoint_interval",
                    Refusal("checkpoints need the storage of " + place_.name,
                            "storage_bandwidth: \"1 TB/s\" or another in the site"));
    }
    if (place_.share > 1) {
      CheckShares(written, run.step.layout, run.step.zero);
      CheckExpertsStay(written, run.step);
    }
  }

  void CheckExpertsStay(const Written& written, const TrainingSpec& step) {
    if (step.model.has_experts() && step.layout.splits_experts()) {
      const char* const field = step.layout.expert > 1 ? "expert" : "expert_tensor";
      problems_.Add(written.At("layout").At(field).value, step.layout.path + "." + field,
                    Refusal("experts over several ranks are not simulated on several sites yet",
                            "a single site, or expert: 1 and expert_tensor like tensor"));
    }
  }

  void CheckShares(const Written& written, const Layout& layout, int zero) {
    const int here = layout.data / place_.share;
    if (layout.data % place_.share != 0) {
      problems_.Add(
          written.At("layout").At("data").value, layout.path + ".data",
          Refusal("\"data\" is " + std::to_string(layout.data) + ", and " +
                      std::to_string(place_.share) + " sites do not share the replicas evenly",
                  "a multiple of " + std::to_string(place_.share)));
    } else if (zero > 0 && layout.shard_group > 0 && here % layout.shard_group != 0) {
      problems_.Add(written.At("layout").At("shard_group").value, layout.path + ".shard_group",
                    Refusal("a group of " + std::to_string(layout.sharing_replicas()) +
                                " replicas that share one sharded copy does not stay within one "
                                "site, which has " +
                                std::to_string(here),
                            "shard_group: a divisor of " + std::to_string(here)));
    }
  }

  const JobMessage& job_;
  const FitPlace& place_;
  ProblemList& problems_;
};

/// Servers of the largest group of each level, innermost first: of the network, and racks, rows and
/// feeds.
std::vector<std::pair<std::string, std::int64_t>> LargestGroups(const SiteSpec& site) {
  const auto topology = MakeTopology(site);
  const Locality locality = topology->locality();
  std::vector<std::pair<std::string, std::int64_t>> largest;
  for (int level = 0; level < locality.levels(); ++level) {
    std::int64_t most = 0;
    for (std::int32_t g = 0; g < locality.groups(level); ++g) {
      most = std::max<std::int64_t>(most, locality.end_of(level, g) - locality.begin_of(level, g));
    }
    largest.emplace_back(locality.level(level).name, most);
  }
  for (const char* group : kBuildingGroups) {
    if (const std::int32_t size = site.ServersOfGroup(group); size > 0) {
      largest.emplace_back(group, size);
    }
  }
  return largest;
}

/// One group of servers holds the job.
void CheckWithin(const JobMessage& job, const JobSpec& spec, const FitPlace& place,
                 ProblemList& problems) {
  if (spec.within.empty()) {
    return;
  }
  std::int64_t servers = 0;
  const auto count = [&](const PretrainingSpec& run) {
    const Layout& layout = run.step.layout;
    const int used = layout.used_of(place.site.server.accelerators);
    servers = std::max<std::int64_t>(servers, (layout.accelerators() + used - 1) / used);
  };
  if (const auto* run = std::get_if<PretrainingSpec>(&spec.kind)) {
    count(*run);
  } else if (const auto* campaign = std::get_if<CampaignSpec>(&spec.kind)) {
    std::for_each(campaign->rungs.begin(), campaign->rungs.end(), count);
  }
  const auto groups = LargestGroups(place.site);
  std::vector<std::string> names, hold;
  std::int64_t most = -1;
  for (const auto& [name, size] : groups) {
    names.push_back(name);
    if (size >= servers) {
      hold.push_back(name);
    }
    most = name == spec.within ? size : most;
  }
  const Position& at = job.written.At("within").value;
  if (most < 0) {
    const bool of_building = std::find(kBuildingGroups.begin(), kBuildingGroups.end(),
                                       spec.within) != kBuildingGroups.end();
    problems.Add(at, spec.path + ".within",
                 Refusal(place.name + " has no " + Quoted(spec.within),
                         of_building ? "how its servers stand: facility { servers_per_rack: 4 "
                                       "racks_per_row: 16 rows_per_feed: 2 }, or " +
                                           OneOf(names)
                                     : OneOf(names),
                         of_building ? "" : NearestName(spec.within, names)));
  } else if (most < servers) {
    problems.Add(at, spec.path + ".within",
                 Refusal("the job needs " + std::to_string(servers) + " servers, and a " +
                             spec.within + " of " + place.name + " has " + std::to_string(most),
                         hold.empty() ? "a job without it" : OneOf(hold)));
  }
}

void CheckPlace(const JobMessage& job, const JobSpec& spec, const FitPlace& place,
                ProblemList& problems) {
  if (problems.empty()) {
    CheckWithin(job, spec, place, problems);
  }
  PlaceChecks checks(job, place, problems);
  std::visit(
      [&](const auto& kind) {
        checks.Check(kind);
      },
      spec.kind);
}

/// WAN links join each pair of the sites that a job spans, if need be by way of other sites.
void CheckLinks(const JobMessage& job, const Scenario& scenario, const JobSpec& spec,
                ProblemList& problems) {
  for (std::size_t i = 0; i < spec.sites.size(); ++i) {
    for (std::size_t k = i + 1; k < spec.sites.size(); ++k) {
      if (WanWay(scenario.wans, spec.sites[i], spec.sites[k]).empty()) {
        const auto name = [&](std::size_t at) {
          return Quoted(scenario.sites[static_cast<std::size_t>(spec.sites[at])].name);
        };
        problems.Add(job.written.At("span", static_cast<int>(k)).value, spec.path + ".span",
                     Refusal("no WAN links join " + name(i) + " and " + name(k),
                             "wan { ... } between them, or by way of other sites"));
      }
    }
  }
}

FitPlace PlaceOf(const Scenario& scenario, SiteIndex site, int share) {
  const SiteSpec& spec = scenario.sites[static_cast<std::size_t>(site)];
  return {spec, scenario.sites.size() == 1 ? "the site" : "site " + Quoted(spec.name), share, 0};
}

/// Replicas of a fleet that a site holds; 0 of other jobs.
std::int64_t ReplicasOn(const Scenario& scenario, const JobSpec& spec, SiteIndex site) {
  const auto* fleet = std::get_if<ServingSpec>(&spec.kind);
  const SiteSpec& place = scenario.sites[static_cast<std::size_t>(site)];
  return fleet == nullptr ? 0 : PlacesOf(*fleet, place.server).CapacityOf(place.servers);
}

/// Those of the candidates that hold the job. Where none holds a fleet alone, those that hold it
/// together. Where there are none, the problems of the one with the fewest.
std::vector<SiteIndex> Fitting(const JobMessage& job, const Scenario& scenario, const JobSpec& spec,
                               const std::vector<SiteIndex>& candidates, ProblemList& problems) {
  std::int64_t replicas = 0;
  for (const SiteIndex site : candidates) {
    replicas += ReplicasOn(scenario, spec, site);
  }
  std::vector<SiteIndex> fitting;
  ProblemList best;
  for (const bool together : {false, true}) {
    if (!fitting.empty() || (together && (replicas == 0 || candidates.size() < 2))) {
      continue;
    }
    best = ProblemList();
    for (const SiteIndex site : candidates) {
      FitPlace place = PlaceOf(scenario, site, 1);
      place.replicas_beside = together ? replicas - ReplicasOn(scenario, spec, site) : 0;
      ProblemList found;
      CheckPlace(job, spec, place, found);
      if (found.empty()) {
        fitting.push_back(site);
      } else if (best.empty() || found.size() < best.size()) {
        best = found;
      }
    }
  }
  if (fitting.empty()) {
    problems.Append(best);
  }
  return fitting;
}

}  // namespace

void FitJob(const JobMessage& job, const Scenario& scenario, JobSpec& spec, ProblemList& problems) {
  if (spec.spans) {
    const int share = static_cast<int>(spec.sites.size());
    ProblemList first;  // what is wrong with the layout itself is wrong at every site
    for (const SiteIndex site : spec.sites) {
      ProblemList found;
      CheckPlace(job, spec, PlaceOf(scenario, site, share), found);
      if (first.empty()) {
        first.Append(found);
      }
    }
    problems.Append(first);
    CheckLinks(job, scenario, spec, problems);
    return;
  }
  std::vector<SiteIndex> candidates = spec.sites;
  if (candidates.empty()) {
    candidates.resize(scenario.sites.size());
    std::iota(candidates.begin(), candidates.end(), SiteIndex{0});
  }
  const auto size_of = [&](SiteIndex site) {
    const SiteSpec& place = scenario.sites[static_cast<std::size_t>(site)];
    return std::int64_t{place.servers} * place.server.accelerators;
  };
  std::stable_sort(candidates.begin(), candidates.end(), [&](SiteIndex a, SiteIndex b) {
    return size_of(a) > size_of(b);
  });
  std::vector<SiteIndex> fitting = Fitting(job, scenario, spec, candidates, problems);
  if (fitting.size() < candidates.size()) {
    std::sort(fitting.begin(), fitting.end());
    spec.sites = fitting.empty() ? spec.sites : fitting;
  }
}

namespace {

/// Who leaves must be there.
void CheckRetirements(const SiteSpec& site, const Written& place, ProblemList& problems) {
  std::int64_t gone = 0;
  for (const RetirementSpec& each : site.retirements) {
    gone += each.servers;
    std::int64_t there = site.servers;
    for (const DeliverySpec& delivery : site.deliveries) {
      there -= delivery.at > each.at ? delivery.servers : 0;
    }
    if (gone > there) {
      problems.Add(
          place.At("retirement").name, site.path + ".retirement",
          Refusal(std::to_string(gone) + " servers have left after " + FormatSeconds(each.at) +
                      ", and " + Quoted(site.name) + " has had " + std::to_string(there),
                  "at most " + std::to_string(there)));
      return;
    }
  }
}

}  // namespace

void CheckSites(const std::vector<SiteSpec>& sites, const Written& written, ProblemList& problems) {
  for (std::size_t i = 0; i < sites.size(); ++i) {
    const SiteSpec& site = sites[i];
    const Written& place = written.At("site", static_cast<int>(i));
    const auto most = static_cast<std::int64_t>(kAcceleratorsMax);
    const std::int64_t accelerators = std::int64_t{site.servers} * site.server.accelerators;
    if (accelerators > most) {
      problems.Add(place.At("servers").value, site.path + ".servers",
                   Refusal("the site has " + std::to_string(site.servers) + " x " +
                               std::to_string(site.server.accelerators) + " = " +
                               std::to_string(accelerators) + " accelerators",
                           "at most " + std::to_string(most)));
    }
    std::int64_t later = 0;
    for (const DeliverySpec& delivery : site.deliveries) {
      later += delivery.servers;
    }
    if (later > site.servers) {
      problems.Add(place.At("delivery").name, site.path + ".delivery",
                   Refusal(std::to_string(later) + " servers come later, and " + Quoted(site.name) +
                               " has " + std::to_string(site.servers) + " in all",
                           "at most " + std::to_string(site.servers) + ", or more \"servers\""));
    }
    CheckRetirements(site, place, problems);
    const AcceleratorSpec& accelerator = site.server.accelerator;
    // Below what it draws while a job holds it no clock is low enough.
    if (accelerator.power.limit <= accelerator.power.held()) {
      problems.Add(place.At("override").At("power_limit").value,
                   site.path + ".override.power_limit",
                   Refusal("the power limit is not above what " + accelerator.name +
                               " draws while a job holds it and does nothing",
                           "more than " + FormatWatts(accelerator.power.held())));
    }
    if (accelerator.power.floor > accelerator.power.limit) {
      problems.Add(place.At("override").At("power_floor").value,
                   site.path + ".override.power_floor",
                   Refusal("the power floor is above the power limit of " + accelerator.name,
                           "at most " + FormatWatts(accelerator.power.limit)));
    }
  }
}

}  // namespace gridlock
