#pragma once

// What is said of a run before and behind its numbers: on the screen and in JSON.

#include <string>

#include "sim/record/trace_header.h"

namespace gridlock {

class JsonWriter;

/// "NAME: TITLE", the scenario's description, and what is simulated, one thing per line.
std::string HeadText(const TraceHeader& header, const std::string& title);

/// Notes, and the inputs that are estimates, one paragraph per catalogue entry; "" without any.
std::string NotesText(const TraceHeader& header);

/// The members of an object that describe the run.
void AddHeaderMembers(JsonWriter& json, const TraceHeader& header);

}  // namespace gridlock
