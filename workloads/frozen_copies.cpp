#include "workloads/frozen_copies.h"

#include "workloads/layer_shape.h"

namespace gridlock {

TrainingSpec JobOfCopy(const TrainingSpec& job, const FrozenCopySpec& copy) {
  TrainingSpec of = job;
  of.model = copy.model;
  of.adapters = {};
  of.frozen = {};
  of.copies.clear();
  of.recompute = Recompute::kNone;
  of.offload_activations = false;
  of.offload_layers = 0;
  // A format narrower than 16 bits is cast before each product.
  of.adapters.base_bytes = copy.bytes_per_parameter <= 0           ? job.adapters.base_bytes
                           : copy.bytes_per_parameter < kHalfBytes ? copy.bytes_per_parameter
                                                                   : 0;
  return of;
}

ModelPart PartOfCopy(const TrainingSpec& job, const FrozenCopySpec& copy, const ModelPart& part) {
  const double share = part.OnlyLayers().layers.total() / job.model.depth();
  return {copy.model.LayersIn(0, copy.model.depth()).Times(share), part.embedding, part.head};
}

ParameterBytes CopyBytes(const TrainingSpec& job, const ModelPart& part, bool gathered) {
  ParameterBytes sum;
  for (const FrozenCopySpec& copy : job.copies) {
    const bool shared = copy.bytes_per_parameter <= 0;
    if (shared && !gathered) {
      continue;
    }
    const TrainingSpec of = JobOfCopy(job, copy);
    const double base = job.adapters.base_bytes > 0 ? job.adapters.base_bytes : kHalfBytes;
    const double each = (shared ? base : copy.bytes_per_parameter) * copy.count;
    const ParameterCount count = ParametersPerRank(of, PartOfCopy(job, copy, part));
    sum.common += Bytes(each * count.common);
    sum.experts += Bytes(each * count.experts);
  }
  return sum;
}

Bytes CopyLogits(const TrainingSpec& job) {
  double sum = 0;
  for (const FrozenCopySpec& copy : job.copies) {
    const LayerShape s(JobOfCopy(job, copy));
    sum += copy.keeps_logits ? kHalfBytes * copy.count * s.tokens * s.vocabulary / s.tensor : 0;
  }
  return Bytes(sum);
}

}  // namespace gridlock
