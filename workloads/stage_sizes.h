#pragma once

// Sizes of the stages of a pipeline that follow from the model and from how it is split. They are
// the same whatever micro-batch, recomputation, ZeRO stage, replicas and order of ranks a job has,
// so that a search counts them once for all of these.

#include <vector>

#include "sim/base/units.h"
#include "workloads/transformer.h"

namespace gridlock {

/// One layer: the one of a stage with the most parameters on a rank.
struct LargestLayer {
  LayerKind kind;
  double parameters = 0;
  double trained = 0;  ///< of those
  Bytes weights;       ///< as products use them
  double matrix = 0;   ///< parameters of its largest matrix (LargestOfLayer)
  double shapes = 0;   ///< parameters of its weight shapes (ShapesOfLayer)
};

struct StageSizes {
  int stage = 0;
  ModelPart part;          ///< all chunks together
  ParameterCount trained;  ///< that one rank holds
  ParameterBytes weights;  ///< as products use them, in both orientations where they are narrow
  Bytes frozen;            ///< of weights that are not trained
  Bytes tables;            ///< of embedding and LM head, where the stage has them
  Bytes head;              ///< of the LM head, where the stage has it
  ParameterCount table_parameters;  ///< trained ones that have another optimizer than matrices
  LargestLayer largest;
};

StageSizes SizesOfStage(const TrainingSpec& job, int stage);

/// Those of all stages, but for stages that hold the same parts of the model as an earlier one. Of
/// such stages the first one has the most passes in flight.
std::vector<StageSizes> SizesOfDistinctStages(const TrainingSpec& job);

}  // namespace gridlock
