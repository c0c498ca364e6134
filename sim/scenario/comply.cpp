#include "sim/policy/comply.h"

#include "sim/base/check.h"
#include "sim/scenario/convert.h"

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

}  // namespace

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
