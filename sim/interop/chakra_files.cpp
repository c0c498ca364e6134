// Which files hold the traces of which ranks.

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <fnmatch.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/base/check.h"
#include "sim/interop/chakra_trace.h"
#include "sim/interop/key_values.h"
#include "sim/schema/files.h"

namespace gridlock {

namespace {

namespace fs = std::filesystem;

/// A file's contents, read by the system as they are looked at.
class MappedFile {
 public:
  explicit MappedFile(const std::string& file) {
    const int handle = open(file.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat about = {};
    if (handle < 0 || fstat(handle, &about) != 0 || !S_ISREG(about.st_mode)) {
      const std::string reason = handle < 0 ? std::strerror(errno) : "it is no plain file";
      if (handle >= 0) {
        close(handle);
      }
      throw UserError("", fmt::format("{}: cannot read this file: {}", file, reason));
    }
    size_ = static_cast<std::size_t>(about.st_size);
    if (size_ > 0) {
      data_ = mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, handle, 0);
    }
    close(handle);
    if (data_ == MAP_FAILED) {
      throw UserError("", fmt::format("{}: cannot read this file: {}", file, std::strerror(errno)));
    }
    if (size_ > 0) {
      madvise(data_, size_, MADV_SEQUENTIAL);
    }
  }

  ~MappedFile() {
    if (size_ > 0) {
      munmap(data_, size_);
    }
  }

  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  [[nodiscard]] std::string_view bytes() const {
    return size_ > 0 ? std::string_view(static_cast<const char*>(data_), size_)
                     : std::string_view();
  }

 private:
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

std::uint64_t Mix(std::uint64_t x) {
  x ^= x >> 32U;
  x *= 0xd6e8feb86659fd93ULL;
  return x ^ (x >> 32U);
}

/// Of the contents; two independent sums make 128 bits.
std::pair<std::uint64_t, std::uint64_t> HashOf(std::string_view bytes) {
  std::uint64_t a = bytes.size();
  std::uint64_t b = ~a;
  for (std::size_t i = 0; i < bytes.size(); i += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + i, std::min<std::size_t>(8, bytes.size() - i));
    a = Mix(a ^ word);
    b = Mix(b + word + 0x9e3779b97f4a7c15ULL);
  }
  return {a, b};
}

/// The last number in a file's name, without its ending; nothing without one.
std::optional<int> RankOf(const fs::path& file) {
  const std::string name =
      file.extension() == ".et" ? file.stem().string() : file.filename().string();
  const std::size_t end = name.find_last_of("0123456789");
  if (end == std::string::npos) {
    return std::nullopt;
  }
  std::size_t begin = end;
  while (begin > 0 && std::isdigit(static_cast<unsigned char>(name[begin - 1])) != 0) {
    --begin;
  }
  constexpr std::size_t kDigitsMost = 7;
  return end - begin < kDigitsMost ? std::optional(std::stoi(name.substr(begin, end - begin + 1)))
                                   : std::nullopt;
}

/// Files of a folder whose names match.
std::vector<fs::path> Matching(const fs::path& folder, const std::string& pattern) {
  std::vector<fs::path> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder.empty() ? "." : folder, error)) {
    if (entry.is_regular_file(error) &&
        fnmatch(pattern.c_str(), entry.path().filename().c_str(), 0) == 0) {
      files.push_back(folder / entry.path().filename());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<fs::path> FilesAt(const std::string& path) {
  const fs::path given(path);
  std::error_code error;
  if (fs::is_directory(given, error)) {
    return Matching(given, "*.et");
  }
  if (fs::exists(given, error)) {
    return {given};
  }
  const std::string name = given.filename().string();
  const bool pattern = name.find_first_of("*?[") != std::string::npos;
  return Matching(given.parent_path(), pattern ? name : name + ".*.et");
}

/// Files in the order of their ranks: 0, 1, 2 and so on.
std::vector<fs::path> InOrder(const std::string& path, const std::vector<fs::path>& files) {
  std::vector<fs::path> ordered(files.size());
  std::vector<fs::path> beyond;
  for (const fs::path& file : files) {
    const std::optional<int> rank = RankOf(file);
    if (!rank) {
      throw UserError("", fmt::format("{}: the name has no number; expected that of the rank, as "
                                      "in trace.0.et",
                                      file.string()));
    }
    if (*rank >= static_cast<int>(files.size())) {
      beyond.push_back(file);
    } else if (!ordered[*rank].empty()) {
      throw UserError("", fmt::format("{}: rank {} has a trace already, {}; expected one file for "
                                      "each rank",
                                      file.string(), *rank, ordered[*rank].string()));
    } else {
      ordered[*rank] = file;
    }
  }
  for (std::size_t rank = 0; rank < ordered.size(); ++rank) {
    if (ordered[rank].empty()) {
      throw UserError("", fmt::format("{}: there is no trace of rank {}, and there is {}; expected "
                                      "ranks 0 to {}",
                                      path, rank, beyond.front().string(), files.size() - 1));
    }
  }
  return ordered;
}

}  // namespace

ChakraTraces LoadChakra(const std::string& path, int ranks, int all_ranks) {
  const std::vector<fs::path> found = FilesAt(path);
  if (found.empty()) {
    throw UserError("", fmt::format("{}: there are no traces; expected a file, a folder with files "
                                    "NAME.RANK.et, or a pattern",
                                    path));
  }
  ChakraTraces all;
  if (found.size() == 1) {
    const std::string file = found.front().string();
    all.traces.push_back(
        std::make_unique<const RankTrace>(ReadChakra(file, MappedFile(file).bytes())));
    all.trace_of_rank.assign(static_cast<std::size_t>(ranks > 0 ? ranks : all_ranks), 0);
    return all;
  }
  if (ranks > 0 && ranks != static_cast<int>(found.size())) {
    throw UserError("", fmt::format("{}: there are traces of {} ranks, and --ranks says {}; "
                                    "expected a single file for --ranks to repeat",
                                    path, found.size(), ranks));
  }
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::int32_t> known;
  for (const fs::path& file : InOrder(path, found)) {
    const MappedFile contents(file.string());
    const auto next = static_cast<std::int32_t>(all.traces.size());
    const auto [same, added] = known.emplace(HashOf(contents.bytes()), next);
    if (added) {
      all.traces.push_back(
          std::make_unique<const RankTrace>(ReadChakra(file.string(), contents.bytes())));
    }
    all.trace_of_rank.push_back(same->second);
  }
  return all;
}

std::map<std::string, std::vector<int>> ReadGroupFile(const std::string& file) {
  ProblemList problems;
  std::string text;
  std::map<std::string, std::vector<int>> groups;
  if (ReadFile(file, {file, 0, 0}, text, problems)) {
    for (const WrittenKey& key : ReadKeyValues(file, text, problems)) {
      std::vector<int>& ranks = groups[key.name];
      for (const KeyedValue& value : key.values) {
        const bool digits = !value.text.empty() && value.text.size() < 8 &&
                            value.text.find_first_not_of("0123456789") == std::string::npos;
        if (!digits) {
          problems.Add(value.where, "",
                       Refusal(Quoted(value.text) + " is no rank", "a whole number"));
          continue;
        }
        ranks.push_back(std::stoi(value.text));
      }
      std::sort(ranks.begin(), ranks.end());
    }
  }
  problems.ThrowIfAny();
  return groups;
}

}  // namespace gridlock
