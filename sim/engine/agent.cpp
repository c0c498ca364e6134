#include "sim/engine/agent.h"

#include <simgrid/simix.hpp>

#include <string>

#include "sim/base/check.h"

namespace gridlock {

namespace sg4 = simgrid::s4u;

Agent::Agent(World& world, std::int32_t index, const std::vector<std::unique_ptr<Communicator>>& communicators)
    : world_(world),
      index_(index),
      me_(world.plan.agents[index]),
      communicators_(communicators),
      mailbox_(sg4::Mailbox::by_name("a" + std::to_string(index))),
      wake_(sg4::Semaphore::create(0)) {}

void Agent::Run(const std::function<void()>& tick) {
  for (const Action& action : world_.program.roles[me_.role]) {
    Do(action);
    tick();
  }
  Settle(0, /*all=*/true);
  Settle(1, /*all=*/true);
}

void Agent::Do(const Action& action) {
  switch (action.kind) {
    case Action::Kind::kPass:
      return RunPass(world_.program.passes[action.index]);
    case Action::Kind::kSend:
      return Send(static_cast<int>(action.direction));
    case Action::Kind::kReceive:
      return Receive(static_cast<int>(action.direction));
    case Action::Kind::kStart:
      return Start(action.index);
    case Action::Kind::kWait:
      return AwaitCollective(action.index);
    case Action::Kind::kDelay:
      sg4::this_actor::sleep_for(world_.program.delay.si());
      return Log(Activity::kOverhead, Cause::kOverhead);
  }
}

void Agent::Log(Activity activity, Cause cause, std::int32_t awaited) {
  world_.run.log.Add(index_, World::Now(), activity, cause, awaited);
}

void Agent::RunPass(const Pass& pass) {
  const double start = World::Now();
  Transfer overlapped(world_, mailbox_, me_.tensor, pass.tensor_overlapped.si(), {});
  Compute(pass);
  if (pass.memory_bytes.si() > 0) {
    const double bound = pass.memory_time.si() > 0 ? (pass.memory_bytes / pass.memory_time).si() : 0.0;
    Transfer(world_, mailbox_, me_.hbm, pass.memory_bytes.si(), {.rate_bound = bound}).Wait();
    Log(Activity::kMemoryBound, Cause::kHbm);
  }
  world_.meter.CountFlop(pass.flop.si() * world_.plan.tensor * static_cast<double>(me_.members), start, World::Now());
  ExposedTensorComm(pass, overlapped);
  const double floor_end = start + pass.floor.si();
  if (floor_end > World::Now()) {
    sg4::this_actor::sleep_until(floor_end);
    Log(Activity::kLaunch, Cause::kLaunch);
  }
}

// Can sharing HBM slow the compute of this pass?
bool Agent::HbmIsShort(const Pass& pass) const {
  BytesPerSecond others = world_.plan.hbm_reserve;
  if (pass.tensor_overlapped.si() > 0) {
    others += world_.plan.tensor_hbm_rate;
  }
  return pass.compute_bytes / pass.compute_time + others > world_.plan.hbm_capacity;
}

void Agent::Compute(const Pass& pass) {
  const double bound = pass.compute_time.si();
  if (bound <= 0) {
    return;
  }
  const double start = World::Now();
  const double bytes = pass.compute_bytes.si();
  if (HbmIsShort(pass)) {
    Transfer(world_, mailbox_, me_.hbm, bytes, {.rate_bound = bytes / bound}).Wait();
  } else {
    sg4::this_actor::sleep_for(bound);
    world_.meter.Account(me_.hbm, bytes, start, World::Now());
  }
  // Beyond the bound of the matrix units it was HBM, shared with communication, that set the pace.
  constexpr double kSlack = 1e-8;
  if (World::Now() - start > bound * (1 + kSlack) + kSlack) {
    world_.run.log.Add(index_, start + bound, Activity::kCompute, Cause::kCompute);
    Log(Activity::kMemoryBound, Cause::kHbm);
  } else {
    Log(Activity::kCompute, Cause::kCompute);
  }
}

void Agent::ExposedTensorComm(const Pass& pass, Transfer& overlapped) {
  const double before = World::Now();
  const Cause cause = overlapped.Wait().cause;
  if (World::Now() > before) {
    Log(Activity::kTensorComm, cause);
  }
  if (pass.tensor_latency.si() > 0) {
    sg4::this_actor::sleep_for(pass.tensor_latency.si());
    Log(Activity::kTensorComm, Cause::kLatency);
  }
  if (pass.tensor_exposed.si() > 0) {
    // No pass runs beside it, so only other communication shares HBM with it.
    const bool with_hbm = world_.plan.tensor_hbm_rate + world_.plan.hbm_reserve > world_.plan.hbm_capacity;
    const Cause exposed =
        Transfer(world_, mailbox_, me_.tensor, pass.tensor_exposed.si(), {.with_hbm = with_hbm}).Wait().cause;
    Log(Activity::kTensorComm, exposed);
  }
}

void Agent::Send(int direction) {
  Settle(direction, /*all=*/false);
  const Span flows = me_.sends[direction];
  CHECK(!flows.empty());
  const Plan::Flow& first = world_.plan.flows[flows.begin];
  Agent* target = (*agents_)[first.target].get();
  Message& message = outbox_[direction].emplace_back();
  message.world = &world_;
  message.target = target;
  message.direction = direction;
  message.flows_left = flows.end - flows.begin;
  message.record = static_cast<std::int32_t>(world_.run.log.messages.size());
  world_.run.log.messages.push_back(
      {World::Now(), first.latency, index_, world_.run.log.RecordsOf(index_), Cause::kNic});
  target->inbox_[direction].push_back(&message);
  StartFlows(message, flows);
}

void Agent::StartFlows(Message& message, Span flows) {
  const double payload = world_.program.message.si();
  for (std::int32_t f = flows.begin; f < flows.end; ++f) {
    const double wire = payload / world_.plan.flows[f].efficiency;
    auto* token = new FlowToken{&message, f};  // NOLINT: SimGrid carries it; FlowDone frees it
    auto put = mailbox_->put_init(token, static_cast<std::uint64_t>(wire * kUnitsPerByte + 0.5));
    put->set_copy_data_callback(&Agent::FlowDone);
    auto get = mailbox_->get_init();
    static void* received = nullptr;
    get->set_dst_data(&received, sizeof(void*));
    get->set_copy_data_callback(&Agent::FlowDone);
    message.comms.push_back(std::move(put));
    message.comms.push_back(std::move(get));
    world_.meter.Start(world_.plan.flows[f].route);
    ++world_.run.log.activities;
  }
  message.bottleneck = world_.meter.BottleneckOf(world_.plan.flows[flows.begin].route);
  simgrid::kernel::actor::simcall_answered([this, &message, flows] {
    auto comm = message.comms.begin();
    for (std::int32_t f = flows.begin; f < flows.end; ++f) {
      world_.platform.SetNextRoute(world_.plan.flows[f].route);
      (*comm++)->start();
      (*comm++)->start();
    }
  });
}

// SimGrid calls this at the exact end of a flow, in kernel context.
void Agent::FlowDone(simgrid::kernel::activity::CommImpl* /*comm*/, void* data, std::size_t /*size*/) {
  const std::unique_ptr<FlowToken> token(static_cast<FlowToken*>(data));
  Message& message = *token->message;
  World& world = *message.world;
  const Plan::Flow& flow = world.plan.flows[token->flow];
  MessageRecord& record = world.run.log.messages[message.record];
  message.bottleneck = Heavier(message.bottleneck, world.meter.BottleneckOf(flow.route));
  world.meter.Finish(flow.route, world.program.message.si() / flow.efficiency, record.posted, World::Now());
  if (--message.flows_left > 0) {
    return;
  }
  record.cause = message.bottleneck.cause;
  message.ready = World::Now() + record.latency;
  Agent& target = *message.target;
  if (target.blocked_on_[message.direction] && target.inbox_[message.direction].front() == &message) {
    target.blocked_on_[message.direction] = false;
    target.wake_->release();
  }
}

void Agent::Receive(int direction) {
  auto& inbox = inbox_[direction];
  const double start = World::Now();
  if (inbox.empty() || inbox.front()->flows_left > 0) {
    blocked_on_[direction] = true;
    wake_->acquire();
  }
  Message& message = *inbox.front();
  if (message.ready > World::Now()) {
    sg4::this_actor::sleep_until(message.ready);
  }
  if (World::Now() > start) {
    Log(Activity::kPipelineWait, Cause::kNic, message.record);
  }
  inbox.pop_front();
  message.taken = true;
}

// Messages that have arrived are closed: SimGrid wants each activity waited for by its owner.
void Agent::Settle(int direction, bool all) {
  auto& queue = outbox_[direction];
  while (!queue.empty() && (all || (queue.front().flows_left == 0 && queue.front().taken))) {
    for (auto& comm : queue.front().comms) {
      comm->wait();
    }
    if (!queue.front().taken) {
      return;  // arrived after the sender's last action: the receiver still reads it
    }
    queue.pop_front();
  }
}

void Agent::Start(std::int32_t collective) {
  const Collective::Over over = world_.program.collectives[collective].over;
  for (std::int32_t i = me_.groups.begin; i < me_.groups.end; ++i) {
    const std::int32_t group = world_.plan.agent_groups[i];
    if (world_.plan.groups[group].over == over) {
      communicators_[group]->Enqueue(index_, world_.run.log.RecordsOf(index_), collective);
    }
  }
}

void Agent::AwaitCollective(std::int32_t collective) {
  const Collective::Over over = world_.program.collectives[collective].over;
  for (std::int32_t i = me_.groups.begin; i < me_.groups.end; ++i) {
    const std::int32_t group = world_.plan.agent_groups[i];
    Communicator& communicator = *communicators_[group];
    if (world_.plan.groups[group].over == over && communicator.RecordOf(collective) < 0) {
      communicator.AddWaiter(collective, wake_);
      wake_->acquire();
      Log(Activity::kDataComm, Cause::kNic, communicator.RecordOf(collective));
    }
  }
}

}  // namespace gridlock
