// Fleets of the cluster: they grow and shrink with their load, load weights and lose servers.

#include <algorithm>
#include <cmath>
#include <utility>

#include "sim/cluster/cluster.h"
#include "sim/cluster/fleet_servers.h"
#include "sim/cluster/life_events.h"

namespace gridlock {

void Cluster::SizeFleets() {
  for (const JobIndex job : active_) {
    Member& member = members_[job];
    if (!member.fleet) {
      continue;
    }
    const Seconds now = timeline_.now();
    const std::vector<SiteSpec>& sites = machine_.sites();
    const std::int32_t wanted = member.fleet->Wanted(now, now + 2 * record_.interval);
    const std::vector<SiteIndex> order = SitesOfFleet(member, machine_);
    const ReplicaPlaces places = PlacesOf(member.fleet->spec(), sites[order.front()].server);
    if (const std::int32_t missing = wanted - FleetCapacity(member, sites); missing > 0) {
      GrowFleet(job, order, static_cast<std::int32_t>(places.ServersFor(missing)));
    } else if (const auto better = BetterSite(member, machine_, servers_)) {
      GrowFleet(job, {better->first}, better->second);
    }
    const std::int32_t ready = FleetReady(member, sites, now);
    ServeWith(std::min(wanted, ready), /*in_order=*/true, machine_, member);
    const std::int32_t spare = FleetCapacity(member, sites) - wanted;
    if (spare >= places.replicas && member.starting.empty() && !member.fleet->draining()) {
      ShrinkFleet(job, spare / places.replicas * places.servers);
    }
  }
}

// From these sites in their order; where nothing is free, runs of lower priority make room.
void Cluster::GrowFleet(JobIndex job, const std::vector<SiteIndex>& sites, std::int32_t servers) {
  Member& member = members_[job];
  for (const SiteIndex site : sites) {
    if (servers_.free(site) < servers) {
      for (const JobIndex victim : Victims(Queue().state, site, servers, member.spec->priority)) {
        Interrupt(victim, {.kind = EventKind::kPreempt, .detail = "for " + member.spec->name});
      }
    }
    const std::int32_t some = std::min(servers, servers_.free(site));
    if (some == 0) {
      continue;
    }
    const Placement more = Place(servers_.state(site), site, some);
    Hold(job, more);
    member.fleet_servers.insert(member.fleet_servers.end(), more.begin(), more.end());
    servers -= some;
    if (member.fleet_start.si() < 0) {
      member.fleet_start = timeline_.now();
    }
    StartReplicas(job, more);
  }
}

void Cluster::StartReplicas(JobIndex job, const Placement& more) {
  Member& member = members_[job];
  const SiteIndex at = more[0].site;
  const SiteSpec& site = machine_.site(at);
  LifeEvent event = JobEvent(EventKind::kStart, job, more);
  const std::int64_t replicas =
      PlacesOf(member.fleet->spec(), site.server).CapacityOf(event.servers);
  const Seconds start = member.fleet->StartTime(site.server, site.storage_bandwidth, replicas);
  const bool loads = member.fleet->spec().start.from == WeightsFrom::kStorage && replicas > 0;
  if (loads) {
    event.detail = "takes requests after " + FormatSeconds(start) + " at least";
    LoadWeights(job, at, static_cast<std::int32_t>(replicas));
  } else if (start > Seconds(0)) {
    event.detail = "takes requests after " + FormatSeconds(start);
    member.starting.push_back(
        {timeline_.now() + start, static_cast<std::int32_t>(replicas), at, 0});
    ReconsiderAt(timeline_.now() + start);
  }
  Note(event);
}

void Cluster::ReconsiderAt(Seconds time) {
  timeline_.At(time, [this] {
    ReconsiderSoon();
  });
}

// Through the storage of the site, beside checkpoints and all else that is on it.
void Cluster::LoadWeights(JobIndex job, SiteIndex site, std::int32_t replicas) {
  Member& member = members_[job];
  const std::int64_t load = ++member.loads;
  member.starting.push_back({Seconds(HUGE_VAL), replicas, site, load});
  (void)Carry(site, member.fleet->Nics(machine_.site(site).server, replicas),
              member.fleet->Weights(replicas), [this, job, load] {
                Member& loaded = members_[job];
                const Seconds ready = timeline_.now() + loaded.fleet->spec().start.engine;
                for (Member::Starting& each : loaded.starting) {
                  each.ready = each.load == load ? ready : each.ready;
                }
                ReconsiderAt(ready);
              });
}

// At most as fast as the NICs.
TransferId Cluster::Carry(SiteIndex site, BytesPerSecond nics, Bytes bytes,
                          std::function<void()> done) {
  const Seconds begin = timeline_.now();
  return timeline_.Start({site}, bytes, nics, [this, begin, bytes, done = std::move(done)] {
    AdvanceTo(timeline_.now());
    const Seconds took = timeline_.now() - begin;
    if (took > Seconds(0)) {
      ledger_.storage_bytes().Add(begin, timeline_.now(), (bytes / took).si());
    }
    done();
  });
}

// The last that it took go first, or those of the site that is worst now.
void Cluster::ShrinkFleet(JobIndex job, std::int32_t servers) {
  Member& member = members_[job];
  OrderServers(machine_, member);
  while (servers > 0 && !member.fleet_servers.empty()) {
    const ServerRun given = TakeLast(member.fleet_servers, servers);
    servers -= given.count;
    GiveUp(job, {given});
    Note(JobEvent(EventKind::kEnd, job, {given}));
  }
}

// A server of a fleet is gone; the requests of its replicas begin anew elsewhere.
void Cluster::DropFromFleet(JobIndex job, SiteIndex site, ServerIndex server) {
  Member& member = members_[job];
  if (TakeServer(member.fleet_servers, site, server)) {
    GiveUp(job, {{site, server, 1}});
    ++member.servers_lost;
  }
  const std::int32_t ready = FleetReady(member, machine_.sites(), timeline_.now());
  ServeWith(std::min(member.fleet->in_service(), ready), /*in_order=*/false, machine_, member);
}

}  // namespace gridlock
