// First come, first served: by priority, then submission, then number. A job that does not fit
// makes those behind it wait, on every site that it could use; on other sites they may start.

#include "sim/scheduler/round.h"

namespace gridlock {

void Fifo(Round& round) {
  (void)StartInOrder(round);
}

}  // namespace gridlock
