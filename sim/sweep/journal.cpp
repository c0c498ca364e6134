#include "sim/sweep/journal.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include "sim/base/atomic_file.h"
#include "sim/base/check.h"
#include "sim/sweep/point_record.h"

namespace gridlock {
namespace {

[[noreturn]] void Fail(const std::string& path, const std::string& what) {
  throw IoError(fmt::format("{}: {}: {}", path, what, std::strerror(errno)));
}

std::string ReadWhole(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Removes what a driver that was killed had half written. The folder is locked: nobody else
/// writes.
void RemoveDebris(const std::string& folder) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    const bool of_results = name.starts_with("results.") || name.starts_with("trace.") ||
                            name.starts_with("summary.json.") || name.starts_with("sweep.json.");
    if (of_results &&
        (name.ends_with(".tmp") || name.ends_with(".part") || name.ends_with(".part.new"))) {
      std::filesystem::remove(entry.path(), ignored);
    }
  }
}

/// The lines of a text whose line ends may be written "\\n", as in JSON.
std::vector<std::string> LinesOfJson(const std::string& text) {
  std::vector<std::string> lines(1);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escaped = text.compare(i, 2, "\\n") == 0;
    if (escaped || text[i] == '\n') {
      i += escaped ? 1 : 0;
      lines.emplace_back();
    } else {
      lines.back() += text[i];
    }
  }
  return lines;
}

/// The first line in which two texts differ, for people.
std::string FirstDifference(const std::string& before, const std::string& now) {
  const std::vector<std::string> then_lines = LinesOfJson(before), now_lines = LinesOfJson(now);
  std::size_t at = 0;
  while (at < then_lines.size() && at < now_lines.size() && then_lines[at] == now_lines[at]) {
    ++at;
  }
  const auto line = [&](const std::vector<std::string>& lines) {
    return at < lines.size() ? Quoted(lines[at]) : std::string("nothing");
  };
  return fmt::format("then {}, now {}", line(then_lines), line(now_lines));
}

/// Results that no sweep wrote: those of `gridlock run`.
bool HasForeignResults(const std::string& folder) {
  for (const char* const name : {"trace.h5", "summary.json", "results.h5", "results.csv"}) {
    if (std::filesystem::exists(folder + "/" + name)) {
      return !std::filesystem::exists(folder + "/sweep.json");
    }
  }
  return false;
}

}  // namespace

