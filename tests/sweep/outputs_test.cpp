// The outputs of a run as a flat list: each in a column, with the record's own number.

#include "sim/sweep/outputs.h"

#include <cmath>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fixture_files.h"
#include "tests/record/life_sample.h"
#include "tests/record/report_sample.h"
#include "tests/source_dir.h"

namespace gridlock {
namespace {

/// The values of a list by name and label. Fails when two have the same.
std::map<std::string, OutputValue> ByName(const std::vector<OutputValue>& outputs) {
  std::map<std::string, OutputValue> by_name;
  for (const OutputValue& value : outputs) {
    const std::string name = value.name + (value.label.empty() ? "" : "." + value.label);
    EXPECT_TRUE(by_name.emplace(name, value).second) << name << " twice";
  }
  return by_name;
}

StepRecord TestOfACollective() {
  StepRecord record = ReportRecord();
  record.tested = {{.collective = "all_reduce",
                    .algorithm = "ring",
                    .size = Bytes(8e9),
                    .ranks = 8,
                    .groups = 2,
                    .time = Seconds(0.5),
                    .latency = Seconds(0.001),
                    .algorithm_bandwidth = BytesPerSecond(16e9),
                    .bus_bandwidth = BytesPerSecond(28e9),
                    .wall = "nic",
                    .fastest = true,
                    .port_load = Bytes(0),
                    .nic_load = Bytes(1e9),
                    .busiest = "nic"}};
  return record;
}

TEST(OutputColumns, HaveNoNameTwiceAndAMeaning) {
  std::set<std::string> names;
  for (const OutputColumn& column : OutputColumns()) {
    EXPECT_TRUE(names.insert(column.name).second) << column.name;
    EXPECT_FALSE(column.units.empty() || column.long_name.empty()) << column.name;
    EXPECT_EQ(FindOutputColumn(column.name), &column);
    // Dots part the name of an output from that of its element.
    EXPECT_EQ(column.name.find('.'), std::string::npos) << column.name;
  }
  EXPECT_EQ(FindOutputColumn("no_such_output"), nullptr);
}

TEST(OutputColumns, AreThoseOfTracesWithTheSameUnits) {
  // The page has a row "| `name` | dimensions | type | unit | ..." for every variable of a trace.
  const std::string page = FileContents(GRIDLOCK_SOURCE_DIR "/docs/outputs.md");
  for (const OutputColumn& column : OutputColumns()) {
    const std::regex row("\\| `" + column.name + "` \\| [^|]*\\| [^|]*\\| " + column.units +
                         " \\|");
    EXPECT_TRUE(std::regex_search(page, row)) << column.name << " in " << column.units;
  }
}

TEST(Outputs, OfEveryRecordHaveTheirColumns) {
  const std::vector<RunRecord> records = {ReportRecord(), TestOfACollective(), SmallLife(),
                                          LifeOf(5, 12, 10, 2)};
  for (const RunRecord& record : records) {
    const std::vector<OutputValue> outputs = OutputsOf(record);
    EXPECT_FALSE(outputs.empty());
    (void)ByName(outputs);
    for (const OutputValue& value : outputs) {
      const OutputColumn* const column = FindOutputColumn(value.name);
      ASSERT_NE(column, nullptr) << value.name;
      EXPECT_EQ(column->dimension.empty(), value.label.empty()) << value.name << value.label;
      EXPECT_TRUE(column->is_text || value.text.empty()) << value.name;
    }
  }
}

TEST(Outputs, OfAStepAreItsNumbers) {
  const StepRecord record = ReportRecord();
  auto outputs = ByName(OutputsOf(record));
  EXPECT_EQ(outputs["step_time"].number, 4.0);
  EXPECT_EQ(outputs["mfu"].number, record.mfu());
  EXPECT_EQ(outputs["hfu"].number, record.hfu());
  EXPECT_EQ(outputs["accelerators"].number, 16);
  EXPECT_EQ(outputs["breakdown.tensor_comm"].number, 0.5);
  EXPECT_EQ(outputs["breakdown.idle"].number, 0.25);
  EXPECT_EQ(outputs["attribution.scale_up"].number, 0.2);
  EXPECT_EQ(outputs["attribution.compute"].number, 3.0);  // both of its parts
  EXPECT_EQ(outputs["binding_wall"].text, "compute");
  EXPECT_EQ(outputs["mean_power"].number, 16 * 900.0);
}

TEST(Outputs, OfATestOfACollectiveAreThoseOfTheCollective) {
  auto outputs = ByName(OutputsOf(TestOfACollective()));
  EXPECT_EQ(outputs["time.all_reduce ring 8 GB"].number, 0.5);
  EXPECT_EQ(outputs["bus_bandwidth.all_reduce ring 8 GB"].number, 28e9);
  EXPECT_FALSE(outputs.contains("step_time"));
}

TEST(Outputs, OfALifeAreThoseOfItsJobsFleetsAndSites) {
  auto outputs = ByName(OutputsOf(SmallLife()));
  EXPECT_EQ(outputs["job_tokens.main"].number, 3e8);
  EXPECT_EQ(outputs["job_checkpointing.main"].number, 900.0);
  EXPECT_EQ(outputs["request_ttft_p99.chat/short"].number, 1.5);
  EXPECT_TRUE(std::isnan(outputs["request_ttft_p99.chat/long"].number));
  EXPECT_EQ(outputs["site_peak_power.north"].number, 20500.0);
  EXPECT_EQ(outputs["site_energy.south"].number, 12e3 * 3600);
}

TEST(Outputs, OfALifeHaveTheMeansOfItsSeries) {
  auto outputs = ByName(OutputsOf(SmallLife()));
  ASSERT_TRUE(outputs.contains("queue_jobs"));
  EXPECT_EQ(outputs["queue_jobs"].number, 0.25);
  EXPECT_EQ(outputs["queue_accelerators"].number, 2.0);
}

TEST(Outputs, LeaveOutWhatACampaignGenerated) {
  for (const OutputValue& value : OutputsOf(SmallLife())) {
    EXPECT_FALSE(value.label.starts_with("ladder/")) << value.name << "." << value.label;
  }
}

TEST(Outputs, HaveTheFingerprintOfTheRecord) {
  EXPECT_EQ(FingerprintOf(ReportRecord()), ReportRecord().fingerprint);
  EXPECT_EQ(FingerprintOf(SmallLife()), SmallLife().fingerprint);
}

}  // namespace
}  // namespace gridlock
