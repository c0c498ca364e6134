#pragma once

// Every option of SimGrid that is set, in one place.

#include <memory>
#include <string>

#include <simgrid/s4u.hpp>

#include "sim/base/units.h"

namespace gridlock {

/// SimGrid counts bytes in whole numbers; transfers are given in units of 1/256 byte so that
/// rounding stays below 1e-8 of any message of practical size.
inline constexpr double kUnitsPerByte = 256.0;

struct EngineOptions {
  /// Completions that lie closer together than this are one instant. Must exceed the rounding of
  /// the clock: 1e-9 s for steps of seconds, 1e-8 s and more for months, where the clock itself is
  /// known to 1e-9 s.
  Seconds precision{1e-9};
  int stack_kib = 64;  ///< stack of each actor, KiB; touched as it grows
};

/// SimGrid's engine, set up so that a lone transfer takes exactly size / bandwidth. One per
/// process, because SimGrid keeps one clock per process.
std::unique_ptr<simgrid::s4u::Engine> MakeEngine(const EngineOptions& options);

}  // namespace gridlock
