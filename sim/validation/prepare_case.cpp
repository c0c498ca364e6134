#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/study/evaluate.h"
#include "sim/validation/case_scenario.h"
#include "sim/validation/case_stack.h"
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

// What a layer keeps may be thrown away or, where tables leave it open, go to the host; and users
// of some stacks go over to another one where HBM is short.
struct MemoryPolicy {
  std::string recompute;
  double offload = 0;  // share of the layers
  std::string stack = "";
  double room = 1;  // over the capacity
};

// A run whose step was timed has fitted: that it overflows by less than peaks are off
// (docs/memory.md) is no case for a refusal.
constexpr double kNearlyFits = 1.02;

std::vector<MemoryPolicy> PoliciesOf(const PublishedCase& row, const CatalogueList& catalogue) {
  const bool open = row.recompute == "auto";
  if (!Recomputes(row, catalogue)) {
    std::vector<MemoryPolicy> policies = {{"none"}, {"selective"}, {"full"}};
    if (!open) {
      policies = {{row.recompute}};
    } else if (RepeatsAttention(row, catalogue)) {
      policies.erase(policies.begin());
    } else if (OffloadsFirst(row) && row.experts == 0 && row.zero == 3) {
      policies = {{"none"}, {"none", 0.25}, {"none", 0.5}, {"none", 0.75}, {"none", 1}, {"full"}};
    }
    return policies;
  }
  // MaxText's remat_policy is that of whole layers unless a recipe says otherwise
  // (configs/base.yml). What came before it had no copies to the host, which JAX has since 2024
  // (jax.checkpoint_policies, save_and_offload_only_these_names).
  const bool offloads = row.stack.starts_with("maxtext");
  if (open && offloads) {
    // Where layers go to the host by themselves (Trillium), they would all fit there.
    const bool to_host = StackOf(row, catalogue).starts_with("maxtext_offload");
    std::vector<MemoryPolicy> policies = {{"none"}, {"full"}, {"full", 1}};
    policies.erase(policies.begin(), policies.begin() + (to_host ? 1 : 0));
    return policies;
  }
  // Recipes of Neuron compute attention again (--use_selective_checkpoint 1 in neuronx-distributed,
  // examples/training/llama; ACT_CHKPNT_GRANULARITY=selective in neuronx-nemo-megatron, gpt_23b.sh
  // and gpt_175b.sh; gpt_46b.sh has whole layers).
  if (open && row.stack.starts_with("neuron")) {
    return {{"selective"}, {"full"}};
  }
  std::vector<MemoryPolicy> policies = {
      {"none"}, {"selective"}, {"selective", 1}, {"full"}, {"full", 1}};
  if (!offloads) {
    policies = {{"none"}, {"selective"}, {"full"}};
  }
  const auto first = std::find_if(policies.begin(), policies.end(), [&](const auto& policy) {
    return open || policy.recompute == row.recompute;
  });
  policies.erase(policies.begin(), first);
  return policies;
}

// The same with the row's stack, then with those that it gives way to: a run whose step was timed
// has fitted.
std::vector<MemoryPolicy> AllPoliciesOf(const PublishedCase& row, const CatalogueList& catalogue) {
  std::vector<MemoryPolicy> all;
  std::set<std::string> tried;
  for (std::string stack = StackOf(row, catalogue); !stack.empty() && tried.insert(stack).second;) {
    for (MemoryPolicy policy : PoliciesOf(row, catalogue)) {
      policy.stack = stack;
      all.push_back(policy);
    }
    const auto next = catalogue.when_short.find(stack);
    const bool gives_way = row.step_time_s > 0 && next != catalogue.when_short.end();
    stack = gives_way ? next->second : "";
  }
  if (!all.empty() && row.step_time_s > 0) {
    all.push_back(all.back());
    all.back().room = kNearlyFits;
  }
  return all;
}

// What the scenario of a policy has beside that of the row.
void Apply(const MemoryPolicy& policy, const PublishedCase& row, Bytes capacity, Point& point) {
  const std::string file = ScenarioFile(row);
  if (policy.offload > 0) {
    const double each = static_cast<double>(row.layers) / static_cast<double>(row.pp);
    point.assignments.push_back(
        AssignmentFrom(file, "job[0].pretraining.offload_layers",
                       fmt::format("{:.0f}", std::ceil(policy.offload * each))));
  }
  if (policy.room > 1) {
    point.assignments.push_back(AssignmentFrom(file, "site[0].override.hbm_capacity",
                                               fmt::format("{} B", policy.room * capacity.si())));
  }
}

// What a policy assumes beyond what the row does, in words.
std::string AssumedOf(const MemoryPolicy& policy, const RepairedCase& repaired,
                      const CatalogueList& catalogue) {
  std::string assumed = AssumedOf(repaired, catalogue);
  const auto add = [&assumed](const std::string& more) {
    assumed += (assumed.empty() ? "" : "; ") + more;
  };
  if (policy.stack != StackOf(repaired.row, catalogue)) {
    add(fmt::format("stack {}, without which HBM overflows", policy.stack));
  }
  if (policy.offload > 0) {
    add(fmt::format("what {:.0f} % of the layers keep is on the host", 100 * policy.offload));
  }
  if (policy.room > 1) {
    add(fmt::format("HBM overflows by less than {:.0f} %, within the error of peaks",
                    100 * (policy.room - 1)));
  }
  return assumed;
}

Bytes Capacity(const Scenario& scenario) {
  return scenario.sites.front().server.accelerator.hbm_capacity;
}

bool NearlyFits(const PreparedCase& refused) {
  return refused.scenario && refused.reason.find("HBM overflows") != std::string::npos &&
         FullestStage(refused.scenario->training()).total() <=
             kNearlyFits * RoomForJob(refused.scenario->site().server);
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
  RepairedCase repaired;
  repaired.row = published;
  if (published.problem.empty()) {
    repaired = Repaired(published, catalogue);
  }
  const PublishedCase& row = repaired.row;
  out.reason = row.problem.empty() ? MissingFeatures(row, catalogue) : row.problem;
  if (!out.reason.empty()) {
    out.status = CaseStatus::kUnsupported;
    return out;
  }
  const std::string file = ScenarioFile(row);
  // The first that fits HBM; when none does, the reason is that of the last.
  for (const MemoryPolicy& policy : AllPoliciesOf(row, catalogue)) {
    if (policy.room > 1 && !NearlyFits(out)) {
      break;
    }
    CaseScenario scenario = ScenarioOf(repaired, policy.recompute, policy.stack, catalogue);
    try {
      Apply(policy, row, out.scenario ? Capacity(*out.scenario) : Bytes(0), scenario.point);
      out.text = fmt::format("# A published training step: {} s.\n{}", row.step_time_s,
                             scenario.base.TextAt(scenario.point));
      out.scenario = scenario.base.At(scenario.point);
      out.peak = PeakMemory(out.scenario->training(), Capacity(*out.scenario), KindOfPeak(row));
      out.fullest = FullestStage(out.scenario->training());
      CheckScenario(*out.scenario, Fidelity::kFolded);
      out.reason = WhyRanksDiffer(row);
      out.assumed = AssumedOf(policy, repaired, catalogue);
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
