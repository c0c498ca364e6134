#include "sim/schema/message_checks.h"

#include <algorithm>
#include <set>

#include <google/protobuf/message.h>

#include "proto/catalog.pb.h"
#include "proto/scenario.pb.h"
#include "sim/base/check.h"
#include "sim/base/units.h"
#include "sim/policy/countries.h"
#include "sim/schema/complaints.h"
#include "sim/schema/life_checks.h"

namespace gridlock {
namespace {

double Si(const std::string& text, Dimension dimension) {
  const ParsedQuantity parsed = ParseQuantity(text, dimension);
  CHECK(parsed.si.has_value());
  return *parsed.si;
}

std::string Is(const std::string& field, std::int64_t value) {
  return Quoted(field) + " is " + std::to_string(value);
}

void Check(const proto::Site& site, const Complaints& complain) {
  if (!site.jurisdiction().empty() && !IsCountry(site.jurisdiction())) {
    complain.Value("jurisdiction", "there is no country " + Quoted(site.jurisdiction()),
                   "two capital letters of ISO 3166-1 such as \"DE\" or \"GB\"");
  }
}

void Check(const proto::Fabric& fabric, const Complaints& complain) {
  if (fabric.kind_case() == proto::Fabric::KIND_NOT_SET) {
    complain.Presence("kind", "the fabric does not say what it is", "clos { ... }");
  }
}

void Check(const proto::Clos& clos, const Complaints& complain) {
  if (clos.tiers() == 3 && !complain.Has("core_switch")) {
    complain.Presence("core_switch", "\"core_switch\" is missing, and there are three tiers",
                      "the catalogue name of a switch, or tiers: 2");
  }
  for (const auto& [field, expected] :
       {std::pair("leaves_per_pod", "a number of leaves"),
        std::pair("spine_switch", "the catalogue name of a switch")}) {
    if (clos.tiers() >= 2 && !complain.Has(field)) {
      complain.Presence(field, Quoted(field) + " is missing, and there are spines",
                        std::string(expected) + ", or tiers: 1");
    }
  }
  const auto is_about = [&](const char* field, const char* what, const char* tiers) {
    if (complain.Has(field)) {
      complain.Presence(field, Quoted(field) + " is about " + what,
                        "tiers: " + std::string(tiers) + ", or a fabric without it");
    }
  };
  if (clos.tiers() == 1) {
    for (const char* field : {"leaves_per_pod", "spine_switch", "leaf_oversubscription"}) {
      is_about(field, "the second tier, and there is one", "2");
    }
  }
  for (const char* field : {"core_switch", "spine_oversubscription"}) {
    if (clos.tiers() == 1 || clos.tiers() == 2) {
      is_about(field,
               clos.tiers() == 1 ? "the third tier, and there is one"
                                 : "the third tier, and there are two",
               "3");
    }
  }
  if (clos.split_nics() && clos.planes() < 2) {
    complain.Presence("split_nics", "\"split_nics\" shares NICs out over planes, and there is one",
                      "planes: 2 or more, or a fabric without it");
  }
}

/// UGAL and ADAPTIVE decide for each flow.
template <typename Message>
void CheckRouting(const Message& fabric, const Complaints& complain) {
  if ((fabric.paths() == proto::UGAL || fabric.paths() == proto::ADAPTIVE) &&
      complain.Has("routing")) {
    complain.Presence("routing",
                      "\"routing\" says how flows are spread over their ways, and " +
                          proto::Paths_Name(fabric.paths()) + " puts each on one",
                      "paths: MINIMAL or VALIANT, or a fabric without it");
  }
}

/// Of networks that have no dimensions.
void CheckPaths(proto::Paths paths, const Complaints& complain) {
  if (paths == proto::DIMENSION_ORDER) {
    complain.Value("paths", "DIMENSION_ORDER on a network without dimensions",
                   "MINIMAL, VALIANT, UGAL or ADAPTIVE");
  }
}

void Check(const proto::HyperX& hyperx, const Complaints& complain) {
  CheckRouting(hyperx, complain);
}

void Check(const proto::Dragonfly& dragonfly, const Complaints& complain) {
  CheckRouting(dragonfly, complain);
  CheckPaths(dragonfly.paths(), complain);
  if (complain.Has("spines_per_group") != complain.Has("spine_switch")) {
    complain.Presence(complain.Has("spine_switch") ? "spine_switch" : "spines_per_group",
                      "\"spines_per_group\" and \"spine_switch\" go together",
                      "both of them, or none");
  }
  if (dragonfly.groups() > 1 && !complain.Has("global_links")) {
    complain.Presence("global_links", "\"global_links\" is missing, and there are several groups",
                      "the links of a router to other groups");
  }
}

void Check(const proto::Jellyfish& jellyfish, const Complaints& complain) {
  CheckRouting(jellyfish, complain);
  CheckPaths(jellyfish.paths(), complain);
}

void Check(const proto::SlimFly& slimfly, const Complaints& complain) {
  CheckRouting(slimfly, complain);
  CheckPaths(slimfly.paths(), complain);
}

void Check(const proto::Torus& torus, const Complaints& complain) {
  if (torus.size_size() == 1 || torus.size_size() > 3) {
    complain.Value("size", "a torus of " + std::to_string(torus.size_size()) + " dimensions",
                   "two sizes or three");
  }
  if (torus.block_size() != torus.size_size()) {
    complain.Value("block",
                   "\"block\" has " + std::to_string(torus.block_size()) +
                       " sizes, and the torus has " + std::to_string(torus.size_size()),
                   "one for each dimension");
  }
  if (torus.slice_size() > 0 && torus.slice_size() != torus.size_size()) {
    complain.Value("slice",
                   "\"slice\" has " + std::to_string(torus.slice_size()) +
                       " sizes, and the torus has " + std::to_string(torus.size_size()),
                   "one for each dimension");
  }
  if (complain.Has("optical_switches") != complain.Has("optical_switch")) {
    complain.Presence("optical_switch", "\"optical_switches\" and \"optical_switch\" go together",
                      "both of them, or none");
  }
}

void Check(const proto::LinkBandwidth& link, const Complaints& complain) {
  if (link.direction_case() == proto::LinkBandwidth::DIRECTION_NOT_SET) {
    complain.Presence("per_direction", "the bandwidth is missing",
                      "per_direction: \"450 GB/s\", or bidirectional: \"900 GB/s\"");
  }
}

void Check(const proto::MatrixRate& rate, const Complaints& complain) {
  for (int i = 1; i < rate.gemm_size(); ++i) {
    if (Si(rate.gemm(i).work(), Dimension::kWork) <=
        Si(rate.gemm(i - 1).work(), Dimension::kWork)) {
      complain.Presence("gemm", "the points do not rise in \"work\"", "more work than before it",
                        i);
    }
  }
}

void Check(const proto::Accelerator& accelerator, const Complaints& complain) {
  std::set<int> seen;
  for (int i = 0; i < accelerator.rate_size(); ++i) {
    const proto::Precision precision = accelerator.rate(i).precision();
    if (!seen.insert(precision).second) {
      complain.Presence("rate", proto::Precision_Name(precision) + " has a rate already",
                        "one rate per precision", i);
    }
  }
}

/// True for "2020", "2020-05" and "2020-05-14".
bool IsDate(const std::string& text) {
  constexpr const char* kPattern = "0000-00-00";
  if (text.size() != 4 && text.size() != 7 && text.size() != 10) {
    return false;
  }
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (kPattern[i] == '-' ? text[i] != '-' : !digit) {
      return false;
    }
  }
  return true;
}

void Check(const proto::AcceleratorFacts& facts, const Complaints& complain) {
  if (complain.Has("launch") && !IsDate(facts.launch())) {
    complain.Value("launch", Quoted(facts.launch()) + " is not a date",
                   "\"2020\", \"2020-05\" or \"2020-05-14\"");
  }
  const bool is_torus = facts.scale_up_kind() == proto::TORUS;
  if (facts.torus_size() > 0 && !is_torus) {
    complain.Presence("torus", "\"torus\" gives the sides of a torus, and there is none",
                      "scale_up_kind: TORUS");
  }
  if (complain.Has("memory_stacks") && !complain.Has("memory")) {
    complain.Presence("memory_stacks", "\"memory_stacks\" counts a memory that is not named",
                      "memory: \"hbm2e\" or another of the catalogue");
  }
  if (facts.scale_up_kind() == proto::HOST_LINK && !complain.Has("host")) {
    complain.Presence("scale_up_kind", "HOST_LINK needs a host link", "host { ... }");
  }
}

void Check(const proto::Memory& memory, const Complaints& complain) {
  if (memory.kind() != proto::SRAM && !complain.Has("stack_bandwidth")) {
    complain.Presence("stack_bandwidth", "\"stack_bandwidth\" is missing, and only SRAM has none",
                      "a bandwidth such as \"461 GB/s\"");
  }
}

void Check(const proto::Power& power, const Complaints& complain) {
  if (Si(power.idle(), Dimension::kPower) >= Si(power.limit(), Dimension::kPower)) {
    complain.Value("idle", Quoted(power.idle()) + " is not below the limit",
                   "less than " + Quoted(power.limit()));
  }
  const double active = power.active().empty() ? 0 : Si(power.active(), Dimension::kPower);
  if (active > 0 && (active < Si(power.idle(), Dimension::kPower) ||
                     active >= Si(power.limit(), Dimension::kPower))) {
    complain.Value("active", Quoted(power.active()) + " is not between idle and the limit",
                   "at least " + Quoted(power.idle()) + " and less than " + Quoted(power.limit()));
  }
}

void Check(const proto::ServerNetwork& network, const Complaints& complain) {
  if (network.links_case() == proto::ServerNetwork::LINKS_NOT_SET && !complain.Has("pcie")) {
    complain.Presence("links", "the network inside the server does not say what it is",
                      "switches { ... }, mesh { ... } or pcie { ... }");
  }
}

void Check(const proto::Mesh& mesh, const Complaints& complain) {
  if (mesh.torus_size() == 1 || mesh.torus_size() > 3) {
    complain.Value("torus",
                   mesh.torus_size() == 1
                       ? "a torus with one side"
                       : "a torus with " + std::to_string(mesh.torus_size()) + " sides",
                   "two or three");
  }
  for (const char* field : {"links", "between"}) {
    if (mesh.torus_size() > 0 && complain.Has(field)) {
      complain.Presence(field,
                        Quoted(field) + " is about a mesh, and a torus says its links itself",
                        "torus without it");
    }
  }
}

void Check(const proto::SwitchChips& switches, const Complaints& complain) {
  const int chips = switches.chips() == 0 ? 1 : switches.chips();
  if (switches.lost() >= chips) {
    complain.Value("lost",
                   Is("lost", switches.lost()) + " of " + std::to_string(chips) +
                       (chips == 1 ? " chip" : " chips") + ", and none would be left",
                   "fewer than there are chips");
  }
  if (complain.Has("oversubscription") && !complain.Has("group")) {
    complain.Presence("oversubscription",
                      "\"oversubscription\" is about the second tier, and there is one tier",
                      "group: N beside it, or none");
  }
}

// What each letter of a pattern wants to be there.
void CheckPattern(const proto::Model& model, const Complaints& complain) {
  const std::string& pattern = model.pattern();
  const std::size_t odd = pattern.find_first_not_of("GLRPFE");
  if (odd != std::string::npos) {
    complain.Value("pattern", "\"pattern\" has the letter " + Quoted(pattern.substr(odd, 1)),
                   "G (global attention), L (local attention), R (recurrence), P (attention beside "
                   "a recurrence), F (feed-forward alone) or E (experts alone)");
    return;
  }
  const auto wants = [&](const std::string& letters, const char* field, const char* example) {
    const std::size_t place = pattern.find_first_of(letters);
    if (place != std::string::npos && !complain.Has(field)) {
      complain.Value("pattern",
                     "\"pattern\" has layers " + pattern.substr(place, 1) + ", and " +
                         Quoted(field) + " is missing",
                     example);
    }
  };
  wants("L", "window", "window: 4096");
  wants("RP", "recurrent", "recurrent { kind: MAMBA_2 ... }");
  wants("F", "ffn", "ffn: 14336");
  wants("E", "mixture", "mixture { experts: 8 experts_per_token: 2 expert_ffn: 14336 }");
}

void Check(const proto::Model& model, const Complaints& complain) {
  if (!complain.Has("ffn") && !complain.Has("mixture") && !complain.Has("recurrent")) {
    complain.Presence("ffn", "\"ffn\" is missing", "the inner width of the feed-forward block");
  }
  if (model.chunked_window() && !complain.Has("window")) {
    complain.Presence("chunked_window", "chunks have a length, and \"window\" is missing",
                      "window: 8192");
  }
  if (complain.Has("kv_heads") && model.heads() % model.kv_heads() != 0) {
    complain.Value("kv_heads", Is("kv_heads", model.kv_heads()),
                   "a divisor of the " + std::to_string(model.heads()) + " heads");
  }
  if (!complain.Has("head_dim") && model.hidden() % model.heads() != 0) {
    complain.Value("heads",
                   Is("heads", model.heads()) + ", which does not divide hidden, " +
                       std::to_string(model.hidden()),
                   "a divisor, or head_dim");
  }
  CheckPattern(model, complain);
}

void Check(const proto::Stack& stack, const Complaints& complain) {
  if (stack.main_gradient_bytes() != 2.0 && stack.main_gradient_bytes() != 4.0) {
    complain.Value("main_gradient_bytes", "\"main_gradient_bytes\" is neither 2 nor 4",
                   "2 (BF16) or 4 (FP32)");
  }
}

void Check(const proto::Mixture& mixture, const Complaints& complain) {
  if (mixture.experts_per_token() > mixture.experts()) {
    complain.Value("experts_per_token",
                   Is("experts_per_token", mixture.experts_per_token()) + ", and there are " +
                       std::to_string(mixture.experts()) + " experts",
                   "at most " + std::to_string(mixture.experts()));
  }
}

void Check(const proto::ExpertLoad& load, const Complaints& complain) {
  if (load.padded() && !complain.Has("capacity")) {
    complain.Presence("padded", "experts are padded to their capacity, and \"capacity\" is missing",
                      "a capacity factor, e.g. capacity: 1.25");
  }
}

void Check(const proto::Adapters& adapters, const Complaints& complain) {
  const proto::Precision precision = adapters.precision();
  if (precision != proto::PRECISION_UNSPECIFIED && precision != proto::FP32 &&
      precision != proto::BF16) {
    complain.Value("precision", "adapters in " + proto::Precision_Name(precision), "FP32 or BF16");
  }
}

void CheckTuning(const proto::Pretraining& run, const Complaints& complain) {
  if (run.has_adapters() && run.has_frozen()) {
    complain.Presence("frozen", "\"frozen\" says what is not trained, and \"adapters\" freeze all",
                      "one of them");
  }
  for (int i = 0; i < run.frozen_copy_size(); ++i) {
    const proto::FrozenCopy& copy = run.frozen_copy(i);
    const bool shared = copy.has_bytes_per_parameter() && copy.bytes_per_parameter() <= 0;
    if (shared && (!run.has_adapters() || !copy.model().empty())) {
      complain.Presence("frozen_copy",
                        "a copy of 0 bytes is the frozen base beneath \"adapters\", and " +
                            std::string(run.has_adapters() ? "this one has a model of its own"
                                                           : "there are none"),
                        "bytes_per_parameter: 2, or another format's");
    }
  }
  const std::int64_t once =
      std::max<std::int64_t>(run.micro_batch(), 1) * std::max(run.layout().data(), 1);
  const bool in_backward = run.update_in_backward() || run.optimizer() == "lomo";
  if (in_backward && run.global_batch() > once) {
    complain.Value("global_batch",
                   "\"global_batch\" is " + std::to_string(run.global_batch()) +
                       ", and an update in the backward pass comes after each micro-batch",
                   std::to_string(once) + ", one micro-batch of each replica");
  }
  if (run.optimizer_place() == proto::ON_NVME && run.zero() != 3) {
    complain.Value("optimizer_place",
                   "states ON_NVME come with \"zero\" 3, and it is " + std::to_string(run.zero()),
                   "zero: 3, or ON_HOST");
  }
  if (run.has_zero_buffers() && run.zero() == 0) {
    complain.Presence("zero_buffers",
                      "\"zero_buffers\" are those of ZeRO 1 to 3, and \"zero\" is 0",
                      "zero: 1, 2 or 3, or none");
  }
}

void Check(const proto::Layout& layout, const Complaints& complain) {
  const int tensor = std::max(layout.tensor(), 1);
  if (layout.expert_tensor() > 1 && layout.expert_tensor() != tensor) {
    complain.Value("expert_tensor", Is("expert_tensor", layout.expert_tensor()),
                   tensor == 1 ? "1" : "1 or " + std::to_string(tensor));
  }
}

}  // namespace

