#pragma once

// What became of one point: one line of JSON in the journal.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/sweep/outputs.h"

namespace gridlock {

/// How a point ended. The numbers are those of `status` in results.h5.
enum class PointStatus : std::uint8_t {
  kDone,
  kRefused,   ///< the scenario cannot be simulated: its message says why
  kFailed,    ///< the simulation crashed
  kTimedOut,  ///< it took longer than --timeout
  kLeftOut,   ///< `only` leaves the cell out; such cells are not in the journal
};

template <>
inline constexpr std::array kNames<PointStatus> = {"done", "refused", "failed", "timed_out",
                                                   "left_out"};

struct PointRecord {
  std::int64_t point = 0;  ///< its number in the journal, from 0
  PointStatus status = PointStatus::kDone;
  std::vector<std::pair<std::string, std::string>> at;  ///< axis and label of its coordinate
  std::string scenario;     ///< file that the point starts from; "" when all start from one
  std::string set;          ///< one path=value a line, as --set takes them
  std::string fingerprint;  ///< of the run; "" unless done
  std::string message;      ///< why it is not done, one problem a line; ""
  std::vector<OutputValue> outputs;
};

/// One line, without its end. Equal records give equal bytes.
std::string LineOf(const PointRecord& record);

/// Reads a line. Throws std::runtime_error when it is not whole.
PointRecord RecordOf(std::string_view line);

}  // namespace gridlock
