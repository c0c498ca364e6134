// Tables of published steps as files.

#include <filesystem>
#include <fstream>
#include <iterator>

#include "sim/base/check.h"
#include "sim/base/names.h"
#include "sim/validation/case_table.h"

namespace gridlock {

namespace {

namespace fs = std::filesystem;

// The bytes of a file; problems name the file. Pipes are read to their end or to the limit.
bool ReadBytes(const std::string& file, std::string& text, ProblemList& problems) {
  constexpr std::size_t kMostBytes = std::size_t{64} << 20U;
  const auto refuse = [&](const std::string& what) {
    problems.Add({file, 0, 0}, "", Refusal(what, "a table of published cases (CSV)"));
    return false;
  };
  std::error_code error;
  if (!fs::exists(file, error)) {
    return refuse("does not exist");
  }
  if (fs::is_directory(file, error)) {
    return refuse("is a directory");
  }
  std::ifstream stream(file, std::ios::binary);
  if (!stream) {
    return refuse("cannot be read");
  }
  text.resize(kMostBytes + 1);
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(stream.gcount()));
  if (text.size() > kMostBytes) {
    return refuse("has no end within 64 MiB");
  }
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) {
    text.erase(0, kByteOrderMark.size());
  }
  return true;
}

}  // namespace

std::vector<PublishedCase> LoadCases(const std::vector<std::string>& files,
                                     const KnownNames& known) {
  ProblemList problems;
  ProblemList of_rows;  // the rows tell of them
  std::vector<PublishedCase> cases;
  for (const std::string& file : files) {
    std::string text;
    if (!ReadBytes(file, text, problems)) {
      continue;
    }
    std::vector<PublishedCase> more = ReadCases(file, text, known, problems, of_rows);
    std::move(more.begin(), more.end(), std::back_inserter(cases));
  }
  problems.ThrowIfAny();
  for (PublishedCase& row : cases) {
    row.accelerator =
        MeantName(row.accelerator, known.accelerators, known.accelerator_aliases, NameKind::kPart);
    // Tables of training steps count chips: as devices, runs of 70B would reach 99 % of the peak.
    if (row.accelerator == "tpu_v7x") {
      row.accelerator = "tpu_v7";
    }
  }
  return cases;
}

std::string ShippedTable(const std::string& name) {
  const std::string table = "workloads/validation/" + name;
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  if (!error) {
    const fs::path installed = program.parent_path().parent_path() / "share" / "gridlock" / table;
    if (fs::exists(installed, error)) {
      return installed.string();
    }
  }
  return (fs::path(GRIDLOCK_SOURCE_DIR) / table).string();
}

}  // namespace gridlock
