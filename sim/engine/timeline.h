#pragma once

// The clock of a cluster's life, on SimGrid: what is due when, and transfers over storage and wide
// area links that share their bandwidth. One per process, like every use of SimGrid.

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "sim/base/units.h"

namespace gridlock {

/// Something that is due; 0 is none.
using TimerId = std::uint64_t;

/// A transfer under way; 0 is none.
using TransferId = std::uint64_t;

class Timeline {
 public:
  /// @param links capacities of the links that transfers use, by number
  explicit Timeline(const std::vector<BytesPerSecond>& links);
  ~Timeline();
  Timeline(const Timeline&) = delete;
  Timeline& operator=(const Timeline&) = delete;

  [[nodiscard]] Seconds now() const;

  /// Calls `due` at that time, not before now; of one instant in the order of the calls to At.
  TimerId At(Seconds when, std::function<void()> due);
  void Cancel(TimerId timer);

  /// Moves bytes over links (max-min fair with all others under way), at most at `rate` when that
  /// is not 0, and calls `done` at the end.
  TransferId Start(const std::vector<std::int32_t>& links, Bytes bytes, BytesPerSecond rate,
                   std::function<void()> done);
  /// Stops a transfer; returns the bytes that had not been moved.
  Bytes Cancel(TransferId transfer);

  /// A link is capped or restored; transfers under way go on at their new shares.
  void SetCapacity(std::int32_t link, BytesPerSecond capacity);

  /// Runs until `horizon`; the clock then stands there.
  void RunUntil(Seconds horizon);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace gridlock
