// Fair share: of the jobs of one priority those of the tenant come first that has used the least of
// its share, then the oldest. Later jobs may go first as in EASY. Under a queue that is never empty
// every tenant gets accelerator time in proportion to its share (Kay and Lauder: "A Fair Share
// Scheduler", CACM 31(1), 1988).

#include <tuple>

#include "sim/scheduler/round.h"

namespace gridlock {

void FairShare(Round& round) {
  const std::vector<double>& used = round.state().used;
  const auto used_by = [&used](const QueuedJob* job) {
    const auto tenant = static_cast<std::size_t>(job->tenant);
    return tenant < used.size() ? used[tenant] : 0.0;
  };
  // Within a tenant the order stays that of submission.
  round.SortWaiting([&](const QueuedJob* a, const QueuedJob* b) {
    return std::tuple(b->priority, used_by(a)) < std::tuple(a->priority, used_by(b));
  });
  Backfill(round);
}

}  // namespace gridlock
