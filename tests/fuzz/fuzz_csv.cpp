// Tables of published steps. What a cell says survives being written and read again.

#include <cstddef>
#include <cstdint>
#include <string>

#include "sim/schema/csv.h"
#include "sim/validation/case_table.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = gridlock::TextOf(data, size);
  gridlock::ReadOrRefuse([&] {
    const gridlock::KnownNames known{{"megatron", "composer_fsdp"}, {"a100_sxm_80gb", "h20"}};
    gridlock::ProblemList problems;
    (void)gridlock::ReadCases("t", text, known, problems, problems);
    problems.ThrowIfAny();
  });
  gridlock::ProblemList ignored;
  for (const gridlock::CsvLine& line : gridlock::ReadCsv("t", text, ignored)) {
    if (!line.problem.empty()) {
      continue;  // no cells
    }
    std::string again;
    for (const gridlock::CsvCell& cell : line.cells) {
      again += (again.empty() ? "x," : ",") + gridlock::CsvQuoted(cell.text);
    }
    gridlock::ProblemList problems;
    const auto read = gridlock::ReadCsv("t", again + "\n", problems);
    CHECK(problems.empty() && read.size() == 1 && read[0].cells.size() == line.cells.size() + 1);
    for (std::size_t i = 0; i < line.cells.size(); ++i) {
      CHECK(read[0].cells[i + 1].text == line.cells[i].text);
    }
  }
  return 0;
}
