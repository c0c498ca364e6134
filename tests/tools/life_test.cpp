// What is left behind of a cluster's life in a folder.

#include <filesystem>
#include <fstream>
#include <iterator>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "sim/record/life_record.h"
#include "sim/report/life_summary.h"
#include "tests/record/life_sample.h"

#include "tools/command.h"

namespace gridlock {
namespace {

using ::testing::HasSubstr;

TEST(ReportLife, LeavesATraceAndTheSummaryThatItPrints) {
  std::string folder = ::testing::TempDir() + "gridlock_XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  ScenarioOptions options;
  options.format = "json";
  ::testing::internal::CaptureStdout();
  EXPECT_EQ(ReportLife(options, LifeHeader(), folder, SmallLife(), 1.5), kSuccess);
  const std::string printed = ::testing::internal::GetCapturedStdout();
  std::ifstream file(folder + "/summary.json");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), printed);
  EXPECT_EQ(printed, LifeSummaryJson(LifeHeader(), SmallLife()));
  EXPECT_TRUE(std::filesystem::exists(folder + "/trace.h5"));
  options.format = "text";
  ::testing::internal::CaptureStdout();
  ReportLife(options, LifeHeader(), folder, SmallLife(), 1.5);
  EXPECT_THAT(::testing::internal::GetCapturedStdout(),
              HasSubstr("simulated in 1.5 s of real time"));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace gridlock
