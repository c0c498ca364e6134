// Plans: their figures in closed form, their forms, and the messages for wrong input.

#include "sim/layouts/plan.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/base/check.h"
#include "sim/catalogue/list.h"
#include "sim/layouts/asked_text.h"
#include "sim/layouts/plan_table.h"
#include "sim/study/evaluate.h"
#include "tests/layouts/scenarios.h"

namespace gridlock {

namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string MessageOf(const std::function<void()>& wrong) {
  try {
    wrong();
  } catch (const UserError& error) {
    return error.problems().front().message;
  }
  return "nothing was wrong";
}

LayoutPlan PlanOf(const ScenarioBase& base, PlanAsked asked) {
  asked.micro_batch_most = 2;
  asked.parallel = 2;
  return MakePlan(base, base.At({}), asked, {});
}

TEST(Plan, SaysWhatWouldDo) {
  PlanAsked asked;
  asked.top = 1;
  asked.fixed = ParseFixed("tensor=3");
  EXPECT_EQ(MessageOf([&] {
              (void)PlanOf(TwoServers(), asked);
            }),
            "--fix tensor=3: 3 does not divide 16 accelerators; expected a divisor, e.g. tensor=2");
  asked.fixed = ParseFixed("tensor=2,pipeline=1");
  asked.megawatts_most = 1e-6;
  const std::string over = MessageOf([&] {
    (void)PlanOf(TwoServers(), asked);
  });
  EXPECT_THAT(over, HasSubstr("expected --max-megawatts of at least 0.01"));
  // What it asks for is enough.
  asked.megawatts_most = std::stod(over.substr(over.find("at least ") + 9));
  EXPECT_EQ(PlanOf(TwoServers(), asked).proposals.size(), 1U);
}

TEST(Plan, RanksBySimulatedTime) {
  PlanAsked asked;
  asked.top = 3;
  const LayoutPlan plan = PlanOf(TwoServers(), asked);
  ASSERT_EQ(plan.proposals.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    const Proposal& proposal = plan.proposals[i];
    EXPECT_EQ(proposal.step.fidelity, "folded");
    EXPECT_EQ(proposal.step.accelerators, 16);
    EXPECT_GE(proposal.step.step_time.si(), proposal.layout.analytic * (1 - 1e-9));
    EXPECT_LE(proposal.peak(), proposal.room());
    EXPECT_TRUE(i == 0 || plan.proposals[i - 1].step.step_time <= proposal.step.step_time);
  }
  EXPECT_TRUE(plan.own_fits);
  EXPECT_GE(plan.own_analytic_s, plan.proposals.front().layout.analytic * (1 - 1e-9));
}

// A run of 1,000 steps of 2 s on 8 accelerators that draw 10 kW, PUE 1.5.
TEST(Plan, RunFiguresInClosedForm) {
  StepRecord step;
  step.step_time = Seconds(2);
  step.tokens = 1'000'000;
  step.accelerators = 8;
  step.mean_power = Watts(10e3);
  SiteSpec site;
  site.pue = 1.5;
  site.electricity_usd_per_kwh = 0.1;
  const RunFigures none = FiguresOf(step, site, {});
  EXPECT_EQ(none.power_w, 15e3);
  EXPECT_EQ(none.days, 0);
  EXPECT_FALSE(none.dollars);
  const RunFigures run = FiguresOf(step, site, {999'999'999, 0});  // the last step counts whole
  EXPECT_DOUBLE_EQ(run.days, 2000.0 / 86400);
  EXPECT_DOUBLE_EQ(run.energy_j, 15e3 * 2000);
  EXPECT_DOUBLE_EQ(run.accelerator_hours, 8 * 2000.0 / 3600);
  EXPECT_DOUBLE_EQ(*run.dollars, 15 * 2000.0 / 3600 * 0.1);
  EXPECT_DOUBLE_EQ(*FiguresOf(step, site, {1e9, 3}).dollars, 3 * 8 * 2000.0 / 3600);
}

// One split, TP 8 x DP 2 with ZeRO 1: whether it is that of a scenario with this layout.
bool IsOwn(const std::string& layout) {
  PlanAsked asked;
  asked.simulate = false;
  asked.fixed = ParseFixed("tensor=8,context=1,pipeline=1,micro_batch=1,zero=1,recompute=0");
  const LayoutPlan plan = PlanOf(
      TwoServers({"job[0].pretraining.layout={ tensor: 8 pipeline: 1 data: 2 " + layout + "}",
                  "job[0].pretraining.micro_batch=1", "job[0].pretraining.zero=1",
                  "job[0].pretraining.recompute=NONE"}),
      asked);
  EXPECT_EQ(plan.proposals.size(), 1U);
  return plan.proposals.front().own;
}

TEST(Plan, TheScenariosOwnLayoutIsMarked) {
  EXPECT_TRUE(IsOwn("sequence_parallel: true rank_order: TENSOR_DATA_PIPELINE "));
  // Without stages all orders are the same.
  EXPECT_TRUE(IsOwn("sequence_parallel: true rank_order: TENSOR_PIPELINE_DATA "));
  // These are not searched.
  EXPECT_FALSE(IsOwn("rank_order: TENSOR_DATA_PIPELINE "));
  EXPECT_FALSE(IsOwn("sequence_parallel: true shard_group: 1 rank_order: TENSOR_DATA_PIPELINE "));
}

TEST(Plan, OrdersThatAreTheSameAreOneChoice) {
  TrainingSpec job = TwoServers().At({}).training();
  job.layout.rank_order = RankOrder::kTensorPipelineData;
  const auto order = [&job](int pipeline, int data) {
    job.layout.pipeline = pipeline;
    job.layout.data = data;
    return ChoiceOf(job).rank_order;
  };
  EXPECT_EQ(order(1, 8), 0);
  EXPECT_EQ(order(8, 1), 0);
  EXPECT_EQ(order(2, 4), static_cast<int>(RankOrder::kTensorPipelineData));
  EXPECT_NE(order(2, 4), 0);
}

TEST(Plan, FrontHasNoneThatIsSlowerAndDearer) {
  PlanAsked asked;
  asked.top = 1;
  asked.simulate = false;
  asked.accelerators = {8, 16};
  const LayoutPlan plan = PlanOf(TwoServers(), asked);
  ASSERT_EQ(plan.proposals.size(), 2U);
  EXPECT_EQ(plan.proposals[0].step.accelerators, 16);
  EXPECT_TRUE(plan.proposals[0].on_front);
  const auto price = [&](int i) {
    return plan.proposals[i].step.step_time.si() *
           static_cast<double>(plan.proposals[i].step.accelerators);
  };
  EXPECT_EQ(plan.proposals[1].on_front, price(1) < price(0));
}

TEST(Plan, LimitsLeaveOutWhatExceedsThem) {
  PlanAsked asked;
  asked.top = 2;
  asked.simulate = false;
  const LayoutPlan free = PlanOf(TwoServers(), asked);
  asked.megawatts_most = free.proposals[0].run.power_w / 1e6 * 0.9999;
  const LayoutPlan capped = PlanOf(TwoServers(), asked);
  for (const Proposal& proposal : capped.proposals) {
    EXPECT_LE(proposal.run.power_w, asked.megawatts_most * 1e6);
  }
  EXPECT_THAT(capped.notes.front(), HasSubstr("exceed --max-megawatts or --max-dollars"));
  asked.megawatts_most = 1e-6;
  EXPECT_THAT(MessageOf([&] {
                (void)PlanOf(TwoServers(), asked);
              }),
              StartsWith("every layout that was looked at exceeds --max-megawatts or "));
}

TEST(Plan, WhyTheSecondLost) {
  StepRecord winner, loser;
  winner.step_time = Seconds(1);
  loser.step_time = Seconds(1.2);
  winner.attribution = {{"compute", Seconds(0.8), "the arithmetic"}, {"nic", Seconds(0.2), "NICs"}};
  loser.attribution = {{"compute", Seconds(0.7), "the arithmetic"},
                       {"nic", Seconds(0.2), "NICs"},
                       {"scale_up", Seconds(0.3), "the scale-up links"}};
  EXPECT_EQ(WhyItLost(winner, loser),
            "200 ms slower: 300 ms more of the scale-up links, 100 ms less of the arithmetic");
}

TEST(Plan, BatchesBeyondThePublishedOnesAreWarnedOf) {
  EXPECT_EQ(BatchNote(4e6), "");
  EXPECT_EQ(BatchNote(2048.0 * 8192), "");  // Llama 3.1 405B
  EXPECT_THAT(BatchNote(40e6), StartsWith("the batch of 40 M tokens a step is among the largest"));
  EXPECT_THAT(BatchNote(101e6),
              StartsWith("WARNING: the batch of 101 M tokens a step is 1.6 times the largest"));
}

TEST(Plan, FormsHoldTheSameRows) {
  PlanAsked asked;
  asked.top = 2;
  asked.simulate = false;
  asked.budget = {1e12, 2};
  const ScenarioBase base = TwoServers();
  const LayoutPlan plan = PlanOf(base, asked);
  const PlanHead head = HeadOf(base.At({}));
  const std::string csv = PlanCsv(plan);
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 3);
  const std::size_t commas = std::count(csv.begin(), csv.begin() + csv.find('\n'), ',');
  EXPECT_EQ(std::count(csv.begin(), csv.end(), ','), 3 * commas);
  const std::string json = PlanJson(head, plan);
  for (const char* key :
       {"\"scenario_name\": \"two-servers\"", "\"proposals\": [", "\"tensor\": ", "\"days\": ",
        "\"usd\": ", "\"peak_hbm_bytes\": ", "\"layouts_checked\": ", "\"refused\": {"}) {
    EXPECT_THAT(json, HasSubstr(key));
  }
  const std::string text = PlanText(head, plan, true);
  EXPECT_THAT(text, HasSubstr("llama_3.1_8b on 16 h100_sxm, stack megatron_core, 16 sequences of "
                              "8,192 tokens = 0.131 M tokens a step"));
  EXPECT_THAT(text, HasSubstr("#2 against #1: "));
  EXPECT_THAT(text, HasSubstr("HBM overflows"));
}

