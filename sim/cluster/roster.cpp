#include "sim/cluster/roster.h"

#include <algorithm>

namespace gridlock {

Roster::Roster(std::vector<Member>& members, Servers& servers, Course& course)
    : members_(members), servers_(servers), course_(course) {
  for (const Member& member : members_) {
    if (member.run && !member.spec->cohort.empty()) {
      ++cohort_left_[member.spec->cohort];
    }
  }
}

void Roster::PlanSubmissions() {
  for (std::size_t j = 0; j < members_.size(); ++j) {
    const auto job = IndexOf<JobIndex>(j);
    const JobSpec& spec = *members_[j].spec;
    if (!spec.after_cohort.empty() && cohort_left_.count(spec.after_cohort) > 0) {
      after_cohort_[spec.after_cohort].push_back(job);
    } else if (spec.start < course_.horizon()) {
      course_.At(spec.start, [this, job] {
        Submit(job);
      });
    }
  }
}

void Roster::Submit(JobIndex job) {
  course_.Advance();
  Member& member = members_[job];
  active_.insert(std::lower_bound(active_.begin(), active_.end(), job), job);
  if (member.run) {
    member.run->Submit(course_.now());
  } else {
    member.fleet->replicas.AdvanceTo(course_.now());
  }
  course_.Note({.kind = EventKind::kSubmit, .job = job});
  course_.LookAgain();
}

void Roster::Hold(JobIndex job, const Placement& placement) {
  servers_.Take(job, placement);
  members_[job].last_site = placement[0].site;
  for (const ServerRun& run : placement) {
    members_[job].servers[run.site] += run.count;
  }
}

void Roster::GiveUp(JobIndex job, const Placement& placement) {
  servers_.Give(job, placement);
  for (const ServerRun& run : placement) {
    members_[job].servers[run.site] -= run.count;
  }
}

void Roster::Leave(JobIndex job) {
  active_.erase(std::lower_bound(active_.begin(), active_.end(), job));
  const std::string& cohort = members_[job].spec->cohort;
  if (!cohort.empty() && --cohort_left_[cohort] == 0) {
    for (const JobIndex next : after_cohort_[cohort]) {
      course_.At(std::max(course_.now(), members_[next].spec->start), [this, next] {
        Submit(next);
      });
    }
  }
}

}  // namespace gridlock
