#include "sim/validation/serving_cases.h"

#include <map>

#include <fmt/format.h>
#include <fnmatch.h>

#include "sim/validation/serving_row.h"

namespace gridlock {

namespace {

const std::vector<std::string> kNeededOfRows = {"id", "role", "accelerator", "metric", "value"};
const std::vector<std::string> kNeededOfPairs = {"factor", "id_a", "id_b", "metric",
                                                 "ratio_b_over_a"};

MeasuredResult ResultOf(const MeasuredRow& row, const ServingCatalogue& catalogue) {
  MeasuredResult result;
  result.row = row;
  const auto alias = catalogue.aliases.find(row.Text("accelerator"));
  if (alias != catalogue.aliases.end()) {
    result.row.cells["accelerator"] = alias->second;
  }
  result.published = row.Number("value");
  if (!row.problem.empty() || !result.published || *result.published <= 0) {
    result.published.reset();
    result.status = CaseStatus::kUnsupported;
    result.reason = row.problem.empty() ? fmt::format("the value {} is no positive number",
                                                      Quoted(row.Text("value")))
                                        : row.problem;
    return result;
  }
  const ServingPrediction prediction = PredictServing(row.cells, catalogue);
  result.predicted = prediction.value;
  result.reason = prediction.reason;
  if (!prediction.value) {
    result.status = prediction.refused ? CaseStatus::kRefused : CaseStatus::kUnsupported;
  } else {
    result.reason += (result.reason.empty() ? "" : "; ") + ("binds: " + prediction.binding);
  }
  return result;
}

// The pairs whose rows are both among the results, as ratios.
std::vector<MeasuredResult> PairsOf(const std::string& table,
                                    const std::vector<MeasuredResult>& results) {
  std::map<std::pair<std::string, std::string>, const MeasuredResult*> by_id;
  for (const MeasuredResult& result : results) {
    by_id[{result.row.Text("id"), result.row.Text("metric")}] = &result;
  }
  std::vector<MeasuredResult> pairs;
  std::vector<std::string> needed = kNeededOfPairs;
  for (MeasuredRow row : LoadMeasured(table, needed)) {
    const auto a = by_id.find({row.Text("id_a"), row.Text("metric")});
    const auto b = by_id.find({row.Text("id_b"), row.Text("metric")});
    if (a == by_id.end() || b == by_id.end()) {
      continue;
    }
    row.cells["id"] = row.Text("id_a") + " : " + row.Text("id_b");
    row.cells["role"] = "pairs";
    MeasuredResult& result = pairs.emplace_back();
    result.row = row;
    result.published = row.Number("ratio_b_over_a");
    if (a->second->published && b->second->published) {
      result.published = *b->second->published / *a->second->published;
    }
    if (a->second->predicted && b->second->predicted) {
      result.predicted = *b->second->predicted / *a->second->predicted;
    } else {
      result.status = CaseStatus::kUnsupported;
      result.reason = "one of its rows has no prediction";
    }
  }
  return pairs;
}

}  // namespace

MeasuredReport ValidateServing(const std::vector<std::string>& tables,
                               const ServingCatalogue& catalogue,
                               const ServingValidation& options) {
  MeasuredReport report;
  report.tables = tables;
  std::vector<MeasuredRow> wanted;
  for (const std::string& table : tables) {
    for (const MeasuredRow& row : LoadMeasured(table, kNeededOfRows)) {
      if ((options.role.empty() || options.role == row.Text("role")) &&
          (options.id.empty() || fnmatch(options.id.c_str(), row.Text("id").c_str(), 0) == 0)) {
        wanted.push_back(row);
      }
    }
  }
  for (const MeasuredRow& row : wanted) {
    report.results.push_back(ResultOf(row, catalogue));
    if (options.progress) {
      const std::size_t done = report.results.size();
      options.progress(done, wanted.size(),
                       static_cast<double>(done) / static_cast<double>(wanted.size()));
    }
  }
  if (!options.pairs.empty()) {
    report.results = PairsOf(options.pairs, report.results);
    report.groups = GroupMeasured(report.results, {"factor", "source"});
    return report;
  }
  report.groups =
      GroupMeasured(report.results, {"source", "engine", "accelerator", "model", "metric"});
  return report;
}

}  // namespace gridlock
