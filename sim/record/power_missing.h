#pragma once

namespace gridlock {

/// In the detail of the event that says why a job does not start under a cap on power: "train needs
/// 590 kW at the lowest clock to start, and the cap of hall is 571 kW".
inline constexpr const char* kPowerMissing = " to start, and the cap of ";

}  // namespace gridlock
