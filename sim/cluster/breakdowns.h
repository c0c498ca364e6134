#pragma once

// Failures as they happen: what breaks goes unnoticed for a while, stops runs, takes servers out of
// service and is repaired. What fails, and when, Faults draws.

#include <cstdint>
#include <vector>

#include "sim/cluster/afflictions.h"
#include "sim/cluster/course.h"
#include "sim/cluster/faults.h"
#include "sim/cluster/maintenance.h"
#include "sim/cluster/member.h"
#include "sim/cluster/runs.h"

namespace gridlock {

class Breakdowns {
 public:
  /// All that is given must outlive it.
  Breakdowns(const ClusterView& view, Afflictions& afflictions, Maintenance& maintenance,
             Runs& runs, Course& course);
  Breakdowns(const Breakdowns&) = delete;
  Breakdowns& operator=(const Breakdowns&) = delete;

  /// Plans the first failure of each kind at each site; each plans the one after it.
  void Plan();

  /// What failures of each kind have done.
  [[nodiscard]] const std::vector<LifeFailure>& accounts() const { return accounts_; }

 private:
  void PlanNext(SiteIndex site, std::size_t kind);
  void Begin(const Fault& fault);
  void Afflict(const Fault& fault, JobIndex run);
  void Notice(const Fault& fault, std::uint64_t number);
  void Flap(const Fault& fault, std::uint64_t number);
  bool FlapTo(std::uint64_t number, bool up);
  void LosePatience(const Fault& fault, std::uint64_t number);
  void StopRun(JobIndex job, const Fault& fault);
  void TakeOut(const Fault& fault);
  void Repair(const Fault& fault);

  const ClusterView& view_;
  Afflictions& afflictions_;
  Maintenance& maintenance_;
  Runs& runs_;
  Course& course_;
  Faults faults_;
  std::vector<LifeFailure> accounts_;  ///< by kind
};

}  // namespace gridlock
