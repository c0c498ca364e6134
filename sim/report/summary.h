#pragma once

// One step for people (a screen) and for programs (JSON).

#include <optional>
#include <string>

#include "sim/record/step_measures.h"
#include "sim/record/step_record.h"
#include "sim/record/trace_header.h"

namespace gridlock {

class JsonWriter;

/// Share of the critical path that `resource` sets the pace of, 0..1; 0 when it never does.
double CriticalShare(const StepRecord& record, const std::string& resource);

/// The resource in words, as the record's attribution has them: "the scale-up links" for
/// "scale_up". The name itself when there are none.
std::string WallInWords(const StepRecord& record, const std::string& resource);

/// The summary of one step, at most 100 columns wide, with a final newline.
std::string SummaryText(const TraceHeader& header, const StepRecord& record);

/// The same as JSON, numbers in SI units with the unit in the key, `fingerprint` at the top level.
std::string SummaryJson(const TraceHeader& header, const StepRecord& record);

/// The members of an object that describe one step.
void AddStepMembers(JsonWriter& json, const StepRecord& record);

}  // namespace gridlock
