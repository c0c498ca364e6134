#include "tools/build_options.h"

#include "sim/scenario/policy_names.h"

namespace gridlock {

void AddDemandOptions(CLI::App& command, BuildOptions& options) {
  BuildAsked& asked = options.asked;
  command.add_option("--model", asked.model, "Model of the final run")->capture_default_str();
  command.add_option("--tokens", options.tokens, "Tokens that it trains")->capture_default_str();
  command.add_option("--batch", options.batch, "Tokens of a step; at least a sequence a replica")
      ->capture_default_str();
  command.add_option("--sequence-length", asked.sequence_length, "Tokens of a sequence")
      ->check(CLI::Range(1, 1 << 30))
      ->capture_default_str();
  command.add_option("--stack", asked.stack, "Training framework")->capture_default_str();
  command.add_option("--precision", asked.precision, "Format of the GEMMs")->capture_default_str();
  command.add_option("--experiments", asked.experiments, "Experiments that prepare it")
      ->check(CLI::Range(0, 100000))
      ->capture_default_str();
  command
      .add_option("--experiment-compute", asked.experiment_compute,
                  "Their model FLOP over that of the final run")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command.add_option("--users", options.users, "Users a day of the model that is served, e.g. 2M");
  command.add_option("--requests-per-user", asked.requests_per_user, "Requests of a user a day")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command.add_option("--serve", asked.serving_model, "Model that users ask")->capture_default_str();
}

void AddAssumptionOptions(CLI::App& command, BuildOptions& options) {
  BuildAsked& asked = options.asked;
  command.add_option("--failure-rate", asked.failure_rate, "Failure rate of the catalogue")
      ->capture_default_str();
  command.add_option("--repair", asked.repair_hours, "Hours until a failed server is back")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command.add_option("--restart", asked.restart_minutes, "Minutes that a restart takes")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command.add_option("--pue", asked.pue, "Total over IT power")
      ->check(CLI::Range(1.0, 10.0))
      ->capture_default_str();
  command.add_option("--electricity", asked.electricity, "USD per kilowatt-hour")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command
      .add_option("--months", asked.months,
                  "Months over which the servers are delivered, in equal parts; 0: all are there")
      ->check(CLI::Range(0, 120))
      ->capture_default_str();
  command.add_option("--scheduler", asked.scheduler, "Policy of the queue")
      ->check(CLI::IsMember(SchedulerPolicyNames()))
      ->capture_default_str();
}

}  // namespace gridlock
