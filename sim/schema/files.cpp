#include "sim/schema/files.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "sim/base/check.h"

namespace gridlock {
namespace {

namespace fs = std::filesystem;

/// Why `file` cannot be read, "" when it can. Devices and pipes may never end, so only plain files.
std::string WhyNotReadable(const std::string& file, std::size_t largest) {
  std::error_code error;
  const fs::file_status status = fs::status(file, error);
  if (status.type() == fs::file_type::not_found) {
    return "does not exist";
  }
  if (status.type() == fs::file_type::none) {
    return "cannot be read: " + error.message();
  }
  if (status.type() == fs::file_type::directory) {
    return "is a directory";
  }
  if (status.type() != fs::file_type::regular) {
    return "is not a plain file";
  }
  const auto size = fs::file_size(file, error);
  if (!error && size > largest) {
    return "is too large, " + std::to_string(size >> 20U) + " MiB";
  }
  return "";
}

// Tables, logs and the like are not scenarios, and are called by what they are.
std::string FormOf(const std::string& file) {
  const std::string end = fs::path(file).extension().string();
  if (end == ".csv") {
    return "a table as comma-separated text";
  }
  if (end == ".graphml" || end == ".xml") {
    return "a graph as GraphML";
  }
  if (end == ".gz" || end == ".zip" || end == ".xz") {
    return "what is packed in it, unpacked";
  }
  constexpr std::array<const char*, 10> kOther = {".json", ".jsonl", ".log", ".txt", ".yml",
                                                  ".yaml", ".toml",  ".sh",  ".swf", ".tsv"};
  const bool other = std::find(kOther.begin(), kOther.end(), end) != kOther.end();
  return other ? "a text file" : "a text file in the form of a scenario";
}

// The first byte from `at` on that is not ASCII; the size when there is none. Eight at a time, for
// graphs of a hundred megabytes.
std::size_t BeyondAscii(std::string_view text, std::size_t at) {
  std::uint64_t word = 0;
  for (; at + sizeof(word) <= text.size(); at += sizeof(word)) {
    std::memcpy(&word, text.data() + at, sizeof(word));
    if ((word & 0x8080808080808080ULL) != 0) {
      break;
    }
  }
  while (at < text.size() && static_cast<unsigned char>(text[at]) < 0x80) {
    ++at;
  }
  return at;
}

}  // namespace

bool ReadFile(const std::string& file, const Position& blame, std::string& text,
              ProblemList& problems, std::size_t largest) {
  // The main file is its own blame: "x: does not exist"; an included one is named at the include.
  const std::string name = blame.file == file ? "" : Quoted(file) + " ";
  const auto refuse = [&](const std::string& what) {
    problems.Add(blame, "", Refusal(name + what, FormOf(file)));
    return false;
  };
  const std::string why = WhyNotReadable(file, largest);
  if (!why.empty()) {
    return refuse(why);
  }
  std::ifstream stream(file, std::ios::binary);
  if (!stream) {
    return refuse("cannot be read: " + std::generic_category().message(errno));
  }
  // The file may grow or shrink meanwhile: read up to its end, whatever its size was.
  std::error_code error;
  const auto size = fs::file_size(file, error);
  text.resize(error ? 1 : size + 1);
  std::size_t got = 0;
  do {
    if (got == text.size()) {
      text.resize(2 * got);
    }
    stream.read(text.data() + got, static_cast<std::streamsize>(text.size() - got));
    got += static_cast<std::size_t>(stream.gcount());
  } while (stream);
  if (stream.bad()) {
    return refuse("cannot be read to its end");
  }
  text.resize(got);
  std::string_view view = text;
  if (!CheckEncoding(file, view, problems, largest)) {
    return false;
  }
  text.erase(0, text.size() - view.size());
  return true;
}

bool CheckEncoding(const std::string& file, std::string_view& text, ProblemList& problems,
                   std::size_t largest) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.size() > largest) {
    problems.Add({file, 0, 0}, "",
                 Refusal("is too large", "at most " + std::to_string(largest >> 20U) + " MiB"));
    return false;
  }
  if (text.substr(0, kByteOrderMark.size()) == kByteOrderMark) {
    text.remove_prefix(kByteOrderMark.size());
  }
  if (text.find('\0') != std::string_view::npos) {
    problems.Add({file, 1, 1}, "", Refusal("the file is binary", FormOf(file)));
    return false;
  }
  for (std::size_t before = 0;;) {
    before = BeyondAscii(text, before);
    if (before == text.size()) {
      return true;
    }
    const std::size_t length = Utf8Length(text.substr(before));
    if (length == 0) {
      const int line =
          1 + static_cast<int>(std::count(
                  text.begin(), text.begin() + static_cast<std::ptrdiff_t>(before), '\n'));
      const std::size_t line_start = text.substr(0, before).rfind('\n') + 1;  // 0 in the first one
      problems.Add({file, line, static_cast<int>(before - line_start) + 1}, "",
                   Refusal("the byte " + Quoted(text.substr(before, 1)) + " is not UTF-8",
                           "a text file in UTF-8"));
      return false;
    }
    before += length;
  }
}

bool IsPlainUtf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = Utf8Length(text.substr(at));
    const auto byte = static_cast<unsigned char>(text[at]);
    if (length == 0 || byte < 0x20 || byte == 0x7F) {
      return false;
    }
    at += length;
  }
  return true;
}

}  // namespace gridlock
