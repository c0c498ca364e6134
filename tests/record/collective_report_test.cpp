// A test of a collective on the screen, in JSON and in its trace.

#include <cmath>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/record/collective_trace.h"
#include "sim/record/dataset.h"
#include "sim/report/collective_table.h"
#include "sim/report/collective_words.h"

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
  row.latency = row.time * (row.wall == "nic" ? 0.1 : 0.8);
  row.busiest = "nic";
  row.utilisation = row.wall == "nic" ? 0.9 : 0.2;
  row.nic_load = row.size / 4.0;
  row.port_load = row.size * 2.0;
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
  record.tested[1].chosen = record.tested[3].chosen = true;  // of 1 GB not the fastest
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

    size  algorithm              time   algbw   busbw  wall     busiest link   next best
                                   us    GB/s    GB/s
    1 MB  tree                 100.00   10.00   18.75  latency  nic 20 %       ring 2.50 x
    1 GB  tree               12000.00   83.33  156.25  nic      nic 90 %       ring 0.83 x

algbw: size over time. busbw: what each rank sends to reach it, over time.
busiest link: the kind with the highest share of its capacity in use.
next best: the fastest other algorithm, and its time over that of the one taken.
wall latency: latency of messages
wall nic: the NICs

gridlock 0.1.0, folded simulation, 8 activities
fingerprint 0000000000abcdef
)");
}

TEST(CollectiveTestText, HasNoColumnOfOthersWhereOneAlgorithmRan) {
  StepRecord record = SampleTest();
  record.tested = {record.tested[1]};
  const std::string text = CollectiveTestText(SampleHeader(), record);
  EXPECT_THAT(text, testing::Not(HasSubstr("next best")));
  EXPECT_THAT(text, HasSubstr("nic 20 %\n"));
}

TEST(CollectiveWords, SayWhatEachAlgorithmSends) {
  EXPECT_EQ(CollectiveWords(SampleTest()),
            R"(
Why, at 1 GB
  - tree takes 12 ms. The busiest NIC sends 250 MB (0.25 x the buffer). The busiest scale-up link
    carries 2 GB (2 x the buffer). 10.0 % of the time is latency, and the links of kind nic are in
    use for 90.0 %.
  - ring takes 10 ms. The busiest NIC sends 250 MB (0.25 x the buffer). The busiest scale-up link
    carries 2 GB (2 x the buffer). 10.0 % of the time is latency, and the links of kind nic are in
    use for 90.0 %.
  - ring takes 0.83 times as long as tree: 1 ms of latency against 1.2 ms.
  - Messages up to 1 MB are mostly latency: more bandwidth would change them little.
)");
}

TEST(CollectiveWords, DoNotCallShortMessagesLatencyThatAreNot) {
  StepRecord record = SampleTest();
  for (CollectiveResult& row : record.tested) {
    row.latency = row.time * (row.size > Bytes(2e6) ? 0.8 : 0.1);
  }
  EXPECT_THAT(CollectiveWords(record), HasSubstr("Messages of 1 GB are mostly latency"));
}

TEST(Buffers, AreShownInTheShorterOfTwoExactForms) {
  const std::vector<std::pair<double, const char*>> forms = {
      {8, "8 B"},         {1000, "1 kB"},     {1024, "1 KiB"},
      {16e6, "16 MB"},    {1 << 20, "1 MiB"}, {125e6, "125 MB"},
      {1 << 30, "1 GiB"}, {8e9, "8 GB"},      {64.0 * (1 << 20), "64 MiB"},
      {64e3, "64 kB"}};
  for (const auto& [bytes, text] : forms) {
    EXPECT_EQ(FormatBuffer(Bytes(bytes)), text);
  }
}

TEST(CollectiveTestCsv, HasEveryAlgorithm) {
  const std::string csv = CollectiveTestCsv(SampleTest());
  EXPECT_THAT(csv, testing::StartsWith("size_bytes,algorithm,time_us,algbw_gbs,busbw_gbs,wall,"
                                       "busiest,utilisation,fastest,chosen\n"));
  EXPECT_THAT(csv, HasSubstr("\n1000000000,ring,10000,100,187.5,nic,nic,0.9000,1,0\n"));
  EXPECT_THAT(csv, HasSubstr("\n1000000000,tree,12000,83.3333,156.25,nic,nic,0.9000,0,1\n"));
}

TEST(CollectiveTestJson, HasEveryRowWithUnits) {
  const std::string json = CollectiveTestJson(SampleHeader(), SampleTest());
  EXPECT_THAT(json, HasSubstr("\"algorithm\": \"tree\",\n      \"size_bytes\": 1000000"));
  EXPECT_THAT(json, HasSubstr("\"time_s\": 0.012"));
  EXPECT_THAT(json, HasSubstr("\"bus_bandwidth_bytes_per_s\": 187500000000"));
  EXPECT_THAT(json, HasSubstr("\"nic_load_bytes\": 250000000"));
  EXPECT_THAT(json, HasSubstr("\"port_load_bytes\": 2000000000"));
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

TEST(CollectiveTrace, HasTheUseOfLinksOverTime) {
  StepRecord record = SampleTest();
  record.interval = Seconds(1e-3);
  record.hottest = {{.name = "nic_up[0]",
                     .tier = "nic",
                     .capacity = BytesPerSecond(50e9),
                     .carried = Bytes(1e9),
                     .use = 0.5,
                     .alike = 16,
                     .share = {1.0, 0.5, 0.25}}};
  record.links = {{.name = "leaf_up[3]",
                   .tier = "leaf",
                   .capacity = BytesPerSecond(400e9),
                   .carried = Bytes(2e9),
                   .use = 0.1,
                   .share = {0.1, 0.0}}};
  const std::string path = testing::TempDir() + "collective_links.h5";
  WriteCollectiveTrace(path, SampleHeader(), record);
  const Dataset read = ReadDataset(path);
  std::filesystem::remove(path);
  EXPECT_EQ(read.Length("row"), 4U);
  EXPECT_EQ(read.TextAt("link", 1), "leaf_up[3]");
  EXPECT_EQ(read.At("link_capacity", 1), 400e9);
  EXPECT_EQ(read.At("link_alike", 0), 16);
  EXPECT_EQ(read.At("sample_start", 2), 2e-3);
  const std::vector<double>& share = read.Find("link_share")->numbers;
  EXPECT_EQ(read.Find("link_share")->shape, (std::vector<std::size_t>{2, 3}));
  EXPECT_EQ(std::vector<double>(share.begin(), share.begin() + 5),
            (std::vector<double>{1.0, 0.5, 0.25, 0.1, 0.0}));
  EXPECT_TRUE(std::isnan(share.back()));
}

}  // namespace
}  // namespace gridlock
