#include "sim/record/life_trace.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "sim/record/hdf5_file.h"
#include "tests/record/life_sample.h"

namespace gridlock {
namespace {

class LifeTrace : public ::testing::Test {
 protected:
  LifeTrace() {
    std::string name = ::testing::TempDir() + "gridlock_XXXXXX";
    folder_ = ::mkdtemp(name.data());
  }

  ~LifeTrace() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] std::string path() const { return folder_ + "/life.h5"; }

 private:
  std::string folder_;
};

TEST_F(LifeTrace, OfNothingAtAllIsWritten) {
  WriteLifeTrace(path(), {}, {});
  EXPECT_TRUE(std::filesystem::exists(path()));
  EXPECT_FALSE(std::filesystem::exists(path() + ".part"));
}

TEST_F(LifeTrace, AMissingFolderIsNamed) {
  try {
    WriteLifeTrace("/nonexistent/life.h5", LifeHeader(), SmallLife());
    FAIL() << "no error";
  } catch (const RecordError& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("/nonexistent/life.h5"));
  }
}

TEST_F(LifeTrace, SeriesOfDifferentLengthsAndWrongNumbersAreBugs) {
  LifeRecord record = SmallLife();
  record.sites[1].down.pop_back();
  EXPECT_DEATH(WriteLifeTrace(path(), LifeHeader(), record), "intervals");
  record = SmallLife();
  record.events[0].job = {5};
  EXPECT_DEATH(WriteLifeTrace(path(), LifeHeader(), record), "number");
  record = SmallLife();
  record.horizon = Seconds(3 * 3600.0);  // the last interval would have no width
  EXPECT_DEATH(WriteLifeTrace(path(), LifeHeader(), record), "width");
}

}  // namespace
}  // namespace gridlock
