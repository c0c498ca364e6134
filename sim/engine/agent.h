#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include <simgrid/s4u.hpp>

#include "sim/engine/communicator.h"
#include "sim/engine/world.h"

namespace gridlock {

class Agent;

/// A pipeline message on its way. The sender owns it until it has arrived and been taken.
struct Message {
  World* world = nullptr;
  Agent* target = nullptr;
  std::int32_t record = 0;  ///< in StepLog::messages
  int channel = 0;          ///< see Action::channel
  int flows_left = 0;
  bool taken = false;
  double ready = 0;  ///< when it is there: the latest end of a flow plus its latency
  Meter::Bottleneck bottleneck;
  std::vector<Communication> flows;             ///< one for each
  std::vector<std::unique_ptr<Moving>> moving;  ///< the same where the network changes
};

/// Plays the role of one tensor-parallel group (or of a class of them). An actor of its own.
class Agent {
 public:
  Agent(World& world, AgentIndex index,
        const std::vector<std::unique_ptr<Communicator>>& communicators);

  void SetPeers(const std::vector<std::unique_ptr<Agent>>* agents) { agents_ = agents; }

  /// One of this agent's groups has done `collective`. Once all of its groups have, the agent hands
  /// over the collective that follows.
  void CollectiveDone(std::int32_t collective, std::int32_t record);

  /// Plays one step. The actor calls it once, or again for every further step. `tick` is called
  /// after every action.
  void Run(const std::function<void()>& tick);

  /// Forgets the step that is over. To be called when all agents of the job are through that step.
  void Reset();

  /// Blocks until Resume.
  void Pause() { wake_->acquire(); }

  void Resume() { wake_->release(); }

 private:
  [[nodiscard]] Way Over(Way::Kind kind) const { return {kind, index_.value}; }

  void Do(const Action& action);
  void RunPass(const Pass& pass);
  [[nodiscard]] BytesPerSecond HbmOfOthers(const Pass& pass) const;
  void Compute(const Pass& pass);
  void AwaitFloor(const Pass& pass);
  void LogSlowedCompute(double start, double bound, double slow_share);
  void AwaitOverlapped(Transfer& overlapped, std::int32_t first);
  void ExposedTensorComm(const Pass& pass);
  void Send(int channel);
  void StartFlows(Message& message, Span flows);
  void Receive(int channel);
  void Start(std::int32_t collective);
  void HandOver(std::int32_t collective, std::int32_t previous);
  void AwaitCollective(std::int32_t collective);
  static void Settle(std::deque<Message>& queue, bool all);
  void SettleAll(bool all);
  void Log(Activity activity, Cause cause, std::int32_t awaited = -1);
  static void FlowDone(Message& message, std::int32_t number, std::int32_t ticket);
  static void FlowArrived(Message& message, std::int32_t number,
                          const Meter::Bottleneck& bottleneck);

  World& world_;
  AgentIndex index_;
  AgentRow row_;
  const Plan::Agent& me_;
  const std::vector<std::unique_ptr<Communicator>>& communicators_;
  const std::vector<std::unique_ptr<Agent>>* agents_ = nullptr;
  simgrid::s4u::Mailbox* mailbox_;
  simgrid::s4u::SemaphorePtr wake_;
  std::deque<Message> outbox_[kChannels];    ///< in the order of sending
  std::deque<Message*> inbox_[kChannels];    ///< in the order of sending
  std::map<std::int32_t, int> groups_done_;  ///< of collectives that another follows
  std::vector<std::int32_t> handed_over_;    ///< how often in this step, by collective
  double pass_start_ = 0;                    ///< of the last pass
  std::int32_t pass_records_ = 0;            ///< written before it
  bool blocked_on_[kChannels] = {};
};

}  // namespace gridlock
