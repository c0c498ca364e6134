#include "sim/base/check.h"
#include "sim/catalogue/parts.h"

namespace gridlock {
namespace {

/// `value`, or `otherwise` when the field was left out: the rules refuse a written zero.
template <typename T>
T Or(T value, T otherwise) {
  return value == 0 ? otherwise : value;
}

MixtureSpec MixtureOf(const proto::Mixture& mixture) {
  MixtureSpec spec;
  spec.experts = mixture.experts();
  spec.experts_per_token = mixture.experts_per_token();
  spec.expert_ffn = mixture.expert_ffn();
  spec.shared_experts = mixture.shared_experts();
  spec.dense_layers = mixture.dense_layers();
  spec.dense_every_second = mixture.dense_every_second();
  spec.domains_per_token = mixture.domains_per_token();
  return spec;
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
  spec.attention = model.attention() == proto::FULL ? Attention::kFull : Attention::kCausal;
  spec.mixture = MixtureOf(model.mixture());
  const proto::LatentAttention& latent = model.latent_attention();
  spec.latent = {latent.query_rank(), latent.key_value_rank(), latent.plain_head_dim(),
                 latent.rotary_head_dim(), latent.value_head_dim()};
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
