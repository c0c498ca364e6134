// Lists of values, as they stand behind --values.

#include <cstddef>
#include <cstdint>
#include <string>

#include "sim/study/value_list.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(gridlock::TextOf(data, size));
  gridlock::ReadOrRefuse([&] {
    const auto values = gridlock::ParseValueList(text, "--values");
    CHECK(!values.empty() && values.size() <= gridlock::kListedValuesMax);
    for (const gridlock::ListedValue& value : values) {
      CHECK(value.number > 0 && !value.text().empty());
    }
  });
  return 0;
}
