#include "workloads/campaign.h"

#include <algorithm>

#include "sim/base/random.h"

namespace gridlock {

// Experiments at uniform times, the rungs in turn.
std::vector<JobSpec> BuildExperiments(const JobSpec& campaign, Flop /*final_run*/,
                                      std::uint64_t seed) {
  const auto& spec = std::get<CampaignSpec>(campaign.kind);
  Random starts(seed, "campaign/" + campaign.name + "/starts");
  std::vector<JobSpec> jobs;
  for (int i = 0; i < spec.experiments; ++i) {
    JobSpec& job = jobs.emplace_back(campaign);
    const std::string number = std::to_string(10000 + i + 1).substr(1);
    job.name = campaign.name + "/experiment-" + number;
    job.start = campaign.start + spec.over * starts.Uniform();
    job.kind = spec.rungs[static_cast<std::size_t>(i) % spec.rungs.size()];
  }
  std::stable_sort(jobs.begin(), jobs.end(), [](const JobSpec& a, const JobSpec& b) {
    return a.start < b.start;
  });
  return jobs;
}

}  // namespace gridlock
