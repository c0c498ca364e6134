#include "sim/engine/mover.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "sim/base/check.h"
#include "sim/platform/engine_options.h"

namespace gridlock {

namespace sg4 = simgrid::s4u;

Mover::Mover(Shared& shared, const ChangingPlan& plan, std::int32_t rows)
    : shared_(shared),
      plan_(plan),
      rows_(rows),
      mailbox_(sg4::Mailbox::by_name("mover")),
      wake_(sg4::Semaphore::create(0)) {}

std::unique_ptr<Moving> Mover::Start(World& world, sg4::Mailbox* own, Way way, double amount,
                                     bool with_hbm, std::function<void(const Moving&)> ended) {
  auto moving = std::make_unique<Moving>();
  moving->world = &world;
  moving->way = way;
  moving->amount = amount;
  moving->with_hbm = with_hbm;
  moving->ended = std::move(ended);
  moving->route = shared_.RouteOf(way);
  moving->serial = ++last_;
  if (!moving->ended) {
    moving->wake = sg4::Semaphore::create(0);
  }
  active_.emplace(moving->serial, moving.get());
  if (!plan_.IsCut(moving->route)) {
    Begin(*moving, own);
  }
  return moving;
}

Meter::Bottleneck Mover::Wait(Moving& moving) {
  if (!moving.done) {
    moving.wake->acquire();
  }
  moving.Close();
  return moving.bottleneck;
}

// Starts what a transfer has left, on its present route.
void Mover::Begin(Moving& moving, sg4::Mailbox* mailbox) {
  moving.bytes = shared_.BytesOf(moving.way, moving.amount) * moving.left;
  const auto units = static_cast<std::uint64_t>(moving.bytes * kUnitsPerByte + 0.5);
  if (moving.route.empty() || units == 0) {
    Ended(moving);
    return;
  }
  moving.ticket = shared_.meter.Start(moving.route, World::Now());
  ++moving.world->run.log.activities;
  moving.communication = Communication(mailbox, units, 0, [this, &moving] {
    Ended(moving);
  });
  simgrid::kernel::actor::simcall_answered([this, &moving] {
    shared_.platform.SetNextRoute(moving.route, moving.with_hbm);
    moving.communication.Start();
  });
}

// Takes a transfer off its links and notes what it has left.
void Mover::Pause(Moving& moving) {
  const auto units = std::max(1.0, std::floor(moving.bytes * kUnitsPerByte + 0.5));
  const double rest = std::clamp(moving.communication.remaining() / units, 0.0, 1.0);
  moving.communication.Cancel();
  moving.bottleneck =
      Heavier(moving.bottleneck, shared_.meter.Finish(moving.ticket, moving.bytes * (1 - rest),
                                                      World::Now(), moving.world->run.series));
  moving.ticket = -1;
  moving.left *= rest;
}

// SimGrid calls this at the exact end, in kernel context.
void Mover::Ended(Moving& moving) {
  if (moving.ticket >= 0) {
    moving.bottleneck = Heavier(
        moving.bottleneck,
        shared_.meter.Finish(moving.ticket, moving.bytes, World::Now(), moving.world->run.series));
  }
  moving.done = true;
  active_.erase(moving.serial);
  if (moving.wake) {
    moving.wake->release();
  }
  if (moving.ended) {
    moving.ended(moving);
  }
}

// Whether the next epoch leaves a transfer as it is.
bool Mover::Stays(const Moving& moving, const ChangingPlan::Epoch& next) const {
  const auto& routes = plan_.plan.routes;
  const Span route = Shared::RouteOf(moving.way, next.agents, next.flows, next.lays);
  const ChangingPlan::Epoch& now = plan_.epochs[epoch_];
  const bool same =
      std::equal(routes.begin() + moving.route.begin, routes.begin() + moving.route.end,
                 routes.begin() + route.begin, routes.begin() + route.end,
                 [](const RouteEntry& a, const RouteEntry& b) {
                   return a.resource == b.resource && a.weight == b.weight;
                 });
  return same &&
         std::all_of(routes.begin() + route.begin, routes.begin() + route.end,
                     [&](const RouteEntry& entry) {
                       return now.capacities[entry.resource] == next.capacities[entry.resource];
                     });
}

bool Mover::Fails(const Moving& moving, const ChangingPlan::Epoch& next) const {
  const auto& routes = plan_.plan.routes;
  return std::any_of(routes.begin() + moving.route.begin, routes.begin() + moving.route.end,
                     [&](const RouteEntry& entry) {
                       return next.failed[entry.resource];
                     });
}

void Mover::BeginEpoch(std::size_t number) {
  const ChangingPlan::Epoch& next = plan_.epochs[number];
  std::vector<std::uint64_t> starting;
  for (auto& [serial, moving] : active_) {
    if (Stays(*moving, next)) {
      continue;
    }
    if (moving->communication.is_open()) {
      if (next.failover > Seconds(0) && Fails(*moving, next)) {
        resumes_[serial] = World::Now() + next.failover.si();
      }
      Pause(*moving);
    }
    moving->route = Shared::RouteOf(moving->way, next.agents, next.flows, next.lays);
    if (!resumes_.contains(serial)) {
      starting.push_back(serial);
    }
  }
  for (std::size_t r = 0; r < next.capacities.size(); ++r) {
    if (next.capacities[r] != plan_.epochs[epoch_].capacities[r]) {
      shared_.platform.SetCapacity(static_cast<std::int32_t>(r), next.capacities[r]);
    }
  }
  epoch_ = number;
  shared_.Lay(next.agents, next.flows, next.lays);
  for (const std::uint64_t serial : starting) {
    const auto found = active_.find(serial);
    if (found != active_.end() && !plan_.IsCut(found->second->route)) {
      Begin(*found->second, mailbox_);
    }
  }
}

// All groups begin a row together; the first of them finds everything idle.
void Mover::Begins(std::int32_t collective) {
  if (collective >= rows_ || World::Now() <= origin_) {
    return;
  }
  CHECK(active_.empty());
  origin_ = World::Now();
  resumes_.clear();
  BeginEpoch(0);
  wake_->release();
}

void Mover::Serve() {
  while (true) {
    double next = std::numeric_limits<double>::infinity();
    if (epoch_ + 1 < plan_.epochs.size()) {
      next = origin_ + plan_.epochs[epoch_ + 1].from.si();
    }
    for (const auto& [serial, when] : resumes_) {
      next = std::min(next, when);
    }
    if (std::isinf(next)) {
      wake_->acquire();
      continue;
    }
    const double wait = next - World::Now();
    if (wait > 0 && !wake_->acquire_timeout(wait)) {
      continue;  // everything counts anew
    }
    const double now = World::Now() + kInstant;
    while (epoch_ + 1 < plan_.epochs.size() &&
           origin_ + plan_.epochs[epoch_ + 1].from.si() <= now) {
      BeginEpoch(epoch_ + 1);
    }
    for (auto resume = resumes_.begin(); resume != resumes_.end();) {
      const auto found = active_.find(resume->first);
      const bool due = resume->second <= now;
      if (due && found != active_.end() && !plan_.IsCut(found->second->route)) {
        Begin(*found->second, mailbox_);
      }
      resume = due || found == active_.end() ? resumes_.erase(resume) : std::next(resume);
    }
  }
}

}  // namespace gridlock
