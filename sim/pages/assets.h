#pragma once

// The files of pages/ and the charts, as they stand in the program.

#include <string_view>

namespace gridlock {

std::string_view PageTemplate();
std::string_view PageStyle();
std::string_view PageScripts(int number);  ///< from 0; "" beyond the last

std::string_view ExploreScript();  ///< of the page with sliders, after the first

/// Apache ECharts, minified; "" when the program was built without it.
std::string_view Charts();

}  // namespace gridlock
