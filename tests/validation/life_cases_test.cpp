// Published failures, powers and runs over several sites: what a row becomes.

#include "sim/validation/life_cases.h"

#include <fstream>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/scenario/point.h"

namespace gridlock {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

using Cells = std::map<std::string, std::string>;

MeasuredResult LifeRowOf(const Cells& cells) {
  MeasuredResult result;
  result.row.cells = {{"id", "A"},          {"kind", "reliability"},
                      {"role", "headline"}, {"accelerator", "H100-SXM5-80GB"},
                      {"n_accel", "1024"},  {"metric", "job_mttf"},
                      {"value", "7.9"},     {"unit", "h (measured)"}};
  for (const auto& [column, text] : cells) {
    result.row.cells[column] = text;
  }
  result.published = result.row.Number("value");
  return result;
}

class LifeRow : public ::testing::Test {
 protected:
  MeasuredResult Made(const Cells& cells, bool simulated) const {
    MeasuredResult result = LifeRowOf(cells);
    const std::optional<LifeCase> made = LifeCaseOf(catalogue_, result);
    EXPECT_EQ(made.has_value(), simulated) << result.reason;
    for (std::size_t s = 0; made && s < made->scenarios.size(); ++s) {
      EXPECT_NO_THROW((void)ScenarioBase("row", made->scenarios[s], {}).At({}))
          << made->scenarios[s];
    }
    return result;
  }

