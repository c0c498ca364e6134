// Modules that predict further tokens, beside their layers and heads. Each looks up the embedding
// of the next token and projects it, beside what the layer before made, to the width of its own
// layer (DeepSeek-V3, arXiv:2412.19437, section 2.2).

#include "workloads/layer_shape.h"

namespace gridlock {

Matrix Projection(const LayerShape& s) {
  return {"prediction_in", s.hidden / s.tensor, 2 * s.hidden};
}

namespace {

// Norms and joining of what the projection takes: two norms read and write, the joined tensor is
// written.
double PredictionBytes(const TrainingSpec& job, const LayerShape& s, double tensors) {
  return job.activation_bytes() * s.tokens * NormTrafficFactor(job) * tensors * s.hidden /
         s.sequence_split;
}

}  // namespace

void AddPredictionsForward(const TrainingSpec& job, const LayerShape& s, double modules,
                           std::vector<Operation>& out) {
  if (modules <= 0) {
    return;
  }
  AddMatrixForward(job, Projection(s), s.tokens, modules, out);
  out.push_back(Elementwise("prediction_norms", PredictionBytes(job, s, 2 * 2 + 2), modules));
}

void AddPredictionsBackward(const TrainingSpec& job, const LayerShape& s, double modules,
                            std::vector<Operation>& out) {
  if (modules <= 0) {
    return;
  }
  AddMatrixBackward(job, Projection(s), s.tokens, modules, out);
  out.push_back(
      Elementwise("prediction_norms_backward", PredictionBytes(job, s, 2 * 3 + 2), modules));
}

// One row a sequence: what a condition says to a layer (Peebles and Xie 2022, arXiv:2212.09748).
Matrix Modulation(const TrainingSpec& job, const LayerShape& s) {
  return {"modulation", job.model.modulations * s.hidden / s.tensor, s.hidden};
}

}  // namespace gridlock