TEST(Plan, WrongInputIsExplained) {
  PlanAsked asked;
  asked.accelerators = {17};
  EXPECT_EQ(MessageOf([&] {
              (void)PlanOf(TwoServers(), asked);
            }),
            "--accelerators is 17, and the site has 16; expected 1 to 16");
  asked.accelerators = {1};
  EXPECT_THAT(MessageOf([&] {
                (void)PlanOf(TwoServers(), asked);
              }),
              StartsWith("no layout on 1 accelerators fits (refused: "));
  asked.accelerators = {13};
  asked.fixed = ParseFixed("pipeline=1");
  EXPECT_THAT(MessageOf([&] {
                (void)PlanOf(TwoServers(), asked);
              }),
              HasSubstr("shared out, e.g. --accelerators 12"));
  asked = {};
  asked.dollars_most = 1;
  EXPECT_EQ(MessageOf([&] {
              (void)PlanOf(TwoServers(), asked);
            }),
            "--max-dollars needs the tokens of the run; expected --tokens, e.g. 15.6T");
  asked.budget.tokens = 1e9;
  EXPECT_EQ(MessageOf([&] {
              (void)PlanOf(TwoServers(), asked);
            }),
            "--max-dollars needs a price; expected --price of an accelerator-hour, or prices { "
            "electricity: ... } in the site");
  EXPECT_EQ(MessageOf([&] {
              (void)ParseCount("12 apples", "--tokens");
            }),
            "--tokens is \"12 apples\"; expected a number above 0 such as 2048, 16.8M or 15.6T");
  ModelAsked model;
  model.model = "llama_3.1_8b";
  std::vector<std::string> notes;
  const auto text = [&] {
    (void)ScenarioTextOf(model, ListCatalogue(), notes);
  };
  EXPECT_EQ(MessageOf(text),
            "--model needs a machine; expected --cluster NAME, or --accelerator NAME");
  model.accelerator = "h100_sxn";
  EXPECT_EQ(MessageOf(text),
            "--model needs a batch; expected --global-batch, e.g. 2048 (sequences) or \"16.8M "
            "tokens\"");
  model.global_batch = "64";
  EXPECT_EQ(MessageOf(text), "--accelerator needs a number; expected --accelerators, e.g. 1024");
  model.accelerators = 64;
  EXPECT_EQ(MessageOf(text),
            "no accelerator \"h100_sxn\" in the catalogue (did you mean \"h100_sxm\"?)");
}

