#include "sim/sweep/sweep_table.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <sstream>
#include <utility>

#include <fmt/format.h>

#include "sim/report/head.h"
#include "sim/report/json.h"
#include "sim/report/layout.h"
#include "sim/sweep/lookup.h"
#include "sim/sweep/outputs.h"
#include "sim/sweep/point_record.h"

namespace gridlock {
namespace {

/// Outputs that are shown when the sweep does not say: in all, and of one name.
constexpr std::size_t kShown = 6, kEach = 3;

/// Rows that a screen shows of one sweep.
constexpr std::size_t kRowsShown = 60;
constexpr std::size_t kWidth = 100;

/// Shares of 0 to 1 are written in percent.
bool IsShare(const OutputColumn& column) {
  return column.units == "1" &&
         (column.name == "mfu" || column.name == "hfu" || column.name.ends_with("share") ||
          column.name.ends_with("ettr") || column.name.ends_with("_mfu") ||
          column.name == "utilisation_mean");
}

/// How an output is written: a number in a unit that suits it.
std::string NumberText(const OutputColumn& column, double value) {
  if (std::isnan(value)) {
    return "-";
  }
  if (column.units == "s") {
    return FormatSeconds(Seconds(ThreeDigits(value)));
  }
  if (column.units == "J") {
    return FormatJoules(Joules(ThreeDigits(value)));
  }
  if (column.units == "W") {
    return FormatWatts(Watts(ThreeDigits(value)));
  }
  if (column.units == "byte") {
    return FormatBytes(Bytes(ThreeDigits(value)));
  }
  if (column.units == "byte/s") {
    return FormatBandwidth(BytesPerSecond(ThreeDigits(value)));
  }
  if (column.units == "FLOP/s") {
    return FormatFlopRate(FlopPerSecond(ThreeDigits(value)));
  }
  if (IsShare(column)) {
    return Percent(value);
  }
  constexpr double kLeast = 1e4, kMost = 1e12;  // between them numbers are written out
  const double size = std::abs(value);
  return size < kMost && (size >= kLeast || std::round(value) == value)
             ? Grouped(value)
             : fmt::format("{:.5g}", value);
}

/// A long name in two lines, broken behind the underscore or point nearest to its middle.
std::pair<std::string, std::string> TwoLines(const std::string& name) {
  constexpr std::size_t kLong = 14;
  std::size_t best = std::string::npos;
  const auto off = [&](std::size_t at) {
    return at > name.size() / 2 ? at - name.size() / 2 : name.size() / 2 - at;
  };
  for (std::size_t i = 1; i + 1 < name.size() && name.size() > kLong; ++i) {
    const bool may = name[i] == '_' || name[i] == '.' || name[i] == ' ' || name[i] == '/';
    if (may && (best == std::string::npos || off(i) < off(best))) {
      best = i;
    }
  }
  return best == std::string::npos ? std::pair(std::string(), name)
                                   : std::pair(name.substr(0, best + 1), name.substr(best + 1));
}

/// What an output says at one point.
std::string Said(const PointRecord& record, const std::string& output) {
  if (record.status != PointStatus::kDone) {
    return NameOf(record.status);
  }
  const std::string name = output.substr(0, output.find('.'));
  const OutputColumn& column = *FindOutputColumn(name);
  if (column.is_text) {
    const auto found =
        std::find_if(record.outputs.begin(), record.outputs.end(), [&](const OutputValue& value) {
          return value.name == name;
        });
    return found == record.outputs.end() ? "-" : found->text;
  }
  return NumberText(column, ValueIn(record, output));
}

/// The outputs to show when the sweep does not say: those of the kind of its first point.
std::vector<std::string> ShownOf(const Sweep& sweep, const std::string& journal) {
  if (!sweep.show.empty()) {
    return sweep.show;
  }
  std::vector<std::string> shown;
  ForEachLine(journal, [&](std::string_view line) {
    if (!shown.empty()) {
      return;
    }
    const PointRecord record = RecordOf(line);
    for (const char* const name :
         {"step_time", "mfu", "binding_wall", "mean_power_per_accelerator", "job_holding_mfu",
          "job_ettr", "request_tpot_p50", "request_ttft_p90", "request_good_share", "site_energy",
          "time"}) {
      std::vector<std::string> found;
      for (const OutputValue& value : record.outputs) {
        if (value.name == name && (value.number != 0 || !value.text.empty())) {
          found.push_back(value.label.empty() ? value.name : value.name + "." + value.label);
        }
      }
      // Of a test of a collective the largest sizes, which come last.
      const auto skipped =
          static_cast<std::ptrdiff_t>(found.size() > kEach ? found.size() - kEach : 0);
      shown.insert(shown.end(), found.begin() + skipped, found.end());
    }
  });
  shown.resize(std::min(shown.size(), kShown));
  return shown;
}

/// The width of each column.
std::vector<std::size_t> WidthsOf(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const std::vector<std::string>& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], row[i].size());
    }
  }
  return widths;
}

