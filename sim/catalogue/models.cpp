#include "sim/catalogue/parts.h"
#include "sim/schema/read_fields.h"
#include "workloads/training_fields.h"

namespace gridlock {
namespace {

/// `value`, or `otherwise` when the field was left out: the rules refuse a written zero.
template <typename T>
T Or(T value, T otherwise) {
  return value == 0 ? otherwise : value;
}

ModelSpec ModelOf(const proto::Model& model, const std::string& path) {
  ModelSpec spec;
  spec.path = path;
  spec.name = model.name();
  spec.layers = model.layers();
  spec.hidden = model.hidden();
  spec.heads = model.heads();
  spec.kv_heads = Or(model.kv_heads(), model.heads());
  spec.head_dim = Or(model.head_dim(), model.hidden() / model.heads());
  spec.ffn = model.ffn();
  spec.gated = model.gated();
  spec.vocabulary = model.vocabulary();
  spec.max_positions = model.max_positions();
  spec.tied_embeddings = model.tied_embeddings();
  spec.query_key_norms = model.query_key_norms();
  spec.attention = model.attention() == proto::FULL ? Attention::kFull : Attention::kCausal;
  spec.mixture = ReadFields<MixtureSpec>(model.mixture());
  spec.latent = ReadFields<LatentAttentionSpec>(model.latent_attention());
  return spec;
}

}  // namespace

ModelSpec MakeModel(const std::string& name, const std::string& path, const Catalogue& catalogue) {
  return ModelOf(*catalogue.models.at(name).message, path);
}

Precision MakePrecision(proto::Precision precision) {
  switch (precision) {
    case proto::FP32:
      return Precision::kFp32;
    case proto::TF32:
      return Precision::kTf32;
    case proto::FP8:
      return Precision::kFp8;
    case proto::FP4:
      return Precision::kFp4;
    case proto::INT8:
      return Precision::kInt8;
    default:
      return Precision::kBf16;  // the default of a job
  }
}

}  // namespace gridlock
