#pragma once

// The replay of traces, for people and as JSON.

#include <string>

#include "sim/record/replay_record.h"

namespace gridlock {

std::string ReplayText(const ReplayRecord& record);
std::string ReplayJson(const ReplayRecord& record);

}  // namespace gridlock
