#include <algorithm>
#include <tuple>

#include "sim/scheduler/scheduler.h"

namespace gridlock {

namespace {

struct Candidate {
  const RunningJob* job = nullptr;
  std::int32_t servers = 0;  ///< on the site
};

std::vector<Candidate> CandidatesOn(const ClusterState& state, const ServerRun& servers,
                                    std::int32_t below_priority) {
  std::vector<Candidate> candidates;
  for (const RunningJob& job : state.running) {
    Candidate candidate{&job, 0};
    for (const ServerRun& run : job.placement) {
      candidate.servers += Overlap(run, servers);
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

/// Who stops, and how many servers that takes away.
struct Choice {
  std::vector<JobIndex> victims;
  std::int32_t servers = 0;
};

// So that `servers` of these are free.
Choice VictimsAmong(const ClusterState& state, const ServerRun& among, std::int32_t servers,
                    std::int32_t below_priority) {
  const auto free = state.sites.at(among.site).free.begin() + among.first.value;
  auto missing = servers - static_cast<std::int32_t>(std::count(free, free + among.count, 1));
  std::vector<Candidate> chosen;
  for (const Candidate& candidate : CandidatesOn(state, among, below_priority)) {
    if (missing <= 0) {
      break;
    }
    chosen.push_back(candidate);
    missing -= candidate.servers;
  }
  if (missing > 0) {
    return {};
  }
  Choice choice;
  for (auto candidate = chosen.rbegin(); candidate != chosen.rend(); ++candidate) {
    if (missing + candidate->servers <= 0) {
      missing += candidate->servers;
    } else {
      choice.victims.push_back(candidate->job->job);
      choice.servers += static_cast<std::int32_t>(ServersIn(candidate->job->placement));
    }
  }
  std::reverse(choice.victims.begin(), choice.victims.end());
  return choice;
}

}  // namespace

std::vector<JobIndex> Victims(const ClusterState& state, SiteIndex site, std::int32_t servers,
                              std::int32_t below_priority, const std::string& within) {
  Choice best;
  for (const ServerRun& among : PlacesWithin(state.sites.at(site), site, within)) {
    Choice here = VictimsAmong(state, among, servers, below_priority);
    if (!here.victims.empty() && (best.victims.empty() || here.servers < best.servers)) {
      best = std::move(here);
    }
  }
  return best.victims;
}

}  // namespace gridlock
