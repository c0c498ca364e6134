#include "sim/pages/assets.h"

// The assembler takes the files in as they are: a string literal of a megabyte would take the
// compiler long.
#define GRIDLOCK_EMBED(name, file)       \
  __asm__(                               \
      ".pushsection .rodata\n"           \
      ".global gridlock_asset_" name     \
      "\n"                               \
      "gridlock_asset_" name             \
      ":\n"                              \
      ".incbin \"" file                  \
      "\"\n"                             \
      ".global gridlock_asset_end_" name \
      "\n"                               \
      "gridlock_asset_end_" name         \
      ":\n"                              \
      ".byte 0\n"                        \
      ".popsection\n")

GRIDLOCK_EMBED("template", GRIDLOCK_PAGES "/page.html");
GRIDLOCK_EMBED("style", GRIDLOCK_PAGES "/page.css");
GRIDLOCK_EMBED("page", GRIDLOCK_PAGES "/page.js");
GRIDLOCK_EMBED("charts", GRIDLOCK_PAGES "/charts.js");
GRIDLOCK_EMBED("listings", GRIDLOCK_PAGES "/listings.js");
GRIDLOCK_EMBED("more", GRIDLOCK_PAGES "/more.js");
GRIDLOCK_EMBED("topology", GRIDLOCK_PAGES "/topology.js");
GRIDLOCK_EMBED("explore", GRIDLOCK_PAGES "/explore.js");
GRIDLOCK_EMBED("echarts", GRIDLOCK_ECHARTS);

extern "C" {
extern const char gridlock_asset_template[], gridlock_asset_end_template[];
extern const char gridlock_asset_style[], gridlock_asset_end_style[];
extern const char gridlock_asset_page[], gridlock_asset_end_page[];
extern const char gridlock_asset_charts[], gridlock_asset_end_charts[];
extern const char gridlock_asset_listings[], gridlock_asset_end_listings[];
extern const char gridlock_asset_more[], gridlock_asset_end_more[];
extern const char gridlock_asset_topology[], gridlock_asset_end_topology[];
extern const char gridlock_asset_explore[], gridlock_asset_end_explore[];
extern const char gridlock_asset_echarts[], gridlock_asset_end_echarts[];
}

namespace gridlock {
namespace {

std::string_view Between(const char* begin, const char* end) {
  return {begin, static_cast<std::size_t>(end - begin)};
}

}  // namespace

std::string_view PageTemplate() {
  return Between(gridlock_asset_template, gridlock_asset_end_template);
}

std::string_view PageStyle() {
  return Between(gridlock_asset_style, gridlock_asset_end_style);
}

std::string_view PageScripts(int number) {
  switch (number) {
    case 0:
      return Between(gridlock_asset_page, gridlock_asset_end_page);
    case 1:
      return Between(gridlock_asset_charts, gridlock_asset_end_charts);
    case 2:
      return Between(gridlock_asset_topology, gridlock_asset_end_topology);
    case 3:
      return Between(gridlock_asset_listings, gridlock_asset_end_listings);
    case 4:
      return Between(gridlock_asset_more, gridlock_asset_end_more);
    default:
      return {};
  }
}

std::string_view ExploreScript() {
  return Between(gridlock_asset_explore, gridlock_asset_end_explore);
}

std::string_view Charts() {
  return Between(gridlock_asset_echarts, gridlock_asset_end_echarts);
}

}  // namespace gridlock
