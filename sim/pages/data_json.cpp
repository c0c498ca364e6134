#include "sim/pages/data_json.h"

#include <cmath>
#include <iterator>

#include <fmt/format.h>

#include "sim/report/json.h"

namespace gridlock {
namespace {

void AddNumber(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  fmt::format_to(std::back_inserter(out), "{:.9g}", value);
}

void AddTexts(std::string& out, const std::vector<std::string>& texts) {
  out += '[';
  for (std::size_t i = 0; i < texts.size(); ++i) {
    out += (i == 0 ? "" : ",") + QuotedForPage(texts[i]);
  }
  out += ']';
}

void AddVariable(std::string& out, const DatasetVariable& variable) {
  out += QuotedForPage(variable.name) + ":{\"dims\":";
  AddTexts(out, variable.dimensions);
  out += fmt::format(",\"shape\":[{}]", fmt::join(variable.shape, ","));
  out += ",\"units\":" + QuotedForPage(variable.units);
  out += ",\"long_name\":" + QuotedForPage(variable.long_name);
  if (!variable.flags.empty()) {
    out += ",\"flags\":";
    AddTexts(out, variable.flags);
  }
  out += ",\"data\":";
  if (variable.is_text) {
    AddTexts(out, variable.texts);
  } else {
    out += '[';
    for (std::size_t i = 0; i < variable.numbers.size(); ++i) {
      out += i == 0 ? "" : ",";
      AddNumber(out, variable.numbers[i]);
    }
    out += ']';
  }
  out += '}';
}

}  // namespace

std::string QuotedForPage(const std::string& text) {
  JsonWriter json;
  json.Value(text);
  std::string quoted = json.Finish();
  quoted.pop_back();  // the newline
  std::string out;
  for (const char c : quoted) {
    out += c == '<' ? std::string("\\u003c") : std::string(1, c);
  }
  return out;
}

std::string DataJson(const Dataset& dataset) {
  std::string out = "{\"file\":" + QuotedForPage(dataset.file);
  out += ",\"kind\":" + QuotedForPage(dataset.kind) + ",\"attributes\":{";
  bool first = true;
  for (const auto& [name, value] : dataset.attributes) {
    out += (first ? "" : ",") + QuotedForPage(name) + ":" + QuotedForPage(value);
    first = false;
  }
  out += "},\"variables\":{";
  first = true;
  std::vector<std::string> left_out;
  for (const DatasetVariable& variable : dataset.variables) {
    if (variable.size() > kMostElements) {
      left_out.push_back(variable.name);
      continue;
    }
    out += first ? "" : ",\n";
    AddVariable(out, variable);
    first = false;
  }
  out += "},\"left_out\":";
  AddTexts(out, left_out);
  return out + "}";
}

}  // namespace gridlock
