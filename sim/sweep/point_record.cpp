#include "sim/sweep/point_record.h"

#include <cmath>
#include <limits>
#include <stdexcept>

#include <nlohmann/json.hpp>

namespace gridlock {
namespace {

using Json = nlohmann::ordered_json;

Json JsonOf(const OutputValue& value, bool is_text) {
  if (is_text) {
    return value.text;
  }
  return std::isfinite(value.number) ? Json(value.number) : Json(nullptr);
}

OutputValue ValueOf(const std::string& name, const std::string& label, const Json& json) {
  OutputValue value;
  value.name = name;
  value.label = label;
  if (json.is_string()) {
    value.text = json.get<std::string>();
  } else {
    value.number = json.is_null() ? std::numeric_limits<double>::quiet_NaN() : json.get<double>();
  }
  return value;
}

PointStatus StatusOf(const std::string& name) {
  for (std::size_t i = 0; i < kNames<PointStatus>.size(); ++i) {
    if (kNames<PointStatus>[i] == name) {
      return static_cast<PointStatus>(i);
    }
  }
  throw std::runtime_error("\"" + name + "\" is not a status");
}

}  // namespace

std::string LineOf(const PointRecord& record) {
  Json json;
  json["point"] = record.point;
  json["status"] = NameOf(record.status);
  json["at"] = Json::object();
  for (const auto& [axis, label] : record.at) {
    json["at"][axis] = label;
  }
  if (!record.scenario.empty()) {
    json["scenario"] = record.scenario;
  }
  json["set"] = record.set;
  if (!record.message.empty()) {
    json["message"] = record.message;
  }
  if (record.status == PointStatus::kDone) {
    json["fingerprint"] = record.fingerprint;
    Json& outputs = json["outputs"] = Json::object();
    for (const OutputValue& value : record.outputs) {
      const OutputColumn* const column = FindOutputColumn(value.name);
      const Json entry = JsonOf(value, column != nullptr && column->is_text);
      (value.label.empty() ? outputs[value.name] : outputs[value.name][value.label]) = entry;
    }
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

PointRecord RecordOf(std::string_view line) {
  try {
    const Json json = Json::parse(line);
    PointRecord record;
    record.point = json.at("point").get<std::int64_t>();
    record.status = StatusOf(json.at("status").get<std::string>());
    for (const auto& [axis, label] : json.at("at").items()) {
      record.at.emplace_back(axis, label.get<std::string>());
    }
    record.set = json.at("set").get<std::string>();
    record.scenario = json.value("scenario", "");
    record.message = json.value("message", "");
    record.fingerprint = json.value("fingerprint", "");
    const Json outputs = json.value("outputs", Json::object());
    for (const auto& [name, value] : outputs.items()) {
      if (!value.is_object()) {
        record.outputs.push_back(ValueOf(name, "", value));
        continue;
      }
      for (const auto& [label, element] : value.items()) {
        record.outputs.push_back(ValueOf(name, label, element));
      }
    }
    return record;
  } catch (const Json::exception&) {
    throw std::runtime_error("it is not the JSON of a point");
  }
}

}  // namespace gridlock
