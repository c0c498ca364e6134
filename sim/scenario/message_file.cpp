#include "sim/scenario/message_file.h"

#include <algorithm>
#include <array>
#include <optional>

#include <fmt/format.h>

#include "sim/base/numbers.h"
#include "sim/schema/csv.h"
#include "sim/schema/files.h"
#include "sim/schema/problems.h"

namespace gridlock {

namespace {

constexpr std::size_t kLargestTable = std::size_t{512} << 20U;
constexpr double kMostBytes = 1e15;
constexpr double kLatestStart = 1e6;  // seconds

/// A number below `count`; -1, and `problem`, when it is not.
int Below(std::string_view text, std::int64_t count, const char* what, std::string& problem) {
  const std::optional<std::int64_t> number = ParseWhole(text);
  if (!number) {
    problem = Refusal(Quoted(text) + " is not the number of " + what,
                      fmt::format("a whole number from 0 to {}", count - 1));
    return -1;
  }
  if (*number < 0 || *number >= count) {
    problem = Refusal(fmt::format("there is no {} {}", what, *number),
                      fmt::format("a whole number from 0 to {}", count - 1));
    return -1;
  }
  return static_cast<int>(*number);
}

SiteIndex SiteNamed(std::string_view name, const Network& network, std::string& problem) {
  std::vector<std::string> names;
  for (SiteIndex site{0}; site < network.sites(); ++site) {
    names.push_back(network.fabric(site).site().name);
    if (names.back() == name) {
      return site;
    }
  }
  problem = Refusal("there is no site " + Quoted(name), "the name of a site",
                    NearestName(std::string(name), names));
  return {};
}

/// Reads lines below the head.
class MessageReader {
 public:
  enum Column { kFrom, kTo, kBytes, kStart, kColumns };

  static constexpr std::array<const char*, kColumns> kNames = {"from", "to", "bytes", "start"};

  MessageReader(std::string file, const Network& network, ProblemList& problems)
      : file_(std::move(file)), network_(network), problems_(problems) {
    position_.fill(-1);
  }

  void ReadHead(const CsvLine& line) {
    for (std::size_t i = 0; i < line.cells.size(); ++i) {
      const CsvCell& cell = line.cells[i];
      const auto found = std::find(kNames.begin(), kNames.end(), cell.text);
      if (found == kNames.end()) {
        Refuse(line, cell,
               Refusal("there is no column " + Quoted(cell.text), "from, to, bytes and start",
                       NearestName(cell.text, {kNames.begin(), kNames.end()})));
      } else if (position_[found - kNames.begin()] >= 0) {
        Refuse(line, cell, "the column " + cell.text + " stands here a second time");
      } else {
        position_[found - kNames.begin()] = static_cast<int>(i);
      }
    }
    width_ = line.cells.size();
    for (const Column column : {kFrom, kTo, kBytes}) {
      if (position_[column] < 0) {
        problems_.Add({file_, line.line, 1}, "",
                      Refusal(fmt::format("the column {} is missing", kNames[column]),
                              "a first line such as from,to,bytes,start"));
      }
    }
  }

  void Read(const CsvLine& line, std::vector<NetworkMessage>& messages) {
    if (line.cells.size() != width_) {
      problems_.Add({file_, line.line, 1}, "",
                    Refusal(fmt::format("this line has {} cells", line.cells.size()),
                            fmt::format("{}, as the first line has", width_)));
      return;
    }
    NetworkMessage message;
    const bool good = ReadEnd(line, kFrom, message.from) && ReadEnd(line, kTo, message.to) &&
                      ReadBytes(line, message.bytes) && ReadStart(line, message.start) &&
                      CheckEnds(line, message);
    if (good) {
      messages.push_back(message);
    }
  }

 private:
  [[nodiscard]] const CsvCell& Cell(const CsvLine& line, Column column) const {
    return line.cells[position_[column]];
  }

  bool Refuse(const CsvLine& line, const CsvCell& cell, const std::string& message) {
    problems_.Add({file_, line.line, cell.column}, "", message);
    return false;
  }

  bool ReadEnd(const CsvLine& line, Column column, AcceleratorIndex& end) {
    std::string problem;
    end = ParseAccelerator(Cell(line, column).text, network_, problem);
    return end >= 0 || Refuse(line, Cell(line, column), problem);
  }

