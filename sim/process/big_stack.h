#pragma once

#include <functional>

namespace gridlock {

/// Runs `work` on a stack of 2 GiB of address space, touched as it grows: SimGrid's solver follows
/// chains of coupled transfers by recursion, deeper than the usual 8 MB carry once tens of
/// thousands are coupled. On the usual stack when there is no such room. `work` must not throw.
void RunOnBigStack(const std::function<void()>& work);

}  // namespace gridlock
