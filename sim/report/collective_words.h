#pragma once

// What a test of a collective shows, in sentences.

#include <string>

#include "sim/record/step_record.h"

namespace gridlock {

/// Of the longest message that was tested, algorithm by algorithm: how long it takes, what a NIC
/// and a port carry, and how much of the time is latency; then why the fastest wins, and where a
/// shorter message begins to be all latency. With a final newline.
std::string CollectiveWords(const StepRecord& record);

}  // namespace gridlock
