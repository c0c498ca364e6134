#include "sim/sweep/run_record.h"

#include "sim/cluster/life.h"

namespace gridlock {

RunRecord Simulate(const Scenario& scenario, Fidelity fidelity, const Progress& progress) {
  if (scenario.horizon <= Seconds(0)) {
    CheckScenario(scenario, fidelity);
    return EvaluateStep(scenario, fidelity, progress);
  }
  StepOracle oracle;
  LifeRecord record = SimulateLife(
      scenario,
      [&](const Situation& situation) {
        return oracle.RatesOf(situation);
      },
      progress);
  record.situations = oracle.simulated();
  return record;
}

}  // namespace gridlock
