#include "sim/record/collective_trace.h"

#include <cstdint>
#include <span>
#include <vector>

#include "sim/base/check.h"
#include "sim/record/columns.h"
#include "sim/record/fingerprint.h"
#include "sim/record/hdf5_file.h"
#include "sim/record/step_fields.h"
#include "sim/record/trace_attributes.h"

namespace gridlock {
namespace {

VariableSpec SpecOf(const TraceColumn& column, std::size_t rows) {
  VariableSpec spec;
  spec.name = column.name;
  spec.type = column.type;
  spec.dimensions = column.dimensions;
  spec.units = column.units;
  spec.long_name = column.long_name;
  spec.chunk = {rows};
  return spec;
}

void AddVariables(Hdf5File& file, std::size_t rows) {
  const char* const axis = kTable<CollectiveResult>.axis;
  file.Fix(axis, rows);
  file.AddVariable(SpecOf({axis, ElementType::kInt32, {axis}, "1", "number of the row", {}}, rows));
  ForEachField<CollectiveResult>([&](const auto& field) {
    const TraceColumn column = ColumnOf<CollectiveResult>(field);
    file.AddVariable(SpecOf(column, rows));
    if (!column.flags.empty()) {
      const std::uint8_t flags[] = {0, 1};
      file.SetAttribute(column.name, "flag_values", flags);
      file.SetAttribute(column.name, "flag_meanings", column.flags[0] + " " + column.flags[1]);
    }
  });
  file.Extend(axis, rows);
}

}  // namespace

void WriteCollectiveTrace(const std::string& path, const TraceHeader& header,
                          const StepRecord& record) {
  CHECK(!record.tested.empty());
  Hdf5File file(path);
  WriteHeaderAttributes(file, header, "collective_test");
  file.SetAttribute("", "fingerprint", FingerprintText(record.fingerprint));
  file.SetAttribute("", "fidelity", record.fidelity);
  AddVariables(file, record.tested.size());
  for (std::size_t i = 0; i < record.tested.size(); ++i) {
    const auto number = static_cast<std::int32_t>(i);
    file.Write(kTable<CollectiveResult>.axis, {i}, {1}, std::span(&number, 1));
    ForEachField<CollectiveResult>([&](const auto& field) {
      const auto value = ElementOf(field.Of(record.tested[i]), field.note);
      file.Write(ColumnOf<CollectiveResult>(field).name, {i}, {1}, std::span(&value, 1));
    });
  }
  file.Commit();
}

}  // namespace gridlock
