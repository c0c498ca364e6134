#include "sim/engine/communicator.h"

#include <string>

namespace gridlock {

namespace sg4 = simgrid::s4u;

Communicator::Communicator(World& world, std::int32_t group)
    : world_(world),
      group_(world.plan.groups[group]),
      members_(static_cast<std::uint32_t>(group_.agents.end - group_.agents.begin)),
      arrived_(world.program.collectives.size(), 0),
      record_of_(world.program.collectives.size(), -1),
      mailbox_(sg4::Mailbox::by_name("c" + std::to_string(group))),
      work_(sg4::Semaphore::create(0)) {}

void Communicator::Enqueue(std::int32_t agent, std::int32_t records, std::int32_t collective) {
  if (++arrived_[collective] < members_) {
    return;
  }
  CollectiveRecord record;
  record.start = World::Now();
  record.last_agent = agent;
  record.last_agent_records = records;
  record.collective = collective;
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
  }
}

void Communicator::Run(CollectiveRecord record) {
  auto& records = world_.run.log.collectives;
  if (last_ >= 0 && records[last_].end > record.start) {
    record.start = records[last_].end;
    record.previous = last_;
  }
  const Collective& collective = world_.program.collectives[record.collective];
  const CollectiveCost cost = CostOf(collective.kind, collective.payload, group_.shape, world_.server);
  record.latency = cost.latency.si();
  if (record.latency > 0) {
    sg4::this_actor::sleep_for(record.latency);
  }
  Transfer domain(world_, mailbox_, group_.domain, cost.domain_bytes.si(), {});
  Transfer ring(world_, mailbox_, group_.ring, cost.nic_bytes.si(), {});
  const Cause inside = domain.Wait().cause;
  const double inside_end = World::Now();
  const Cause across = ring.Wait().cause;
  record.cause = World::Now() > inside_end || inside == Cause::kLatency ? across : inside;
  record.end = World::Now();
  last_ = static_cast<std::int32_t>(records.size());
  records.push_back(record);
  record_of_[record.collective] = last_;
}

void Communicator::Wake(std::int32_t collective) {
  std::vector<std::pair<std::int32_t, sg4::SemaphorePtr>> rest;
  for (auto& waiter : waiters_) {
    if (waiter.first == collective) {
      waiter.second->release();
    } else {
      rest.push_back(std::move(waiter));
    }
  }
  waiters_ = std::move(rest);
}

}  // namespace gridlock
