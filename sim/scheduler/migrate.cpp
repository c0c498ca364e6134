// EASY backfilling with migration. Where the first job that waits finds no room, running jobs are
// moved if that makes room for it now: out of a group of servers that it has to lie within, or to
// another site. The jobs moved are the smallest that suffice. They are held up by a checkpoint and
// a restart, so they move only where the job that waits gains more server-time than they lose.
//
// The placements are whole before anything moves, so that nobody stops without a place to go to.

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "sim/scheduler/round.h"

namespace gridlock {

namespace {

std::int32_t ServersAmong(const RunningJob& job, const ServerRun& among) {
  std::int32_t count = 0;
  for (const ServerRun& run : job.placement) {
    count += Overlap(run, among);
  }
  return count;
}

// The job and those that move for it, with their new places.
struct Plan {
  Start room_for;
  std::vector<Start> moves;
  double lost = 0;   ///< server-seconds
  double ready = 0;  ///< seconds until the last of them has moved
};

// Frees what the movers hold, places the job among `place`, and the movers anywhere else.
std::optional<Plan> Lay(const Round& round, const QueuedJob& job, const ServerRun& place,
                        std::vector<const RunningJob*> movers) {
  const ClusterState& state = round.state();
  std::vector<FreeServers> free;
  for (std::size_t s = 0; s < state.sites.size(); ++s) {
    free.push_back(round.free_servers(IndexOf<SiteIndex>(s)));
  }
  for (const RunningJob* mover : movers) {
    for (const ServerRun& run : mover->placement) {
      free[run.site].Add(run);
    }
  }
  Plan plan;
  FreeServers inside = free[place.site];
  inside.Remove({place.site, ServerIndex{0}, place.first.value});
  const ServerIndex end{place.first + place.count};
  inside.Remove({place.site, end, state.sites[place.site].locality->servers() - end.value});
  plan.room_for = {job.job, inside.Take(place.site, job.servers)};
  if (plan.room_for.placement.empty()) {
    return std::nullopt;
  }
  for (const ServerRun& run : plan.room_for.placement) {
    free[run.site].Remove(run);
  }
  std::stable_sort(movers.begin(), movers.end(), [](const RunningJob* a, const RunningJob* b) {
    return ServersIn(a->placement) > ServersIn(b->placement);
  });
  for (const RunningJob* mover : movers) {
    const auto servers = static_cast<std::int32_t>(ServersIn(mover->placement));
    Start move{mover->job, {}};
    for (auto site = mover->sites.begin(); site != mover->sites.end() && move.placement.empty();
         ++site) {
      move.placement = free[*site].Take(*site, servers, mover->within);
    }
    if (move.placement.empty()) {
      return std::nullopt;
    }
    plan.lost += servers * mover->move_time.si();
    plan.ready = std::max(plan.ready, mover->move_time.si());
    plan.moves.push_back(std::move(move));
  }
  if (!job.restarts && free[place.site].total() < state.sites[place.site].reserved) {
    return std::nullopt;  // it would lie on spares
  }
  return plan;
}

// With the smallest movers that free enough.
std::optional<Plan> PlanFor(const Round& round, const QueuedJob& job, const ServerRun& place) {
  std::vector<std::pair<std::int32_t, const RunningJob*>> candidates;
  for (const RunningJob& running : round.state().running) {
    const std::int32_t here = ServersAmong(running, place);
    if (here > 0 && !running.sites.empty() && running.priority <= job.priority) {
      candidates.emplace_back(here, &running);
    }
  }
  std::stable_sort(candidates.begin(), candidates.end(), [](const auto& a, const auto& b) {
    return ServersIn(a.second->placement) < ServersIn(b.second->placement);
  });
  std::int32_t missing = job.servers - round.free_servers(place.site).FreeIn(place);
  std::vector<const RunningJob*> movers;
  for (const auto& [here, running] : candidates) {
    if (missing > 0) {
      movers.push_back(running);
      missing -= here;
    }
  }
  return missing <= 0 && !movers.empty() ? Lay(round, job, place, movers) : std::nullopt;
}

}  // namespace

void Migrate(Round& round) {
  Backfill(round);
  const ClusterState& state = round.state();
  // What starts now may take the place that a plan would count on.
  if (round.waiting().empty() || round.starts_something()) {
    return;
  }
  const QueuedJob& job = *round.waiting().front();
  if (job.spans) {
    return;
  }
  double waits = INFINITY;
  std::optional<Plan> best;
  for (const SiteIndex site : job.sites) {
    waits = std::min(waits, round.ShadowOn(site, job).when - state.now.si());
    for (const ServerRun& place : PlacesWithin(state.sites[site], site, job.within)) {
      std::optional<Plan> plan = PlanFor(round, job, place);
      if (plan && (!best || plan->lost < best->lost)) {
        best = std::move(plan);
      }
    }
  }
  if (best && job.servers * (waits - best->ready) > best->lost) {
    round.Move(std::move(best->room_for), std::move(best->moves));
  }
}

}  // namespace gridlock