  bool ReadBytes(const CsvLine& line, Bytes& bytes) {
    const CsvCell& cell = Cell(line, kBytes);
    double si = 0;
    if (const std::optional<std::int64_t> plain = ParseWhole(cell.text)) {
      si = static_cast<double>(*plain);
    } else {
      const ParsedQuantity parsed = ParseQuantity(cell.text, Dimension::kData);
      if (!parsed.si) {
        return Refuse(line, cell, parsed.problem + ", or a whole number of bytes");
      }
      si = *parsed.si;
    }
    if (si < 0 || si > kMostBytes) {
      return Refuse(line, cell, Refusal(cell.text + " is out of range", "0 to 1 PB"));
    }
    bytes = Bytes(si);
    return true;
  }

  bool ReadStart(const CsvLine& line, Seconds& start) {
    if (position_[kStart] < 0) {
      return true;
    }
    const CsvCell& cell = Cell(line, kStart);
    if (cell.text == "0") {
      return true;
    }
    const ParsedQuantity parsed = ParseQuantity(cell.text, Dimension::kTime);
    if (!parsed.si) {
      return Refuse(line, cell, parsed.problem);
    }
    if (*parsed.si < 0 || *parsed.si > kLatestStart) {
      return Refuse(line, cell, Refusal(cell.text + " is out of range", "0 to 1e6 s"));
    }
    start = Seconds(*parsed.si);
    return true;
  }

  bool CheckEnds(const CsvLine& line, const NetworkMessage& message) {
    if (message.from == message.to) {
      return Refuse(line, Cell(line, kTo),
                    Refusal(fmt::format("accelerator {} sends to itself", message.from.value),
                            "two different accelerators"));
    }
    const SiteIndex from = network_.site_of(message.from);
    const SiteIndex to = network_.site_of(message.to);
    if (from != to && network_.wan_way(from, to).empty()) {
      return Refuse(line, Cell(line, kTo),
                    Refusal("no wan { ... } joins the two sites", "accelerators that are joined"));
    }
    return true;
  }

  std::string file_;
  const Network& network_;
  ProblemList& problems_;
  std::array<int, kColumns> position_{};
  std::size_t width_ = 0;
};

}  // namespace

AcceleratorIndex ParseAccelerator(std::string_view text, const Network& network,
                                  std::string& problem) {
  const std::size_t slash = text.rfind('/');
  if (slash == std::string_view::npos) {
    return {Below(text, network.accelerators(), "accelerator", problem)};
  }
  std::string_view server_text = text.substr(0, slash);
  SiteIndex site{0};
  const std::size_t first = server_text.rfind('/');
  if (first != std::string_view::npos) {
    site = SiteNamed(server_text.substr(0, first), network, problem);
    server_text = server_text.substr(first + 1);
  } else if (network.sites() > 1) {
    problem = Refusal(Quoted(text) + " names no site", "SITE/SERVER/ACCELERATOR or a plain number");
    return {};
  }
  if (site < 0) {
    return {};
  }
  const Topology& fabric = network.fabric(site);
  const int server = Below(server_text, fabric.servers(), "server", problem);
  if (server < 0) {
    return {};
  }
  const int local = Below(text.substr(slash + 1), fabric.server_size(), "accelerator", problem);
  return local < 0 ? AcceleratorIndex{}
                   : network.accelerator(site, server * fabric.server_size() + local);
}

std::vector<NetworkMessage> ReadMessages(const std::string& file, std::string_view text,
                                         const Network& network) {
  ProblemList problems;
  std::vector<NetworkMessage> messages;
  const std::vector<CsvLine> lines = ReadCsv(file, text, problems);
  if (lines.size() < 2 && problems.empty()) {
    problems.Add({file, 0, 0}, "",
                 Refusal("there is no message", "from,to,bytes,start and one line for each"));
  }
  MessageReader reader(file, network, problems);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (i == 0) {
      reader.ReadHead(lines[i]);
      problems.ThrowIfAny();
    } else if (lines[i].problem.empty()) {
      reader.Read(lines[i], messages);
    }
  }
  if (lines.size() > kMessagesMost + 1) {
    problems.Add({file, 0, 0}, "",
                 Refusal(fmt::format("{} messages are too many", lines.size() - 1),
                         fmt::format("at most {}", kMessagesMost)));
  }
  problems.ThrowIfAny();
  return messages;
}

std::vector<NetworkMessage> ReadMessages(const std::string& file, const Network& network) {
  ProblemList problems;
  std::string text;
  (void)ReadFile(file, {file, 0, 0}, text, problems, kLargestTable);
  problems.ThrowIfAny();
  return ReadMessages(file, text, network);
}

}  // namespace gridlock
