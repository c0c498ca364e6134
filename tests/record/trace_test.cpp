#include "sim/record/trace.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/record/sample_record.h"

namespace gridlock {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

/// An empty folder of its own for each test.
class Folder {
 public:
  Folder() {
    std::string name = ::testing::TempDir() + "gridlock_XXXXXX";
    path_ = ::mkdtemp(name.data());
  }

  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  ~Folder() { std::filesystem::remove_all(path_); }

  [[nodiscard]] std::string File(const std::string& name) const { return path_ + "/" + name; }

  [[nodiscard]] std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(path_)) {
      names.push_back(entry.path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

 private:
  std::string path_;
};

std::string Content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

template <typename Function>
std::string MessageOf(Function function) {
  try {
    function();
  } catch (const IoError& error) {
    return error.what();
  }
  return "no error";
}

/// The error that `function` ends with when no file may grow beyond `bytes`, which the function
/// meets as it would meet a full disk.
template <typename Function>
std::string MessageOnFullDisk(rlim_t bytes, Function function) {
  int ends[2] = {};
  EXPECT_EQ(::pipe(ends), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit = {bytes, bytes};
    setrlimit(RLIMIT_FSIZE, &limit);
    const std::string message = MessageOf(function);
    std::_Exit(::write(ends[1], message.data(), message.size()) > 0 ? 0 : 1);
  }
  ::close(ends[1]);
  std::string message;
  char buffer[512];
  for (ssize_t size = 0; (size = ::read(ends[0], buffer, sizeof(buffer))) > 0;) {
    message.append(buffer, static_cast<std::size_t>(size));
  }
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  return message;
}

void WriteTrace(const std::string& path, int rows) {
  TraceWriter writer(path, {.scenario_name = "sample"});
  for (int row = 0; row < rows; ++row) {
    writer.Append(SampleRecord(row));
  }
  writer.Finish();
}

TEST(TraceWriter, LeavesOneFileUnderItsOwnName) {
  const Folder folder;
  TraceWriter writer(folder.File("a.h5"), {});
  writer.Append(SampleRecord(0));
  EXPECT_THAT(folder.Names(), ::testing::ElementsAre("a.h5.part"));
  writer.Finish();
  EXPECT_THAT(folder.Names(), ::testing::ElementsAre("a.h5"));
}

TEST(TraceWriter, AnAbandonedTraceNeverGetsItsName) {
  const Folder folder;
  {
    TraceWriter writer(folder.File("a.h5"), {});
    writer.Append(SampleRecord(0));
  }
  EXPECT_THAT(folder.Names(), ::testing::ElementsAre("a.h5.part"));
  WriteTrace(folder.File("a.h5"), 2);  // and is not in the way of the next
  EXPECT_THAT(folder.Names(), ::testing::ElementsAre("a.h5"));
}

TEST(TraceWriter, TheSameRunWritesTheSameBytes) {
  const Folder folder;
  WriteTrace(folder.File("a.h5"), 3);
  WriteTrace(folder.File("b.h5"), 3);
  EXPECT_EQ(Content(folder.File("a.h5")), Content(folder.File("b.h5")));
}

TEST(TraceWriter, ItsFingerprintCombinesThoseOfItsRows) {
  const Folder folder;
  TraceWriter writer(folder.File("a.h5"), {});
  std::vector<StepRecord> records;
  for (int row = 0; row < 3; ++row) {
    records.push_back(SampleRecord(row));
    writer.Append(records.back());
    EXPECT_EQ(writer.fingerprint(), CombinedFingerprint(records));
  }
}

TEST(TraceWriter, ASecondWriterOfTheSameFileIsRefused) {
  const Folder folder;
  TraceWriter writer(folder.File("a.h5"), {});
  writer.Append(SampleRecord(0));
  EXPECT_THAT(MessageOf([&] {
                TraceWriter(folder.File("a.h5"), {});
              }),
              AllOf(HasSubstr("a.h5.part"), HasSubstr("another run is writing it")));
  writer.Append(SampleRecord(1));  // unharmed
  writer.Finish();
}

TEST(TraceWriter, AMissingFolderIsNamed) {
  EXPECT_THAT(MessageOf([] {
                TraceWriter("/nonexistent/a.h5", {});
              }),
              AllOf(HasSubstr("/nonexistent/a.h5"), HasSubstr("No such file or directory")));
}

TEST(TraceWriter, RefusesToReplaceADevice) {
  EXPECT_THAT(MessageOf([] {
                TraceWriter("/dev/null", {});
              }),
              HasSubstr("not a regular file"));
}

TEST(TraceWriter, AFullDiskIsAClearErrorAndLeavesNoFileThatLooksComplete) {
  const Folder folder;
  for (const rlim_t bytes : {0, 1000, 20000, 150000, 200000, 250000}) {
    const std::string path = folder.File("a" + std::to_string(bytes) + ".h5");
    EXPECT_THAT(MessageOnFullDisk(bytes,
                                  [&] {
                                    WriteTrace(path, 1000);
                                  }),
                AllOf(HasSubstr("cannot write " + path + ".part"), HasSubstr("File too large")));
    EXPECT_FALSE(std::filesystem::exists(path));
    EXPECT_FALSE(std::filesystem::exists(path + ".part.new"));
  }
}

TEST(TraceWriterDeathTest, ATraceWithoutAStepIsABug) {
  const Folder folder;
  TraceWriter writer(folder.File("a.h5"), {});
  EXPECT_DEATH(writer.Finish(), "rows_ > 0");
  EXPECT_DEATH(writer.Append(StepRecord()), "step_time");
}

TEST(WriteFileAtomically, ReplacesTheWholeFileAndLeavesNothingElse) {
  const Folder folder;
  WriteFileAtomically(folder.File("a.json"), "a long first text\n");
  WriteFileAtomically(folder.File("a.json"), "second\n");
  EXPECT_EQ(Content(folder.File("a.json")), "second\n");
  EXPECT_THAT(folder.Names(), ::testing::ElementsAre("a.json"));
}

TEST(WriteFileAtomically, FollowsASymbolicLink) {
  const Folder folder;
  WriteFileAtomically(folder.File("target"), "first");
  std::filesystem::create_symlink("target", folder.File("link"));
  WriteFileAtomically(folder.File("link"), "second");
  EXPECT_TRUE(std::filesystem::is_symlink(folder.File("link")));
  EXPECT_EQ(Content(folder.File("target")), "second");
}

TEST(WriteFileAtomically, WritesThroughToADevice) {
  WriteFileAtomically("/dev/null", "text");
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
}

TEST(WriteFileAtomically, NamesTheFileAndTheReason) {
  EXPECT_THAT(MessageOf([] {
                WriteFileAtomically("/nonexistent/a.json", "x");
              }),
              AllOf(HasSubstr("/nonexistent/a.json"), HasSubstr("No such file or directory")));
  EXPECT_THAT(MessageOf([] {
                WriteFileAtomically("/tmp", "x");
              }),
              HasSubstr("directory"));
}

TEST(WriteFileAtomically, AFullDiskKeepsTheOldContent) {
  const Folder folder;
  WriteFileAtomically(folder.File("a.json"), "old");
  const auto write = [&] {
    WriteFileAtomically(folder.File("a.json"), std::string(5000, 'x'));
  };
  EXPECT_THAT(MessageOnFullDisk(1000, write), HasSubstr("a.json: File too large"));
  EXPECT_EQ(Content(folder.File("a.json")), "old");
  EXPECT_THAT(folder.Names(), ::testing::ElementsAre("a.json"));
}

}  // namespace
}  // namespace gridlock
