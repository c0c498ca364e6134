#pragma once

// What `gridlock generate` does: writes the experiments of campaigns and the requests of fleets to
// workload files, and says how many there are.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "sim/base/units.h"
#include "sim/scenario/scenario.h"

namespace gridlock {

/// Experiments on one rung of a campaign.
struct GeneratedRung {
  std::string model;
  std::int64_t accelerators = 0;  ///< of one experiment
  std::int64_t jobs = 0;
  std::int64_t failing = 0;  ///< of these, those that will fail
  Flop flop;                 ///< model FLOP of all of them
};

struct GeneratedCampaign {
  std::string name;
  Flop final_flop;  ///< of the run that the campaign is for; 0: it names none
  std::vector<GeneratedRung> rungs;
};

/// Requests of one group.
struct GeneratedGroup {
  std::string name;
  std::int64_t requests = 0;
  std::int64_t prompt_tokens = 0;
  std::int64_t output_tokens = 0;
};

struct GeneratedFleet {
  std::string name;
  std::int64_t replicas = 0;
  std::int64_t replicas_simulated = 0;  ///< whose requests these are
  std::vector<GeneratedGroup> groups;
};

struct Generated {
  std::vector<GeneratedCampaign> campaigns;
  std::vector<GeneratedFleet> fleets;
  std::vector<std::string> files;
};

/// Which files to write, and what into them.
struct GenerateFiles {
  std::string binary;
  std::string text;  ///< "": no text
  bool requests = true;
};

/// How far the requests of a fleet are: its name and 0..1 of the horizon.
using GenerateProgress = std::function<void(const std::string& fleet, double fraction)>;

/// Throws UserError when there is nothing to generate, IoError when a file cannot be written.
Generated GenerateWorkload(const Scenario& scenario, const GenerateFiles& files,
                           const GenerateProgress& progress);

/// A table per campaign and fleet, and the names of the files.
std::string GeneratedText(const Generated& generated);

/// The same as JSON, model FLOP as plain numbers.
std::string GeneratedJson(const Generated& generated);

}  // namespace gridlock
