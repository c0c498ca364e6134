#pragma once

// Countries as scenarios name them.

#include <string_view>

namespace gridlock {

/// True for a code of ISO 3166-1 alpha-2 that is assigned: "DE", "GB"; not "UK" and not "de".
bool IsCountry(std::string_view code);

}  // namespace gridlock
