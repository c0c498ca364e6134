#include <cmath>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/base/check.h"
#include "sim/pages/chrome_trace.h"
#include "sim/pages/compare.h"
#include "sim/pages/confirmation.h"
#include "sim/pages/csv_tables.h"
#include "sim/pages/data_json.h"
#include "sim/pages/explain.h"
#include "sim/pages/glossary.h"
#include "sim/pages/scenario_fields.h"
#include "sim/record/trace.h"
#include "tests/record/sample_record.h"
#include "tests/source_dir.h"

namespace gridlock {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

/// A trace of two stages: stage 0 works from 0 to 1 s and stage 1 waits for it, then works.
StepRecord RecordWithTimeline(int row) {
  StepRecord record = SampleRecord(row);
  record.timeline = {{0, Seconds(0), Seconds(1), 0, PassKind::kForward},
                     {1, Seconds(0), Seconds(1), 1, PassKind::kNone},
                     {1, Seconds(1), Seconds(2.0 + row), 0, PassKind::kBackward}};
  record.operations = {{"forward query", Flop(2e12), Bytes(1e9), 4, Seconds(4e-3)}};
  return record;
}

Dataset Written(const std::string& name, const std::vector<StepRecord>& records,
                const std::string& scenario = "name: \"x\"\n") {
  const std::string path = testing::TempDir() + "pages_" + name + ".h5";
  TraceHeader header;
  header.scenario_name = name;
  header.scenario_text = scenario;
  TraceWriter writer(path, header);
  for (const StepRecord& record : records) {
    writer.Append(record);
  }
  writer.Finish();
  Dataset dataset = ReadDataset(path);
  std::remove(path.c_str());
  return dataset;
}

TEST(Dataset, ReadsBackWhatTheWriterWrote) {
  const Dataset trace = Written("read", {RecordWithTimeline(0), RecordWithTimeline(3)});
  EXPECT_EQ(trace.kind, "step");
  EXPECT_EQ(trace.Attribute("scenario_name"), "read");
  EXPECT_EQ(trace.At("step_time", 1), 2.75);
  EXPECT_EQ(trace.TextAt("cap", 1), "scale_up 3 µ");
  ASSERT_NE(trace.Find("utilisation"), nullptr);
  EXPECT_THAT(trace.Find("utilisation")->dimensions, ElementsAre("cap", "resource", "sample"));
  EXPECT_THAT(trace.Find("utilisation")->shape, ElementsAre(2, 4, 64));
  EXPECT_TRUE(std::isnan(trace.At("utilisation", 3 * 64))) << "the first row has no spine";
  EXPECT_EQ(trace.Find("step_time")->units, "s");
}

TEST(Dataset, HasTheTimelineAndTheOperations) {
  const Dataset trace = Written("spans", {RecordWithTimeline(0), RecordWithTimeline(1)});
  EXPECT_THAT(trace.Find("span_end")->dimensions, ElementsAre("cap", "span"));
  EXPECT_THAT(trace.Find("span_end")->numbers, ElementsAre(1, 1, 2, 1, 1, 3));
  EXPECT_THAT(trace.Find("span_stage")->numbers, ElementsAre(0, 1, 1, 0, 1, 1));
  EXPECT_THAT(trace.Find("span_pass")->flags,
              ElementsAre("none", "forward", "backward", "optimizer"));
  EXPECT_EQ(trace.TextAt("operation"), "forward query");
  EXPECT_EQ(trace.At("operation_flop", 1), 2e12);
}

TEST(Dataset, RefusesWhatIsNone) {
  EXPECT_THROW(ReadDataset("/nowhere/trace.h5"), UserError);
  EXPECT_THROW(ReadDataset(GRIDLOCK_SOURCE_DIR "/README.md"), UserError);
  EXPECT_THROW(ReadDataset(GRIDLOCK_SOURCE_DIR), UserError);
}

TEST(FieldsOfText, HavePathsWithNumbersWhereANameRepeats) {
  EXPECT_THAT(
      FieldsOfText("name: \"x: {y}\"\nsite {\n  server: \"s\"\n}\njob {\n  name: \"a\"\n}\n"
                   "job {\n  pretraining {\n    micro_batch: 1\n  }\n}\n"),
      ElementsAre(Pair("name", "\"x: {y}\""), Pair("site.server", "\"s\""),
                  Pair("job[0].name", "\"a\""), Pair("job[1].pretraining.micro_batch", "1")));
}

TEST(Explain, PutsTheNumbersIntoTheFormulaOfMfu) {
  const Dataset trace = Written("mfu", {RecordWithTimeline(0)});
  // 8e15 FLOP over 1.6e16 FLOP/s for 2 s.
  EXPECT_THAT(
      ExplanationText(trace),
      HasSubstr("MFU = model FLOP / (peak x step time) = 8e+15 / (1.6e+16/s x 2 s) = 25.0 %"));
  EXPECT_THAT(VerdictOf(trace), HasSubstr("the matrix units set the pace of 75.0 % of it"));
}

TEST(Explain, PutsTheLayoutIntoTheFormulaOfTheBubble) {
  const Dataset trace =
      Written("bubble", {RecordWithTimeline(0)},
              "job {\n  pretraining {\n    layout {\n      pipeline: 4\n      data: 2\n"
              "    }\n    global_batch: 32\n    micro_batch: 1\n  }\n}\n");
  EXPECT_THAT(ExplanationText(trace), HasSubstr("(p - 1) / (v m) = (4 - 1) / (1 x 16) = 18.8 %"));
}

TEST(Compare, SaysWhatDiffersInInputAndOutput) {
  StepRecord slow = RecordWithTimeline(2);
  const Dataset a = Written("a", {RecordWithTimeline(0)}, "site {\n  servers: 2\n}\n");
  const Dataset b = Written("b", {slow}, "site {\n  servers: 4\n}\n");
  const Comparison comparison = Compare(a, b);
  ASSERT_EQ(comparison.inputs.size(), 1u);
  EXPECT_EQ(comparison.inputs[0].path, "site.servers");
  EXPECT_EQ(comparison.inputs[0].b, "4");
  ASSERT_FALSE(comparison.outputs.empty());
  EXPECT_EQ(comparison.outputs[0].name, "step_time");
  EXPECT_EQ(comparison.outputs[0].b, 2.5);
  double moved = 0;
  for (const OutputDifference& output : comparison.outputs) {
    moved += output.group == "critical path" ? output.b - output.a : 0;
  }
  EXPECT_NEAR(moved, 0.5, 1e-12) << "the parts of the path move by what the step moves";
  EXPECT_TRUE(Compare(a, a).outputs.empty() && Compare(a, a).inputs.empty());
}

/// A life of two jobs by their names, with the power of one site over time.
Dataset LifeOf(const std::vector<std::string>& jobs, const std::vector<double>& steps,
               const std::vector<double>& power) {
  Dataset life;
  life.kind = "life";
  life.attributes = {{"scenario",
                      "job {\n  name: \"long\"\n  pretraining {\n"
                      "    checkpoint_interval: \"10 min\"\n  }\n}\n"},
                     {"horizon", "86400"}};
  const auto text = [&](const std::string& name, const std::vector<std::string>& texts) {
    life.variables.push_back({name, {name}, {texts.size()}, "", "", {}, true, {}, texts});
  };
  const auto numbers = [&](const std::string& name, const std::string& axis,
                           const std::vector<double>& values, const std::string& units = "s") {
    life.variables.push_back({name, {axis}, {values.size()}, units, "", {}, false, values, {}});
  };
  text("job", jobs);
  text("site", {"hall"});
  numbers("job_steps", "job", steps, "1");
  numbers("job_training", "job", {3600, 3600});
  numbers("job_lost", "job", {2400, 0});
  numbers("job_checkpointing", "job", {12, 0});
  numbers("job_mean_time_between_interruptions", "job", {4000, 4000});
  life.variables.push_back(
      {"power", {"site", "time"}, {1, power.size()}, "W", "", {}, false, power, {}});
  numbers("event_at", "event", power);
  return life;
}

TEST(Compare, TakesWhatHasOneNameAndMeansOverTime) {
  const Dataset a = LifeOf({"long", "short"}, {100, 10}, {4e6, 0, 2e6});
  const Dataset b = LifeOf({"short", "long"}, {10, 50}, {0, 0, 1e6, 3e6});
  const Comparison comparison = Compare(a, b);
  const auto found = [&](const std::string& name) {
    const auto at = std::find_if(comparison.outputs.begin(), comparison.outputs.end(),
                                 [&](const OutputDifference& each) {
                                   return each.name == name;
                                 });
    return at == comparison.outputs.end() ? std::pair(0.0, 0.0) : std::pair(at->a, at->b);
  };
  EXPECT_EQ(found("job_steps of long"), std::pair(100.0, 50.0)) << "and not that of one place";
  EXPECT_EQ(found("power, mean of hall"), std::pair(2e6, 1e6));
  for (const OutputDifference& output : comparison.outputs) {
    EXPECT_NE(output.name.substr(0, 8), "event_at") << "events have no counterparts";
  }
}

TEST(Explain, SaysHowOftenToSave) {
  // 3,600 s that count hold six checkpoints of 2 s; 2 x 2 s x 4,000 s is the square of 126.5 s.
  const std::string text = ExplanationText(LifeOf({"long", "short"}, {1, 1}, {1}));
  EXPECT_THAT(text, HasSubstr("long: saves every 10 min for 2 s, stops every"));
  const std::string best = InSeconds(std::sqrt(2 * 2 * 4000.0));
  EXPECT_THAT(text, HasSubstr(best));
  EXPECT_THAT(text, HasSubstr("save more often"));
  EXPECT_THAT(text, HasSubstr("job.pretraining.checkpoint_interval=" + best));
}

TEST(Explain, AdvisesOnlyWhatIsBetter) {
  Dataset life = LifeOf({"long", "short"}, {1, 1}, {1});
  const auto said = [&life](const std::string& more) {
    for (auto& [name, text] : life.attributes) {
      if (name == "scenario") {
        text =
            "job {\n  name: \"long\"\n  pretraining {\n    checkpoint_interval: \"2 min\"\n  "
            "}\n}\n" +
            more;
      }
    }
    return ExplanationText(life);
  };
  // Saved for 0.4 s each, it would save 57 s apart at best, which wins less than 0.5 %.
  EXPECT_THAT(said(""), Not(HasSubstr("checkpoint_interval=")));
  EXPECT_THAT(said("site {\n  storage_bandwidth: \"2 GB/s\"\n}\n"),
              HasSubstr("site.storage_bandwidth=4 GB/s"));
  life.variables.push_back({"job_restarting", {"job"}, {2}, "s", "", {}, false, {3000, 0}, {}});
  EXPECT_THAT(said("reliability {\n  restart_time: \"10 min\"\n}\n"),
              HasSubstr("reliability.restart_time=5 min"));
}

TEST(ChromeTrace, HasASliceForEachSpanInMicroseconds) {
  const std::string json = ChromeTraceJson(Written("chrome", {RecordWithTimeline(0)}));
  EXPECT_THAT(json,
              HasSubstr(R"("ph":"X","pid":1,"tid":0,"name":"backward compute","cat":"compute",)"
                        R"("ts":1000000,"dur":1000000)"));
  EXPECT_THAT(json, HasSubstr(R"("name":"process_name","args":{"name":"stage 1: one of )"));
  EXPECT_THAT(json, HasSubstr(R"("args":{"name":"communication that nothing hides"}})"));
}

TEST(CsvTables, HaveALineForEachPosition) {
  const auto tables = CsvTables(Written("csv", {RecordWithTimeline(0), RecordWithTimeline(1)}));
  const auto found = std::find_if(tables.begin(), tables.end(), [](const auto& table) {
    return table.first == "cap-attribution_resource";
  });
  ASSERT_NE(found, tables.end());
  EXPECT_EQ(found->second,
            "cap,attribution_resource,attribution\nbaseline,compute,1.5\nbaseline,scale_up,0.5\n"
            "scale_up 1 µ,compute,1.5\nscale_up 1 µ,scale_up,0.75\n");
}

TEST(DataJson, CannotEndTheScriptThatHoldsIt) {
  EXPECT_EQ(QuotedForPage("</script>\n"), "\"\\u003c/script>\\n\"");
}

TEST(Glossary, IsThePageInTheDocuments) {
  std::ifstream page(GRIDLOCK_SOURCE_DIR "/docs/glossary.md");
  const std::string text{std::istreambuf_iterator<char>(page), {}};
  EXPECT_EQ(text, GlossaryMarkdown()) << "gridlock explain --glossary > docs/glossary.md";
}

TEST(MovableWalls, AreTheLongestThatACapMovesWithWhatTenPerCentMoreSavesAtMost) {
  const Dataset trace = Written("walls", {RecordWithTimeline(0), RecordWithTimeline(4)});
  const std::vector<MovableWall> first = MovableWalls(trace, 0);
  ASSERT_EQ(first.size(), 2u);
  EXPECT_EQ(first[0].name, "compute");
  EXPECT_EQ(first[0].link, "flops");
  EXPECT_DOUBLE_EQ(first[0].saved_at_most, 1.5 / 11) << "1.5 s at 1.1 times the rate";
  EXPECT_EQ(first[1].link, "scale_up");
  EXPECT_DOUBLE_EQ(first[1].saved_at_most, 0.5 / 11);
  // Row 4 waits 1.25 s for links and 0.25 s for latency, which no cap moves.
  const std::vector<MovableWall> fourth = MovableWalls(trace, 1);
  ASSERT_EQ(fourth.size(), 2u);
  EXPECT_EQ(fourth[0].name, "compute");
  EXPECT_DOUBLE_EQ(fourth[1].saved_at_most, 1.25 / 11);
}

TEST(MovableWalls, AreThreeAtMostAndNoneOfWhatIsNoStep) {
  StepRecord record = RecordWithTimeline(0);
  record.attribution = {{"nic", Seconds(0.1)}, {"compute", Seconds(0.8)}, {"hbm", Seconds(0.3)},
                        {"wan", Seconds(0.2)}, {"launch", Seconds(0.6)},  {"scale_up", Seconds(0)}};
  Dataset trace = Written("three", {record});
  std::vector<std::string> links;
  for (const MovableWall& wall : MovableWalls(trace, 0)) {
    links.push_back(wall.link);
  }
  EXPECT_THAT(links, ElementsAre("flops", "hbm", "wan"));
  trace.kind = "sweep";
  EXPECT_TRUE(MovableWalls(trace, 0).empty());
  EXPECT_EQ(LinkOfWall("latency"), "");
}

TEST(Confirmation, PutsWhatWasSimulatedBesideWhatWasSaid) {
  const Dataset trace = Written("confirmed", {RecordWithTimeline(0)});
  const std::vector<MovableWall> walls = MovableWalls(trace, 0);
  const Explanation part =
      ConfirmedPart(trace, 0, {{walls[0], 1.9, ""}, {walls[1], 0, "the part has no links"}});
  // 2 s become 1.9 s; the critical path said 1.5/11 of 2 s.
  EXPECT_THAT(part.lines,
              ElementsAre(HasSubstr("2 s -> 1.9 s: 5.0 % less; the critical path said 6.8 %"),
                          HasSubstr("cannot be simulated: the part has no links")));
  EXPECT_THAT(ConfirmedPart(trace, 0, {}).lines,
              ElementsAre("Nothing that a cap moves paces this step."));
}

TEST(Glossary, FindsTermsByEverySpelling) {
  for (const char* name : {"all-reduce", "All Reduce", "allreduce", "ALL_REDUCE"}) {
    ASSERT_NE(TermByName(name), nullptr) << name;
    EXPECT_STREQ(TermByName(name)->name, "all-reduce");
  }
  EXPECT_STREQ(TermByName("hfu")->name, "MFU and HFU");
  for (const char* asked : {"decode",
                            "prefill",
                            "KV cache",
                            "PUE",
                            "ECMP",
                            "MoE",
                            "goodput",
                            "checkpoint interval",
                            "gradient accumulation",
                            "memory bound",
                            "MTBF",
                            "lemons",
                            "hot spare",
                            "DiLoCo",
                            "quota",
                            "curtailment",
                            "silent data corruption",
                            "confidence interval",
                            "MTTR",
                            "QLoRA",
                            "DPO",
                            "GRPO",
                            "RLHF",
                            "speculative decoding",
                            "prefix caching",
                            "GQA",
                            "MQA",
                            "MLA",
                            "Mamba",
                            "HSDP",
                            "DualPipe",
                            "straggler",
                            "backfill",
                            "PCIe",
                            "NVLink",
                            "HBM",
                            "FP8",
                            "NVFP4",
                            "TDP",
                            "TCO",
                            "SLO",
                            "p99",
                            "incast",
                            "torus"}) {
    EXPECT_NE(TermByName(asked), nullptr) << asked;
  }
  EXPECT_EQ(TermByName("nonsense"), nullptr);
  EXPECT_THAT(UnknownTerm("bubbel"), HasSubstr("did you mean \"bubble\"?"));
  std::set<std::string> names;
  for (const Term& term : Terms()) {
    EXPECT_TRUE(names.insert(term.name).second) << term.name;
    EXPECT_THAT(term.command, testing::StartsWith("gridlock ")) << term.name;
    EXPECT_EQ(TermByName(term.name), &term);
  }
}

}  // namespace
}  // namespace gridlock
