#include "sim/cluster/fleets.h"

#include <algorithm>
#include <cmath>

#include "sim/cluster/fleet_servers.h"
#include "sim/cluster/job_sites.h"
#include "sim/cluster/life_events.h"
#include "sim/cluster/machine_now.h"

namespace gridlock {

Fleets::Fleets(const ClusterView& view, Roster& roster, Course& course)
    : view_(view), roster_(roster), course_(course) {}

bool Fleets::any() const {
  return std::any_of(view_.members.begin(), view_.members.end(), [](const Member& member) {
    return member.fleet != nullptr;
  });
}

void Fleets::Resize(const MakeRoom& make_room) {
  for (const JobIndex job : view_.active) {
    if (view_.members[job].fleet) {
      ResizeOne(job, make_room);
    }
  }
}

void Fleets::ResizeOne(JobIndex job, const MakeRoom& make_room) {
  Member& member = roster_.member(job);
  Fleet& fleet = *member.fleet;
  const Seconds now = course_.now();
  const std::vector<SiteSpec>& sites = view_.machine.sites();
  const std::int32_t wanted = fleet.replicas.Wanted(now, now + 2 * course_.interval());
  const std::vector<SiteIndex> order = SitesOfFleet(member, view_.machine);
  const ReplicaPlaces places = PlacesOf(fleet.spec(), sites[order.front()].server);
  if (const std::int32_t missing = wanted - FleetCapacity(member, sites); missing > 0) {
    Grow(job, order, static_cast<std::int32_t>(places.ServersFor(missing)), make_room);
  } else if (const auto better = BetterSite(member, view_.machine, view_.servers)) {
    Grow(job, {better->first}, better->second, make_room);
  }
  const std::int32_t ready = FleetReady(member, sites, now);
  ServeWith(std::min(wanted, ready), /*in_order=*/true, view_.machine, member);
  SetSending(*member.spec, fleet);
  const std::int32_t spare = FleetCapacity(member, sites) - wanted;
  if (spare >= places.replicas && fleet.starting.empty() && !fleet.replicas.draining()) {
    Shrink(job, spare / places.replicas * places.servers);
  }
}

// From these sites in their order.
void Fleets::Grow(JobIndex job, const std::vector<SiteIndex>& sites, std::int32_t servers,
                  const MakeRoom& make_room) {
  Fleet& fleet = *roster_.member(job).fleet;
  for (const SiteIndex site : sites) {
    if (view_.servers.free(site) < servers) {
      make_room(job, site, servers);
    }
    const std::int32_t some = std::min(servers, view_.servers.free(site));
    if (some == 0) {
      continue;
    }
    const Placement more = Place(view_.servers.state(site), site, some);
    roster_.Hold(job, more);
    fleet.servers.insert(fleet.servers.end(), more.begin(), more.end());
    servers -= some;
    if (fleet.start.si() < 0) {
      fleet.start = course_.now();
    }
    StartReplicas(job, more);
  }
}

void Fleets::StartReplicas(JobIndex job, const Placement& more) {
  Fleet& fleet = *roster_.member(job).fleet;
  const SiteIndex at = more[0].site;
  const SiteSpec& site = view_.machine.site(at);
  LifeEvent event = JobEvent(EventKind::kStart, job, more);
  const std::int64_t replicas = PlacesOf(fleet.spec(), site.server).CapacityOf(event.servers);
  const Seconds start = fleet.replicas.StartTime(site.server, site.storage_bandwidth, replicas);
  const WeightsFrom from = fleet.spec().start.from;
  const bool sent = from == WeightsFrom::kReplica && fleet.replicas.in_service() > 0;
  if (replicas > 0 && (sent || from == WeightsFrom::kStorage)) {
    event.detail = "takes requests after " + FormatSeconds(start) + " at least";
    LoadWeights(job, more, static_cast<std::int32_t>(replicas));
  } else if (start > Seconds(0)) {
    event.detail = "takes requests after " + FormatSeconds(start);
    fleet.starting.push_back(
        {course_.now() + start, static_cast<std::int32_t>(replicas), at, 0, more});
    course_.LookAgainAt(course_.now() + start);
  }
  course_.Note(event);
}

// Through the storage of the site, beside checkpoints and all else that is on it, or from replicas
// that serve, over what NICs they have. The first ones of a fleet have none to get them from.
void Fleets::LoadWeights(JobIndex job, const Placement& servers, std::int32_t replicas) {
  Fleet& fleet = *roster_.member(job).fleet;
  const SiteIndex site = servers[0].site;
  const std::int64_t load = ++fleet.loads;
  fleet.starting.push_back({Seconds(HUGE_VAL), replicas, site, load, servers});
  const auto there = [this, load, &fleet] {
    const Seconds ready = course_.now() + fleet.spec().start.engine;
    for (Fleet::Starting& each : fleet.starting) {
      each.ready = each.load == load ? ready : each.ready;
    }
    course_.LookAgainAt(ready);
  };
  const BytesPerSecond nics = fleet.replicas.Nics(view_.machine.site(site).server, replicas);
  const Bytes weights = fleet.replicas.Weights(replicas);
  if (fleet.sender < 0) {
    (void)course_.Carry(site, nics, weights, there);
  } else {
    SetSending(*view_.members[job].spec, fleet);
    (void)course_.Send(fleet.sender, nics, weights, there);
  }
}

// Replicas that serve send, those that have just begun as well. Where the last of them goes while
// weights are on their way, these keep the pace that they had.
void Fleets::SetSending(const JobSpec& job, const Fleet& fleet) {
  if (fleet.sender >= 0 && !fleet.starting.empty() && fleet.replicas.in_service() > 0) {
    const ServerSpec server = LeastServer(job, view_.machine.sites());
    course_.SetSending(fleet.sender, fleet.replicas.Nics(server, fleet.replicas.in_service()));
  }
}

// The last that it took go first, or those of the site that is worst now.
void Fleets::Shrink(JobIndex job, std::int32_t servers) {
  Fleet& fleet = *roster_.member(job).fleet;
  OrderServers(view_.machine, fleet);
  while (servers > 0 && !fleet.servers.empty()) {
    const ServerRun given = TakeLast(fleet.servers, servers);
    servers -= given.count;
    roster_.GiveUp(job, {given});
    course_.Note(JobEvent(EventKind::kEnd, job, {given}));
  }
}

void Fleets::Drop(JobIndex job, SiteIndex site, ServerIndex server) {
  Member& member = roster_.member(job);
  Fleet& fleet = *member.fleet;
  if (TakeServer(fleet.servers, site, server)) {
    roster_.GiveUp(job, {{site, server, 1}});
    ++fleet.servers_lost;
  }
  // One that was still starting takes no replica that serves with it.
  const ReplicaPlaces places = PlacesOf(fleet.spec(), view_.machine.site(site).server);
  for (Fleet::Starting& each : fleet.starting) {
    if (TakeServer(each.servers, site, server)) {
      each.replicas = static_cast<std::int32_t>(places.CapacityOf(ServersIn(each.servers)));
    }
  }
  const std::int32_t ready = FleetReady(member, view_.machine.sites(), course_.now());
  ServeWith(std::min(fleet.replicas.in_service(), ready), /*in_order=*/false, view_.machine,
            member);
  SetSending(*member.spec, fleet);
}

void Fleets::WorkAtLevels(const std::vector<int>& levels) {
  for (const JobIndex job : view_.active) {
    if (view_.members[job].fleet) {
      WorkAt(levels, view_.machine.sites(), roster_.member(job));
    }
  }
}

void Fleets::BeginEpoch(const std::vector<int>& levels) {
  for (std::size_t j = 0; j < view_.members.size(); ++j) {
    Member& member = roster_.member(IndexOf<JobIndex>(j));
    if (member.fleet) {
      member.fleet->limits = levels;
      member.fleet->slowed = 1;
      member.fleet->replicas.SetCosts(LeastServer(*member.spec, view_.machine.sites()));
    }
  }
}

}  // namespace gridlock
