#include "sim/catalogue/view.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <google/protobuf/text_format.h>

#include "sim/base/check.h"
#include "sim/catalogue/catalogue.h"
#include "sim/catalogue/estimates.h"
#include "sim/catalogue/parts.h"

namespace gridlock {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

/// The text of a single value, without the quotes of texts.
std::string ValueText(const Message& message, const FieldDescriptor& field, int index) {
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
    const google::protobuf::Reflection& reflection = *message.GetReflection();
    return field.is_repeated() ? reflection.GetRepeatedString(message, &field, index)
                               : reflection.GetString(message, &field);
  }
  std::string text;
  google::protobuf::TextFormat::PrintFieldValueToString(message, &field,
                                                        field.is_repeated() ? index : -1, &text);
  return text;
}

std::vector<CatalogueField> FieldsOf(const Message& entry, const Written& written) {
  std::vector<CatalogueField> fields;
  ForEachValue(entry, written, [&](const WrittenValue& value) {
    CatalogueField row;
    row.path = value.path;
    row.value = ValueText(*value.message, *value.field, value.index);
    if (const proto::Source* source = SourceOf(entry, value.path); source != nullptr) {
      row.source = source->text();
      row.estimate = source->estimate();
    }
    fields.push_back(row);
  });
  return fields;
}

template <typename T>
void AddEntries(const Entries<T>& entries, const std::string& kind, CatalogueView& view) {
  for (const auto& [name, entry] : entries) {
    view.entries.push_back(
        {kind, name, entry.message->title(), FieldsOf(*entry.message, *entry.written)});
  }
}

}  // namespace

CatalogueView ReadCatalogue() {
  ProblemList problems;
  const proto::Scenario scenario;
  const Written written;
  const Catalogue catalogue(scenario, written, CatalogueExtent::kWhole, problems);
  problems.ThrowIfAny();
  CatalogueView view;
  AddEntries(catalogue.accelerators, "accelerator", view);
  AddEntries(catalogue.servers, "server", view);
  AddEntries(catalogue.switches, "switch", view);
  AddEntries(catalogue.optics, "optics", view);
  AddEntries(catalogue.models, "model", view);
  AddEntries(catalogue.stacks, "stack", view);
  AddEntries(catalogue.memories, "memory", view);
  AddEntries(catalogue.buildings, "building", view);
  AddEntries(catalogue.wan_optics, "wan_optics", view);
  AddEntries(catalogue.failure_rates, "failure_rate", view);
  AddEntries(catalogue.clusters, "cluster", view);
  for (const auto& [name, entry] : catalogue.accelerators) {
    std::vector<std::string> notes;
    const AcceleratorSpec spec = MakeAccelerator(entry, "", notes);
    view.accelerators.push_back(MakeFacts(*entry.message, spec, catalogue));
  }
  return view;
}

}  // namespace gridlock
