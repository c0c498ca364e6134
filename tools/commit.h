#pragma once

namespace gridlock {

/// The commit of the sources that this program was built from: twelve digits, with "-dirty" behind
/// them when files differed from it; "unknown" for sources without git.
extern const char* const kCommit;

}  // namespace gridlock
