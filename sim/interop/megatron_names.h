#pragma once

#include <string>

namespace gridlock {

/// An argument of Megatron-LM, without "--", that neither changes a size nor a time that is
/// simulated.
bool IsMegatronOfNoWeight(const std::string& name);

}  // namespace gridlock