Journal::Journal(const std::string& folder, const std::string& identity, JournalMode mode)
    : folder_(folder), file_(folder + "/journal.jsonl") {
  std::error_code error;
  std::filesystem::create_directories(folder + "/early", error);
  if (error) {
    throw IoError(fmt::format("{}: cannot create this folder: {}", folder, error.message()));
  }
  descriptor_ = open(file_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (descriptor_ < 0) {
    Fail(file_, "cannot open this file");
  }
  try {
    Lock();
    RemoveDebris(folder_);
    Recover(identity, mode);
  } catch (...) {
    close(descriptor_);
    throw;
  }
}

Journal::~Journal() {
  close(descriptor_);
}

void Journal::Lock() {
  if (flock(descriptor_, LOCK_EX | LOCK_NB) == 0) {
    return;
  }
  if (errno == EWOULDBLOCK) {
    throw IoError(
        fmt::format("{}: another sweep is writing into this folder; expected a folder of "
                    "its own, or to wait for that one",
                    folder_));
  }
  Fail(file_, "cannot lock this file");
}

void Journal::Recover(const std::string& identity, JournalMode mode) {
  const bool used = std::filesystem::file_size(file_) > 0;
  if (mode != JournalMode::kOverwrite && !used && HasForeignResults(folder_)) {
    throw UserError("",
                    fmt::format("{} has results that are not of a sweep; expected another folder, "
                                "or --overwrite to throw them away",
                                folder_));
  }
  if (mode == JournalMode::kOverwrite || !used) {
    Begin(identity, mode);
    return;
  }
  if (mode == JournalMode::kNew) {
    throw UserError("", fmt::format("{} has results already; expected --resume to go on with them, "
                                    "--overwrite to begin anew, or another folder",
                                    folder_));
  }
  const std::string before = ReadWhole(folder_ + "/sweep.json");
  if (before != identity) {
    throw UserError("",
                    fmt::format("{} has results of another sweep ({}); expected the same sweep, "
                                "scenarios and catalogue, or --overwrite",
                                folder_, FirstDifference(before, identity)));
  }
  CountLines();
  RetryFailed();
}

void Journal::Begin(const std::string& identity, JournalMode mode) {
  const std::string about = folder_ + "/sweep.json";
  Truncate(0);
  std::error_code ignored;
  if (mode == JournalMode::kOverwrite || ReadWhole(about) != identity) {
    std::filesystem::remove_all(folder_ + "/early", ignored);
    std::filesystem::create_directories(folder_ + "/early", ignored);
    for (const char* const old : {"/results.h5", "/results.csv", "/summary.json"}) {
      std::filesystem::remove(folder_ + old, ignored);
    }
  }
  WriteFileAtomically(about, identity);
}

void Journal::CountLines() {
  const auto size = static_cast<std::int64_t>(std::filesystem::file_size(file_));
  try {
    ForEachLine(file_, [&](std::string_view line) {
      const PointRecord record = RecordOf(line);
      if (record.point != points_ || record.status == PointStatus::kLeftOut) {
        throw std::runtime_error(fmt::format("expected point {}", points_));
      }
      bytes_ += static_cast<std::int64_t>(line.size()) + 1;
      ++points_;
    });
  } catch (const std::runtime_error& error) {
    // A broken line with whole ones behind it is not what a kill leaves.
    const std::string rest = ReadWhole(file_).substr(static_cast<std::size_t>(bytes_));
    const std::size_t end = rest.find('\n');
    if (end != std::string::npos && end + 1 < rest.size()) {
      throw IoError(
          fmt::format("{}:{}: this line is broken: {}; expected an untouched journal, or "
                      "--overwrite",
                      file_, points_ + 1, error.what()));
    }
  }
  if (bytes_ < size) {
    note_ = fmt::format("{}: the last line was torn and is cut off: its point is simulated anew",
                        file_);
    Truncate(bytes_);
  }
}

void Journal::RetryFailed() {
  std::int64_t first = -1, kept = 0;  // the first of them, and the bytes before it
  ForEachLine(file_, [&](std::string_view line) {
    const PointRecord record = RecordOf(line);
    const bool again =
        record.status == PointStatus::kFailed || record.status == PointStatus::kTimedOut;
    if (first < 0 && !again) {
      kept += static_cast<std::int64_t>(line.size()) + 1;
    } else if (first < 0) {
      first = record.point;
    } else if (!again) {
      KeepEarly(record.point, line);
    }
  });
  if (first >= 0) {
    Truncate(kept);
    bytes_ = kept;
    points_ = first;
  }
}

void Journal::Truncate(std::int64_t bytes) {
  if (ftruncate(descriptor_, bytes) != 0) {
    Fail(file_, "cannot cut off this file");
  }
}

void Journal::Append(std::string_view line) {
  const std::string whole = std::string(line) + "\n";
  try {
    WriteFully(descriptor_, whole, file_);
  } catch (const IoError&) {
    const int ignored = ftruncate(descriptor_, bytes_);  // a full disk left half a line
    (void)ignored;
    throw;
  }
  bytes_ += static_cast<std::int64_t>(whole.size());
  ++points_;
}

void Journal::Sync() {
  if (fdatasync(descriptor_) != 0) {
    Fail(file_, "cannot write this file to the disk");
  }
}

std::string Journal::EarlyFile(std::int64_t point) const {
  return fmt::format("{}/early/{}.json", folder_, point);
}

void Journal::KeepEarly(std::int64_t point, std::string_view line) const {
  const std::string file = EarlyFile(point), part = file + ".part";
  const int descriptor = open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor < 0) {
    Fail(part, "cannot open this file");
  }
  try {
    WriteFully(descriptor, line, part);
  } catch (...) {
    close(descriptor);
    unlink(part.c_str());
    throw;
  }
  close(descriptor);
  if (std::rename(part.c_str(), file.c_str()) != 0) {
    Fail(file, "cannot name this file");
  }
}

std::optional<std::string> Journal::Early(std::int64_t point) const {
  const std::string file = EarlyFile(point);
  if (access(file.c_str(), R_OK) != 0) {
    return std::nullopt;
  }
  std::string line = ReadWhole(file);
  try {
    if (RecordOf(line).point == point) {
      return line;
    }
  } catch (const std::runtime_error&) {
  }
  return std::nullopt;
}

void Journal::RemoveEarly(std::int64_t point) const {
  unlink(EarlyFile(point).c_str());
}

void Journal::Close() const {
  std::error_code ignored;
  std::filesystem::remove_all(folder_ + "/early", ignored);
}

void ForEachLine(const std::string& file, const std::function<void(std::string_view)>& line) {
  std::ifstream in(file, std::ios::binary);
  std::string each;
  while (std::getline(in, each)) {
    if (in.eof()) {
      throw std::runtime_error("the line has no end");
    }
    line(each);
  }
}

}  // namespace gridlock