/// Takes columns off the end until the table fits on a screen.
void Narrow(std::vector<std::vector<std::string>>& rows) {
  const std::vector<std::size_t> widths = WidthsOf(rows);
  std::size_t columns = 0, width = 0;
  while (columns < widths.size() && width + widths[columns] + 2 <= kWidth) {
    width += widths[columns++] + 2;
  }
  for (std::vector<std::string>& row : rows) {
    row.resize(std::min(row.size(), std::max<std::size_t>(2, columns)));
  }
}

/// A table of cells, the first column to the left, as wide as its texts.
std::string Table(const std::vector<std::vector<std::string>>& rows) {
  const std::vector<std::size_t> widths = WidthsOf(rows);
  std::string text;
  for (const std::vector<std::string>& row : rows) {
    std::string line = "  ";
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += i == 0 ? fmt::format("{:<{}}", row[i], widths[i])
                     : fmt::format("  {:>{}}", row[i], widths[i]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    if (line.empty()) {
      continue;
    }
    text += (line.size() > kWidth ? line.substr(0, kWidth - 3) + "..." : line) + "\n";
  }
  return text;
}

/// One row a point: for sweeps over one axis or none.
std::string ListOf(const Sweep& sweep, const SweepOutcome& outcome, const std::string& journal) {
  const std::vector<std::string> shown = ShownOf(sweep, journal);
  const std::vector<GridAxis>& axes = outcome.grid.axes();
  std::vector<std::vector<std::string>> rows(2);
  rows[0].emplace_back();
  rows[1].push_back(axes.empty() ? "point" : axes[0].name);
  for (const std::string& output : shown) {
    auto [above, name] = TwoLines(output);
    rows[0].push_back(std::move(above));
    rows[1].push_back(std::move(name));
  }
  const CellLookup lookup(outcome.grid);
  std::map<std::size_t, std::vector<std::string>> by_place;
  ForEachLine(journal, [&](std::string_view line) {
    const PointRecord record = RecordOf(line);
    const std::size_t place = axes.empty() ? 0 : lookup.CellOf(record)[0];
    std::vector<std::string>& row = by_place[place];
    row.push_back(axes.empty() ? "0" : record.at[0].second);
    for (const std::string& output : shown) {
      row.push_back(Said(record, output));
    }
    if (by_place.size() > kRowsShown) {
      by_place.erase(std::prev(by_place.end()));
    }
  });
  for (auto& [place, row] : by_place) {
    rows.push_back(std::move(row));
  }
  Narrow(rows);
  std::string text = Table(rows);
  if (outcome.points > static_cast<std::int64_t>(kRowsShown)) {
    text += fmt::format("  ... and {} points more\n",
                        outcome.points - static_cast<std::int64_t>(kRowsShown));
  }
  return text;
}

/// The cells of one output, table by table of the last two axes.
using Tables = std::map<std::uint64_t, std::vector<std::string>>;

/// Outputs over the last two axes, a table for each combination of the others. The longer of the
/// two stands down when it has more values than a screen has columns for.
class Matrices {
 public:
  Matrices(const Grid& grid, const std::string& journal) : grid_(grid), journal_(journal) {
    constexpr std::size_t kAcross = 7;
    const std::size_t last = grid.axes().size() - 1;
    const bool turned =
        grid.axes()[last].coordinates.size() > kAcross &&
        grid.axes()[last].coordinates.size() > grid.axes()[last - 1].coordinates.size();
    down_ = turned ? last : last - 1;
    across_ = turned ? last - 1 : last;
  }

  std::string TextOf(const std::vector<std::string>& shown) {
    std::string text;
    const std::uint64_t most = std::max<std::uint64_t>(
        1, kRowsShown / (down().coordinates.size() + 2) / std::max<std::size_t>(1, shown.size()));
    for (const std::string& output : shown) {
      for (const auto& [number, values] : Read(output, most)) {
        text += (text.empty() ? "" : "\n") + TableOf(output, number, values);
      }
    }
    const std::uint64_t tables = grid_.cells() / size();
    if (tables > most && !shown.empty()) {
      text += fmt::format("\n... and {} tables more; all points are in the files below\n",
                          tables - most);
    }
    return text + (left_out_ ? "  .  left out by the sweep\n" : "");
  }

 private:
  [[nodiscard]] const GridAxis& down() const { return grid_.axes()[down_]; }

  [[nodiscard]] const GridAxis& across() const { return grid_.axes()[across_]; }

  // The place of a value in its table.
  [[nodiscard]] std::size_t PlaceOf(std::size_t row, std::size_t column) const {
    return down_ < across_ ? row * across().coordinates.size() + column
                           : column * down().coordinates.size() + row;
  }

  [[nodiscard]] std::size_t size() const {
    return std::max<std::size_t>(1, down().coordinates.size() * across().coordinates.size());
  }

  // The first `most` tables of an output.
  [[nodiscard]] Tables Read(const std::string& output, std::uint64_t most) const {
    Tables tables;
    const CellLookup lookup(grid_);
    ForEachLine(journal_, [&](std::string_view line) {
      const PointRecord record = RecordOf(line);
      const std::uint64_t number = grid_.NumberOf(lookup.CellOf(record));
      if (number / size() < most) {
        std::vector<std::string>& table = tables[number / size()];
        table.resize(size(), ".");
        table[number % size()] = Said(record, output);
      }
    });
    return tables;
  }

  std::string TableOf(const std::string& output, std::uint64_t number,
                      const std::vector<std::string>& values) {
    const Cell cell = grid_.At(number * size());
    std::string title = output;
    for (std::size_t i = 0; i + 2 < grid_.axes().size(); ++i) {
      title += fmt::format("{}{} {}", i == 0 ? " at " : ", ", grid_.axes()[i].name,
                           grid_.axes()[i].coordinates[cell[i]].label);
    }
    std::vector<std::vector<std::string>> rows(1);
    rows[0].push_back(down().name + " \\ " + across().name);
    for (const Coordinate& each : across().coordinates) {
      rows[0].push_back(each.label);
    }
    for (std::size_t i = 0; i < down().coordinates.size(); ++i) {
      std::vector<std::string>& row = rows.emplace_back();
      row.push_back(down().coordinates[i].label);
      for (std::size_t k = 0; k < across().coordinates.size(); ++k) {
        row.push_back(values[PlaceOf(i, k)]);
        left_out_ = left_out_ || row.back() == ".";
      }
    }
    return title + "\n" + Table(rows);
  }

  const Grid& grid_;
  const std::string& journal_;
  std::size_t down_ = 0, across_ = 0;  ///< axes
  bool left_out_ = false;
};

std::string MatricesOf(const Sweep& sweep, const SweepOutcome& outcome,
                       const std::string& journal) {
  std::vector<std::string> shown = ShownOf(sweep, journal);
  shown.resize(std::min<std::size_t>(shown.size(), sweep.show.empty() ? 1 : shown.size()));
  return Matrices(outcome.grid, journal).TextOf(shown);
}

std::string CountsOf(const SweepOutcome& outcome) {
  std::string text = fmt::format("{} of {} done", Grouped(static_cast<double>(outcome.done)),
                                 Grouped(static_cast<double>(outcome.points)));
  for (const auto& [count, name] :
       {std::pair(outcome.refused, "refused"), std::pair(outcome.failed, "failed"),
        std::pair(outcome.timed_out, "timed out")}) {
    text += count > 0 ? fmt::format(", {} {}", count, name) : "";
  }
  return text;
}

}  // namespace

