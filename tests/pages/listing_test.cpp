#include "sim/pages/listing.h"

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/base/check.h"
#include "sim/pages/glossary.h"
#include "tests/source_dir.h"

namespace gridlock {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;

std::string WrittenJson(const std::string& name, const std::string& json) {
  const std::string path = testing::TempDir() + "/" + name + ".json";
  std::ofstream(path) << json;
  return path;
}

std::vector<std::string> LinesOf(const std::vector<Explanation>& parts) {
  std::vector<std::string> lines;
  for (const Explanation& part : parts) {
    lines.insert(lines.end(), part.lines.begin(), part.lines.end());
  }
  return lines;
}

constexpr const char* kPlan = R"({
  "scenario_name": "mine", "model": "tiny", "accelerator": "h100_sxm", "tokens": 15e12,
  "layouts_checked": 40, "layouts_fitting": 30, "layouts_evaluated": 3,
  "refused": {"tensor": 2, "memory": 1234},
  "proposals": [
    {"accelerators": 512, "layout": {"tensor": 8, "pipeline": 4, "virtual_pipeline": 5, "data": 16},
     "step_time_s": 2.0, "mfu": 0.5, "peak_hbm_bytes": 40e9, "hbm_bytes": 80e9,
     "binding_wall": "compute", "binding_wall_share": 0.8, "days": 12.5, "usd": 1.5e6,
     "attribution_s": {"compute": 1.6, "nic": 0.4}},
    {"accelerators": 512, "layout": {"tensor": 4, "data": 128}, "step_time_s": 2.25, "mfu": 0.44,
     "attribution_s": {"compute": 1.5, "nic": 0.75}}]})";

TEST(Listing, OfAPlanSaysWhatIsFirstAndWhichWallsMakeTheSecondSlower) {
  const Listing plan = ReadListing(WrittenJson("plan", kPlan));
  EXPECT_EQ(plan.kind, "plan");
  EXPECT_EQ(plan.name, "mine");
  EXPECT_EQ(
      VerdictOf(plan),
      "The fastest of 30 layouts that fit HBM trains tiny on 512 h100_sxm with TP 8, PP 4 x 5 "
      "chunks, DP 16: 2 s a step at an MFU of 50.0 %; the matrix units set the pace of 80.0 % "
      "of it. 15T tokens take 12.5 days and 1.5M USD.");
  const std::vector<std::string> lines = LinesOf(Explain(plan));
  // 2.25 s are 0.35 s more of the NICs and 0.1 s less of the matrix units.
  EXPECT_THAT(lines, Contains(AllOf(HasSubstr("2 s + 250 ms; the NICs +350 ms, the matrix units "
                                              "-100 ms"))));
  EXPECT_THAT(lines, Contains(HasSubstr("1,234 need more HBM than there is")));
  EXPECT_THAT(lines, Contains(HasSubstr("40 GB of 80 GB = 50.0 % at its peak")));
}

TEST(Listing, OfFlowsCountsWhatBindsAndOfServingFillsInTheJoulesOfAToken) {
  const Listing flows =
      ReadListing(WrittenJson("flows", R"({"scenario": "f", "last_end_s": 0.002, "messages": [
      {"bound_by_tier": "nic"}, {"bound_by_tier": "nic"}, {"bound_by_tier": "scale_up"}],
      "hottest_links": [{"link": "nic_down[0]", "from": "leaf0", "to": "nic0", "utilisation": 1,
                         "capacity_bytes_per_second": 50e9}]})"));
  EXPECT_EQ(VerdictOf(flows),
            "The last of 3 messages arrives after 2 ms. The busiest link is nic_down[0] (leaf0 to "
            "nic0): 100.0 % of its 50 GB/s are in use.");
  EXPECT_THAT(LinesOf(Explain(flows)), Contains(HasSubstr("2 by the NICs")));
  const Listing serve = ReadListing(WrittenJson(
      "serve", R"({"model": "m", "part": "p", "accelerators": 8, "output_tokens_per_s": 1000,
      "ttft_s": {"median": 0.1, "p99": 0.2}, "tpot_s": {"median": 0.01, "p99": 0.02},
      "watts_per_accelerator": 400, "joules_per_output_token": 3.2,
      "times": [{"limit": "links", "share": 0.6, "remedy": "faster links"}]})"));
  EXPECT_THAT(VerdictOf(serve), HasSubstr("8 p serve m at 1000 tokens/s"));
  EXPECT_THAT(VerdictOf(serve), HasSubstr("goes to links (60.0 %): faster links would help."));
  EXPECT_THAT(LinesOf(Explain(serve)),
              Contains(HasSubstr("= 400 W x 8 accelerators / 1000 tokens/s "
                                 "= 3.2")));
}

