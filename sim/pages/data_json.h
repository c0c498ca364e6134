#pragma once

#include <string>

#include "sim/record/dataset.h"

namespace gridlock {

/// A text as JSON that may also stand in a <script> of a page.
std::string QuotedForPage(const std::string& text);

/// A dataset as compact JSON: {"file", "kind", "attributes": {...}, "variables": {NAME: {"dims",
/// "shape", "units", "long_name", "flags", "data"}}, "left_out": [...]}. Numbers have nine digits;
/// NaN is null. Variables of more than kMostElements elements are left out and named.
std::string DataJson(const Dataset& dataset);

inline constexpr std::size_t kMostElements = 250'000;

}  // namespace gridlock