  CatalogueList catalogue_ = ListCatalogue();
};

TEST_F(LifeRow, BecomesScenariosThatLoad) {
  EXPECT_THAT(Made({}, true).reason, HasSubstr("meta_rsc_8"));
  EXPECT_THAT(Made({{"n_accel", "8"}, {"unit", "days"}}, true).reason, HasSubstr("meta_rsc_1024"));
  EXPECT_THAT(Made({{"metric", "mtbf"}, {"n_accel", "98304"}, {"unit", "min"}}, true).reason,
              HasSubstr("meta_rsc_1)"));
  Made({{"metric", "unexpected_interruptions"}, {"n_accel", "16384"}, {"unit", "in 54 days"}},
       true);
  Made({{"metric", "ETTR"}, {"n_accel", "9600"}, {"unit", "%"}}, true);
  Made({{"metric", "effective_time"}, {"n_accel", "98304"}, {"unit", "%"}}, true);
  Made({{"kind", "power"}, {"metric", "node_power_max"}, {"unit", "kW (measured)"}}, true);
  Made({{"kind", "power"}, {"metric", "energy"}, {"unit", "MWh for 234k H100-h"}}, true);
  Made({{"kind", "multi_dc"},
        {"metric", "scaling_efficiency_vs_single_DC"},
        {"n_accel", "3072"},
        {"unit", "%"},
        {"topology", "2 DCs ~1000 km apart, RTT ~21 ms"}},
       true);
}

// Training stands for what a row ran, which its reason says; on small HBM a smaller one.
TEST_F(LifeRow, OfPowerSaysWhatStandsForIt) {
  const auto reason = [this](const char* part, const char* source, const char* notes) {
    return Made({{"kind", "power"},
                 {"metric", "node_power_max"},
                 {"unit", "kW"},
                 {"accelerator", part},
                 {"source", source},
                 {"notes", notes}},
                true)
        .reason;
  };
  EXPECT_THAT(reason("h100_sxm", "a report", ""), Not(HasSubstr("stands")));
  EXPECT_THAT(reason("b200_sxm", "MLPerf Inference v5.1", ""), HasSubstr("is of inference"));
  EXPECT_THAT(reason("h100_sxm", "llama2-70b LoRA", "immersion cooled"),
              AllOf(HasSubstr("another training"), HasSubstr("no fans")));
  EXPECT_THAT(reason("h100_sxm", "gpu-burn", ""), HasSubstr("stress test"));
  EXPECT_THAT(reason("l40s", "a report", ""), HasSubstr("layers recomputed"));
}

TEST_F(LifeRow, ThatAScenarioStatesIsAnInput) {
  for (const auto& [kind, metric] : {std::pair{"reliability", "node_failure_rate"},
                                     {"reliability", "nic_tor_link_failure"},
                                     {"power", "system_max"},
                                     {"multi_dc", "latency_multiplier"}}) {
    EXPECT_EQ(Made({{"kind", kind}, {"metric", metric}}, false).status, CaseStatus::kInput);
  }
}

TEST_F(LifeRow, ThatMakesNoSenseSaysWhy) {
  const auto reason = [this](const Cells& cells) {
    const MeasuredResult result = Made(cells, false);
    EXPECT_EQ(result.status, CaseStatus::kUnsupported);
    return result.reason;
  };
  EXPECT_THAT(reason({{"kind", "weather"}}), HasSubstr("the kind \"weather\" is not"));
  EXPECT_THAT(reason({{"metric", "luck"}}), HasSubstr("the metric \"luck\" is not simulated"));
  EXPECT_THAT(reason({{"metric", "compute_utilization"}, {"kind", "multi_dc"}}),
              HasSubstr("number of steps"));
  EXPECT_THAT(reason({{"value", "many"}}), HasSubstr("no positive number"));
  EXPECT_THAT(reason({{"unit", "bananas"}}), HasSubstr("is no time"));
  EXPECT_THAT(reason({{"n_accel", "-3"}}), HasSubstr("no size of a run"));
  EXPECT_THAT(reason({{"accelerator", "abacus"}}), HasSubstr("abacus"));
  EXPECT_THAT(reason({{"metric", "unexpected_interruptions"}, {"unit", "in 54 parsecs"}}),
              HasSubstr("names no time"));
  for (const char* unit : {"in 9e999 days", "in nan days", "in 0 days", "in 54", "days"}) {
    EXPECT_THAT(reason({{"metric", "unexpected_interruptions"}, {"unit", unit}}),
                HasSubstr("names no time"));
  }
  EXPECT_THAT(reason({{"kind", "power"}, {"metric", "energy"}, {"unit", "MWh for 9e999k H100-h"}}),
              HasSubstr("names no accelerator-hours"));
  for (const char* unit : {"%", "% of TDP", "% of 9e999 kW", "% of 10.2 apples"}) {
    EXPECT_EQ(reason({{"kind", "power"}, {"metric", "node_power_frac_tdp"}, {"unit", unit}}),
              "the unit \"" + std::string(unit) +
                  "\" names no nameplate; expected e.g. \"% of 10.2 kW\"");
  }
  for (const char* topology : {"a few km apart", " km", "9e999 km", "0 km", "1000 miles", "1000"}) {
    EXPECT_EQ(reason({{"kind", "multi_dc"},
                      {"metric", "scaling_efficiency_vs_single_DC"},
                      {"n_accel", "3072"},
                      {"topology", topology}}),
              "the topology \"" + std::string(topology) + "\" names no distance");
  }
}

TEST_F(LifeRow, NamesItsNameplateAndItsDistance) {
  for (const auto& [unit, watts] : {std::pair{"% of 10.2 kW", 10200.0}, {"% of 6.5 kW", 6500.0}}) {
    MeasuredResult result =
        LifeRowOf({{"kind", "power"}, {"metric", "node_power_frac_tdp"}, {"unit", unit}});
    const std::optional<LifeCase> made = LifeCaseOf(catalogue_, result);
    ASSERT_TRUE(made) << result.reason;
    EXPECT_DOUBLE_EQ(made->predict({{0, 0, watts / 2, 0, 0}}), 50) << unit;
  }
  for (const auto& [topology, words] : {std::pair{"about 1000 km apart", " 1000 km,"},
                                        {"1,200 km", " 1200 km,"},
                                        {"two sites, 62.5 km of fibre", " 62 km,"}}) {
    EXPECT_THAT(Made({{"kind", "multi_dc"},
                      {"metric", "scaling_efficiency_vs_single_DC"},
                      {"n_accel", "3072"},
                      {"unit", "%"},
                      {"topology", topology}},
                     true)
                    .reason,
                HasSubstr(words));
  }
}

// A server that computes draws 8,700 W here.
TEST_F(LifeRow, IsReadInItsUnit) {
  const auto predicted = [this](const Cells& cells, const Values& values) {
    MeasuredResult result = LifeRowOf(cells);
    const std::optional<LifeCase> made = LifeCaseOf(catalogue_, result);
    EXPECT_TRUE(made) << result.reason;
    return made ? made->predict(values) : 0;
  };
  const Values power = {{500, 600, 8000, 8700, 700}};
  for (const auto& [unit, value] : {std::pair{"W", 8700.0}, {"kW", 8.7}, {"MW", 8.7e-3}}) {
    EXPECT_DOUBLE_EQ(
        predicted({{"kind", "power"}, {"metric", "node_power_max"}, {"unit", unit}}, power), value);
  }
  const Cells sites = {{"kind", "multi_dc"},
                       {"metric", "scaling_efficiency_vs_single_DC"},
                       {"n_accel", "3072"},
                       {"topology", "100 km"}};
  for (const auto& [unit, value] :
       {std::pair{"%", 80.0}, {"fraction", 0.8}, {"", 0.8}, {"percent", 80.0}}) {
    Cells cells = sites;
    cells["unit"] = unit;
    cells["value"] = "0.9";
    EXPECT_DOUBLE_EQ(predicted(cells, {{4}, {5}}), value) << unit;
  }
}

TEST_F(LifeRow, OfAnotherUnitOrPartIsNotSimulated) {
  const auto reason = [this](const Cells& cells) {
    return Made(cells, false).reason;
  };
  EXPECT_EQ(reason({{"kind", "power"}, {"metric", "node_power_max"}, {"unit", "horses"}}),
            "the unit \"horses\" is no power; expected W, kW or MW");
  EXPECT_EQ(reason({{"kind", "power"}, {"metric", "power_swing"}, {"unit", "dB"}}),
            "the unit \"dB\" is no share; expected % or fraction");
  EXPECT_THAT(
      reason({{"kind", "power"}, {"metric", "node_power_max"}, {"unit", "kW"}, {"n_accel", "4"}}),
      HasSubstr("no servers of eight"));
  for (const char* part : {"h1000", "h100_xyz", "H100 NVL-ish"}) {
    EXPECT_THAT(reason({{"accelerator", part}}), HasSubstr("no server of eight has")) << part;
  }
  EXPECT_THAT(reason({{"accelerator", "h1000"}}), HasSubstr("did you mean"));
  for (const char* part : {"H100-SXM5-80GB", "NVIDIA A100 80GB", "Hopper-class", "H200"}) {
    Made({{"accelerator", part}}, true);
  }
}

// Only a rate and a count matter.
TEST_F(LifeRow, OfFailuresIsOfAnyMachine) {
  for (const char* part : {"gb200", "tpu_v4", "trainium2"}) {
    EXPECT_THAT(Made({{"accelerator", part}, {"metric", "mtbf"}, {"n_accel", "4096"}}, true).reason,
                HasSubstr("DGX H100"))
        << part;
  }
  EXPECT_THAT(Made({{"n_accel", "12"}}, true).reason, HasSubstr("2 servers that fail"));
  EXPECT_THAT(Made({{"n_accel", "4"}}, true).reason, HasSubstr("1 server that fails"));
  // Projected by the rate of the whole fleet, 6.5 in 1,000 server-days.
  for (const char* count : {"16384", "131072"}) {
    EXPECT_THAT(Made({{"accelerator", "a100_sxm_80gb"}, {"n_accel", count}}, true).reason,
                HasSubstr("meta_rsc_1)"));
  }
}

TEST_F(LifeRow, OfATableIsReportedWhateverIsWrongWithIt) {
  const std::string file = ::testing::TempDir() + "lives.csv";
  std::ofstream(file) << "id,kind,role,accelerator,n_accel,metric,value,unit\n"
                         "rate,reliability,calibration,,,node_failure_rate,6.5,\n"
                         "odd,weather,headline,,,rain,3,mm\n"
                         "step,training,headline,,,step_time,3,s\n"
                         "jobs,reliability,headline,h100_sxm,8,job_mttf,47.7,days\n";
  LifeValidation options;
  options.kind = "reliability";
  const MeasuredReport report = ValidateLives({file}, catalogue_, options);
  ASSERT_EQ(report.results.size(), 3U) << "a training row is of another kind";
  EXPECT_EQ(report.results[0].status, CaseStatus::kInput);
  EXPECT_EQ(report.results[1].status, CaseStatus::kUnsupported);
  ASSERT_TRUE(report.results[2].predicted) << report.results[2].reason;
  // 400 failures drawn at a mean of 42 days each.
  EXPECT_NEAR(*report.results[2].predicted, 42, 42 * 0.2);
  const std::string text = MeasuredText(report);
  EXPECT_THAT(text, HasSubstr("input"));
  EXPECT_EQ(report.groups.front().figures.rows, 2) << "an input is no error";
}

}  // namespace
}  // namespace gridlock
