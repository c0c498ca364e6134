// A test of a collective on the screen, in JSON and in its trace.

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/record/collective_trace.h"
#include "sim/report/collective_table.h"

namespace gridlock {
namespace {

using testing::HasSubstr;

CollectiveResult Row(const char* algorithm, double size, double seconds, const char* wall) {
  CollectiveResult row;
  row.collective = "all_reduce";
  row.algorithm = algorithm;
  row.size = Bytes(size);
  row.ranks = 16;
  row.groups = 2;
  row.time = Seconds(seconds);
  row.algorithm_bandwidth = row.size / row.time;
  row.bus_bandwidth = row.algorithm_bandwidth * (2.0 * 15 / 16);
  row.wall = wall;
  row.wall_words = row.wall == "nic" ? "the NICs" : "latency of messages";
  return row;
}

StepRecord SampleTest() {
  StepRecord record;
  record.fidelity = "folded";
  record.accelerators = 32;
  record.classes = 1;
  record.tested = {Row("ring", 1e6, 250e-6, "latency"), Row("tree", 1e6, 100e-6, "latency"),
                   Row("ring", 1e9, 10e-3, "nic"), Row("tree", 1e9, 12e-3, "nic")};
  record.tested[1].fastest = record.tested[2].fastest = true;
  record.activities = 8;
  record.fingerprint = 0xabcdef;
  return record;
}

TraceHeader SampleHeader() {
  TraceHeader header;
  header.scenario_name = "small";
  header.gridlock_version = "0.1.0";
  return header;
}

TEST(CollectiveTestText, ReadsAsWritten) {
  EXPECT_EQ(CollectiveTestText(SampleHeader(), SampleTest()),
            R"(small: all_reduce

  ranks                  32 in 2 groups of 16 (folded into 1 class)

      size  algorithm                time     algbw     busbw  wall         second
                                       us      GB/s      GB/s
      1 MB  tree                   100.00     10.00     18.75  latency      ring 2.50 x
      1 GB  ring                 10000.00    100.00    187.50  nic          tree 1.20 x

algbw: size over time. busbw: what each rank sends to reach it, over time.
wall latency: latency of messages
wall nic: the NICs

gridlock 0.1.0, folded simulation, 8 activities
fingerprint 0000000000abcdef
)");
}

TEST(CollectiveTestJson, HasEveryRowWithUnits) {
  const std::string json = CollectiveTestJson(SampleHeader(), SampleTest());
  EXPECT_THAT(json, HasSubstr("\"algorithm\": \"tree\",\n      \"size_bytes\": 1000000"));
  EXPECT_THAT(json, HasSubstr("\"time_s\": 0.012"));
  EXPECT_THAT(json, HasSubstr("\"bus_bandwidth_bytes_per_s\": 187500000000"));
  EXPECT_THAT(json, HasSubstr("\"fastest\": false"));
  EXPECT_THAT(json, HasSubstr("\"fingerprint\": \"0000000000abcdef\""));
}

TEST(CollectiveTrace, IsWrittenWhole) {
  const std::string path = testing::TempDir() + "collective_trace.h5";
  WriteCollectiveTrace(path, SampleHeader(), SampleTest());
  EXPECT_GT(std::filesystem::file_size(path), 0U);
  EXPECT_FALSE(std::filesystem::exists(path + ".part"));
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace gridlock
