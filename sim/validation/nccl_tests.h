#pragma once

// Output of nccl-tests beside the simulation of the same sizes.

#include <string>
#include <vector>

#include "sim/record/step_record.h"
#include "sim/validation/measured.h"
#include "sim/validation/nccl_output.h"

namespace gridlock {

/// Reads a file of nccl-tests. Its operation is `op`, or what the output or the file's name says.
/// Throws UserError.
NcclOutput LoadNcclOutput(const std::string& file, const std::string& op);

/// The sizes that can be simulated, each once, rising.
std::vector<double> SizesOf(const NcclOutput& output);

/// A row and what the simulation of its size did.
struct NcclComparison {
  NcclRow row;
  MeasuredResult result;   ///< times in microseconds
  CollectiveResult model;  ///< of the algorithm that was asked for or that a library takes
};

struct NcclReport {
  NcclOutput output;
  bool in_place = false;
  std::vector<NcclComparison> rows;
  MeasuredReport measured;  ///< the same rows, and figures by role and by range of sizes
};

/// @param in_place the second column of times instead of the first
/// @param tested rows of the simulation, see StepRecord::tested
NcclReport CompareNccl(const NcclOutput& output, bool in_place,
                       const std::vector<CollectiveResult>& tested);

std::string NcclText(const NcclReport& report);

}  // namespace gridlock
