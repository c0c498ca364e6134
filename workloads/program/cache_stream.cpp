#include "workloads/program/cache_stream.h"

#include <algorithm>

#include "sim/base/check.h"

namespace gridlock {

namespace {

// Caches of one server that come faster than the first are sent together; of those that come more
// slowly than the second a part is sent as often. The bytes per second stay, and a simulation of
// both the stream and a training job is neither too fine nor too long.
constexpr Seconds kPeriodLeast(0.1), kPeriodMost(1);

}  // namespace

CacheStream StreamOf(int pairs, int per_server, Bytes message, BytesPerSecond rate,
                     BytesPerSecond line) {
  CHECK(pairs > 0 && per_server > 0 && message > Bytes(0) && rate > BytesPerSecond(0));
  const Seconds period = message * (1.0 * pairs * per_server) / rate;
  const double together = std::clamp(1.0, kPeriodLeast / period, kPeriodMost / period);
  const Seconds transfer = message * together / line;
  return {pairs, per_server, message * together,
          std::max(Seconds(0), period * together - transfer)};
}

StepProgram BuildCacheStream(const CacheStream& stream) {
  StepProgram program;
  program.grid.tensor = stream.per_server;
  program.grid.data = stream.pairs;
  program.grid.pipeline = 2;
  program.message = stream.message;
  program.delay = stream.delay;
  Action wait{Action::Kind::kDelay}, send{Action::Kind::kSend}, receive{Action::Kind::kReceive};
  send.direction = receive.direction = Direction::kForward;
  program.roles = {{wait, send}, {receive}};
  return program;
}

}  // namespace gridlock
