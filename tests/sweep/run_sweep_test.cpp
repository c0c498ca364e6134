// A sweep from end to end on a machine that takes milliseconds.

#include "sim/sweep/run_sweep.h"

#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fixture_files.h"
#include "tests/sweep/sweep_samples.h"

namespace gridlock {
namespace {

using ::testing::HasSubstr;

/// Seven caps on the links of a layer; the curve bends where they begin to set the pace.
Sweep LinkSweep() {
  return SweepOf(
      "axis { name: \"links\" cap: \"scale_up\""
      " log { from: \"1 GBps\" to: \"400 GBps\" points: 7 } }");
}

SweepOptions OptionsOf(const Folder& folder, int parallel = 2) {
  SweepOptions options;
  options.folder = folder.path();
  options.parallel = parallel;
  return options;
}

SweepOptions RefinedIn(const Folder& folder, int most) {
  SweepOptions options = OptionsOf(folder);
  options.refine = {"step_time", "", most};
  return options;
}

/// What a sweep leaves: the same whatever happened on the way.
std::string FilesOf(const Folder& folder) {
  return FileContents(folder.File("journal.jsonl")) + FileContents(folder.File("results.csv")) +
         FileContents(folder.File("results.h5"));
}

TEST(RunSweep, GivesTheSameHoweverManyRunAtATime) {
  const Folder one, four;
  const SweepOutcome first = RunSweep(LinkSweep(), {}, OptionsOf(one, 1));
  const SweepOutcome second = RunSweep(LinkSweep(), {}, OptionsOf(four, 4));
  EXPECT_EQ(first.done, 7);
  EXPECT_EQ(first.points, 7);
  EXPECT_EQ(first.fingerprint, second.fingerprint);
  EXPECT_EQ(FilesOf(one), FilesOf(four));
  EXPECT_FALSE(std::filesystem::exists(one.File("early")));
}

TEST(RunSweep, GoesOnFromEveryWholeLine) {
  const Folder whole, cut;
  (void)RunSweep(LinkSweep(), {}, OptionsOf(whole));
  (void)RunSweep(LinkSweep(), {}, OptionsOf(cut));
  const std::string journal = FileContents(whole.File("journal.jsonl"));
  for (std::size_t size = 0; size < journal.size(); size += journal.size() / 5) {
    std::filesystem::resize_file(cut.File("journal.jsonl"), size);
    SweepOptions options = OptionsOf(cut);
    options.mode = JournalMode::kResume;
    EXPECT_EQ(RunSweep(LinkSweep(), {}, options).done, 7);
    EXPECT_EQ(FilesOf(whole), FilesOf(cut)) << size;
  }
}

TEST(RunSweep, RecordsWhatIsRefusedAndGoesOn) {
  const Folder folder;
  const SweepOutcome outcome =
      RunSweep(SweepOf("axis { name: \"tensor\" path: \"job[0].pretraining.layout.tensor\""
                       " values: \"2, 3, 1\" }"),
               {}, OptionsOf(folder));
  EXPECT_EQ(outcome.points, 3);
  EXPECT_GE(outcome.done, 1);
  EXPECT_GE(outcome.refused, 1);
  EXPECT_EQ(outcome.failed, 0);
  EXPECT_THAT(outcome.first_problem, HasSubstr("; expected "));
}

TEST(RunSweep, OfNoPointIsDone) {
  const Folder folder;
  const SweepOutcome outcome =
      RunSweep(SweepOf("axis { name: \"n\" path: \"seed\" values: \"1, 2\" } only: \"n > 2\""), {},
               OptionsOf(folder));
  EXPECT_EQ(outcome.points, 0);
}

TEST(RunSweep, RefinesAndPutsTheNewValuesInOrder) {
  const Folder folder;
  const SweepOutcome outcome = RunSweep(LinkSweep(), {}, RefinedIn(folder, 3));
  EXPECT_EQ(outcome.done, 10);
  const std::vector<double> values = ValuesOf(outcome.grid.axes()[0]);
  EXPECT_TRUE(std::is_sorted(values.begin(), values.end()));
}

TEST(RunSweep, RefinesToTheSameFromEveryLineOfItsJournal) {
  const Folder whole, cut;
  (void)RunSweep(LinkSweep(), {}, RefinedIn(whole, 3));
  (void)RunSweep(LinkSweep(), {}, RefinedIn(cut, 3));
  const std::string journal = FileContents(whole.File("journal.jsonl"));
  std::size_t size = 0;
  for (int line = 0; line < 10; ++line) {
    size = journal.find('\n', size) + 1;
    std::filesystem::resize_file(cut.File("journal.jsonl"), size);
    SweepOptions options = RefinedIn(cut, 3);
    options.mode = JournalMode::kResume;
    EXPECT_EQ(RunSweep(LinkSweep(), {}, options).done, 10);
    EXPECT_EQ(FilesOf(whole), FilesOf(cut)) << line;
  }
}

TEST(RunSweep, IsAnotherSweepWhenItIsRefinedOtherwise) {
  const Folder folder;
  (void)RunSweep(LinkSweep(), {}, RefinedIn(folder, 2));
  SweepOptions more = RefinedIn(folder, 4);
  more.mode = JournalMode::kResume;
  EXPECT_THAT(RefusalsOf([&] {
                RunSweep(LinkSweep(), {}, more);
              }),
              HasSubstr("has results of another sweep"));
}

}  // namespace
}  // namespace gridlock
