#include "sim/describe/schema_text.h"

#include <algorithm>

#include "sim/base/check.h"
#include "sim/base/names.h"
#include "sim/report/json.h"
#include "sim/schema/schema.h"

namespace gridlock {

namespace {

/// All types, or the one called `name`, in whichever case.
std::vector<SchemaType> TypesCalled(const std::string& name) {
  std::vector<SchemaType> types = ReadSchema();
  std::vector<std::string> names;
  for (const SchemaType& type : types) {
    names.push_back(type.name);
  }
  std::erase_if(types, [&](const SchemaType& type) {
    return !name.empty() && LowerCase(type.name) != LowerCase(name);
  });
  if (types.empty()) {
    const std::string nearest = NearestName(name, names);
    throw UserError("", "there is no message " + Quoted(name) + " in the schema; " +
                            (nearest.empty() ? "gridlock schema prints all of them"
                                             : "did you mean " + Quoted(nearest) + "?"));
  }
  return types;
}

void Describe(const SchemaType& type, std::string& text) {
  text += "## " + type.name + "\n\n";
  text += type.meaning.empty() ? "" : type.meaning + "\n\n";
  for (const SchemaField& field : type.fields) {
    text += "- `" + field.name + "`" + (field.type.empty() ? "" : " (" + field.type + ")") +
            (field.meaning.empty() ? "" : ": " + field.meaning) + "\n";
  }
}

}  // namespace

std::string SchemaText(const std::string& name) {
  std::string text;
  if (name.empty()) {
    text =
        "# The scenario schema\n\n"
        "A scenario is a text file in protobuf's text format; its root is `Scenario`. Quantities "
        "are\n"
        "texts with a unit: \"400 Gbps\", \"80 GB\", \"12 us\".\n";
  }
  for (const SchemaType& type : TypesCalled(name)) {
    text += text.empty() ? "" : "\n";
    Describe(type, text);
  }
  return text;
}

std::string SchemaJson(const std::string& name) {
  JsonWriter json;
  json.BeginArray();
  for (const SchemaType& type : TypesCalled(name)) {
    json.BeginObject();
    json.Member("name", type.name);
    json.Member("kind", type.is_choice ? "choice" : "message");
    json.Member("meaning", type.meaning);
    json.Key(type.is_choice ? "names" : "fields");
    json.BeginArray();
    for (const SchemaField& field : type.fields) {
      json.BeginObject();
      json.Member("name", field.name);
      if (!type.is_choice) {
        json.Member("type", field.type);
        json.Member("needed", field.needed);
        json.Member("expected", field.expected);
      }
      json.Member("meaning", field.meaning);
      json.EndObject();
    }
    json.EndArray();
    json.EndObject();
  }
  json.EndArray();
  return json.Finish();
}

}  // namespace gridlock
