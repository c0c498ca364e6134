#include <algorithm>
#include <cmath>
#include <utility>

#include "sim/base/check.h"
#include "sim/cluster/cluster.h"
#include "sim/cluster/job_sites.h"

namespace gridlock {

namespace {

// Sets of more sites than this are tried whole and one by one only.
constexpr std::size_t kSitesTried = 10;

// A restart for so little more would cost more than it gives back before the next failure.
constexpr double kWorthARestart = 1.05;

std::int64_t PerReplica(const TrainingSpec& step) {
  return step.layout.accelerators() / step.layout.data;
}

// The most replicas, at most `most`, that shard groups and groups of experts divide.
int Whole(const Layout& layout, int most) {
  const int group = std::max(1, layout.shard_group);
  for (int replicas = most - most % group; replicas > 0; replicas -= group) {
    const std::int64_t ranks =
        std::int64_t{replicas} * layout.accelerators() / layout.data / layout.pipeline;
    const int shared = std::max(1, layout.expert) * std::max(1, layout.expert_tensor);
    if (ranks % shared == 0) {
      return replicas;
    }
  }
  return 0;
}

}  // namespace

double Cluster::ShareLost(const Member& member) {
  const int data = member.run ? member.run->spec().step.layout.data : 0;
  return member.replicas > 0 && member.replicas < data
             ? 1 - static_cast<double>(member.replicas) / data
             : 0;
}

// Each replica keeps its share of the sequences.
const TrainingSpec& Cluster::StepOf(Member& member) {
  const TrainingSpec& step = member.run->spec().step;
  if (ShareLost(member) <= 0) {
    return step;
  }
  const auto [entry, added] = member.fewer.try_emplace(member.replicas, step);
  if (added) {
    entry->second.layout.data = member.replicas;
    entry->second.global_batch = step.global_batch / step.layout.data * member.replicas;
  }
  return entry->second;
}

// A run on one site that lacks a few replicas takes the step of all of them: each does the same,
// and a sum over a few ranks less is no slower. Its own would be a machine without two like parts,
// anew after every failure.
PlacedJob Cluster::PlacedOf(Member& member, const Placement& placement) {
  constexpr double kFew = 0.25;
  const PretrainingSpec& spec = member.run->spec();
  const double lost = ShareLost(member);
  if (lost <= 0 || lost > kFew || member.spec->spans) {
    return {&StepOf(member), placement, spec.recorded};
  }
  const SiteIndex site = placement[0].site;
  const int each = spec.step.layout.used_of(sites_[site].server.accelerators);
  const auto servers =
      static_cast<std::int32_t>((spec.step.layout.accelerators() + each - 1) / each);
  return {&spec.step, {{site, ServerIndex{0}, servers}}, Seconds(0), 1 - lost};
}

bool Cluster::Connected(const std::vector<SiteIndex>& sites) const {
  const auto among = [&sites](SiteIndex site) {
    return std::find(sites.begin(), sites.end(), site) != sites.end();
  };
  for (std::size_t w = 0; w < wans_.size(); ++w) {
    if (wan_outages_[w] > 0 && among({wans_[w].from}) && among({wans_[w].to})) {
      return false;
    }
  }
  return true;
}

// On all of these sites together, evenly, with what is free there and, with `holds`, what it holds.
Cluster::Room Cluster::RoomOn(const Member& member, const std::vector<SiteIndex>& sites,
                              bool holds) const {
  const TrainingSpec& step = member.run->spec().step;
  const std::int64_t parts =
      member.spec->spans ? static_cast<std::int64_t>(member.spec->sites.size()) : 1;
  std::int64_t here = step.layout.data / parts;
  for (const SiteIndex site : sites) {
    const std::int64_t servers = servers_.free(site) + (holds ? member.servers[site] : 0);
    here = std::min(
        here, servers * step.layout.used_of(sites_[site].server.accelerators) / PerReplica(step));
  }
  Room room{0, sites, 0};
  for (; here > 0; --here) {
    const auto count = static_cast<int>(sites.size());
    const int replicas = Whole(step.layout, static_cast<int>(here) * count);
    if (replicas % count == 0) {
      room.replicas = replicas;
      break;
    }
  }
  if (room.replicas < member.run->spec().elastic.replicas_min) {
    return {};
  }
  const std::int64_t accelerators =
      room.replicas / static_cast<std::int64_t>(sites.size()) * PerReplica(step);
  const int each = step.layout.used_of(sites_[sites.front()].server.accelerators);
  room.servers = static_cast<std::int32_t>((accelerators + each - 1) / each);
  return room;
}

// The most replicas that an elastic run could train with now; none: too few servers are there.
Cluster::Room Cluster::RoomFor(const Member& member, bool holds) const {
  Room best;
  if (member.run->spec().elastic.replicas_min <= 0) {
    return best;
  }
  const std::vector<SiteIndex> allowed = AllowedSites(*member.spec, sites_);
  const auto consider = [&](const std::vector<SiteIndex>& sites) {
    if (Connected(sites)) {
      Room room = RoomOn(member, sites, holds);
      best = room.replicas > best.replicas ? std::move(room) : best;
    }
  };
  if (member.spec->spans) {
    consider(allowed);
  }
  if (member.spec->spans && allowed.size() <= kSitesTried) {
    for (std::uint32_t set = 1; set + 1 < std::uint32_t{1} << allowed.size(); ++set) {
      std::vector<SiteIndex> sites;
      for (std::size_t i = 0; i < allowed.size(); ++i) {
        if ((set >> i & 1U) != 0) {
          sites.push_back(allowed[i]);
        }
      }
      consider(sites);
    }
    return best;
  }
  for (const SiteIndex site : allowed) {
    consider({site});
  }
  return best;
}

void Cluster::ShrinkToRoom(Member& member, QueuedJob& queued) const {
  const Room room = RoomFor(member, /*holds=*/false);
  if (room.replicas > 0) {
    member.replicas = room.replicas;
    queued.sites = room.sites;
    queued.spans = room.sites.size() > 1;
    queued.servers = room.servers;
  }
}

// With its state in HBM where a replica has lost no server; from memory where no copy is lost:
// servers next to each other hold the copies of each other.
TrainingRun::Recovery Cluster::RecoveryOf(const Member& member, std::int32_t lost) const {
  const PretrainingSpec& spec = member.run->spec();
  if (lost < 0) {
    return TrainingRun::Recovery::kStorage;
  }
  if (spec.elastic.reconfiguration_time > Seconds(0) &&
      member.run->phase() != TrainingRun::Phase::kRestarting) {
    const SiteIndex site = member.last_site;
    const std::int64_t replicas =
        (std::int64_t{lost} * sites_[site].server.accelerators + PerReplica(spec.step) - 1) /
        PerReplica(spec.step);
    if (replicas + spec.elastic.replicas_min <= member.replicas) {
      return TrainingRun::Recovery::kSurvivors;
    }
  }
  return spec.checkpoint.memory_interval > Seconds(0) && lost <= spec.checkpoint.neighbours
             ? TrainingRun::Recovery::kMemory
             : TrainingRun::Recovery::kStorage;
}

std::int32_t Cluster::HeldOf(JobIndex job, SiteIndex site, FailureStream::Range servers) const {
  std::int32_t held = 0;
  for (std::int32_t i = 0; i < servers.count; ++i) {
    held += servers_.holder(site, {servers.first + i}) == job ? 1 : 0;
  }
  return held;
}

// A checkpoint is whole: a run that has lost replicas takes back those that it can have.
void Cluster::GrowAgain(JobIndex job) {
  Member& member = members_[job];
  if (ShareLost(member) <= 0) {
    return;
  }
  const Room room = RoomFor(member, /*holds=*/true);
  const bool quick = member.run->spec().elastic.reconfiguration_time > Seconds(0);
  if (room.replicas > member.replicas * (quick ? 1 : kWorthARestart)) {
    StopForGrowth(job);
  }
}

void Cluster::StopForGrowth(JobIndex job) {
  Member& member = members_[job];
  const TrainingRun::Recovery recovery =
      member.run->spec().elastic.reconfiguration_time > Seconds(0)
          ? TrainingRun::Recovery::kSurvivors
          : TrainingRun::Recovery::kStorage;
  Disarm(member);
  (void)timeline_.Cancel(std::exchange(member.background, TransferId::kNone));
  const SiteIndex site = member.run->placement()[0].site;
  GiveUp(job, member.run->Interrupt(timeline_.now(), TrainingRun::Stop::kGrows, recovery));
  Note({.kind = EventKind::kPreempt, .job = job, .site = site, .detail = "to take back replicas"});
  ReconsiderSoon();
}

}  // namespace gridlock
