#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/study/evaluate.h"
#include "sim/validation/case_scenario.h"
#include "workloads/memory.h"

namespace gridlock {

namespace {

// The first problem of a refusal, without the place in a text that nobody wrote.
std::string ReasonOf(const UserError& error, const std::string& file) {
  CHECK(!error.problems().empty());
  std::string reason = error.problems().front().message;
  if (reason.starts_with(file + ":")) {
    reason.erase(0, reason.find(": ") + 2);
  }
  // Advice is for people who write the scenario; a published one is as it is.
  reason = reason.substr(
      0, std::min(reason.find("; what would fit"), reason.find("; no single change")));
  if (error.problems().size() > 1) {
    reason += fmt::format(" (and {} more)", error.problems().size() - 1);
  }
  return reason;
}

// Ranks that the site would leave idle, or not have, are a mistake of the row.
std::string WhyRanksDiffer(const PublishedCase& row) {
  const std::int64_t ranks = row.tp * row.pp * row.cp * row.dp;
  return ranks == row.accelerators
             ? ""
             : fmt::format("tp x pp x cp x dp = {} accelerators, and the row has {}", ranks,
                           row.accelerators);
}

// What a layer keeps may be thrown away or, where tables leave it open, go to the host.
struct MemoryPolicy {
  std::string recompute;
  bool offload = false;
};

std::vector<MemoryPolicy> PoliciesOf(const PublishedCase& row, const CatalogueList& catalogue) {
  const bool open = row.recompute == "auto";
  if (!Recomputes(row, catalogue)) {
    std::vector<MemoryPolicy> policies = {{"none"}, {"selective"}, {"full"}};
    if (!open) {
      policies = {{row.recompute}};
    } else if (RepeatsAttention(row, catalogue)) {
      policies.erase(policies.begin());
    }
    return policies;
  }
  // MaxText's remat_policy is that of whole layers unless a recipe says otherwise
  // (configs/base.yml).
  if (open && row.stack.starts_with("maxtext")) {
    return {{"none"}, {"full"}, {"full", true}};
  }
  std::vector<MemoryPolicy> policies = {
      {"none"}, {"selective"}, {"selective", true}, {"full"}, {"full", true}};
  const auto first = std::find_if(policies.begin(), policies.end(), [&](const auto& policy) {
    return open || policy.recompute == row.recompute;
  });
  policies.erase(policies.begin(), first);
  return policies;
}

PeakKind KindOfPeak(const PublishedCase& row) {
  return row.kind == "allocated"    ? PeakKind::kAllocated
         : row.kind == "nvidia_smi" ? PeakKind::kDriver
                                    : PeakKind::kReserved;
}

}  // namespace

const char* CaseStatusName(CaseStatus status) {
  switch (status) {
    case CaseStatus::kSimulated:
      return "simulated";
    case CaseStatus::kUnsupported:
      return "unsupported";
    case CaseStatus::kRefused:
      return "refused";
    case CaseStatus::kFailed:
      return "failed";
    case CaseStatus::kInput:
      return "input";
  }
  return "";
}

PreparedCase Prepare(const PublishedCase& published, const CatalogueList& catalogue) {
  PreparedCase out;
  const RepairedCase repaired = published.problem.empty() ? Repaired(published, catalogue)
                                                          : RepairedCase{published, 0, false, {}};
  const PublishedCase& row = repaired.row;
  out.reason = row.problem.empty() ? MissingFeatures(row, catalogue) : row.problem;
  if (!out.reason.empty()) {
    out.status = CaseStatus::kUnsupported;
    return out;
  }
  const std::string file = ScenarioFile(row);
  // The first that fits HBM; when none does, the reason is that of the last.
  for (const MemoryPolicy& policy : PoliciesOf(row, catalogue)) {
    CaseScenario scenario = ScenarioOf(repaired, policy.recompute, catalogue);
    try {
      if (policy.offload) {
        scenario.point.assignments.push_back(
            AssignmentFrom(file, "job[0].pretraining.offload_activations", "true"));
      }
      out.text = fmt::format("# A published training step: {} s.\n{}", row.step_time_s,
                             scenario.base.TextAt(scenario.point));
      out.scenario = scenario.base.At(scenario.point);
      out.peak =
          PeakMemory(out.scenario->training(),
                     out.scenario->sites.front().server.accelerator.hbm_capacity, KindOfPeak(row));
      CheckScenario(*out.scenario, Fidelity::kFolded);
      out.reason = WhyRanksDiffer(row);
      out.assumed = AssumedOf(repaired, catalogue);
      break;
    } catch (const UserError& error) {
      out.reason = ReasonOf(error, file);
    }
  }
  if (!out.reason.empty()) {
    out.status = CaseStatus::kRefused;
    out.scenario.reset();
  }
  return out;
}

}  // namespace gridlock
