// The results as a table, and that they are the same however they came about. results_check.py
// reads the netCDF file.

#include "sim/sweep/results_file.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/base/atomic_file.h"
#include "tests/fixture_files.h"
#include "tests/sweep/results_samples.h"

namespace gridlock {
namespace {

TEST(Results, AsCsvHaveALineForEachPoint) {
  const Folder folder;
  WriteSample(SmallResults(), folder.path());
  EXPECT_EQ(FileContents(folder.File("results.csv")),
            "point,status,fabric,nic (byte/s),step_time (s),binding_wall,breakdown.compute (s),"
            "breakdown.data_comm (s),fingerprint,message\n"
            "0,done,\"fat, \"\"tree\"\"\",100000000000,1,wall 0,10,20,0000000000000001,\n"
            "1,refused,\"fat, \"\"tree\"\"\",50000000000,,,,,,\"does not fit,\nnor does "
            "\"\"that\"\"\"\n"
            "2,done,\"fat, \"\"tree\"\"\",25000000000,3,wall 2,12,22,0000000000000003,\n"
            "3,done,µ-torus,100000000000,4,wall 3,13,,0000000000000004,\n"
            "4,timed_out,µ-torus,25000000000,,,,,,it took longer than 1 s\n");
}

TEST(Results, OfTheSameJournalAreTheSameBytes) {
  const Folder first, second;
  EXPECT_EQ(WriteSample(SmallResults(), first.path()), WriteSample(SmallResults(), second.path()));
  for (const char* const name : {"results.h5", "results.csv"}) {
    EXPECT_EQ(FileContents(first.File(name)), FileContents(second.File(name))) << name;
  }
}

TEST(Results, HaveAFingerprintOfEveryPoint) {
  const Folder folder;
  const std::string before = WriteSample(SmallResults(), folder.path());
  SampleResults other = SmallResults();
  other.records[2].fingerprint = "00000000000000ff";
  EXPECT_NE(WriteSample(other, folder.path()), before);
  other = SmallResults();
  other.records[1].message = "the same reason in another folder";
  EXPECT_EQ(WriteSample(other, folder.path()), before);
  other.records[1].status = PointStatus::kFailed;
  EXPECT_NE(WriteSample(other, folder.path()), before);
  other = SmallResults();
  other.records[3].set = "seed=9";
  EXPECT_NE(WriteSample(other, folder.path()), before);
  other = SmallResults();
  other.records.pop_back();
  EXPECT_NE(WriteSample(other, folder.path()), before);
}

TEST(Results, OfNoPointAreWritten) {
  const Folder folder;
  SampleResults sample = SmallResults();
  sample.records.clear();
  WriteSample(sample, folder.path());
  EXPECT_EQ(FileContents(folder.File("results.csv")),
            "point,status,fabric,nic (byte/s),fingerprint,message\n");
}

TEST(Results, ThatCannotBeWrittenSayWhere) {
  const Folder folder;
  std::filesystem::create_directories(folder.File("results.h5"));
  EXPECT_THROW(WriteSample(SmallResults(), folder.path()), IoError);
}

}  // namespace
}  // namespace gridlock
