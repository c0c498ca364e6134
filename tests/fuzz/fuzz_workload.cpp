// Workload files, binary and as text, beside a scenario that names one.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <string>

#include <unistd.h>

#include "sim/scenario/load_text.h"
#include "tests/fixture_files.h"
#include "tests/fuzz/fuzz.h"
#include "tests/source_dir.h"

namespace {

/// A folder of its own, gone with the process.
class Folder {
 public:
  Folder() : path_("/tmp/gridlock-fuzz-XXXXXX") { CHECK(mkdtemp(path_.data()) != nullptr); }

  ~Folder() { std::filesystem::remove_all(path_); }

  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::string Scenario() {
  CHECK(setenv("GRIDLOCK_CATALOG", GRIDLOCK_SOURCE_DIR "/tests/fixtures/catalog", 1) == 0);
  std::ifstream file(GRIDLOCK_SOURCE_DIR "/tests/fixtures/right/life.textproto");
  std::ostringstream text;
  text << file.rdbuf() << "workload: \"jobs\"\n";
  return text.str();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Folder folder;
  static const std::string scenario = Scenario();
  std::ofstream(folder.path() + "/jobs", std::ios::binary) << gridlock::TextOf(data, size);
  gridlock::ReadOrRefuse([&] {
    (void)gridlock::LoadScenarioText(folder.path() + "/life.textproto", scenario, {});
  });
  return 0;
}
