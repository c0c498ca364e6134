#pragma once

// Lists of numbers with units, as people type them behind --values.

#include <string>
#include <vector>

namespace gridlock {

/// One value of a list.
struct ListedValue {
  double number = 0;
  std::string unit;  ///< behind the number, or that of a later value; "" when there is none

  /// "900 GBps"; "900" without a unit.
  [[nodiscard]] std::string text() const;
};

/// The text without blanks and line ends around it.
std::string Trimmed(const std::string& text);

/// Values that a list may have: as many steps as a machine simulates in a night.
inline constexpr std::size_t kListedValuesMax = 10000;

/// Reads a list such as "900,800,...,100GBps" or "50%, 25%". A unit counts for all numbers before
/// it that have none; "..." continues an even spacing to the value behind it. Numbers are positive.
/// Throws UserError; `option` begins its message: "--values".
std::vector<ListedValue> ParseValueList(const std::string& text, const std::string& option);

}  // namespace gridlock
