#include "sim/engine/agent.h"

#include <algorithm>
#include <string>

#include "sim/base/check.h"
#include "sim/engine/mover.h"
#include "sim/platform/engine_options.h"
#include "sim/platform/simgrid_versions.h"

namespace gridlock {

namespace sg4 = simgrid::s4u;

Agent::Agent(World& world, AgentIndex index,
             const std::vector<std::unique_ptr<Communicator>>& communicators)
    : world_(world),
      index_(index),
      row_{index - world.first_agent},
      me_(world.plan.agents[index]),
      communicators_(communicators),
      mailbox_(sg4::Mailbox::by_name("a" + std::to_string(index.value))),
      wake_(sg4::Semaphore::create(0)),
      handed_over_(world.program.collectives.size(), 0) {}

void Agent::Run(const std::function<void()>& tick) {
  for (const Action& action : world_.program.roles[me_.role]) {
    Do(action);
    tick();
  }
  SettleAll(/*all=*/true);
}

void Agent::Reset() {
  for (int channel = 0; channel < kChannels; ++channel) {
    CHECK(inbox_[channel].empty() && !blocked_on_[channel]);
    outbox_[channel].clear();
  }
  groups_done_.clear();
  std::fill(handed_over_.begin(), handed_over_.end(), 0);
}

void Agent::Do(const Action& action) {
  switch (action.kind) {
    case Action::Kind::kPass:
      return RunPass(world_.program.passes[action.index]);
    case Action::Kind::kSend:
      return Send(action.channel());
    case Action::Kind::kReceive:
      return Receive(action.channel());
    case Action::Kind::kStart:
      return Start(action.index);
    case Action::Kind::kWait:
      return AwaitCollective(action.index);
    case Action::Kind::kFloor:
      return AwaitFloor(world_.program.passes[action.index]);
    case Action::Kind::kDelay:
      sg4::this_actor::sleep_for(world_.program.delay.si());
      return Log(Activity::kOverhead, Cause::kOverhead);
  }
}

void Agent::Log(Activity activity, Cause cause, std::int32_t awaited) {
  world_.run.log.Add(row_, World::Now(), activity, cause, awaited);
}

void Agent::RunPass(const Pass& pass) {
  const double start = World::Now();
  const std::int32_t first = world_.run.log.RecordsOf(row_);
  pass_start_ = start;
  pass_records_ = first;
  Transfer overlapped(world_, mailbox_, Over(Way::Kind::kTensor), pass.tensor_overlapped.si(), {});
  Transfer around(world_, mailbox_, Over(Way::Kind::kContext), pass.context.si(), {});
  Compute(pass);
  if (pass.memory_bytes.si() > 0) {
    const double bound =
        pass.memory_time.si() > 0 ? (pass.memory_bytes / pass.memory_time).si() : 0.0;
    Transfer(world_, mailbox_, Over(Way::Kind::kHbm), pass.memory_bytes.si(), {.rate_bound = bound})
        .Wait();
    Log(Activity::kMemoryBound, world_.plan.tiers.hbm());
  }
  world_.run.series.Add(FlopSeries(world_.plan), start, World::Now(),
                        pass.flop.si() * world_.job.width * static_cast<double>(me_.members));
  AwaitOverlapped(around, first);
  AwaitOverlapped(overlapped, first);
  ExposedTensorComm(pass);
  if (!pass.exchanges) {
    AwaitFloor(pass);
  }
}

// A pass takes no less than its floor; where the floor outlasts the work, it set the pace of all.
void Agent::AwaitFloor(const Pass& pass) {
  const double floor_end = pass_start_ + pass.floor.si();
  const double busy_end = World::Now();
  if (floor_end > busy_end) {
    World::SleepUntil(floor_end);
    Log(Activity::kLaunch, Cause::kLaunch);
  }
  if (floor_end > busy_end + kInstant) {
    world_.run.log.Recharge(row_, pass_records_, Cause::kLaunch);
  }
  if (pass.host_wait.si() > 0) {
    sg4::this_actor::sleep_for(pass.host_wait.si());
    Log(Activity::kLaunch, Cause::kLaunch);
  }
}

// The most that other traffic can take of HBM beside this pass.
BytesPerSecond Agent::HbmOfOthers(const Pass& pass) const {
  BytesPerSecond others = world_.job.hbm_reserve;
  if (pass.tensor_overlapped.si() > 0) {
    others += world_.job.tensor_hbm_rate;
  }
  return others;
}

void Agent::Compute(const Pass& pass) {
  const double bound = pass.compute_time.si();
  if (bound <= 0) {
    return;
  }
  const double start = World::Now();
  const double bytes = pass.compute_bytes.si();
  // Sharing HBM slows this pass only if others can leave it less than it wants.
  const BytesPerSecond left = world_.job.hbm_capacity - HbmOfOthers(pass);
  double slow_rate = left.si();
  if (pass.compute_bytes / pass.compute_time > left) {
    Transfer transfer(world_, mailbox_, Over(Way::Kind::kHbm), bytes,
                      {.rate_bound = bytes / bound});
    slow_rate = std::max(slow_rate, 1 / transfer.Wait().mean_seconds_per_byte);
  } else {
    sg4::this_actor::sleep_for(bound);
    world_.shared.meter.Account(me_.hbm, bytes, start, World::Now(), world_.run.series);
  }
  constexpr double kSlack = 1e-8;
  if (World::Now() - start > bound * (1 + kSlack) + kSlack) {
    LogSlowedCompute(start, bound, slow_rate * bound / bytes);
  } else {
    Log(Activity::kCompute, Cause::kCompute);
  }
}

// Logs compute that took longer than the matrix units need, because communication used HBM too.
// While communication ran beside it, the pass moved at `slow_share` of the pace of the matrix
// units. Time lost in t slow seconds is t (1 - slow_share), so the pass was slow for lost / (1 -
// slow_share) seconds. Example: 1 ms lost at a share of 0.5 means 2 slow ms. Those seconds are
// charged to HBM, because a faster HBM would have shortened them; the rest to the matrix units. A
// share of one or more means that nothing used HBM beside the pass at the moments when the meter
// looked; then only the lost time is charged to HBM.
void Agent::LogSlowedCompute(double start, double bound, double slow_share) {
  const double end = World::Now();
  const double lost = end - start - bound;
  const double slow = slow_share < 1 ? std::min(end - start, lost / (1 - slow_share)) : lost;
  if (end - slow > start) {
    world_.run.log.Add(row_, end - slow, Activity::kCompute, Cause::kCompute);
  }
  if (end - slow < start + bound) {
    world_.run.log.Add(row_, start + bound, Activity::kCompute, world_.plan.tiers.hbm());
  }
  Log(Activity::kMemoryBound, world_.plan.tiers.hbm());
}

// Collectives that outlast the work beside them set the pace of all of it: the records since
// `first`.
void Agent::AwaitOverlapped(Transfer& overlapped, std::int32_t first) {
  const double before = World::Now();
  const Cause cause = overlapped.Wait().cause;
  if (World::Now() > before) {
    Log(Activity::kTensorComm, cause);
  }
  if (World::Now() > before + kInstant) {
    world_.run.log.Recharge(row_, first, cause);
  }
}

void Agent::ExposedTensorComm(const Pass& pass) {
  if (pass.tensor_latency.si() > 0) {
    sg4::this_actor::sleep_for(pass.tensor_latency.si());
    Log(Activity::kTensorComm, Cause::kLatency);
  }
  if (pass.tensor_exposed.si() > 0) {
    // No pass runs beside it, so only other communication shares HBM with it.
    const bool with_hbm =
        world_.job.tensor_hbm_rate + world_.job.hbm_reserve > world_.job.hbm_capacity;
    const Cause exposed = Transfer(world_, mailbox_, Over(Way::Kind::kTensor),
                                   pass.tensor_exposed.si(), {.with_hbm = with_hbm})
                              .Wait()
                              .cause;
    Log(Activity::kTensorComm, exposed);
  }
}

void Agent::Send(int channel) {
  SettleAll(/*all=*/false);
  const Span flows = me_.sends[DirectionOf(channel)];
  CHECK(!flows.empty());
  const Plan::Flow& first = world_.plan.flows[flows.begin];
  Agent* target = (*agents_)[first.target].get();
  Message& message = outbox_[channel].emplace_back();
  message.world = &world_;
  message.target = target;
  message.channel = channel;
  message.flows_left = flows.end - flows.begin;
  message.record = static_cast<std::int32_t>(world_.run.log.messages.size());
  world_.run.log.messages.push_back(
      {World::Now(), 0.0, row_, world_.run.log.RecordsOf(row_), TierTable::kNic});
  target->inbox_[channel].push_back(&message);
  StartFlows(message, flows);
}

void Agent::StartFlows(Message& message, Span flows) {
  const double payload = world_.program.message.si();
  if (world_.shared.mover != nullptr) {
    for (std::int32_t f = flows.begin; f < flows.end; ++f) {
      message.moving.push_back(
          world_.shared.mover->Start(world_, mailbox_, {Way::Kind::kFlow, f}, payload,
                                     /*with_hbm=*/true, [&message, f](const Moving& moving) {
                                       FlowArrived(message, f, moving.bottleneck);
                                     }));
    }
    return;
  }
  for (std::int32_t f = flows.begin; f < flows.end; ++f) {
    const double wire = payload / world_.plan.flows[f].efficiency;
    const std::int32_t ticket = world_.shared.meter.Start(world_.plan.flows[f].route, World::Now());
    message.flows.emplace_back(mailbox_, static_cast<std::uint64_t>(wire * kUnitsPerByte + 0.5), 0,
                               [&message, f, ticket] {
                                 FlowDone(message, f, ticket);
                               });
    ++world_.run.log.activities;
  }
  simgrid::kernel::actor::simcall_answered([this, &message, flows] {
    for (std::int32_t f = flows.begin; f < flows.end; ++f) {
      world_.shared.platform.SetNextRoute(world_.plan.flows[f].route);
      message.flows[static_cast<std::size_t>(f - flows.begin)].Start();
    }
  });
}

// SimGrid calls this at the exact end of a flow, in kernel context.
void Agent::FlowDone(Message& message, std::int32_t number, std::int32_t ticket) {
  World& world = *message.world;
  const Plan::Flow& flow = world.plan.flows[number];
  FlowArrived(message, number,
              world.shared.meter.Finish(ticket, world.program.message.si() / flow.efficiency,
                                        World::Now(), world.run.series));
}

void Agent::FlowArrived(Message& message, std::int32_t number,
                        const Meter::Bottleneck& bottleneck) {
  World& world = *message.world;
  const Plan::Flow& flow = (*world.shared.flows)[number];
  MessageRecord& record = world.run.log.messages[message.record];
  message.bottleneck = Heavier(message.bottleneck, bottleneck);
  // Flows of one message may cross different switches: it is there when the last byte of all is.
  const double arrival = World::Now() + flow.latency;
  if (arrival > message.ready) {
    message.ready = arrival;
    record.latency = flow.latency;
  }
  if (--message.flows_left > 0) {
    return;
  }
  record.cause = message.bottleneck.cause;
  Agent& target = *message.target;
  if (target.blocked_on_[message.channel] && target.inbox_[message.channel].front() == &message) {
    target.blocked_on_[message.channel] = false;
    target.wake_->release();
  }
}

void Agent::Receive(int channel) {
  auto& inbox = inbox_[channel];
  const double start = World::Now();
  if (inbox.empty() || inbox.front()->flows_left > 0) {
    blocked_on_[channel] = true;
    wake_->acquire();
  }
  Message& message = *inbox.front();
  if (message.ready > World::Now()) {
    World::SleepUntil(message.ready);
  }
  if (World::Now() > start) {
    Log(Activity::kPipelineWait, TierTable::kNic, message.record);
  }
  inbox.pop_front();
  message.taken = true;
}

// SimGrid wants each activity waited for by its owner, and searches the list of what an actor owns
// at each end of one: arrived messages are closed before the next one goes out.
void Agent::SettleAll(bool all) {
  for (std::deque<Message>& queue : outbox_) {
    Settle(queue, all);
  }
}

void Agent::Settle(std::deque<Message>& queue, bool all) {
  for (Message& message : queue) {
    if (all || message.flows_left == 0) {
      for (Communication& flow : message.flows) {
        flow.Wait();
      }
      message.flows.clear();
      for (const std::unique_ptr<Moving>& moving : message.moving) {
        moving->Close();
      }
      message.moving.clear();
    }
  }
  while (!queue.empty() && queue.front().taken) {
    queue.pop_front();
  }
}

void Agent::Start(std::int32_t collective) {
  HandOver(collective, -1);
}

void Agent::CollectiveDone(std::int32_t collective, std::int32_t record) {
  const FamilyIndex family = world_.program.collectives[collective].family;
  int groups = 0;
  for (std::int32_t i = me_.groups.begin; i < me_.groups.end; ++i) {
    groups += world_.plan.groups[world_.plan.agent_groups[i]].family == family ? 1 : 0;
  }
  if (++groups_done_[collective] == groups) {
    HandOver(world_.program.collectives[collective].next, record);
  }
}

void Agent::HandOver(std::int32_t collective, std::int32_t previous) {
  const FamilyIndex family = world_.program.collectives[collective].family;
  ++handed_over_[collective];
  for (std::int32_t i = me_.groups.begin; i < me_.groups.end; ++i) {
    const std::int32_t group = world_.plan.agent_groups[i];
    if (world_.plan.groups[group].family == family) {
      communicators_[group]->Enqueue(row_, world_.run.log.RecordsOf(row_), collective, previous);
    }
  }
}

void Agent::AwaitCollective(std::int32_t collective) {
  const Collective& what = world_.program.collectives[collective];
  // One that follows another may not be handed over yet.
  const std::int32_t rounds = std::max(handed_over_[collective], 1);
  const Activity activity = what.to_experts ? Activity::kExpertComm : Activity::kDataComm;
  for (std::int32_t i = me_.groups.begin; i < me_.groups.end; ++i) {
    const std::int32_t group = world_.plan.agent_groups[i];
    Communicator& communicator = *communicators_[group];
    if (world_.plan.groups[group].family == what.family &&
        communicator.RoundsOf(collective) < rounds) {
      communicator.AddWaiter(collective, wake_);
      wake_->acquire();
      Log(activity, TierTable::kNic, communicator.RecordOf(collective));
    }
  }
}

}  // namespace gridlock
