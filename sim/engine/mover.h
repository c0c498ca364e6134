#pragma once

// Moves what is under way to other routes when the network changes. An actor of its own:
//
//   for each epoch of the plan, when it begins:
//     take the transfers whose routes or capacities change off their links
//     set the capacities
//     start them on their new routes with the bytes that they have left: those on a way that has
//     failed after the failover, those without a way once there is one

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "sim/engine/world.h"
#include "sim/plan/changing_plan.h"

namespace gridlock {

/// A transfer that the mover looks after. Who started it owns it, until it is done.
struct Moving {
  World* world = nullptr;
  Way way;
  double amount = 0;  ///< see Shared::BytesOf
  bool with_hbm = true;
  double left = 1;   ///< share of the bytes
  double bytes = 0;  ///< at weight 1, that the present communication moves
  Span route;        ///< the present one
  std::uint64_t serial = 0;
  std::int32_t ticket = -1;
  bool done = false;
  Communication communication;  ///< not open while it waits
  Meter::Bottleneck bottleneck;
  simgrid::s4u::SemaphorePtr wake;  ///< released when it is done; may be null
  /// Called at its exact end, in kernel context; may be empty.
  std::function<void(const Moving&)> ended;

  /// Lets SimGrid forget it, once it is done. For an actor.
  void Close() {
    if (communication.is_open()) {
      communication.Wait();
    }
  }
};

class Mover {
 public:
  /// @param rows the times of epochs count from the beginning of each collective below this number;
  ///   0: from the beginning of the simulation
  Mover(Shared& shared, const ChangingPlan& plan, std::int32_t rows);

  /// Starts a transfer for the calling actor.
  std::unique_ptr<Moving> Start(World& world, simgrid::s4u::Mailbox* own, Way way, double amount,
                                bool with_hbm, std::function<void(const Moving&)> ended);

  /// Blocks the calling actor until the transfer is done.
  static Meter::Bottleneck Wait(Moving& moving);

  /// A collective begins: see the constructor.
  void Begins(std::int32_t collective);

  /// The actor's code: a daemon, ends with the simulation.
  void Serve();

 private:
  void BeginEpoch(std::size_t number);
  void Begin(Moving& moving, simgrid::s4u::Mailbox* mailbox);
  void Pause(Moving& moving);
  void Ended(Moving& moving);
  [[nodiscard]] bool Stays(const Moving& moving, const ChangingPlan::Epoch& next) const;
  [[nodiscard]] bool Fails(const Moving& moving, const ChangingPlan::Epoch& next) const;

  Shared& shared_;
  const ChangingPlan& plan_;
  std::int32_t rows_;
  simgrid::s4u::Mailbox* mailbox_;
  simgrid::s4u::SemaphorePtr wake_;
  double origin_ = 0;  ///< seconds from which the epochs count
  std::size_t epoch_ = 0;
  std::uint64_t last_ = 0;
  std::map<std::uint64_t, Moving*> active_;  ///< by serial number
  std::map<std::uint64_t, double> resumes_;  ///< when those go on that fail over
};

}  // namespace gridlock
