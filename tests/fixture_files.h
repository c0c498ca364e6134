#pragma once

// Folders of fixtures, each file with its messages beside it in NAME.expected.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/base/check.h"
#include "tests/source_dir.h"

namespace gridlock {

inline const std::string kFixtures = GRIDLOCK_SOURCE_DIR "/tests/fixtures";

/// Stems of the files in `folder` that end in `extension` (".csv"), sorted.
inline std::vector<std::string> FixtureNames(const std::string& folder,
                                             const std::string& extension) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == extension) {
      names.push_back(entry.path().stem().string());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

/// Fails when the file is missing.
inline std::string FileContents(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  EXPECT_TRUE(stream) << file << " is missing";
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

/// The messages with which `load` refuses, one per line; fails when it accepts.
inline std::string RefusalsOf(const std::function<void()>& load) {
  try {
    load();
    ADD_FAILURE() << "was accepted";
    return "";
  } catch (const UserError& error) {
    std::string lines;
    for (const Problem& problem : error.problems()) {
      EXPECT_THAT(problem.message, ::testing::Not(::testing::HasSubstr("\n")));
      lines += problem.message + "\n";
    }
    return lines;
  }
}

/// Works in a folder while it lives: with relative names, messages are the same wherever the
/// sources are.
class InFolder {
 public:
  explicit InFolder(const std::string& folder) : before_(std::filesystem::current_path()) {
    std::filesystem::current_path(folder);
  }

  ~InFolder() { std::filesystem::current_path(before_); }

  InFolder(const InFolder&) = delete;
  InFolder& operator=(const InFolder&) = delete;

 private:
  std::filesystem::path before_;
};

}  // namespace gridlock
