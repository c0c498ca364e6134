#include "sim/cluster/rooms.h"

#include <algorithm>
#include <utility>

#include "sim/cluster/job_sites.h"
#include "sim/cluster/machine_now.h"
#include "sim/cluster/servers.h"

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

// On all of these sites together, evenly, with what is free there and, with `holds`, what it holds.
Room RoomOn(const ClusterView& view, const Member& member, const std::vector<SiteIndex>& sites,
            bool holds) {
  const TrainingSpec& step = member.run->spec().step;
  const auto used_of = [&](SiteIndex site) {
    return step.layout.used_of(view.machine.site(site).server.accelerators);
  };
  const std::int64_t parts =
      member.spec->spans ? static_cast<std::int64_t>(member.spec->sites.size()) : 1;
  std::int64_t here = step.layout.data / parts;
  for (const SiteIndex site : sites) {
    const std::int64_t servers = view.servers.free(site) + (holds ? member.servers[site] : 0);
    here = std::min(here, servers * used_of(site) / PerReplica(step));
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
  room.servers = ServersOf(accelerators, used_of(sites.front()));
  return room;
}

}  // namespace

Room RoomFor(const ClusterView& view, const Member& member, bool holds) {
  Room best;
  if (member.run->spec().elastic.replicas_min <= 0) {
    return best;
  }
  const std::vector<SiteIndex> allowed = AllowedSites(*member.spec, view.machine.sites());
  const auto consider = [&](const std::vector<SiteIndex>& sites) {
    if (view.machine.Connected(sites)) {
      Room room = RoomOn(view, member, sites, holds);
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

bool GainsByGrowing(const ClusterView& view, const Member& member) {
  if (member.run->share_lost() <= 0) {
    return false;
  }
  const Room room = RoomFor(view, member, /*holds=*/true);
  const bool quick = member.run->spec().elastic.reconfiguration_time > Seconds(0);
  return room.replicas > member.run->replicas() * (quick ? 1 : kWorthARestart);
}

// With its state in HBM where a replica has lost no server; from memory where no copy is lost:
// servers next to each other hold the copies of each other.
TrainingRun::Recovery RecoveryOf(const ClusterView& view, const Member& member, std::int32_t lost) {
  const PretrainingSpec& spec = member.run->spec();
  if (lost < 0) {
    return TrainingRun::Recovery::kStorage;
  }
  if (spec.elastic.reconfiguration_time > Seconds(0) &&
      member.run->phase() != TrainingRun::Phase::kRestarting) {
    const int held = view.machine.site(member.last_site).server.accelerators;
    const std::int64_t replicas =
        (std::int64_t{lost} * held + PerReplica(spec.step) - 1) / PerReplica(spec.step);
    if (replicas + spec.elastic.replicas_min <= member.run->replicas()) {
      return TrainingRun::Recovery::kSurvivors;
    }
  }
  return spec.checkpoint.memory_interval > Seconds(0) && lost <= spec.checkpoint.neighbours
             ? TrainingRun::Recovery::kMemory
             : TrainingRun::Recovery::kStorage;
}

}  // namespace gridlock
