#include "sim/validation/nccl_output.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/base/numbers.h"

namespace gridlock {

namespace {

/// Columns of a place: time, algbw, busbw, and the count of wrong elements.
constexpr std::size_t kPlaceColumns = 4;
/// Columns in front: size, count and type. What stands between, redop and root, may be blank.
constexpr std::size_t kFrontColumns = 3;

struct Word {
  std::string_view text;
  int column = 1;
};

std::vector<Word> WordsOf(std::string_view line) {
  std::vector<Word> words;
  for (std::size_t i = 0; i < line.size();) {
    const bool blank = line[i] == ' ' || line[i] == '\t' || line[i] == '\r';
    if (blank) {
      ++i;
      continue;
    }
    const std::size_t end = std::min(line.find_first_of(" \t\r", i), line.size());
    words.push_back({line.substr(i, end - i), static_cast<int>(i) + 1});
    i = end;
  }
  return words;
}

// mpirun --tag-output puts "[1,0]<stdout>:" before each line.
std::size_t TagOf(std::string_view line) {
  constexpr std::string_view kTag = "<stdout>:";
  const std::size_t tag = line.find(kTag);
  return line.starts_with('[') && tag != std::string_view::npos ? tag + kTag.size() : 0;
}

std::optional<double> NumberIn(std::string_view text) {
  const std::optional<double> value = ParseNumber(text);
  return value && *value >= 0 ? value : std::nullopt;
}

class NcclReader {
 public:
  NcclReader(std::string file, ProblemList& problems) : problems_(problems) {
    output_.file = std::move(file);
  }

  void Read(std::string_view line) {
    ++line_;
    const std::size_t tag = TagOf(line);
    words_ = WordsOf(line.substr(tag));
    for (Word& word : words_) {
      word.column += static_cast<int>(tag);
    }
    if (words_.empty()) {
      return;
    }
    if (words_.front().text.starts_with('#')) {
      Comment();
    } else if (NumberIn(words_.front().text) && words_.size() >= kFrontColumns) {
      Row();
    } else {
      LookForProgram();
    }
  }

  NcclOutput Take() && {
    output_.ranks = static_cast<int>(host_of_rank_.size());
    std::map<std::string, int> ranks_of_host;
    for (const auto& [rank, host] : host_of_rank_) {
      ++ranks_of_host[host];
    }
    output_.hosts = static_cast<int>(ranks_of_host.size());
    output_.even = std::all_of(ranks_of_host.begin(), ranks_of_host.end(), [&](const auto& each) {
      return each.second == ranks_of_host.begin()->second;
    });
    if (output_.rows.empty() && problems_.empty()) {
      problems_.Add({output_.file, 1, 1}, "",
                    Refusal("there is no table of nccl-tests",
                            "a line \"# size count type ... time algbw busbw\" and lines of "
                            "numbers below it"));
    }
    return std::move(output_);
  }

 private:
  void Complain(int column, const std::string& message) {
    problems_.Add({output_.file, line_, column}, "", message);
  }

  void LookForProgram() {
    for (const Word& word : words_) {
      if (output_.op.empty() && word.text.find("_perf") != std::string_view::npos) {
        output_.op = NcclOperation(word.text);
      }
    }
  }

  // "# Rank 0 ... on HOST device 0 [0x31] NAME", the line of column names, or anything else.
  void Comment() {
    LookForProgram();
    std::vector<std::string_view> names;
    for (const Word& word : words_) {
      std::string_view name = word.text;
      name.remove_prefix(name.starts_with('#') && name != "#wrong" ? 1 : 0);
      if (!name.empty()) {
        names.push_back(name);
      }
    }
    const auto has = [&names](std::string_view name) {
      return std::find(names.begin(), names.end(), name) != names.end();
    };
    if (has("size") && has("count") && has("type") && has("time")) {
      places_ = static_cast<std::size_t>(std::count(names.begin(), names.end(), "time"));
      return;
    }
    const auto on = std::find(names.begin(), names.end(), "on");
    if (names.size() > 3 && names[0] == "Rank" && NumberIn(names[1]) && names.end() - on > 1) {
      host_of_rank_[std::string(names[1])] = std::string(on[1]);
      if (output_.device.empty()) {
        const auto bracket = std::find_if(on, names.end(), [](std::string_view name) {
          return name.ends_with(']');
        });
        for (auto name = bracket; name != names.end() && ++name != names.end();) {
          output_.device += (output_.device.empty() ? "" : " ") + std::string(*name);
        }
      }
    }
  }

  void Row() {
    if (places_ == 0) {
      return Complain(words_.front().column,
                      Refusal("numbers stand before the names of the columns",
                              "a line \"# size count type ... time algbw busbw\" above them"));
    }
    const std::size_t least = kFrontColumns + kPlaceColumns * places_;
    if (words_.size() < least) {
      const Word& last = words_.back();
      return Complain(last.column + static_cast<int>(last.text.size()),
                      Refusal(fmt::format("the line has {} columns", words_.size()),
                              fmt::format("at least {}: size, count, type, and {} for each place",
                                          least, kPlaceColumns)));
    }
    NcclRow row;
    row.line = line_;
    row.bytes = *NumberIn(words_.front().text);
    row.type = words_[2].text;
    if (!NumberIn(words_[1].text)) {
      return Complain(words_[1].column, Refusal(Quoted(words_[1].text) + " is no count of elements",
                                                "a whole number, as in the column \"count\""));
    }
    for (std::size_t place = 0; place < places_; ++place) {
      const std::size_t first = words_.size() - kPlaceColumns * (places_ - place);
      row.places.push_back(
          {Cell(first, "time"), Cell(first + 1, "algbw"), Cell(first + 2, "busbw")});
    }
    output_.rows.push_back(std::move(row));
  }

  std::optional<double> Cell(std::size_t index, const char* name) {
    const Word& word = words_[index];
    const std::optional<double> value = NumberIn(word.text);
    if (!value && word.text != "N/A") {
      Complain(word.column, Refusal(Quoted(word.text) + " is no number",
                                    fmt::format("what stands in the column \"{}\", or N/A", name)));
    }
    return value;
  }

  ProblemList& problems_;
  NcclOutput output_;
  std::vector<Word> words_;
  std::map<std::string, std::string> host_of_rank_;
  std::size_t places_ = 0;
  int line_ = 0;
};

}  // namespace

std::string NcclOperation(std::string_view word) {
  // Longer names first: "reduce" stands in two others.
  constexpr std::array<std::pair<std::string_view, const char*>, 12> kNames = {{
      {"reduce_scatter", "reduce_scatter"},
      {"reducescatter", "reduce_scatter"},
      {"all_reduce", "all_reduce"},
      {"allreduce", "all_reduce"},
      {"all_gather", "all_gather"},
      {"allgather", "all_gather"},
      {"all_to_all", "all_to_all"},
      {"alltoall", "all_to_all"},
      {"broadcast", "broadcast"},
      {"sendrecv", "send_receive"},
      {"send_recv", "send_receive"},
      {"reduce", "reduce"},
  }};
  const std::size_t slash = word.find_last_of('/');
  const std::string_view name = slash == std::string_view::npos ? word : word.substr(slash + 1);
  for (const auto& [part, op] : kNames) {
    if (name.find(part) != std::string_view::npos) {
      return op;
    }
  }
  return "";
}

NcclOutput ReadNcclOutput(const std::string& file, std::string_view text, ProblemList& problems) {
  NcclReader reader(file, problems);
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    reader.Read(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return std::move(reader).Take();
}

}  // namespace gridlock