TEST(Listing, IsRefusedWhereNoCommandWroteIt) {
  const auto message = [](const std::string& path) -> std::string {
    try {
      static_cast<void>(ReadListing(path));
    } catch (const UserError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_THAT(
      message(WrittenJson("summary", R"({"fingerprint": "1"})")),
      HasSubstr("this is no JSON of gridlock plan, build, serve, serve-plan, flows or topo; "
                "of other results expected trace.h5"));
  EXPECT_THAT(message(WrittenJson("broken", R"({"proposals": [)")), HasSubstr("this is no JSON"));
  EXPECT_THAT(message(WrittenJson("empty", R"({"plans": []})")),
              HasSubstr("its list \"plans\" is empty"));
  EXPECT_TRUE(HoldsJson(WrittenJson("list", " \n[1]")));
  EXPECT_FALSE(HoldsJson(WrittenJson("hdf5", "\x89HDF")));
  EXPECT_FALSE(HoldsJson(testing::TempDir()));
}

/// What stands at the left of the lines that a source file prints.
void AddLabels(const std::string& source, std::set<std::string>& labels) {
  static const std::regex kLine("\\bLine\\(\"( *[^\"{]+)\""),
      kText("\"  ([a-z][a-zA-Z/ ]*[a-z/s])  +\\{");
  for (const std::regex& pattern : {kLine, kText}) {
    for (std::sregex_iterator found(source.begin(), source.end(), pattern), end; found != end;
         ++found) {
      labels.insert((*found)[1]);
    }
  }
}

TEST(Glossary, HasTheWordsAtTheLeftOfOutputs) {
  namespace fs = std::filesystem;
  std::set<std::string> labels = {"compute",  "memory_bound", "tensor_comm", "data_comm",
                                  "hbm",      "expert_comm",  "overhead",    "pipeline_wait",
                                  "scale_up", "latency",      "nic",         "leaf",
                                  "spine",    "wan",          "launch",      "idle"};
  for (const char* folder : {"/sim/report", "/sim/describe", "/tools"}) {
    for (const auto& entry : fs::directory_iterator(std::string(GRIDLOCK_SOURCE_DIR) + folder)) {
      const std::string name = entry.path().filename();
      if (name.ends_with(".cpp") && !name.starts_with("import")) {
        std::ifstream file(entry.path());
        AddLabels({std::istreambuf_iterator<char>(file), {}}, labels);
      }
    }
  }
  EXPECT_GT(labels.size(), 50u);
  for (const std::string& label : labels) {
    // "share of the server" is known as a whole, "power of the network" by its words.
    std::istringstream words(label);
    bool each = true;
    for (std::string word; words >> word;) {
      static const std::set<std::string> kSmall = {"of",  "the", "on",  "its",   "a",
                                                   "for", "per", "all", "total", "other"};
      each = each && (kSmall.contains(word) || TermByName(word) != nullptr);
    }
    EXPECT_TRUE(each || TermByName(label) != nullptr) << label;
  }
}

}  // namespace
}  // namespace gridlock
