#include <algorithm>
#include <tuple>

#include "sim/scheduler/scheduler.h"

namespace gridlock {

namespace {

struct Candidate {
  const RunningJob* job = nullptr;
  std::int32_t servers = 0;  ///< on the site
};

std::vector<Candidate> CandidatesOn(const ClusterState& state, SiteIndex site,
                                    std::int32_t below_priority) {
  std::vector<Candidate> candidates;
  for (const RunningJob& job : state.running) {
    Candidate candidate{&job, 0};
    for (const ServerRun& run : job.placement) {
      candidate.servers += run.site == site ? run.count : 0;
    }
    if (job.priority < below_priority && candidate.servers > 0) {
      candidates.push_back(candidate);
    }
  }
  std::sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
    return std::tuple(a.job->priority, b.job->start, b.job->job) <
           std::tuple(b.job->priority, a.job->start, a.job->job);
  });
  return candidates;
}

}  // namespace

std::vector<JobIndex> Victims(const ClusterState& state, SiteIndex site, std::int32_t servers,
                              std::int32_t below_priority) {
  const std::vector<char>& free = state.sites.at(site).free;
  auto missing = servers - static_cast<std::int32_t>(std::count(free.begin(), free.end(), 1));
  std::vector<Candidate> chosen;
  for (const Candidate& candidate : CandidatesOn(state, site, below_priority)) {
    if (missing <= 0) {
      break;
    }
    chosen.push_back(candidate);
    missing -= candidate.servers;
  }
  if (missing > 0) {
    return {};
  }
  std::vector<JobIndex> victims;
  for (auto candidate = chosen.rbegin(); candidate != chosen.rend(); ++candidate) {
    if (missing + candidate->servers <= 0) {
      missing += candidate->servers;
    } else {
      victims.push_back(candidate->job->job);
    }
  }
  std::reverse(victims.begin(), victims.end());
  return victims;
}

}  // namespace gridlock
