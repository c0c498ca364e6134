#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fnmatch.h>

#include "sim/base/archive.h"
#include "sim/process/pool.h"
#include "sim/record/life_measures.h"
#include "sim/scenario/point.h"
#include "sim/schema/rules.h"
#include "sim/validation/life_cases.h"
#include "sim/validation/life_texts.h"
#include "sim/validation/row_numbers.h"

namespace gridlock {

namespace {

const std::vector<std::string> kLifeColumns = {"id", "role", "metric", "value"};

constexpr std::array kOtherKinds = {"training", "collective", "inference", "microbench"};

bool IsAsked(const LifeValidation& options, const MeasuredRow& row) {
  const std::string kind = row.Text("kind");
  const bool of_other_kind =
      std::find(kOtherKinds.begin(), kOtherKinds.end(), kind) != kOtherKinds.end() ||
      (IsLifeKind(kind) && kind != options.kind);
  return !of_other_kind && (options.role.empty() || options.role == row.Text("role")) &&
         (options.id.empty() || fnmatch(options.id.c_str(), row.Text("id").c_str(), 0) == 0);
}

/// A case whose scenarios are loaded and checked.
struct ReadyCase {
  LifeCase of;
  std::vector<Scenario> scenarios;
  Values values;
};

std::optional<ReadyCase> PrepareCase(const CatalogueList& catalogue, MeasuredResult& result) {
  std::optional<LifeCase> made = LifeCaseOf(catalogue, result);
  if (!made) {
    return std::nullopt;
  }
  ReadyCase ready{*std::move(made), {}, {}};
  try {
    for (const std::string& text : ready.of.scenarios) {
      ready.scenarios.push_back(ScenarioBase("row", text, {}).At({}));
    }
  } catch (const UserError& error) {
    result.status = CaseStatus::kRefused;
    result.reason = error.problems().front().message;
    return std::nullopt;
  }
  ready.values.resize(ready.scenarios.size());
  return ready;
}

// Every scenario of every case in a process of its own.
void RunCases(std::vector<std::optional<ReadyCase>>& cases, std::vector<MeasuredResult>& results,
              const LifeValidation& options) {
  std::vector<std::pair<std::size_t, std::size_t>> tasks;
  for (std::size_t c = 0; c < cases.size(); ++c) {
    for (std::size_t s = 0; cases[c] && s < cases[c]->scenarios.size(); ++s) {
      tasks.emplace_back(c, s);
    }
  }
  PoolOptions pool;
  pool.parallel = options.parallel;
  pool.progress = [&](std::size_t done, double fraction) {
    if (options.progress) {
      options.progress(done, tasks.size(), fraction);
    }
  };
  RunTasks(
      tasks.size(),
      [&](std::size_t t) -> Task {
        const ReadyCase* ready = &*cases[tasks[t].first];
        const Scenario* scenario = &ready->scenarios[tasks[t].second];
        return [ready, scenario](const std::function<void(double)>& report) {
          return ToBytes(ready->of.read(*scenario, Simulate(*scenario, Fidelity::kFolded, report)));
        };
      },
      [&](std::size_t t, TaskResult result) {
        MeasuredResult& row = results[tasks[t].first];
        if (result.ok) {
          cases[tasks[t].first]->values[tasks[t].second] =
              FromBytes<std::vector<double>>(std::move(result.bytes));
        } else if (result.problems.empty()) {
          row.status = CaseStatus::kFailed;
          row.reason = result.failure;
        } else {
          row.status = CaseStatus::kRefused;
          row.reason = result.problems.front().message;
        }
      },
      pool);
}

}  // namespace

MeasuredReport ValidateLives(const std::vector<std::string>& tables, const CatalogueList& catalogue,
                             const LifeValidation& options) {
  MeasuredReport report;
  report.tables = tables;
  std::vector<std::optional<ReadyCase>> cases;
  for (const std::string& table : tables) {
    for (MeasuredRow& row : LoadMeasured(table, kLifeColumns)) {
      if (row.cells.count("kind") == 0 && row.problem.empty()) {
        row.cells["kind"] = options.kind;
      }
      if (IsAsked(options, row)) {
        MeasuredResult& result = report.results.emplace_back();
        result.row = std::move(row);
        result.published = result.row.Number("value");
        cases.push_back(PrepareCase(catalogue, result));
      }
    }
  }
  RunCases(cases, report.results, options);
  for (std::size_t c = 0; c < cases.size(); ++c) {
    if (cases[c] && report.results[c].status == CaseStatus::kSimulated) {
      const double predicted = cases[c]->of.predict(cases[c]->values);
      report.results[c].predicted = predicted;
    }
  }
  report.groups = GroupMeasured(report.results, {"metric"});
  return report;
}

}  // namespace gridlock
