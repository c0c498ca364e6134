// The journal: what a kill may leave, and what is refused.

#include "sim/sweep/journal.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "sim/base/atomic_file.h"
#include "sim/base/check.h"
#include "tests/fixture_files.h"
#include "tests/sweep/sweep_samples.h"

namespace gridlock {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const Grid kGrid({NumberAxis("x", {1, 2, 3, 4, 5, 6, 7, 8})});

/// The line of a point, with characters that a cut can part.
std::string Line(std::int64_t point) {
  PointRecord record =
      RecordAt(kGrid, {static_cast<std::size_t>(point)}, point, {StepTime(1.5 * double(point))});
  record.set = "name=µ \"quoted\"\nseed=2";
  return LineOf(record);
}

std::string Lines(std::int64_t points) {
  std::string text;
  for (std::int64_t point = 0; point < points; ++point) {
    text += Line(point) + "\n";
  }
  return text;
}

/// A finished journal of that many points in a folder.
void Fill(const Folder& folder, std::int64_t points) {
  Journal journal(folder.path(), "{\"sweep\": 1}", JournalMode::kNew);
  for (std::int64_t point = 0; point < points; ++point) {
    journal.Append(Line(point));
  }
  journal.Sync();
}

void Cut(const std::string& file, std::size_t size) {
  std::filesystem::resize_file(file, size);
}

Journal Resumed(const Folder& folder) {
  return {folder.path(), "{\"sweep\": 1}", JournalMode::kResume};
}

std::string IoMessage(const std::function<void()>& open) {
  try {
    open();
  } catch (const IoError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Journal, GrowsByWholeLinesInOrder) {
  const Folder folder;
  Fill(folder, 3);
  EXPECT_EQ(FileContents(folder.File("journal.jsonl")), Lines(3));
  EXPECT_EQ(FileContents(folder.File("sweep.json")), "{\"sweep\": 1}");
  std::vector<std::int64_t> points;
  ForEachLine(folder.File("journal.jsonl"), [&](std::string_view line) {
    points.push_back(RecordOf(line).point);
  });
  EXPECT_THAT(points, ElementsAre(0, 1, 2));
}

TEST(Journal, CreatesTheFoldersOnItsWay) {
  const Folder folder;
  const Journal journal(folder.File("a/b/c"), "", JournalMode::kNew);
  EXPECT_TRUE(std::filesystem::exists(folder.File("a/b/c/journal.jsonl")));
}

TEST(Journal, GoesOnBehindItsLastLine) {
  const Folder folder;
  Fill(folder, 2);
  {
    Journal journal = Resumed(folder);
    EXPECT_EQ(journal.points(), 2);
    EXPECT_EQ(journal.note(), "");
    journal.Append(Line(2));
    EXPECT_EQ(journal.points(), 3);
  }
  EXPECT_EQ(FileContents(folder.File("journal.jsonl")), Lines(3));
}

TEST(Journal, CutsOffALastLineThatIsTornAnywhere) {
  const Folder folder;
  Fill(folder, 3);
  const std::size_t before = Lines(2).size(), whole = Lines(3).size();
  for (std::size_t size = before; size <= whole; ++size) {
    WriteFileAtomically(folder.File("journal.jsonl"), Lines(3));
    Cut(folder.File("journal.jsonl"), size);
    const bool torn = size > before && size < whole;
    {
      Journal journal = Resumed(folder);
      ASSERT_EQ(journal.points(), size == whole ? 3 : 2) << size;
      ASSERT_EQ(journal.note(),
                torn ? folder.File("journal.jsonl") +
                           ": the last line was torn and is cut off: its point is simulated anew"
                     : "");
      if (journal.points() == 2) {
        journal.Append(Line(2));
      }
    }
    ASSERT_EQ(FileContents(folder.File("journal.jsonl")), Lines(3)) << size;
  }
}

TEST(Journal, BeginsAnewWhenItsOnlyLineIsTorn) {
  const Folder folder;
  Fill(folder, 1);
  const std::size_t whole = Lines(1).size();
  for (std::size_t size = 0; size < whole; ++size) {
    WriteFileAtomically(folder.File("journal.jsonl"), Lines(1));
    Cut(folder.File("journal.jsonl"), size);
    Journal journal = Resumed(folder);
    ASSERT_EQ(journal.points(), 0) << size;
    journal.Append(Line(0));
  }
  EXPECT_EQ(FileContents(folder.File("journal.jsonl")), Lines(1));
}

TEST(Journal, CutsOffALastLineWithZerosInIt) {
  // What a power cut leaves of a file whose length was written before its content.
  const Folder folder;
  Fill(folder, 1);
  WriteFileAtomically(folder.File("journal.jsonl"), Lines(1) + std::string(100, '\0'));
  EXPECT_EQ(Resumed(folder).points(), 1);
  EXPECT_EQ(FileContents(folder.File("journal.jsonl")), Lines(1));
}

TEST(Journal, RefusesABrokenLineWithWholeOnesBehindIt) {
  const Folder folder;
  Fill(folder, 3);
  const std::string first = Line(0) + "\n", third = Line(2) + "\n";
  for (const std::string& second : {std::string("{\n"), std::string("\n"), Line(0) + "\n",
                                    Line(5) + "\n", std::string("[1, 2]\n"), std::string("7\n")}) {
    WriteFileAtomically(folder.File("journal.jsonl"), first + second + third);
    EXPECT_THAT(IoMessage([&] {
                  Resumed(folder);
                }),
                AllOf(HasSubstr(folder.File("journal.jsonl") + ":2: this line is broken: "),
                      HasSubstr("; expected an untouched journal, or --overwrite")))
        << second;
    // And it was not touched.
    EXPECT_EQ(FileContents(folder.File("journal.jsonl")), first + second + third);
  }
}

TEST(Journal, IsWrittenByOneDriverAtATime) {
  const Folder folder;
  {
    const Journal journal(folder.path(), "", JournalMode::kNew);
    for (const JournalMode mode :
         {JournalMode::kNew, JournalMode::kResume, JournalMode::kOverwrite}) {
      EXPECT_EQ(IoMessage([&] {
                  Journal(folder.path(), "", mode);
                }),
                folder.path() +
                    ": another sweep is writing into this folder; expected a folder of its own, or "
                    "to wait for that one");
    }
  }
  EXPECT_EQ(Journal(folder.path(), "", JournalMode::kNew).points(), 0);
}

TEST(Journal, RefusesAFolderOfAnotherSweep) {
  const Folder folder;
  Fill(folder, 1);
  EXPECT_EQ(RefusalsOf([&] {
              Journal(folder.path(), "{\"sweep\": 2}", JournalMode::kResume);
            }),
            folder.path() +
                " has results of another sweep (then \"{\"sweep\": 1}\", now \"{\"sweep\": 2}\"); "
                "expected the same sweep, scenarios and catalogue, or --overwrite\n");
  EXPECT_EQ(Resumed(folder).points(), 1);
}

TEST(Journal, RefusesUsedFoldersUnlessItIsTold) {
  const Folder folder;
  Fill(folder, 1);
  EXPECT_EQ(RefusalsOf([&] {
              Journal(folder.path(), "{\"sweep\": 1}", JournalMode::kNew);
            }),
            folder.path() +
                " has results already; expected --resume to go on with them, --overwrite to begin "
                "anew, or another folder\n");
  EXPECT_EQ(FileContents(folder.File("journal.jsonl")), Lines(1));
}

TEST(Journal, ThatIsOverwrittenLeavesNothingOfTheOldOne) {
  const Folder folder;
  {
    Journal journal(folder.path(), "old", JournalMode::kNew);
    journal.Append(Line(0));
    journal.KeepEarly(5, Line(5));
  }
  WriteFileAtomically(folder.File("results.h5"), "old");
  WriteFileAtomically(folder.File("results.csv"), "old");
  WriteFileAtomically(folder.File("summary.json"), "old");
  WriteFileAtomically(folder.File("notes.txt"), "not ours");
  const Journal journal(folder.path(), "new", JournalMode::kOverwrite);
  EXPECT_EQ(journal.points(), 0);
  EXPECT_FALSE(journal.Early(5));
  EXPECT_EQ(FileContents(folder.File("journal.jsonl")), "");
  EXPECT_EQ(FileContents(folder.File("sweep.json")), "new");
  for (const char* const old : {"results.h5", "results.csv", "summary.json"}) {
    EXPECT_FALSE(std::filesystem::exists(folder.File(old))) << old;
  }
  EXPECT_EQ(FileContents(folder.File("notes.txt")), "not ours");
}

TEST(Journal, TakesOverEarlyResultsOfTheSameSweep) {
  const Folder folder;
  {
    Journal journal(folder.path(), "{\"sweep\": 1}", JournalMode::kNew);
    journal.KeepEarly(3, Line(3));
  }
  {
    const Journal journal = Resumed(folder);
    EXPECT_EQ(journal.Early(3), Line(3));
    EXPECT_FALSE(journal.Early(2));
    journal.RemoveEarly(3);
    EXPECT_FALSE(journal.Early(3));
    journal.KeepEarly(4, Line(4));
  }
  // Even before the first line: but those of another sweep are not taken for its own.
  EXPECT_EQ(Resumed(folder).Early(4), Line(4));
  const Journal other(folder.path(), "another", JournalMode::kResume);
  EXPECT_FALSE(other.Early(4));
}

TEST(Journal, TakesNoEarlyResultThatIsNotWhole) {
  const Folder folder;
  const Journal journal(folder.path(), "", JournalMode::kNew);
  const std::string line = Line(3);
  for (std::size_t size = 0; size < line.size(); ++size) {
    WriteFileAtomically(folder.File("early/3.json"), line.substr(0, size));
    ASSERT_FALSE(journal.Early(3)) << size;
  }
  WriteFileAtomically(folder.File("early/3.json"), Line(4));
  EXPECT_FALSE(journal.Early(3));
}

TEST(Journal, LeavesNoFolderOfEarlyResultsWhenItIsComplete) {
  const Folder folder;
  Journal journal(folder.path(), "", JournalMode::kNew);
  journal.KeepEarly(3, Line(3));
  journal.Close();
  EXPECT_FALSE(std::filesystem::exists(folder.File("early")));
}

TEST(Journal, SaysWhatTheSystemRefuses) {
  const Folder folder;
  WriteFileAtomically(folder.File("file"), "");
  EXPECT_THAT(IoMessage([&] {
                Journal(folder.File("file"), "", JournalMode::kNew);
              }),
              HasSubstr(folder.File("file") + ": cannot create this folder: "));
  std::filesystem::create_directories(folder.File("taken/journal.jsonl"));
  EXPECT_EQ(IoMessage([&] {
              Journal(folder.File("taken"), "", JournalMode::kNew);
            }),
            folder.File("taken/journal.jsonl") + ": cannot open this file: Is a directory");
}

TEST(Journal, InAFolderThatIsReadOnlySaysSo) {
  if (geteuid() == 0) {
    GTEST_SKIP() << "root may write anywhere";
  }
  const Folder folder;
  Fill(folder, 1);
  namespace fs = std::filesystem;
  fs::permissions(folder.File("journal.jsonl"), fs::perms::owner_read);
  fs::permissions(folder.path(), fs::perms::owner_read | fs::perms::owner_exec);
  EXPECT_THAT(IoMessage([&] {
                Resumed(folder);
              }),
              HasSubstr("Permission denied"));
  fs::permissions(folder.path(), fs::perms::owner_all);
}

}  // namespace
}  // namespace gridlock