TEST(Plan, FixedSizesDoNotVary) {
  PlanAsked asked;
  asked.simulate = false;
  asked.fixed = ParseFixed("tensor=4,zero=2");
  for (const Proposal& proposal : PlanOf(TwoServers(), asked).proposals) {
    EXPECT_EQ(proposal.layout.choice.tensor, 4);
    EXPECT_EQ(proposal.layout.choice.zero, 2);
  }
  EXPECT_TRUE(ParseFixed("").empty());
  EXPECT_EQ(MessageOf([] {
              (void)ParseFixed("tensr=4");
            }),
            "--fix knows no size \"tensr\" (did you mean \"tensor\"?); expected one of tensor, "
            "context, pipeline, virtual_pipeline, data, expert, expert_tensor, micro_batch, zero, "
            "recompute, shard_group");
  EXPECT_EQ(MessageOf([] {
              (void)ParseFixed("tensor=4,zero");
            }),
            "--fix has \"zero\"; expected a whole number, e.g. zero=1");
}

TEST(Plan, BatchesInTokensAreRoundedToSixtyFourSequences) {
  EXPECT_EQ(ParseBatch("2048", 8192), 2048);
  EXPECT_EQ(ParseBatch("16.8M tokens", 8192), 2048);
  EXPECT_EQ(ParseBatch("65536 tokens", 8192), 8) << "fewer than 64 are taken as they are";
  EXPECT_EQ(ParseBatch("1 tokens", 8192), 1);
  EXPECT_EQ(MessageOf([] {
              (void)ParseBatch("63M", 4096);
            }),
            "--global-batch is \"63M\", 258 G tokens a step; expected sequences, or \"63M "
            "tokens\"");
  EXPECT_EQ(ParseCount("15.6T", "--tokens"), 15.6e12);
}

