#pragma once

#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include <simgrid/s4u.hpp>

#include "sim/engine/world.h"

namespace gridlock {

/// Runs the collectives of one group one after another, as a stream of NCCL does. A collective
/// begins when all members have handed it over. A member may hand the same collective over again
/// only after it has waited for it. An actor of its own.
class Communicator {
 public:
  Communicator(World& world, std::int32_t group);

  /// Forgets the step that is over. To be called when all members are through that step.
  void Reset();

  /// Hands a collective over on behalf of an agent that has written `records` records. `previous`:
  /// the collective that this one follows, in StepLog::collectives; -1 when the agent starts it.
  void Enqueue(AgentRow agent, std::int32_t records, std::int32_t collective,
               std::int32_t previous = -1);

  /// Where the last finished run of a collective stands in StepLog::collectives; -1 before the
  /// first.
  [[nodiscard]] std::int32_t RecordOf(std::int32_t collective) const {
    return record_of_[collective];
  }

  /// How often the collective has been done in this step.
  [[nodiscard]] std::int32_t RoundsOf(std::int32_t collective) const { return rounds_[collective]; }

  /// Releases `wake` when the collective is done.
  void AddWaiter(std::int32_t collective, simgrid::s4u::SemaphorePtr wake) {
    waiters_.emplace_back(collective, std::move(wake));
  }

  /// The actor's code: a daemon, ends with the simulation.
  void Serve();

 private:
  void Run(CollectiveRecord record);
  void RunPhase(std::int32_t lay, const CollectiveCost& cost, CollectiveRecord& record);
  void Wake(std::int32_t collective);
  void HandOverNext(std::int32_t collective);

  World& world_;
  const Plan::Group& group_;
  std::uint32_t members_;
  std::vector<std::uint32_t> arrived_;    ///< by collective
  std::vector<CollectiveRecord> latest_;  ///< arrival of the last member so far, by collective
  std::vector<std::int32_t> record_of_;   ///< by collective
  std::vector<std::int32_t> rounds_;      ///< by collective, in this step
  simgrid::s4u::Mailbox* mailbox_;
  simgrid::s4u::SemaphorePtr work_;
  std::deque<CollectiveRecord> ready_;
  std::vector<std::pair<std::int32_t, simgrid::s4u::SemaphorePtr>> waiters_;
  std::int32_t last_ = -1;
};

}  // namespace gridlock
