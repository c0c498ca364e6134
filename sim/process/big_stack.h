#pragma once

#include <functional>

namespace gridlock {

/// Runs `work` on a stack of 2 GiB of address space, touched as it grows. SimGrid's solver follows
/// chains of coupled transfers by recursion, and with tens of thousands of coupled transfers the
/// usual 8 MB are too small. Uses the usual stack when so much address space cannot be had. `work`
/// must not throw.
void RunOnBigStack(const std::function<void()>& work);

}  // namespace gridlock
