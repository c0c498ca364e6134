#include "sim/validation/worst.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include <fmt/format.h>

namespace gridlock {

namespace {

// Parts of a breakdown that are not kernels, in words.
const std::map<std::string, const char*> kExposed = {
    {"tensor_comm", "messages inside model-parallel groups"},
    {"pipeline_wait", "waiting for other stages"},
    {"data_comm", "collectives over replicas"},
    {"expert_comm", "all-to-alls of experts"},
    {"launch", "waiting for launches"},
    {"overhead", "the framework's fixed time"},
    {"idle", "waiting for the slowest stage"}};

bool OfKernels(const std::string& activity) {
  return activity == "compute" || activity == "memory_bound";
}

// Too slow, and no overlap could mend it.
std::string KernelsTooSlow(const CaseResult& result, const StepSplit& split) {
  const double published = result.row.step_time_s;
  std::string text = fmt::format(
      "kernels alone take {:.3g} s, longer than the published step: it had faster kernels, less to "
      "recompute or less work than the row says",
      split.kernels);
  const double mfu = *result.mfu * *result.predicted_s / published;
  constexpr double kMostOfThePeak = 0.75;  // long GEMMs reach that on most parts
  if (mfu > kMostOfThePeak) {
    text += fmt::format("; {:.0f} % of the peak is more than measured GEMMs reach", 100 * mfu);
  }
  return text;
}

std::string TooSlow(const CaseResult& result, const StepSplit& split) {
  const double more = *result.predicted_s - result.row.step_time_s;
  if (split.kernels >= result.row.step_time_s) {
    return KernelsTooSlow(result, split);
  }
  return fmt::format(
      "kernels take {:.3g} s; of {:.3g} s beside them, most of it {} ({:.3g} s), the run hid or "
      "saved {:.3g} s",
      split.kernels, split.exposed, split.largest_words, split.largest, more);
}

std::string TooFast(const CaseResult& result, const StepSplit& split) {
  const double lacking = result.row.step_time_s - *result.predicted_s;
  std::string text = fmt::format(
      "{:.3g} s are not explained: kernels would have to reach {:.2f} of their simulated pace",
      lacking, split.kernels / (split.kernels + lacking));
  if (split.largest > 0) {
    text += fmt::format(", or {} ({:.3g} s) take {:.1f} times as long", split.largest_words,
                        split.largest, 1 + lacking / split.largest);
  }
  return text;
}

std::string LineOf(const CaseResult& result) {
  const double published = result.row.step_time_s;
  std::string text =
      fmt::format("  {:+6.1f} %  {}: {:.4g} s, published {:.4g} s", *result.error_pct(),
                  result.row.id, *result.predicted_s, published);
  if (result.mfu) {
    text += fmt::format("; MFU {:.0f} %, published {:.0f} %", 100 * *result.mfu,
                        100 * *result.mfu * *result.predicted_s / published);
  }
  text += fmt::format("; {} on {}\n", result.row.stack, result.row.accelerator);
  if (const std::string why = Explained(result); !why.empty()) {
    text += fmt::format("            {}\n", why);
  }
  if (!result.reason.empty()) {
    text += fmt::format("            assumed: {}\n", result.reason);
  }
  return text;
}

}  // namespace

StepSplit SplitOf(const StepRecord& record) {
  StepSplit split;
  for (const BreakdownPart& part : record.breakdown) {
    const double time = part.time.si();
    if (OfKernels(part.activity)) {
      split.kernels += time;
      continue;
    }
    split.exposed += time;
    const auto words = kExposed.find(part.activity);
    if (time > split.largest) {
      split.largest = time;
      split.largest_words = words == kExposed.end() ? part.activity : words->second;
    }
  }
  return split;
}

std::vector<const CaseResult*> WorstOf(const std::vector<CaseResult>& results,
                                       const std::string& role) {
  std::vector<const CaseResult*> worst;
  for (const CaseResult& result : results) {
    if (result.row.role == role && result.error_pct()) {
      worst.push_back(&result);
    }
  }
  std::stable_sort(worst.begin(), worst.end(), [](const CaseResult* a, const CaseResult* b) {
    return std::abs(*a->error_pct()) > std::abs(*b->error_pct());
  });
  worst.resize(std::min<std::size_t>(worst.size(), kWorst));
  return worst;
}

std::string Explained(const CaseResult& result) {
  if (!result.split || !result.mfu || !result.error_pct()) {
    return "";
  }
  return *result.error_pct() > 0 ? TooSlow(result, *result.split) : TooFast(result, *result.split);
}

std::string WorstText(const std::vector<CaseResult>& results) {
  std::set<std::string> roles;
  for (const CaseResult& result : results) {
    roles.insert(result.row.role);
  }
  std::string text;
  for (const std::string& role : roles) {
    const std::vector<const CaseResult*> worst = WorstOf(results, role);
    if (static_cast<int>(worst.size()) < kWorst) {
      continue;
    }
    text += fmt::format("\nthe worst {} of {}, and what the simulated step says of them\n", kWorst,
                        role);
    for (const CaseResult* const result : worst) {
      text += LineOf(*result);
    }
  }
  return text;
}

}  // namespace gridlock
