#pragma once

#include <string>

#include "workloads/program/program.h"
#include "workloads/training.h"
#include "workloads/transformer.h"

namespace gridlock {

/// Efficiency of a GEMM of `flop` on a measured surface: linear in log(FLOP), constant beyond its
/// ends.
double GemmEfficiency(const MatrixRate& rate, Flop flop);

/// Turns the operations of a pass into its phases on one accelerator: what the matrix units bound,
/// what HBM bounds, the collectives of its group, all under the board's power limit.
class PassBuilder {
 public:
  /// Both must outlive the builder.
  PassBuilder(const TrainingSpec& job, const ServerSpec& server)
      : job_(job), server_(server), chip_(server.accelerator) {}

  [[nodiscard]] Pass Build(std::string name, const PassWork& work, Seconds floor) const;

  /// Slows the pass of a part down by what moves beside it where parameters are sharded: the next
  /// part's parameters, about as many as its own, and in the backward pass gradients.
  void ShareUnits(const ModelPart& part, bool backward, Pass& pass) const;

  /// Bytes of a part's parameters, and of the gradients of so many. Where parameters are sharded,
  /// as many as would take at full bandwidth what they take beside layers.
  [[nodiscard]] ParameterBytes GatheredBytes(const ModelPart& part) const;
  [[nodiscard]] Bytes GradientBytes(double parameters) const;

  /// Adam on one rank's share of the parameters, in no less time than `floor`.
  [[nodiscard]] Pass Optimizer(double parameters, Seconds floor = Seconds(0)) const;

  /// Share of their bandwidth that gathers of sharded parameters reach beside compute.
  [[nodiscard]] double GatherBandwidth() const;

 private:
  [[nodiscard]] Precision PrecisionOf(const Operation& operation) const;
  [[nodiscard]] double AttentionSpeed(Precision precision) const;
  [[nodiscard]] bool OnVectorUnits(Precision precision) const;
  [[nodiscard]] double Clock(Precision precision) const;
  [[nodiscard]] double EnergyOver16Bits(Precision precision) const;
  void Add(const Operation& operation, Pass& pass) const;
  void AddTensorTraffic(const TensorTraffic& traffic, Pass& pass) const;

  /// Clock and voltage of the compute phase over those of the measured rates.
  struct ClockAndVoltage {
    double clock = 1, voltage = 1;
  };

  [[nodiscard]] ClockAndVoltage ClockUnderLimit(const Pass& pass) const;
  void ApplyPowerLimit(Pass& pass) const;
  [[nodiscard]] Seconds AloneOverShards(CollectiveKind kind, Bytes payload) const;

  const TrainingSpec& job_;
  const ServerSpec& server_;
  const AcceleratorSpec& chip_;
};

}  // namespace gridlock
