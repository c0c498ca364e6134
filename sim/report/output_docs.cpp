#include "sim/report/output_docs.h"

#include <string>
#include <vector>

#include <fmt/format.h>

#include "sim/record/life_trace.h"
#include "sim/record/step_fields.h"
#include "sim/record/trace.h"
#include "sim/report/json.h"
#include "sim/report/life_figures.h"

namespace gridlock {
namespace {

const char* TypeName(ElementType type) {
  switch (type) {
    case ElementType::kFloat64:
      return "float64";
    case ElementType::kInt32:
      return "int32";
    case ElementType::kInt64:
      return "int64";
    case ElementType::kUint8:
      return "uint8";
    case ElementType::kUint64:
      return "uint64";
    case ElementType::kText:
      return "text";
  }
  return "";
}

/// "`text`", or "" for nothing.
std::string Code(const std::string& text) {
  return text.empty() ? "" : "`" + text + "`";
}

std::string MeaningOf(const TraceColumn& column) {
  std::string flags;
  for (std::size_t i = 0; i < column.flags.size(); ++i) {
    flags += fmt::format("{}{} {}", i == 0 ? "" : ", ", i, column.flags[i]);
  }
  return column.long_name + (flags.empty() ? "" : " (" + flags + ")");
}

void AddRows(std::string& out, const std::vector<Output>& outputs) {
  out += "\n| trace.h5 | dimensions | type | unit | summary.json | meaning |\n";
  out += "|---|---|---|---|---|---|\n";
  for (const auto& [column, json] : outputs) {
    const bool in_trace = !column.name.empty();
    out += fmt::format(
        "| {} | {} | {} | {} | {} | {} |\n", Code(column.name),
        !in_trace                   ? ""
        : column.dimensions.empty() ? "attribute of the file"
                                    : fmt::format("{}", fmt::join(column.dimensions, ", ")),
        in_trace ? TypeName(column.type) : "", column.units, Code(json), MeaningOf(column));
  }
}

/// Those of the trace, and those that only summary.json has.
std::vector<Output> AllLifeOutputs() {
  std::vector<Output> life = LifeOutputs();
  for (const std::vector<Output>& table :
       {OutputsOf<CampaignFigures>(), OutputsOf<Rates>(), OutputsOf<EnergyBalance>()}) {
    life.insert(life.end(), table.begin(), table.end());
  }
  return life;
}

void AddVariables(JsonWriter& json, const char* kind, const std::vector<Output>& outputs) {
  json.Key(kind);
  json.BeginArray();
  for (const auto& [column, place] : outputs) {
    json.BeginObject();
    json.Member("variable", column.name);
    json.Values("dimensions", column.dimensions);
    json.Member("type", TypeName(column.type));
    json.Member("unit", column.units);
    json.Values("flags", column.flags);
    json.Member("summary", place);
    json.Member("meaning", column.long_name);
    json.EndObject();
  }
  json.EndArray();
}

}  // namespace

std::string OutputsMarkdown() {
  std::string out =
      "# Outputs\n\n"
      "`gridlock run` writes two files into its folder: trace.h5 (netCDF-4; xarray opens it) and\n"
      "summary.json. This page lists what stands in both. It is made by `gridlock schema "
      "--outputs`;\n"
      "`gridlock schema --outputs --format json` says the same to programs.\n\n"
      "A time on the clock counts from the start of the simulation, and is missing (NaN, null)\n"
      "when it never came. In the column summary.json, `jobs[]` is a list, and `utilisation{}` an\n"
      "object with one member per name.\n\n"
      "## A training step\n\n"
      "Rows of one study stand along `cap`; `gridlock run` writes one row. `baseline` and "
      "`points[]`\n"
      "of a `gridlock cap` summary hold the same keys.\n";
  AddRows(out, StepOutputs());
  out +=
      "\n## A test of a collective\n\n"
      "Rows stand along `row`, one for each size and algorithm, in the order in which they ran.\n"
      "The use of links over time has the variables of a step (`link`, `link_capacity`, ...,\n"
      "`link_share`) without the dimension `cap`, and `sample_start`, the start of each interval\n"
      "since the test began, in the place of `time`. summary.json has them as `hottest_links[]` "
      "and\n"
      "`recorded_links[]`.\n";
  AddRows(out, OutputsOf<CollectiveResult>());
  out +=
      "\n## The life of a cluster\n\n"
      "A number of a job or a site in a trace is a name in summary.json; a series over `time` is "
      "there\n"
      "its mean over the horizon. summary.json lists the first 1,000 events, and counts all of "
      "them in\n"
      "`events_total` and `events_by_kind`; trace.h5 has every event.\n";
  AddRows(out, AllLifeOutputs());
  return out;
}

std::string OutputsJson() {
  JsonWriter json;
  json.BeginObject();
  AddVariables(json, "step", StepOutputs());
  AddVariables(json, "collective_test", OutputsOf<CollectiveResult>());
  AddVariables(json, "life", AllLifeOutputs());
  json.EndObject();
  return json.Finish();
}

}  // namespace gridlock
