#include "sim/pages/compare.h"

#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/pages/explain.h"
#include "sim/pages/scenario_fields.h"
#include "sim/report/layout.h"

namespace gridlock {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

/// Fields of the scenario, of a row with its overrides in place.
Fields InputsOf(const Dataset& dataset) {
  Fields fields = FieldsOfText(dataset.Attribute("scenario"));
  const std::string overrides = dataset.TextAt("overrides", 0);
  for (std::size_t from = 0; from < overrides.size();) {
    const std::size_t end = std::min(overrides.find('\n', from), overrides.size());
    const std::string line = overrides.substr(from, end - from);
    const std::size_t equals = line.find('=');
    if (equals != std::string::npos) {
      fields.emplace_back("override " + line.substr(0, equals), line.substr(equals + 1));
    }
    from = end + 1;
  }
  return fields;
}

std::vector<InputDifference> Inputs(const Dataset& a, const Dataset& b) {
  std::vector<InputDifference> differences;
  const Fields of_a = InputsOf(a), of_b = InputsOf(b);
  const std::map<std::string, std::string> in_a(of_a.begin(), of_a.end());
  const std::map<std::string, std::string> in_b(of_b.begin(), of_b.end());
  for (const auto& [path, value] : of_a) {
    const auto other = in_b.find(path);
    if (other == in_b.end() || other->second != value) {
      differences.push_back({path, value, other == in_b.end() ? "" : other->second});
    }
  }
  for (const auto& [path, value] : of_b) {
    if (in_a.count(path) == 0) {
      differences.push_back({path, "", value});
    }
  }
  if (a.Attribute("catalogue_fingerprint") != b.Attribute("catalogue_fingerprint")) {
    differences.push_back({"catalogue_fingerprint (entries that the scenario uses)",
                           a.Attribute("catalogue_fingerprint"),
                           b.Attribute("catalogue_fingerprint")});
  }
  return differences;
}

void Add(std::vector<OutputDifference>& outputs, OutputDifference difference) {
  const bool both_nothing = std::isnan(difference.a) && std::isnan(difference.b);
  if (!both_nothing && difference.a != difference.b) {
    outputs.push_back(std::move(difference));
  }
}

/// What of `variable` stands at a name along an axis in the first row; 0 where it is not there.
double Named(const Dataset& dataset, const std::string& variable, const std::string& axis,
             const std::string& name) {
  for (std::size_t i = 0; i < dataset.Length(axis); ++i) {
    if (dataset.TextAt(axis, i) == name) {
      const double value = dataset.At(variable, i);
      return std::isnan(value) ? 0 : value;
    }
  }
  return 0;
}

/// One table of both, name by name, the largest difference first.
void AddNamed(const Dataset& a, const Dataset& b, const std::string& variable,
              const std::string& axis, const std::string& group, const std::string& units,
              std::vector<OutputDifference>& outputs) {
  std::vector<std::string> names;
  for (const Dataset* dataset : {&a, &b}) {
    for (std::size_t i = 0; i < dataset->Length(axis); ++i) {
      const std::string name = dataset->TextAt(axis, i);
      if (std::find(names.begin(), names.end(), name) == names.end()) {
        names.push_back(name);
      }
    }
  }
  std::vector<OutputDifference> found;
  for (const std::string& name : names) {
    Add(found,
        {name, units, Named(a, variable, axis, name), Named(b, variable, axis, name), group});
  }
  std::stable_sort(found.begin(), found.end(), [](const auto& x, const auto& y) {
    return std::abs(x.b - x.a) > std::abs(y.b - y.a);
  });
  outputs.insert(outputs.end(), found.begin(), found.end());
}

std::vector<OutputDifference> OutputsOfSteps(const Dataset& a, const Dataset& b) {
  std::vector<OutputDifference> outputs;
  for (const char* name :
       {"step_time", "tokens_per_second", "tokens_per_second_per_accelerator", "mfu", "hfu",
        "accelerators", "tokens", "mean_power_per_accelerator", "energy"}) {
    const DatasetVariable* const variable = a.Find(name);
    Add(outputs,
        {name, variable == nullptr ? "" : variable->units, a.At(name), b.At(name), "figures"});
  }
  AddNamed(a, b, "attribution", "attribution_resource", "critical path", "s", outputs);
  AddNamed(a, b, "breakdown", "activity", "time of an accelerator", "s", outputs);
  AddNamed(a, b, "utilisation_mean", "resource", "share in use", "1", outputs);
  double most_a = 0, most_b = 0;
  for (const auto& [dataset, most] : {std::pair{&a, &most_a}, std::pair{&b, &most_b}}) {
    for (std::size_t stage = 0; stage < dataset->Length("stage"); ++stage) {
      *most = std::max(*most, dataset->At("memory_total", stage));
    }
  }
  Add(outputs, {"memory_total of the fullest stage", "byte", most_a, most_b, "HBM"});
  return outputs;
}

/// Any other kind: every variable of numbers that both have in one shape, where it differs most.
std::vector<OutputDifference> OutputsOfOthers(const Dataset& a, const Dataset& b) {
  std::vector<OutputDifference> outputs;
  for (const DatasetVariable& variable : a.variables) {
    const DatasetVariable* const other = b.Find(variable.name);
    const bool scale = variable.dimensions.size() == 1 && variable.dimensions[0] == variable.name;
    if (other == nullptr || other->shape != variable.shape || variable.is_text || scale ||
        !variable.flags.empty()) {
      continue;
    }
    std::size_t most = 0;
    const auto change = [&](std::size_t i) {
      const double x = variable.numbers[i], y = other->numbers[i];
      const double size = std::max(std::abs(x), std::abs(y));
      return std::isfinite(x) && std::isfinite(y) && size > 0 ? std::abs(y - x) / size : 0;
    };
    for (std::size_t i = 0; i < variable.numbers.size(); ++i) {
      most = change(i) > change(most) ? i : most;
    }
    if (!variable.numbers.empty() && change(most) > 0) {
      const std::string& axis = variable.dimensions.empty() ? "" : variable.dimensions.back();
      const std::size_t length = variable.shape.empty() ? 1 : variable.shape.back();
      const std::string at = a.TextAt(axis, most % length);
      outputs.push_back({variable.name + (at.empty() ? "" : " of " + at), variable.units,
                         variable.numbers[most], other->numbers[most], "where it differs most"});
    }
  }
  return outputs;
}

std::string VerdictOfSteps(const Comparison& comparison, const Dataset& a, const Dataset& b) {
  const double before = a.At("step_time"), after = b.At("step_time");
  std::string text = before == after
                         ? fmt::format("Both steps take {}", InSeconds(before))
                         : fmt::format("The step of B takes {:.3f} times that of A ({} against {})",
                                       after / before, InSeconds(after), InSeconds(before));
  const auto largest = std::find_if(comparison.outputs.begin(), comparison.outputs.end(),
                                    [](const OutputDifference& each) {
                                      return each.group == "critical path";
                                    });
  if (before != after && largest != comparison.outputs.end()) {
    const double change = largest->b - largest->a;
    text += fmt::format("; most of the difference is paced by {}: {} {}",
                        ResourceInWords(largest->name), InSeconds(std::abs(change)),
                        change > 0 ? "more" : "less");
  }
  return text + ".";
}

}  // namespace

Comparison Compare(const Dataset& a, const Dataset& b) {
  if (a.kind != b.kind) {
    throw UserError("", fmt::format("{} is a {} and {} a {}; expected two of one kind", a.file,
                                    a.kind, b.file, b.kind));
  }
  Comparison comparison;
  comparison.a = a.file;
  comparison.b = b.file;
  comparison.kind = a.kind;
  comparison.inputs = Inputs(a, b);
  const bool steps = a.kind == "step";
  comparison.outputs = steps ? OutputsOfSteps(a, b) : OutputsOfOthers(a, b);
  comparison.verdict = steps ? VerdictOfSteps(comparison, a, b)
                             : fmt::format("A: {} B: {}", VerdictOf(a), VerdictOf(b));
  return comparison;
}

}  // namespace gridlock
