#include "sim/pages/compare.h"

#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/pages/explain.h"
#include "sim/pages/scenario_fields.h"
#include "sim/report/collective_table.h"
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

/// Axes over which a number is told by its mean.
bool IsSeries(const std::string& dimension) {
  return dimension == "time" || dimension == "sample";
}

/// What stands at a place of an axis: "train", "1 GiB by tree", "50 Gbps"; its number where it has
/// no name.
std::string PlaceOn(const Dataset& dataset, const std::string& axis, std::size_t i) {
  if (axis == "row" && dataset.Find("size") != nullptr) {
    return FormatBuffer(Bytes(dataset.At("size", i))) + " by " + dataset.TextAt("algorithm", i);
  }
  const std::string label = dataset.TextAt(axis + "_label", i);
  const std::string name = label.empty() ? dataset.TextAt(axis, i) : label;
  return name.empty() ? fmt::format("{}", i) : name;
}

struct Mean {
  double sum = 0;
  std::size_t count = 0;
};

/// A variable by the names of its places, "" where it has but one: means over time.
std::vector<std::pair<std::string, double>> Places(const Dataset& dataset,
                                                   const DatasetVariable& variable) {
  std::map<std::string, Mean> means;
  std::vector<std::string> order;
  for (std::size_t cell = 0; cell < variable.numbers.size(); ++cell) {
    std::string name;
    std::size_t rest = cell;
    for (std::size_t d = variable.shape.size(); d-- > 0;) {
      const std::size_t i = rest % variable.shape[d];
      rest /= variable.shape[d];
      if (!IsSeries(variable.dimensions[d])) {
        name = PlaceOn(dataset, variable.dimensions[d], i) + (name.empty() ? "" : ", ") + name;
      }
    }
    if (means.try_emplace(name).second) {
      order.push_back(name);
    }
    if (std::isfinite(variable.numbers[cell])) {
      means[name].sum += variable.numbers[cell];
      ++means[name].count;
    }
  }
  std::vector<std::pair<std::string, double>> places;
  for (const std::string& name : order) {
    places.emplace_back(name, means[name].sum / static_cast<double>(means[name].count));
  }
  return places;
}

/// Whether a variable is a figure, and not a scale, a kind or a list of what happened.
bool IsFigure(const DatasetVariable& variable) {
  const auto& axes = variable.dimensions;
  const bool scale = axes.size() == 1 && (axes[0] == variable.name || variable.name == "size" ||
                                          variable.name.ends_with("_start"));
  const bool events = !axes.empty() && axes[0] == "event";
  return !variable.is_text && variable.flags.empty() && !scale && !events;
}

double ShareOfChange(double a, double b) {
  const double size = std::max(std::abs(a), std::abs(b));
  return std::isfinite(a) && std::isfinite(b) && size > 0 ? std::abs(b - a) / size : 0;
}

/// Any other kind: every variable of numbers that both have, at the place of one name in both where
/// it differs most.
std::vector<OutputDifference> OutputsOfOthers(const Dataset& a, const Dataset& b) {
  std::vector<OutputDifference> outputs;
  for (const DatasetVariable& variable : a.variables) {
    const DatasetVariable* const other = b.Find(variable.name);
    if (other == nullptr || other->dimensions != variable.dimensions || !IsFigure(variable)) {
      continue;
    }
    const bool series =
        std::any_of(variable.dimensions.begin(), variable.dimensions.end(), IsSeries);
    const auto of_b = Places(b, *other);
    const std::map<std::string, double> in_b(of_b.begin(), of_b.end());
    OutputDifference most{"", variable.units, 0, 0, "where it differs most"};
    for (const auto& [place, value] : Places(a, variable)) {
      const auto found = in_b.find(place);
      if (found != in_b.end() &&
          ShareOfChange(value, found->second) > ShareOfChange(most.a, most.b)) {
        most.name =
            variable.name + (series ? ", mean" : "") + (place.empty() ? "" : " of " + place);
        most.a = value;
        most.b = found->second;
      }
    }
    if (!most.name.empty()) {
      outputs.push_back(most);
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
