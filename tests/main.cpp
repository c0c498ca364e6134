// The main function of the tests of a folder, which are one program:
//
//   FOLDER_tests [--files A.cpp,B.cpp] [--each] [options of GoogleTest]
//
// --files  the tests of these files alone; each entry of ctest has its own
// --each   a child for each test: SimGrid keeps one clock per process
// With --gtest_filter both are left out, for one test looked at by hand. Temporary files of a run
// lie in a folder of its own, so that two runs do not meet.

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

/// "SUITE.TEST" of every test in one of these files, in their order.
std::vector<std::string> TestsOf(const std::string& files) {
  std::vector<std::string> tests;
  const testing::UnitTest& all = *testing::UnitTest::GetInstance();
  for (int s = 0; s < all.total_test_suite_count(); ++s) {
    const testing::TestSuite& suite = *all.GetTestSuite(s);
    for (int t = 0; t < suite.total_test_count(); ++t) {
      const testing::TestInfo& test = *suite.GetTestInfo(t);
      std::string name = test.file();
      name.erase(0, name.rfind('/') + 1);
      if (files.empty() || (',' + files + ',').find(',' + name + ',') != std::string::npos) {
        tests.push_back(std::string(suite.name()) + '.' + test.name());
      }
    }
  }
  return tests;
}

std::string Joined(const std::vector<std::string>& tests) {
  std::string all;
  for (const std::string& test : tests) {
    all += (all.empty() ? "" : ":") + test;
  }
  return all;
}

/// Each in a child of its own: how many failed.
int RunEach(const std::vector<std::string>& tests) {
  int failed = 0;
  for (const std::string& test : tests) {
    std::fflush(nullptr);
    const pid_t child = fork();
    if (child == 0) {
      GTEST_FLAG_SET(filter, test);
      std::exit(RUN_ALL_TESTS());
    }
    int status = 0;
    const bool ended = child > 0 && waitpid(child, &status, 0) == child;
    if (!ended || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
      std::printf("[  FAILED  ] %s\n", test.c_str());
      ++failed;
    }
  }
  return failed;
}

/// What testing::TempDir() gives; removed at the end.
class TemporaryFolder {
 public:
  TemporaryFolder() : path_(std::filesystem::temp_directory_path() / "gridlock-test-XXXXXX") {
    if (mkdtemp(path_.data()) != nullptr) {
      setenv("TEST_TMPDIR", path_.c_str(), 1);
    }
  }

  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

 private:
  std::string path_;
};

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  const TemporaryFolder temporary;
  std::string files;
  bool each = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--each") {
      each = true;
    } else if (word == "--files" && i + 1 < argc) {
      files = argv[++i];
    } else {
      std::fprintf(stderr, "usage: %s [--files A.cpp,B.cpp] [--each] [options of GoogleTest]\n",
                   argv[0]);
      return 2;
    }
  }
  if (GTEST_FLAG_GET(filter) != "*") {
    return RUN_ALL_TESTS();
  }
  const std::vector<std::string> tests = TestsOf(files);
  if (tests.empty()) {
    std::fprintf(stderr, "no tests in %s\n", files.c_str());
    return 1;
  }
  if (each && !GTEST_FLAG_GET(list_tests)) {
    return RunEach(tests) == 0 ? 0 : 1;
  }
  GTEST_FLAG_SET(filter, Joined(tests));
  return RUN_ALL_TESTS();
}
