#include "sim/validation/case_table.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/base/numbers.h"
#include "sim/schema/csv.h"
#include "sim/schema/files.h"
#include "sim/validation/table_words.h"

namespace gridlock {

namespace {

using Case = PublishedCase;
using Whole = std::int64_t Case::*;
using TextMember = std::string Case::*;
using Real = double Case::*;

// kRepaired: the column has to be there, and something of the row stands for a blank cell.
enum class Blank { kRefused, kAllowed, kRepaired };

struct TextColumn {
  const char* name;
  TextMember member;
  Blank blank = Blank::kRefused;
};

struct WholeColumn {
  const char* name;
  Whole member;
  std::int64_t min;
  std::int64_t max;
  Blank blank = Blank::kRefused;
};

struct RealColumn {
  const char* name;
  Real member;
  double min;
  double max;
  Blank blank = Blank::kRefused;
};

constexpr TextColumn kTexts[] = {
    {"id", &Case::id},
    {"role", &Case::role},
    {"source", &Case::source},
    {"stack", &Case::stack, Blank::kAllowed},
    {"accelerator", &Case::accelerator},
    {"model", &Case::model},
    {"recompute", &Case::recompute, Blank::kAllowed},
    {"precision", &Case::precision, Blank::kAllowed},
};

// Wide enough for any machine or model, narrow enough that a slip by a power of ten is seen.
constexpr std::int64_t kMost = 1'000'000'000;
constexpr WholeColumn kWholes[] = {
    {"accelerators", &Case::accelerators, 1, 100'000'000},
    {"domain", &Case::domain, 1, 100'000, Blank::kRepaired},
    {"layers", &Case::layers, 1, 100'000},
    {"hidden", &Case::hidden, 1, 1'000'000},
    {"heads", &Case::heads, 1, 65536},
    {"kv_heads", &Case::kv_heads, 1, 65536, Blank::kRepaired},
    {"ffn", &Case::ffn, 1, 10'000'000},
    {"gated", &Case::gated, 0, 1, Blank::kRepaired},
    {"vocab", &Case::vocab, 1, 100'000'000},
    {"seq", &Case::seq, 1, 100'000'000},
    {"experts", &Case::experts, 0, 100'000, Blank::kAllowed},
    {"top_k", &Case::top_k, 0, 100'000, Blank::kAllowed},
    {"shared_experts", &Case::shared_experts, 0, 100'000, Blank::kAllowed},
    {"expert_ffn", &Case::expert_ffn, 0, 10'000'000, Blank::kAllowed},
    {"tp", &Case::tp, 1, 100'000},
    {"pp", &Case::pp, 1, 100'000},
    {"vpp", &Case::vpp, 1, 100'000, Blank::kAllowed},
    {"dp", &Case::dp, 1, 100'000'000},
    {"ep", &Case::ep, 1, 100'000},
    {"cp", &Case::cp, 1, 100'000},
    {"zero", &Case::zero, 0, 3, Blank::kRepaired},
    {"shard_group", &Case::shard_group, 1, 100'000'000, Blank::kAllowed},
    {"sequence_parallel", &Case::sequence_parallel, 0, 1, Blank::kRepaired},
    {"head_dim", &Case::head_dim, 1, 65536, Blank::kAllowed},
    {"document_length", &Case::document_length, 1, 100'000'000, Blank::kAllowed},
    {"global_batch", &Case::global_batch, 1, kMost},
    {"micro_batch", &Case::micro_batch, 1, kMost, Blank::kAllowed},
};

constexpr RealColumn kReals[] = {
    {"nic_gbps", &Case::nic_gbps, 0.1, 100'000, Blank::kAllowed},
    {"measured_gib", &Case::measured_gib, 1e-3, 1e6, Blank::kAllowed},
    {"capacity_gib", &Case::capacity_gib, 1e-3, 1e6, Blank::kAllowed},
    {"step_time_s", &Case::step_time_s, 1e-6, 1e6},
};

constexpr const char* kDenseLayers = "dense_layers";
constexpr const char* kKind = "kind";
constexpr const char* kFits = "fits";

// Roles that tables have so far; another word is a role of its own.
const std::vector<std::string> kRoles = {"calibration", "headline"};

// Columns without which a row says too little.
std::vector<std::string> NeededColumns() {
  std::vector<std::string> names;
  for (const TextColumn& column : kTexts) {
    names.emplace_back(column.name);
  }
  for (const WholeColumn& column : kWholes) {
    if (column.blank != Blank::kAllowed) {
      names.emplace_back(column.name);
    }
  }
  for (const RealColumn& column : kReals) {
    if (column.blank == Blank::kRefused) {
      names.emplace_back(column.name);
    }
  }
  return names;
}

// Words with a digit, in their order: what tells one product of a maker from another.
std::vector<std::string> NumberedWords(const std::string& text) {
  std::vector<std::string> words;
  std::string word;
  for (const char c : text + "_") {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
      word += c;
      continue;
    }
    if (word.find_first_of("0123456789") != std::string::npos) {
      words.push_back(word);
    }
    word.clear();
  }
  return words;
}

bool Contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

class TableReader {
 public:
  TableReader(const std::string& file, const KnownNames& known, ProblemList& problems,
              ProblemList& of_rows)
      : file_(file), known_(known), problems_(problems), of_rows_(of_rows) {}

  std::vector<Case> Read(std::string_view text) {
    const std::vector<CsvLine> lines = ReadCsv(file_, text, of_rows_);
    if (lines.empty()) {
      problems_.Add({file_, 0, 0}, "",
                    Refusal("the table is empty", "a first line with the names of the columns"));
      return {};
    }
    if (!ReadHeader(lines.front())) {
      return {};
    }
    if (lines.size() == 1) {
      problems_.Add({file_, lines.front().line, 1}, "",
                    Refusal("the table has no rows", "one line for each published case"));
    }
    std::vector<Case> cases;
    for (std::size_t i = 1; i < lines.size(); ++i) {
      cases.push_back(ReadLine(lines[i]));
    }
    return cases;
  }

 private:
  // A mistake of the row that is being read.
  void Refuse(const CsvCell& cell, const std::string& message) {
    of_rows_.Add({file_, line_, cell.column}, "", message);
    if (problem_.empty()) {
      problem_ = fmt::format("line {}, column {}: {}", line_, cell.column, message);
    }
  }

  // The names must be those of the format, each once: a wrong one would shift meaning silently.
  bool ReadHeader(const CsvLine& line) {
    const std::size_t before = problems_.size();
    const auto refuse = [&](int column, const std::string& message) {
      problems_.Add({file_, line.line, column}, "", message);
    };
    if (!line.problem.empty()) {
      refuse(1, line.problem);
      return false;
    }
    std::vector<std::string> unnamed = NeededColumns();
    for (const CsvCell& cell : line.cells) {
      std::erase(unnamed, cell.text);
    }
    for (const CsvCell& cell : line.cells) {
      if (Contains(header_, cell.text)) {
        refuse(cell.column,
               Refusal("the column " + Quoted(cell.text) + " stands there twice", "it once"));
      } else if (const std::string nearest = NearestName(cell.text, unnamed); !nearest.empty()) {
        std::erase(unnamed, nearest);
        refuse(cell.column, Refusal("no column is called " + Quoted(cell.text), "", nearest));
      }
      header_.push_back(cell.text);
    }
    for (const std::string& name : unnamed) {
      refuse(1, Refusal("the column \"" + name + "\" is missing",
                        "a first line that names every column of the format"));
    }
    return problems_.size() == before;
  }

  Case ReadLine(const CsvLine& line) {
    line_ = line.line;
    problem_ = line.problem;
    if (problem_.empty() && line.cells.size() != header_.size()) {
      RefuseLength(line);
    }
    if (problem_.empty()) {
      return ReadRow(line);
    }
    Case row;
    row.file = file_;
    row.line = line_;
    row.id = line.cells.empty() ? fmt::format("line {}", line_) : line.cells.front().text;
    row.problem = problem_;
    return row;
  }

  void RefuseLength(const CsvLine& line) {
    // Where the first cell too many begins, or the last that there is.
    const std::size_t at = std::min(header_.size(), line.cells.size() - 1);
    Refuse(line.cells[at],
           Refusal(fmt::format("the line has {} cells, and the first line names {} columns",
                               line.cells.size(), header_.size()),
                   fmt::format("{} cells", header_.size())));
  }

  Case ReadRow(const CsvLine& line) {
    cells_ = &line.cells;
    Case row;
    row.file = file_;
    row.line = line_;
    for (const TextColumn& column : kTexts) {
      ReadText(Cell(column.name), column, row);
    }
    for (const WholeColumn& column : kWholes) {
      if (IsOfMemoryAlone(column.name)) {
        continue;
      }
      if (column.blank == Blank::kRepaired && column.min == 0) {
        ReadSwitch(column, column.member == &Case::zero ? MeantZero : MeantYes, row);
      } else {
        row.*column.member = ReadWhole(Cell(column.name), column);
      }
    }
    for (const RealColumn& column : kReals) {
      if (!IsOfMemoryAlone(column.name)) {
        row.*column.member = ReadReal(Cell(column.name), column);
      }
    }
    ReadDenseLayers(row);
    row.kind = Cell(kKind).text;
    row.notes = Cell("notes").text;
    row.framework = Cell("framework").text;
    row.compile = Cell("compile").text;
    row.dispatcher = Cell("dispatcher").text;
    row.offload = Cell("offload").text;
    row.adapters = Cell("adapters").text;
    CheckAdapters(row);
    row.out_of_memory = Cell(kFits).text == "0";
    CheckNames(row);
    if (problem_.empty()) {  // else what cells owe each other would blame the wrong one
      CheckHeads(row);
      CheckExperts(row);
    }
    row.problem = problem_;
    return row;
  }

  // A blank time or batch of a row that tells of its memory.
  [[nodiscard]] bool IsOfMemoryAlone(const std::string& column) const {
    return (column == "step_time_s" || column == "global_batch") && Cell(column).text.empty() &&
           Cell("step_time_s").text.empty() &&
           !(Cell("measured_gib").text.empty() && Cell(kFits).text.empty());
  }

  [[nodiscard]] const CsvCell& Cell(const std::string& name) const {
    static const CsvCell kBlank;
    const auto found = std::find(header_.begin(), header_.end(), name);
    return found == header_.end() ? kBlank
                                  : (*cells_)[static_cast<std::size_t>(found - header_.begin())];
  }

  void ReadText(const CsvCell& cell, const TextColumn& column, Case& row) {
    constexpr std::size_t kLongest = 1000;
    if (cell.text.empty()) {
      if (column.blank == Blank::kRefused) {
        Refuse(cell, Refusal(fmt::format("\"{}\" is blank", column.name), "a text"));
      }
    } else if (!IsPlainUtf8(cell.text) || cell.text.size() > kLongest || cell.text.front() == ' ' ||
               cell.text.back() == ' ') {
      Refuse(cell, Refusal(fmt::format("\"{}\" is {}", column.name, Quoted(cell.text)),
                           "a text of at most 1000 bytes without control characters, that neither "
                           "begins nor ends with a space"));
    }
    row.*column.member = cell.text;
  }

  std::int64_t ReadWhole(const CsvCell& cell, const WholeColumn& column) {
    if (cell.text.empty() && column.blank != Blank::kRefused) {
      return column.min == 0 && column.blank == Blank::kRepaired ? kNotSaid : 0;
    }
    const std::optional<std::int64_t> value = ParseWhole(cell.text);
    if (value && *value >= column.min && *value <= column.max) {
      return *value;
    }
    std::string expected =
        column.min == 0 && column.max == 1
            ? "0 or 1"
            : fmt::format("a whole number from {} to {}", column.min, column.max);
    if (column.blank == Blank::kAllowed) {
      expected += ", or a blank cell";
    }
    RefuseValue(cell, column.name, expected);
    return std::clamp<std::int64_t>(0, column.min, column.max);
  }

  double ReadReal(const CsvCell& cell, const RealColumn& column) {
    if (cell.text.empty() && column.blank == Blank::kAllowed) {
      return 0;
    }
    const std::optional<double> value = ParseNumber(cell.text);
    const bool none = value == 0.0 && column.blank == Blank::kAllowed;  // 0 Gbps: as a blank cell
    if (value && (none || (*value >= column.min && *value <= column.max))) {
      return *value;
    }
    RefuseValue(cell, column.name,
                fmt::format("a number from {:g} to {:g}", column.min, column.max));
    return column.min;
  }

  void RefuseValue(const CsvCell& cell, const char* column, const std::string& expected) {
    Refuse(cell, Refusal(cell.text.empty() ? fmt::format("\"{}\" is blank", column)
                                           : fmt::format("\"{}\" is {}", column, Quoted(cell.text)),
                         expected));
  }

  void ReadDenseLayers(Case& row) {
    const CsvCell& cell = Cell(kDenseLayers);
    if (cell.text == "every2") {
      row.dense_every_second = true;
      return;
    }
    const WholeColumn column{kDenseLayers, &Case::dense_layers, 0, 100'000, Blank::kAllowed};
    if (!cell.text.empty() && !ParseWhole(cell.text)) {
      RefuseValue(cell, kDenseLayers,
                  "a whole number from 0 to 100000, \"every2\", or a blank cell");
      return;
    }
    row.dense_layers = ReadWhole(cell, column);
  }

  // The choice that a word of the cell stands for.
  void ReadChoice(const char* column, MeantWord (*meant)(const std::string&), Case& row,
                  std::string& value) {
    const std::string& text = Cell(column).text;
    const MeantWord word = meant(text);
    value = word.word;
    if (word.assumed) {
      row.assumed.push_back(
          fmt::format("{} {} as {}", column, text.empty() ? "not said" : text, value));
    }
  }

  // The number that a word of the cell stands for; kNotSaid where it is one that nobody knows.
  // Numbers out of range are mistakes.
  void ReadSwitch(const WholeColumn& column,
                  std::optional<std::int64_t> (*meant)(const std::string&), Case& row) {
    const CsvCell& cell = Cell(column.name);
    if (cell.text.empty() || cell.text.find_first_not_of("0123456789.-") == std::string::npos) {
      row.*column.member = ReadWhole(cell, column);
      return;
    }
    row.*column.member = meant(cell.text).value_or(kNotSaid);
  }

  // The one of `names` that differs from the cell by a slip of the keyboard, else the cell. Another
  // word with a digit is another product: l20 and h200 are no slips of h20, nor 4090d of 4090.
  [[nodiscard]] std::string WithoutSlip(const std::string& text,
                                        const std::vector<std::string>& names) const {
    if (text.empty() || Contains(names, text)) {
      return text;
    }
    const std::string nearest = NearestName(text, names);
    return !nearest.empty() && NumberedWords(nearest) == NumberedWords(text) ? nearest : text;
  }

  void CheckNames(Case& row) {
    ReadChoice("recompute", MeantRecompute, row, row.recompute);
    ReadChoice("precision", MeantPrecision, row, row.precision);
    if (!Cell("optimizer").text.empty()) {
      ReadChoice("optimizer", MeantOptimizer, row, row.optimizer);
    }
    row.role = WithoutSlip(row.role, kRoles);
    row.accelerator = WithoutSlip(row.accelerator, known_.accelerators);
  }

  void CheckHeads(const Case& row) {
    if (row.kv_heads > row.heads) {
      Refuse(Cell("kv_heads"), Refusal(fmt::format("\"kv_heads\" is {}, and there are {} heads",
                                                   row.kv_heads, row.heads),
                                       "at most as many as heads"));
    }
  }

  // Values of columns that few tables have; other words than these say nothing.
  void CheckAdapters(const Case& row) {
    const bool block = row.adapters.starts_with("{") && row.adapters.ends_with("}");
    const bool rank = row.adapters.find_first_not_of("0123456789") == std::string::npos;
    if (!block && (!rank || row.adapters.size() > 6)) {
      Refuse(Cell("adapters"),
             Refusal("\"adapters\" is " + Quoted(row.adapters),
                     "a rank such as 16, a block such as "
                     "{ rank: 16 target: [\"q_proj\"] base: \"nf4\" }, or a blank "
                     "cell"));
    }
  }

  // The columns of experts belong together.
  void CheckExperts(const Case& row) {
    if (row.experts == 0) {
      for (const char* name : {"top_k", "shared_experts", "expert_ffn", kDenseLayers}) {
        const std::string& text = Cell(name).text;
        if (!text.empty() && text != "0") {
          Refuse(Cell(name),
                 Refusal(fmt::format("\"{}\" is {}, and there are no experts", name, Quoted(text)),
                         "a blank cell, or a number of experts"));
        }
      }
      return;
    }
    if (row.top_k < 1 || row.top_k > row.experts) {
      Refuse(Cell("top_k"),
             Refusal(fmt::format("\"top_k\" is {}, and there are {} experts",
                                 Cell("top_k").text.empty() ? "blank" : Cell("top_k").text,
                                 row.experts),
                     fmt::format("a whole number from 1 to {}", row.experts)));
    }
    if (row.expert_ffn < 1) {
      Refuse(Cell("expert_ffn"), Refusal("\"expert_ffn\" is blank, and there are experts",
                                         "the inner width of one expert"));
    }
  }

  const std::string& file_;
  const KnownNames& known_;
  ProblemList& problems_;  ///< of the first line
  ProblemList& of_rows_;
  std::string problem_;  ///< the first of the row
  std::vector<std::string> header_;
  const std::vector<CsvCell>* cells_ = nullptr;
  int line_ = 0;
};

}  // namespace

std::vector<PublishedCase> ReadCases(const std::string& file, std::string_view text,
                                     const KnownNames& known, ProblemList& problems,
                                     ProblemList& of_rows) {
  return TableReader(file, known, problems, of_rows).Read(text);
}

}  // namespace gridlock
