#pragma once

// The outputs of a run as a flat list of numbers and texts: what the points of a sweep are compared
// by. Names, units and meanings are those of trace.h5 (docs/outputs.md).

#include <cstdint>
#include <string>
#include <vector>

#include "sim/sweep/run_record.h"

namespace gridlock {

/// An output that every run of one kind has.
struct OutputColumn {
  std::string name;       ///< "step_time", "breakdown", "job_ettr"
  std::string units;      ///< as udunits writes them: "s", "1"
  std::string long_name;  ///< what it means
  std::string dimension;  ///< axis of its elements, "activity"; "" for a single value
  bool is_text = false;
};

/// One value of an output.
struct OutputValue {
  std::string name;   ///< of its column
  std::string label;  ///< of the element, "data_comm"; "" for a single value
  double number = 0;  ///< SI; NaN: missing
  std::string text;   ///< of a column of texts
};

/// All columns that a step, a test of a collective or a life may have.
const std::vector<OutputColumn>& OutputColumns();

/// The column of that name; null when there is none.
const OutputColumn* FindOutputColumn(const std::string& name);

/// Throws UserError when `name`, "step_time" or "breakdown.data_comm", is no output or no single
/// value: a list needs an element, and a single value has none. @param number refuses texts
void CheckOutputName(const std::string& name, bool number);

/// The values of a record. Series over time stand as their means; experiments that a campaign
/// generated are left out, because their number is not that of the scenario.
std::vector<OutputValue> OutputsOf(const RunRecord& record);

std::uint64_t FingerprintOf(const RunRecord& record);

}  // namespace gridlock