std::string SweepText(const Sweep& sweep, const TraceHeader& header, const SweepOutcome& outcome,
                      const std::vector<VerdictResult>& verdicts, const std::string& journal) {
  std::string text = Wrapped("", sweep.name + ": " + sweep.title, 0);
  text += sweep.description.empty() ? "" : Wrapped("", sweep.description, 0);
  text += "\n" + Line("points", CountsOf(outcome));
  for (const GridAxis& axis : outcome.grid.axes()) {
    std::vector<std::string> labels;
    for (const Coordinate& each : axis.coordinates) {
      labels.push_back(each.label);
    }
    constexpr std::size_t kShown = 12;
    if (labels.size() > kShown) {
      labels = {labels[0], labels[1], fmt::format("... {} values ...", labels.size() - 3),
                labels.back()};
    }
    text += Line(axis.name, fmt::format("{}", fmt::join(labels, ", ")));
  }
  text += Line("evaluator", FidelityName(sweep.fidelity));
  text += "\n" + (outcome.grid.axes().size() > 1 ? MatricesOf(sweep, outcome, journal)
                                                 : ListOf(sweep, outcome, journal));
  if (!outcome.first_problem.empty()) {
    text += "\nFirst of the points that are not done\n";
    std::istringstream lines(outcome.first_problem);
    for (std::string line; std::getline(lines, line);) {
      text += Wrapped("  ", line, 4);
    }
  }
  if (!verdicts.empty()) {
    text += "\nVerdicts\n";
    for (const VerdictResult& each : verdicts) {
      text += VerdictText(each);
    }
  }
  return text + NotesText(header) + "\n" + Line("fingerprint", outcome.fingerprint);
}

