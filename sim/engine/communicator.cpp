#include "sim/engine/communicator.h"

#include <algorithm>
#include <functional>
#include <string>

#include "sim/base/check.h"
#include "sim/engine/mover.h"

namespace gridlock {

namespace sg4 = simgrid::s4u;

Communicator::Communicator(World& world, std::int32_t group)
    : world_(world),
      group_(world.plan.groups[group]),
      members_(static_cast<std::uint32_t>(group_.agents.end - group_.agents.begin)),
      arrived_(world.program.collectives.size(), 0),
      latest_(world.program.collectives.size()),
      record_of_(world.program.collectives.size(), -1),
      rounds_(world.program.collectives.size(), 0),
      mailbox_(sg4::Mailbox::by_name("c" + std::to_string(group))),
      work_(sg4::Semaphore::create(0)) {}

void Communicator::Reset() {
  CHECK(ready_.empty() && waiters_.empty());
  std::fill(arrived_.begin(), arrived_.end(), 0U);
  std::fill(record_of_.begin(), record_of_.end(), -1);
  std::fill(rounds_.begin(), rounds_.end(), 0);
  last_ = -1;
}

void Communicator::Enqueue(AgentRow agent, std::int32_t records, std::int32_t collective,
                           std::int32_t previous) {
  CollectiveRecord& record = latest_[collective];
  // Of members that come at once the first in the plan counts as the last to come, in whatever
  // order their actors ran.
  const double now = World::Now();
  if (arrived_[collective] == 0 || now > record.start + kInstant || agent < record.last_agent) {
    record.last_agent = agent;
    record.last_agent_records = records;
    record.previous = previous;
  }
  record.start = now;
  record.collective = collective;
  if (++arrived_[collective] < members_) {
    return;
  }
  arrived_[collective] = 0;
  ready_.push_back(record);
  work_->release();
}

void Communicator::Serve() {
  while (true) {
    work_->acquire();
    const CollectiveRecord record = ready_.front();
    ready_.pop_front();
    Run(record);
    Wake(record.collective);
    HandOverNext(record.collective);
  }
}

void Communicator::Run(CollectiveRecord record) {
  if (world_.shared.mover != nullptr) {
    world_.shared.mover->Begins(record.collective);
  }
  auto& records = world_.run.log.collectives;
  if (last_ >= 0 && records[last_].end > record.start) {
    record.start = records[last_].end;
    record.previous = last_;
  }
  const Collective& collective = world_.program.collectives[record.collective];
  const std::int32_t first = world_.plan.FirstPhase(group_, collective.algorithm);
  const std::vector<CollectiveCost> costs = CostsOf(collective, group_.shape, world_.server);
  for (std::size_t phase = 0; phase < costs.size(); ++phase) {
    record.phase = static_cast<std::int32_t>(phase);
    RunPhase(first + static_cast<std::int32_t>(phase), costs[phase], record);
    last_ = static_cast<std::int32_t>(records.size());
    records.push_back(record);
    record.start = record.end;
    record.previous = last_;
  }
  record_of_[record.collective] = last_;
  ++rounds_[record.collective];
}

void Communicator::RunPhase(std::int32_t lay, const CollectiveCost& cost,
                            CollectiveRecord& record) {
  record.latency = cost.latency.si();
  if (record.latency > 0) {
    sg4::this_actor::sleep_for(record.latency);
  }
  Transfer domain(world_, mailbox_, {Way::Kind::kDomain, lay}, cost.domain_bytes.si(), {});
  Transfer nic(world_, mailbox_, {Way::Kind::kNic, lay}, cost.nic_bytes.si(), {});
  const Cause inside = domain.Wait().cause;
  const double inside_end = World::Now();
  const Cause across = nic.Wait().cause;
  record.cause =
      World::Now() > inside_end + kInstant || inside == Cause::kLatency ? across : inside;
  record.end = World::Now();
}

void Communicator::HandOverNext(std::int32_t collective) {
  if (world_.program.collectives[collective].next < 0) {
    return;
  }
  for (std::int32_t i = group_.agents.begin; i < group_.agents.end; ++i) {
    world_.collective_done(world_.plan.group_agents[i], collective, record_of_[collective]);
  }
}

void Communicator::Wake(std::int32_t collective) {
  const auto waits = [collective](const auto& waiter) {
    return waiter.first == collective;
  };
  const auto first = std::stable_partition(waiters_.begin(), waiters_.end(), std::not_fn(waits));
  // Out of the list before the first release: it lets other actors run, and they may add waiters.
  const std::vector<std::pair<std::int32_t, sg4::SemaphorePtr>> woken(first, waiters_.end());
  waiters_.erase(first, waiters_.end());
  for (const auto& waiter : woken) {
    waiter.second->release();
  }
}

}  // namespace gridlock
