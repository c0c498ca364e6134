// Shortest first: of the jobs of one priority those that will take the least time come first, those
// of which nothing is known last. Later jobs may go first as in EASY. It makes the mean wait short;
// a long job may wait for as long as shorter ones come.

#include <tuple>

#include "sim/scheduler/round.h"

namespace gridlock {

void Backfill(Round& round);

void Shortest(Round& round) {
  // Those that take equally long stay in the order of submission.
  round.SortWaiting([](const QueuedJob* a, const QueuedJob* b) {
    return std::tuple(b->priority, a->expected) < std::tuple(a->priority, b->expected);
  });
  Backfill(round);
}

}  // namespace gridlock
