// Scenarios. The first line may hold an override behind "#--set "; the rest is the scenario. What
// is loaded can be written out and loaded again.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "sim/scenario/load_text.h"
#include "tests/fuzz/fuzz.h"
#include "tests/source_dir.h"

namespace {

/// What is written out is accepted, and means the same.
void CheckReadBack(const gridlock::Scenario& scenario) {
  bool same = false;
  try {
    same = gridlock::LoadScenarioText("again", scenario.text, {}).text == scenario.text;
  } catch (const gridlock::UserError&) {
    same = false;
  }
  CHECK(same);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bool kPrepared = [] {
    // Round numbers, and a folder where no include leads anywhere.
    return setenv("GRIDLOCK_CATALOG", GRIDLOCK_SOURCE_DIR "/tests/fixtures/catalog", 1) == 0;
  }();
  CHECK(kPrepared);
  const std::string_view text = gridlock::TextOf(data, size);
  constexpr std::string_view kMark = "#--set ";
  std::vector<std::string> overrides;
  if (text.substr(0, kMark.size()) == kMark) {
    const std::string_view line = text.substr(0, text.find('\n'));
    overrides.emplace_back(line.substr(kMark.size()));
  }
  gridlock::ReadOrRefuse([&] {
    CheckReadBack(gridlock::LoadScenarioText("/nonexistent/fuzz.textproto", text, overrides));
  });
  return 0;
}
