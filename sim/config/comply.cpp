#include "sim/policy/comply.h"

#include "sim/base/check.h"
#include "sim/config/convert.h"

namespace gridlock {
namespace {

ExportRule RuleOf(proto::ExportRule rule) {
  switch (rule) {
    case proto::OCTOBER_2022:
      return ExportRule::kOctober2022;
    case proto::OCTOBER_2023:
      return ExportRule::kOctober2023;
    case proto::DECEMBER_2024:
      return ExportRule::kDecember2024;
    case proto::JANUARY_2025:
      return ExportRule::kJanuary2025;
    case proto::JANUARY_2026:
      return ExportRule::kJanuary2026;
    default:
      break;
  }
  CHECK(!"a rule that the schema let through");
  return ExportRule::kOctober2022;
}

Knob KnobOf(proto::Knob knob) {
  switch (knob) {
    case proto::LINKS:
      return Knob::kLinks;
    case proto::COMPUTE:
      return Knob::kCompute;
    case proto::MEMORY_BANDWIDTH:
      return Knob::kMemoryBandwidth;
    default:
      return Knob::kFitting;
  }
}

MemoryKind KindOf(proto::MemoryKind kind) {
  switch (kind) {
    case proto::HBM:
      return MemoryKind::kHbm;
    case proto::GDDR:
      return MemoryKind::kGddr;
    case proto::LPDDR:
      return MemoryKind::kLpddr;
    case proto::SRAM:
      return MemoryKind::kSram;
    default:
      return MemoryKind::kUnknown;
  }
}

/// Bit length of the inputs to the multiplication. TF32 has 19 bits: sign, 8 of exponent, 10 of
/// mantissa; that its numbers lie in 32 bits of memory does not count.
int BitsOf(Precision precision) {
  switch (precision) {
    case Precision::kFp32:
      return 32;
    case Precision::kTf32:
      return 19;
    case Precision::kBf16:
      return 16;
    case Precision::kFp8:
    case Precision::kInt8:
      return 8;
    case Precision::kFp4:
      return 4;
  }
  CHECK(!"all precisions are listed");
  return 0;
}

BytesPerSecond Bidirectional(const proto::LinkBandwidth& link) {
  if (!link.bidirectional().empty()) {
    return BytesPerSecond(SiOf(link.bidirectional(), Dimension::kBandwidth));
  }
  return link.per_direction().empty()
             ? BytesPerSecond(0.0)
             : BytesPerSecond(SiOf(link.per_direction(), Dimension::kBandwidth)) * 2.0;
}

/// Square metres to the unit of the rules.
double Mm2(const std::string& text) {
  return SiOf(text, Dimension::kArea) * 1e6;
}

void AddMemory(const proto::Memory& memory, AcceleratorFacts& facts) {
  facts.memory = KindOf(memory.kind());
  if (!memory.stack_bandwidth().empty()) {
    facts.stack_bandwidth = BytesPerSecond(SiOf(memory.stack_bandwidth(), Dimension::kBandwidth));
  }
  if (!memory.stack_area().empty()) {
    facts.stack_area_mm2 = Mm2(memory.stack_area());
  }
}

/// The factor that an override has put on the rates; 1 without one.
double FlopsFactor(const proto::Accelerator& entry, const AcceleratorSpec& spec) {
  const double peak = SiOf(entry.rate(0).peak(), Dimension::kCompute);
  // Precisions are numbered from 1 in the schema and from 0 in the struct.
  return spec.rates[static_cast<int>(entry.rate(0).precision()) - 1].peak.si() / peak;
}

}  // namespace

AcceleratorFacts MakeFacts(const proto::Accelerator& entry, const AcceleratorSpec& spec,
                           const Catalogue& catalogue) {
  const proto::AcceleratorFacts& given = entry.facts();
  AcceleratorFacts facts;
  facts.name = entry.name();
  for (int i = 0; i < kPrecisions; ++i) {
    if (spec.rates[i].peak > FlopPerSecond(0.0)) {
      facts.rates.push_back({BitsOf(static_cast<Precision>(i)), spec.rates[i].peak});
    }
  }
  const double factor = FlopsFactor(entry, spec);
  for (const proto::OtherRate& rate : given.other_rate()) {
    facts.rates.push_back(
        {rate.bits(), FlopPerSecond(SiOf(rate.peak(), Dimension::kCompute)) * factor});
  }
  facts.host = Bidirectional(given.host());
  if (given.scale_up_kind() != proto::HOST_LINK) {
    facts.links = spec.scale_up_bandwidth * 2.0;
  }
  if (!given.logic_die_area().empty()) {
    facts.logic_area_mm2 = Mm2(given.logic_die_area());
  }
  facts.planar = given.planar();
  facts.consumer = given.consumer();
  facts.memory_bandwidth = spec.hbm_bandwidth;
  if (!given.memory().empty()) {
    AddMemory(*catalogue.memories.at(given.memory()).message, facts);
  }
  return facts;
}

void CheckCompliance(const proto::Site& site, const Written& written, const Catalogue& catalogue,
                     ProblemList& problems) {
  const proto::Override& change = site.override();
  if (!change.has_comply_with()) {
    return;
  }
  const Written& place = written.At("override").At("comply_with");
  const std::string path = "override.comply_with";
  const Entry<proto::Accelerator>& entry =
      catalogue.accelerators.at(catalogue.servers.at(site.server()).message->accelerator());
  const std::string& name = entry.message->name();
  if (!entry.message->has_facts()) {
    problems.Add(place.name, path,
                 Refusal(name + " has no \"facts\", which export rules ask about",
                         "facts { ... } in its catalogue entry, or another server"));
    return;
  }
  if (IsMetByQuota(site)) {
    return;
  }
  std::vector<std::string> notes;
  AcceleratorSpec spec = MakeAccelerator(entry, path, notes);
  ApplyNumbers(change, path, spec, notes);
  const AcceleratorFacts facts = MakeFacts(*entry.message, spec, catalogue);
  const proto::Compliance& compliance = change.comply_with();
  const ExportRule rule = RuleOf(compliance.rule());
  if (!CutUntilPasses(facts, rule, KnobOf(compliance.knob())).has_value()) {
    const bool is_given = compliance.knob() != proto::KNOB_UNSPECIFIED;
    const std::string knob =
        is_given ? proto::Knob_Name(compliance.knob()) : "what the rule is about";
    problems.Add(place.At("knob").value, path,
                 Refusal("cutting " + knob + " of " + name + " does not meet the rule of " +
                             ExportRuleName(rule),
                         is_given ? "another knob, or none for whatever the rule is about"
                                  : "knob: COMPUTE"));
  }
}

void ApplyCompliance(const proto::Compliance& compliance, const proto::Accelerator& entry,
                     const Catalogue& catalogue, AcceleratorSpec& spec,
                     std::vector<std::string>& notes) {
  const ExportRule rule = RuleOf(compliance.rule());
  const std::optional<CutPart> cut =
      CutUntilPasses(MakeFacts(entry, spec, catalogue), rule, KnobOf(compliance.knob()));
  CHECK(cut.has_value());  // CheckCompliance has seen to it
  spec.scale_up_bandwidth = spec.scale_up_bandwidth * cut->links_factor;
  spec.hbm_bandwidth = spec.hbm_bandwidth * cut->memory_factor;
  for (MatrixRate& rate : spec.rates) {
    rate.peak = rate.peak * cut->compute_factor;
  }
  const std::string what = spec.name + ": ";
  if (cut->changes.empty()) {
    notes.push_back(what + "nothing is cut, the rule of " + ExportRuleName(rule) +
                    " lets it through");
  }
  for (const std::string& change : cut->changes) {
    notes.push_back(what + change);
  }
}

}  // namespace gridlock
