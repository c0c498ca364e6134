#pragma once

#include <string>
#include <string_view>

namespace gridlock {

/// An argument of Megatron-LM, without "--", that neither changes a size nor a time that is
/// simulated.
bool IsMegatronOfNoWeight(const std::string& name);

/// A layout of stages with its repetitions written out: "(tt|)*2" is "tt|tt|", "t*3" is "ttt".
/// Commas and blanks are left out.
std::string UnrolledStages(std::string_view text);

}  // namespace gridlock