TEST(Plan, WrongBatchesAreExplained) {
  for (const char* wrong : {"4M tokensXYZ", "4M tokens ", "1e300 tokens", "1e300", "2.5"}) {
    EXPECT_EQ(MessageOf([&] {
                (void)ParseBatch(wrong, 8192);
              }),
              "--global-batch is \"" + std::string(wrong) +
                  "\"; expected a whole number of sequences, or tokens such as \"16.8M tokens\"");
  }
  EXPECT_EQ(ParseBatch("8192T tokens", 8192), 1'000'000'000'000);
}

TEST(Plan, AModelAndAMachineMakeAScenario) {
  ModelAsked model;
  model.model = "llama_3.1_8b";
  model.accelerator = "h100_sxm";
  model.accelerators = 32;
  model.global_batch = "64";
  std::vector<std::string> notes;
  const ScenarioBase base("asked", ScenarioTextOf(model, ListCatalogue(), notes), {});
  const Scenario scenario = base.At({});
  EXPECT_EQ(scenario.site().server.accelerator.name, "h100_sxm");
  EXPECT_EQ(scenario.site().servers * scenario.site().server.accelerators, 32);
  EXPECT_EQ(scenario.training().global_batch, 64);
  EXPECT_EQ(notes.size(), 1U);
  model.accelerator.clear();
  model.cluster = "deepseek_2k_h800";
  const ScenarioBase cluster("asked", ScenarioTextOf(model, ListCatalogue(), notes), {});
  EXPECT_EQ(cluster.At({}).site().servers, 256);
}

TEST(Plan, AdaptersAreARankOrABlock) {
  ModelAsked model;
  model.model = "llama_3.1_8b";
  model.accelerator = "h100_sxm";
  model.accelerators = 8;
  model.global_batch = "64";
  std::vector<std::string> notes;
  const auto adapters = [&](const std::string& asked) {
    model.adapters = asked;
    return ScenarioBase("asked", ScenarioTextOf(model, ListCatalogue(), notes), {})
        .At({})
        .training()
        .adapters;
  };
  EXPECT_EQ(adapters("").rank, 0);
  EXPECT_EQ(adapters("16").rank, 16);
  EXPECT_EQ(adapters("{ rank: 8 base: \"nf4\" }").base_bytes, 0.5625);
  EXPECT_EQ(MessageOf([&] {
              (void)adapters("2.5");
            }),
            "--adapters is \"2.5\"; expected a rank such as 16, or a block such as '{ rank: 16 "
            "base: \"nf4\" }'");
}

// FSDP2 keeps a stage whole: sharding its parameters would be the same layout again.
TEST(Plan, StagesThatStayWholeAreNotSharded) {
  PlanAsked asked;
  asked.simulate = false;
  asked.variants = true;
  asked.top = 1000;
  asked.accelerators = {8};
  ModelAsked model;
  model.model = "llama_3.1_8b";
  model.accelerator = "h100_sxm";
  model.accelerators = 8;
  model.global_batch = "64";
  model.stack = "torchtitan";
  std::vector<std::string> notes;
  const ScenarioBase base("asked", ScenarioTextOf(model, ListCatalogue(), notes), {});
  bool staged = false, sharded = false;
  for (const Proposal& proposal : MakePlan(base, base.At({}), asked, {}).proposals) {
    const LayoutChoice& choice = proposal.layout.choice;
    staged = staged || choice.pipeline > 1;
    sharded = sharded || choice.zero == 3;
    EXPECT_TRUE(choice.pipeline == 1 || choice.zero <= 1) << ChoiceInWords(choice);
  }
  EXPECT_TRUE(staged && sharded);
}

}  // namespace

}  // namespace gridlock
