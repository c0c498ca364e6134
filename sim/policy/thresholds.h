#pragma once

// The numbers in the rules, each with its clause.

namespace gridlock {

// 87 FR 62186 (7 October 2022), ECCN 3A090 Items: aggregate bidirectional transfer rate over all
// inputs and outputs of 600 GB/s or more to or from integrated circuits other than volatile
// memories, and TOPS x bit length of 4800 or more.
inline constexpr double kTppControlled = 4800;
inline constexpr double kIoControlledGbs = 600;

// 88 FR 73458 (17 October 2023), 3A090.a: TPP of 4800 or more, or TPP of 1600 or more with a
// performance density of 5.92 or more.
inline constexpr double kTppWithDensity = 1600;
inline constexpr double kDensityControlled = 5.92;

// 88 FR 73458, 3A090.b: TPP from 2400 below 4800 with a density from 1.6 below 5.92, or TPP of 1600
// or more with a density from 3.2 below 5.92. The lower ends as in the definition of advanced
// integrated circuits by S. 3374 (119th Congress, SAFE Chips Act), which repeats those of 3A090.
inline constexpr double kTppLowerTier = 2400;
inline constexpr double kDensityLowerTier = 1.6;
inline constexpr double kDensityLowerTierSmall = 3.2;

// 89 FR 96790 (2 December 2024, document 2024-28270), 3A090.c: memory bandwidth density above 2
// GB/s per mm2 of the package or stack. License Exception HBM: below 3.3, from memory.
inline constexpr double kStackDensityControlled = 2.0;
inline constexpr double kStackDensityException = 3.3;

// Federal Register 2026-00789 (15 January 2026): case by case when the TPP is below 21000 and the
// bandwidth of the DRAM below 6500 GB/s; otherwise presumption of denial.
inline constexpr double kTppCaseByCase = 21000;
inline constexpr double kDramCaseByCaseGbs = 6500;

}  // namespace gridlock