void CheckMessage(const google::protobuf::Message& message, const Written& written,
                  const std::string& path, ProblemList& problems) {
  const Complaints complain(written, path, problems);
  CheckIf<proto::Site>(message, complain, Check);
  CheckLifeMessage(message, complain);
  CheckIf<proto::Fabric>(message, complain, Check);
  CheckIf<proto::Clos>(message, complain, Check);
  CheckIf<proto::Torus>(message, complain, Check);
  CheckIf<proto::HyperX>(message, complain, Check);
  CheckIf<proto::Dragonfly>(message, complain, Check);
  CheckIf<proto::Jellyfish>(message, complain, Check);
  CheckIf<proto::SlimFly>(message, complain, Check);
  CheckIf<proto::LinkBandwidth>(message, complain, Check);
  CheckIf<proto::MatrixRate>(message, complain, Check);
  CheckIf<proto::Accelerator>(message, complain, Check);
  CheckIf<proto::AcceleratorFacts>(message, complain, Check);
  CheckIf<proto::Memory>(message, complain, Check);
  CheckIf<proto::Power>(message, complain, Check);
  CheckIf<proto::ServerNetwork>(message, complain, Check);
  CheckIf<proto::Mesh>(message, complain, Check);
  CheckIf<proto::SwitchChips>(message, complain, Check);
  CheckIf<proto::Model>(message, complain, Check);
  CheckIf<proto::Stack>(message, complain, Check);
  CheckIf<proto::Mixture>(message, complain, Check);
  CheckIf<proto::ExpertLoad>(message, complain, Check);
  CheckIf<proto::Layout>(message, complain, Check);
  CheckIf<proto::Adapters>(message, complain, Check);
  CheckIf<proto::Pretraining>(message, complain, CheckTuning);
}

}  // namespace gridlock
