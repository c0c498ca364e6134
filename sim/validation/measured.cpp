#include "sim/validation/measured.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/base/numbers.h"
#include "sim/report/json.h"
#include "sim/schema/csv.h"
#include "sim/schema/files.h"
#include "sim/schema/rules.h"

namespace gridlock {

namespace {

std::string NumberText(const std::optional<double>& value, const char* format) {
  return value ? fmt::format(fmt::runtime(format), *value) : "";
}

std::string TextOrDash(const std::string& text) {
  return text.empty() ? "-" : text;
}

void AppendMeasured(const MeasuredReport& report, std::string& text) {
  std::size_t width = 2;
  std::size_t role = 4;
  for (const MeasuredResult& result : report.results) {
    width = std::max(width, result.row.Text("id").size());
    role = std::max(role, result.row.Text("role").size());
  }
  text += fmt::format("{:<{}}  {:<{}}  {:>11}  {:>11}  {:>8}  {:<11}  {}\n", "id", width, "role",
                      role, "published", "predicted", "error_%", "status", "reason");
  for (const MeasuredResult& result : report.results) {
    const std::string line = fmt::format("{:<{}}  {:<{}}  {:>11}  {:>11}  {:>8}  {:<11}  {}",
                                         result.row.Text("id"), width, result.row.Text("role"),
                                         role, TextOrDash(NumberText(result.published, "{:.5g}")),
                                         TextOrDash(NumberText(result.predicted, "{:.5g}")),
                                         TextOrDash(NumberText(result.error_pct(), "{:+.1f}")),
                                         CaseStatusName(result.status), result.reason);
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
}

void AppendMeasuredGroups(const MeasuredReport& report, std::string& text) {
  std::size_t width = 17;
  for (const MeasuredGroup& group : report.groups) {
    width = std::max(width, group.name.size() + group.role.size() + 2);
  }
  text += fmt::format("\n{:<{}}  {:>5} {:>9} {:>7}  {:>7} {:>7} {:>7} {:>7}\n", "absolute error, %",
                      width, "rows", "simulated", "missing", "median", "p90", "mean", "bias");
  std::string by;
  for (const MeasuredGroup& group : report.groups) {
    if (group.by != by) {
      by = group.by;
      text += fmt::format("by {}\n", by);
    }
    const std::string name =
        group.role.empty() || group.by == "role" ? group.name : group.role + ", " + group.name;
    const ErrorStatistics& f = group.figures;
    text += fmt::format("{:<{}}  {:>5} {:>9} {:>7}  {:>7.1f} {:>7.1f} {:>7.1f} {:>+7.1f}\n", name,
                        width, f.rows, f.predicted, f.missing, f.median, f.p90, f.mean, f.bias);
  }
}

}  // namespace

std::string MeasuredRow::Text(const std::string& column) const {
  const auto found = cells.find(column);
  return found == cells.end() ? "" : found->second;
}

std::optional<double> MeasuredRow::Number(const std::string& column) const {
  return ParseNumber(Text(column));
}

std::optional<double> MeasuredResult::error_pct() const {
  return predicted && published ? std::optional(ErrorPct(*predicted, *published)) : std::nullopt;
}

std::vector<MeasuredRow> LoadMeasured(const std::string& file,
                                      const std::vector<std::string>& needed) {
  ProblemList problems;
  std::string text;
  if (!ReadFile(file, {file, 0, 0}, text, problems)) {
    problems.ThrowIfAny();
  }
  std::vector<CsvLine> lines = ReadCsv(file, text, problems);
  if (lines.empty()) {
    problems.Add({file, 1, 1}, "", Refusal("the table is empty", "a line that names the columns"));
    problems.ThrowIfAny();
  }
  const std::vector<CsvCell>& head = lines.front().cells;
  std::vector<std::string> names;
  for (const CsvCell& cell : head) {
    names.push_back(cell.text);
  }
  for (const std::string& column : needed) {
    if (std::find(names.begin(), names.end(), column) == names.end()) {
      problems.Add({file, 1, 1}, "",
                   Refusal("the column " + Quoted(column) + " is missing", OneOf(needed),
                           NearestName(column, names)));
    }
  }
  // A line whose quotes do not close is told of on the way, and left out.
  if (lines.size() == 1 || std::any_of(needed.begin(), needed.end(), [&](const auto& column) {
        return std::find(names.begin(), names.end(), column) == names.end();
      })) {
    problems.ThrowIfAny();
  }
  std::vector<MeasuredRow> rows;
  for (std::size_t i = 1; i < lines.size(); ++i) {
    MeasuredRow& row = rows.emplace_back();
    row.file = file;
    row.line = lines[i].line;
    if (!lines[i].problem.empty()) {
      row.cells["id"] = fmt::format("line {}", row.line);
      row.problem = lines[i].problem;
    }
    for (std::size_t c = 0; c < std::min(names.size(), lines[i].cells.size()); ++c) {
      row.cells[names[c]] = lines[i].cells[c].text;
    }
  }
  return rows;
}

std::vector<MeasuredGroup> GroupMeasured(const std::vector<MeasuredResult>& results,
                                         const std::vector<std::string>& columns) {
  std::vector<MeasuredGroup> groups;
  const auto add = [&](const std::string& by, bool within_role) {
    std::vector<std::pair<std::pair<std::string, std::string>, std::vector<std::optional<double>>>>
        errors;  // in the order in which they first appear
    for (const MeasuredResult& result : results) {
      if (!result.published || result.status == CaseStatus::kInput) {
        continue;
      }
      const std::string role = within_role ? result.row.Text("role") : "";
      const std::pair key(role, by == "all" ? "all" : result.row.Text(by));
      auto found = std::find_if(errors.begin(), errors.end(), [&](const auto& each) {
        return each.first == key;
      });
      if (found == errors.end()) {
        found = errors.insert(errors.end(), {key, {}});
      }
      found->second.push_back(result.error_pct());
    }
    std::stable_sort(errors.begin(), errors.end(), [](const auto& a, const auto& b) {
      return a.first.first < b.first.first;
    });
    for (const auto& [key, signed_pct] : errors) {
      groups.push_back({by, key.second, key.first, StatisticsOf(signed_pct)});
    }
  };
  add("all", false);
  add("role", true);
  for (const std::string& column : columns) {
    add(column, true);
  }
  return groups;
}

std::string MeasuredText(const MeasuredReport& report) {
  std::string text;
  AppendMeasured(report, text);
  AppendMeasuredGroups(report, text);
  text +=
      "error = 100 (predicted / published - 1); median, 90th percentile and mean are of its "
      "absolute\nvalue over the simulated rows, bias is their mean signed error; missing rows "
      "enter "
      "none of them.\n";
  const auto any = [&report](const auto& is) {
    return std::any_of(report.results.begin(), report.results.end(), is);
  };
  if (any([](const MeasuredResult& result) {
        return result.row.cells.count("explained") > 0;
      })) {
    text +=
        "explained, no: far below what the model's links allow; the reason of the row says how "
        "far.\n";
  }
  if (any([](const MeasuredResult& result) {
        return result.status == CaseStatus::kInput;
      })) {
    text += "input: what a scenario states and nothing predicts; not counted among the errors.\n";
  }
  return text;
}

std::string MeasuredCsv(const MeasuredReport& report) {
  std::string text = "id,role,published,predicted,error_pct,status,reason\n";
  for (const MeasuredResult& result : report.results) {
    text += fmt::format("{},{},{},{},{},{},{}\n", CsvQuoted(result.row.Text("id")),
                        CsvQuoted(result.row.Text("role")), NumberText(result.published, "{:.10g}"),
                        NumberText(result.predicted, "{:.6g}"),
                        NumberText(result.error_pct(), "{:.3f}"), CaseStatusName(result.status),
                        CsvQuoted(result.reason));
  }
  return text;
}

std::string MeasuredJson(const MeasuredReport& report) {
  JsonWriter json;
  json.BeginObject();
  json.Key("rows");
  json.BeginArray();
  const auto number = [&json](const char* key, const std::optional<double>& value) {
    if (value) {
      json.Member(key, *value);
    }
  };
  for (const MeasuredResult& result : report.results) {
    json.BeginObject();
    json.Member("id", result.row.Text("id"));
    json.Member("role", result.row.Text("role"));
    number("published", result.published);
    number("predicted", result.predicted);
    number("error_pct", result.error_pct());
    json.Member("status", std::string(CaseStatusName(result.status)));
    json.Member("reason", result.reason);
    json.EndObject();
  }
  json.EndArray();
  json.Objects("groups", report.groups, [&json](const MeasuredGroup& group) {
    json.Member("by", group.by);
    json.Member("name", group.name);
    json.Member("role", group.role);
    json.Member("rows", std::int64_t{group.figures.rows});
    json.Member("simulated", std::int64_t{group.figures.predicted});
    json.Member("median_pct", group.figures.median);
    json.Member("p90_pct", group.figures.p90);
    json.Member("bias_pct", group.figures.bias);
  });
  json.EndObject();
  return json.Finish();
}

}  // namespace gridlock
