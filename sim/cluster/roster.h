#pragma once

// Which jobs have come and not ended, and what servers each holds.

#include <map>
#include <string>
#include <vector>

#include "sim/cluster/course.h"
#include "sim/cluster/member.h"
#include "sim/cluster/servers.h"

namespace gridlock {

class Roster {
 public:
  /// All that is given must outlive it.
  Roster(std::vector<Member>& members, Servers& servers, Course& course);
  Roster(const Roster&) = delete;
  Roster& operator=(const Roster&) = delete;

  /// Members come when their time is there, or when the cohort that they wait for has ended.
  void PlanSubmissions();

  [[nodiscard]] Member& member(JobIndex job) { return members_[job]; }

  /// Members submitted and not ended, by number.
  [[nodiscard]] const std::vector<JobIndex>& active() const { return active_; }

  /// A member takes free servers.
  void Hold(JobIndex job, const Placement& placement);

  /// It gives servers back.
  void GiveUp(JobIndex job, const Placement& placement);

  /// It has ended, and holds nothing any more. Who waited for the last of its cohort comes.
  void Leave(JobIndex job);

 private:
  void Submit(JobIndex job);

  std::vector<Member>& members_;
  Servers& servers_;
  Course& course_;
  std::vector<JobIndex> active_;
  std::map<std::string, int> cohort_left_;                     ///< jobs that have not ended
  std::map<std::string, std::vector<JobIndex>> after_cohort_;  ///< who waits for it
};

}  // namespace gridlock
