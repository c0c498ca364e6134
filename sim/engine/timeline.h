#pragma once

// The clock of a cluster's life, on SimGrid: what is due when, and transfers over storage and wide
// area links that share their bandwidth. One per process, like every use of SimGrid.
//
//   until the horizon:
//     call what is due at this instant, by time and then by order of creation
//     sleep until the next timer or the next end of a transfer
//
// All callbacks run in one SimGrid actor. They may call everything below except RunUntil; what they
// make due at this very instant follows in the same instant. An exception that leaves a callback
// ends the run and leaves RunUntil.

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "sim/base/units.h"

namespace gridlock {

/// Something that is due.
enum class TimerId : std::uint64_t { kNone = 0 };

/// A transfer under way.
enum class TransferId : std::uint64_t { kNone = 0 };

class Timeline {
 public:
  /// @param links capacities of the links that transfers use, by number
  /// @param precision ends of transfers that lie closer together are one instant; must exceed the
  ///   rounding of the clock, 1e-9 s after 90 days
  explicit Timeline(const std::vector<BytesPerSecond>& links, Seconds precision = Seconds(1e-8));
  ~Timeline();
  Timeline(const Timeline&) = delete;
  Timeline& operator=(const Timeline&) = delete;

  [[nodiscard]] Seconds now() const;

  /// Calls `due` at that time, or in this instant when that has passed.
  TimerId At(Seconds when, std::function<void()> due);
  /// Takes back what is due. Does nothing when it has been called or cancelled.
  void Cancel(TimerId timer);

  /// Moves bytes over links and calls `done` at the end. All transfers under way share the links
  /// max-min fairly. A link that stands k times in the list gives k times the rate of the transfer.
  /// `rate` bounds the transfer when it is not 0. Without links and rate it ends in this instant.
  TransferId Start(const std::vector<std::int32_t>& links, Bytes bytes, BytesPerSecond rate,
                   std::function<void()> done);
  /// Stops a transfer; returns the bytes that had not been moved, to 1/256 byte. 0 when it has
  /// ended or been cancelled; `done` is not called any more.
  Bytes Cancel(TransferId transfer);

  /// What a transfer has left now, to 1/256 byte; 0 when it has ended or been cancelled.
  [[nodiscard]] Bytes Left(TransferId transfer) const;

  /// A link is capped, restored or cut off (0); transfers under way go on at their new shares.
  void SetCapacity(std::int32_t link, BytesPerSecond capacity);

  /// Runs until `horizon`, which must not lie before now. What is due at the horizon is still
  /// called, and the clock stops there. A later call goes on with the transfers under way.
  void RunUntil(Seconds horizon);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace gridlock
