// Builds the SimGrid platform of a fully expanded plan and says how long that takes:
//   platform_bench SCENARIO [PATH=VALUE ...]

#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "sim/plan/plan.h"
#include "sim/platform/platform.h"
#include "sim/scenario/scenario.h"
#include "workloads/program/training_program.h"

int main(int argc, char** argv) {
  using Clock = std::chrono::steady_clock;
  if (argc < 2) {
    std::fprintf(stderr, "usage: platform_bench SCENARIO [PATH=VALUE ...]\n");
    return 2;
  }
  try {
    const std::vector<std::string> overrides(argv + 2, argv + argc);
    const gridlock::Scenario scenario = gridlock::LoadScenario(argv[1], overrides);
    const gridlock::StepProgram program =
        gridlock::BuildStepProgram(scenario.training(), scenario.site().server);
    const gridlock::Plan plan = gridlock::Expand(program, scenario.site());
    const auto start = Clock::now();
    const gridlock::Platform platform(plan);
    const std::chrono::duration<double> seconds = Clock::now() - start;
    std::printf("%lld accelerators, %zu resources, %zu hosts: platform in %.2f s\n",
                static_cast<long long>(plan.accelerators()), plan.resources.size(),
                plan.agents.size(), seconds.count());
    std::fflush(stdout);
  } catch (const gridlock::UserError& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  }
  return 0;
}
