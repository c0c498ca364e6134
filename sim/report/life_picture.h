#pragma once

// A site over time, in characters.

#include <string>

#include "sim/record/life_record.h"

namespace gridlock {

/// Who held the accelerators of the site, stacked, and its power in tenths of its peak, at most 100
/// columns wide; "" without intervals. With a power cap a mark stands where the site is at it.
std::string LifePicture(const LifeRecord& record, const LifeSite& site);

}  // namespace gridlock
