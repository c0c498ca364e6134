#pragma once

// What became of a list of messages: for people, as CSV and as JSON.

#include <cstddef>
#include <string>

#include "sim/record/flow_record.h"

namespace gridlock {

/// Tables at most 100 columns wide. @param rows of messages, the last to end first; @param hottest
/// links
std::string FlowText(const FlowRecord& record, std::size_t rows, std::size_t hottest);

/// One line for each message, in the order of the list.
std::string FlowCsv(const FlowRecord& record);

/// All messages, tiers and the hottest links, in SI units with the unit in the key.
std::string FlowJson(const FlowRecord& record, std::size_t hottest);

/// One line for each interval over which a message had one rate.
std::string FlowRatesCsv(const FlowRecord& record);

}  // namespace gridlock
