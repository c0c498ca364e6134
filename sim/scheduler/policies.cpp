#include <algorithm>
#include <array>

#include "sim/base/check.h"
#include "sim/scheduler/scheduler.h"

namespace gridlock {

// Each in the file of its name, which says what it does.
void Fifo(Round& round);
void Conservative(Round& round);
void FairShare(Round& round);
void Migrate(Round& round);
void Shortest(Round& round);

namespace {

constexpr std::array kPolicies = {
    Policy{"FIFO", "first come, first served", /*needs_run_times=*/false, &Fifo},
    Policy{"BACKFILL", "first come, first served, with backfill", /*needs_run_times=*/true,
           &Backfill},
    Policy{"CONSERVATIVE", "first come, first served, with conservative backfill",
           /*needs_run_times=*/true, &Conservative},
    Policy{"FAIR_SHARE", "by what tenants have used of their shares, with backfill",
           /*needs_run_times=*/true, &FairShare},
    Policy{"MIGRATE", "first come, first served, with backfill; running jobs move to make room",
           /*needs_run_times=*/true, &Migrate},
    Policy{"SHORTEST", "shortest first, with backfill", /*needs_run_times=*/true, &Shortest},
};

}  // namespace

std::span<const Policy> Policies() {
  return kPolicies;
}

const Policy& PolicyNamed(std::string_view name) {
  const auto policy = std::find_if(kPolicies.begin(), kPolicies.end(), [&](const Policy& one) {
    return one.name == name;
  });
  CHECK(policy != kPolicies.end());  // the schema knows no others
  return *policy;
}

}  // namespace gridlock
