#include "sim/report/output_docs.h"

#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/record/life_trace.h"
#include "sim/record/trace.h"
#include "tests/source_dir.h"

namespace gridlock {
namespace {

TEST(OutputsMarkdown, IsThePageInTheDocuments) {
  std::ifstream page(GRIDLOCK_SOURCE_DIR "/docs/outputs.md");
  const std::string text{std::istreambuf_iterator<char>(page), {}};
  EXPECT_EQ(text, OutputsMarkdown()) << "gridlock schema --outputs > docs/outputs.md";
}

TEST(Outputs, HaveOneNameEachAndAMeaning) {
  for (const std::vector<Output>& outputs : {StepOutputs(), LifeOutputs()}) {
    std::set<std::string> variables, keys;
    for (const auto& [column, json] : outputs) {
      EXPECT_TRUE(column.name.empty() || variables.insert(column.name).second) << column.name;
      EXPECT_TRUE(json.empty() || keys.insert(json).second) << json;
      EXPECT_FALSE(column.long_name.empty() || column.units.empty()) << column.name << json;
    }
  }
}

}  // namespace
}  // namespace gridlock
