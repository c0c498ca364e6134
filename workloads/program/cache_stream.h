#pragma once

// Caches on their way from servers that prefill to servers that decode, as a program: each server
// sends the cache of a prompt to its partner, and waits until the next prompt is through. Beside
// the programs of training jobs it shows how these and the caches slow each other.

#include "sim/base/fields.h"
#include "sim/base/units.h"
#include "workloads/program/program.h"

namespace gridlock {

struct CacheStream {
  int pairs = 0;       ///< of a server that sends and one that receives; 0: there is no stream
  int per_server = 0;  ///< accelerators of a server, which all send
  Bytes message;       ///< of one accelerator, at once
  Seconds delay;       ///< from one cache's arrival to the beginning of the next

  [[nodiscard]] bool flows() const { return pairs > 0; }
};

template <>
inline constexpr auto kFields<CacheStream> = Bearing(&CacheStream::pairs, &CacheStream::per_server,
                                                     &CacheStream::message, &CacheStream::delay);

/// The stream of `servers` of which `pairs` send, at a mean rate of `rate` in all. Transfers that
/// took no time at `line` of one accelerator would keep the rate; slower ones fall behind it.
/// @param message of one accelerator, of one prompt; what one server sends goes in pieces of 0.1 to
/// 1 s
CacheStream StreamOf(int pairs, int per_server, Bytes message, BytesPerSecond rate,
                     BytesPerSecond line);

/// The program on servers of which the first half sends, each to its like in the other half. A step
/// takes the delay and the transfer.
StepProgram BuildCacheStream(const CacheStream& stream);

}  // namespace gridlock
