#pragma once

// What the subcommands of `gridlock import` share; each is one file.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "sim/interop/training_text.h"

namespace CLI {
class App;
}  // namespace CLI

namespace gridlock {

/// Runs `import`, prints what is wrong with the input, and returns the exit code.
int Importing(const std::function<void()>& import);

/// The text of a file. Throws UserError.
std::string ImportedText(const std::string& file, std::size_t largest);

/// On which machine an imported job is to run.
struct MachineOptions {
  std::string cluster;            ///< of the catalogue
  std::string accelerator;        ///< of the catalogue, when there is no cluster
  std::int64_t accelerators = 0;  ///< 0: as many as `otherwise` of MachineOf, or the whole cluster
};

void AddMachineOptions(CLI::App& command, MachineOptions& options);

/// The machine in the text of the schema. Throws UserError. @param otherwise accelerators that the
/// imported file itself asks for; 0: it does not say
ImportedMachine MachineOf(const MachineOptions& options, std::int64_t otherwise);

/// As many servers of one accelerator each, for jobs of any size: what they draw is that of the
/// named accelerator. Throws UserError where the catalogue has none of that name.
ImportedMachine SlotsOf(const std::string& accelerator, std::int64_t accelerators);

void AddImportHf(CLI::App& import, int& code);
void AddImportPeft(CLI::App& import, int& code);
void AddImportMegatron(CLI::App& import, int& code);
void AddImportTorchtitan(CLI::App& import, int& code);
void AddImportJobs(CLI::App& import, int& code);

}  // namespace gridlock