std::string SweepJson(const Sweep& sweep, const TraceHeader& header, const SweepOutcome& outcome,
                      const std::vector<VerdictResult>& verdicts) {
  JsonWriter json;
  json.BeginObject();
  json.Member("sweep_name", sweep.name);
  AddHeaderMembers(json, header);
  json.Key("points");
  json.BeginObject();
  json.Member("all", outcome.points);
  json.Member("done", outcome.done);
  json.Member("refused", outcome.refused);
  json.Member("failed", outcome.failed);
  json.Member("timed_out", outcome.timed_out);
  json.EndObject();
  json.Key("axes");
  json.BeginArray();
  for (const GridAxis& axis : outcome.grid.axes()) {
    json.BeginObject();
    json.Member("name", axis.name);
    json.Member("units", axis.units);
    json.Key("values");
    json.BeginArray();
    for (const Coordinate& each : axis.coordinates) {
      if (axis.is_choice) {
        json.Value(each.label);
      } else {
        json.Value(each.si);
      }
    }
    json.EndArray();
    json.EndObject();
  }
  json.EndArray();
  json.Key("verdicts");
  json.BeginArray();
  for (const VerdictResult& each : verdicts) {
    json.BeginObject();
    json.Member("claim", each.claim);
    json.Member("ruling", NameOf(each.ruling));
    json.Member("unit", each.unit);
    json.Objects("decisions", each.decisions, [&json](const RulingAt& at) {
      json.Member("at", at.label);
      json.Member("ruling", NameOf(at.ruling));
      json.Member("number", at.number);
    });
    json.EndObject();
  }
  json.EndArray();
  json.Member("fingerprint", outcome.fingerprint);
  json.EndObject();
  return json.Finish();
}

}  // namespace gridlock
