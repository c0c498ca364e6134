#pragma once

// What became of a list of messages.

#include <cstdint>
#include <string>
#include <vector>

#include "sim/base/units.h"
#include "sim/record/link_use.h"

namespace gridlock {

/// One message, in the order of the list.
struct FlowResult {
  std::int32_t from = 0, to = 0;  ///< accelerators
  Bytes bytes;                    ///< payload
  Seconds start;
  Seconds end;             ///< its last byte has arrived; infinite: it never does
  std::int32_t link = -1;  ///< in FlowRecord::links: what bound it; -1: nothing
  float link_use = 0;      ///< mean utilisation of that link while the message was under way

  /// Payload over time; 0 for a message without bytes.
  [[nodiscard]] BytesPerSecond mean_rate() const {
    return end > start ? bytes / (end - start) : BytesPerSecond(0);
  }
};

/// All links of a class that carried something.
struct TierLoad {
  std::string tier, words;
  std::int64_t links = 0;
  Bytes carried;
  double use = 0, most = 0;  ///< mean over those links, and of the busiest
};

/// The rate of a message over an interval.
struct FlowRate {
  std::int32_t message = 0;
  Seconds from, until;
  BytesPerSecond rate;  ///< on the wire
};

struct FlowRecord {
  std::string scenario, fabric;
  std::int64_t accelerators = 0;
  std::string packets;    ///< name of the packet format
  double efficiency = 1;  ///< payload over wire bytes of full packets
  std::vector<FlowResult> flows;
  /// Those that carried something, hottest first. Use counts until the last byte has been sent.
  std::vector<LinkUse> links;
  std::vector<TierLoad> tiers;
  std::vector<FlowRate> rates;   ///< when they were asked for: by message, then by time
  Seconds last_end;              ///< of the messages that arrive
  Seconds last_sent;             ///< when the last link fell silent
  std::int64_t unreachable = 0;  ///< messages that never arrive
  std::int64_t classes = 0;      ///< of messages alike, one of each simulated; 0: all were
  std::uint64_t activities = 0;  ///< SimGrid activities that were simulated
  std::uint64_t fingerprint = 0;
};

}  // namespace gridlock
