// Sweeps. What is read has the points that its axes span, each with a text of its own.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "sim/sweep/sweep.h"
#include "tests/fuzz/fuzz.h"
#include "tests/source_dir.h"

namespace {

/// Few enough to look at within the patience of a fuzzer.
constexpr std::uint64_t kLookedAt = 100;

void CheckGrid(const gridlock::Sweep& sweep) {
  const std::uint64_t cells = sweep.grid.cells();
  CHECK(cells > 0 && cells <= gridlock::kSweepCellsMax && !sweep.bases.empty());
  for (std::uint64_t number = 0; number < std::min(cells, kLookedAt); ++number) {
    const gridlock::Cell cell = sweep.grid.At(number);
    CHECK(sweep.grid.NumberOf(cell) == number);
    CHECK(sweep.grid.BaseAt(cell) < sweep.bases.size());
  }
  if (cells <= kLookedAt) {
    CHECK(CellsOf(sweep).size() <= cells);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bool kPrepared =
      setenv("GRIDLOCK_CATALOG", GRIDLOCK_SOURCE_DIR "/tests/fixtures/catalog", 1) == 0;
  CHECK(kPrepared);
  gridlock::ReadOrRefuse([&] {
    // Scenarios are those of tests/fixtures/right.
    CheckGrid(gridlock::ReadSweepText(GRIDLOCK_SOURCE_DIR "/tests/fixtures/right/fuzz.textproto",
                                      gridlock::TextOf(data, size), {}));
  });
  return 0;
}
