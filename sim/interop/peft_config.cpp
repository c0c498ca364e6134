#include "sim/interop/peft_config.h"

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/base/numbers.h"
#include "sim/interop/json_text.h"
#include "sim/schema/rules.h"
#include "workloads/adapters.h"

namespace gridlock {

namespace {

// "model.layers.0.self_attn.q_proj" as "q_proj".
std::string LastPart(const std::string& name) {
  const std::size_t dot = name.rfind('.');
  return dot == std::string::npos ? name : name.substr(dot + 1);
}

int RankOf(const std::string& file, const JsonValue& config, ProblemList& problems) {
  constexpr int kMost = 65536;
  const JsonValue* const rank = config.Find("r");
  if (rank == nullptr) {
    problems.Add({file, 0, 0}, "", Refusal("\"r\" is missing", "the rank of the adapters"));
    return 1;
  }
  const std::string& text = rank->text;
  const std::int64_t number = ParseWhole(text).value_or(0);
  if (rank->kind != JsonValue::Kind::kNumber || number < 1 || number > kMost) {
    problems.Add(rank->where, "",
                 Refusal("\"r\" is " + (text.empty() ? "no number" : text),
                         fmt::format("a whole number from 1 to {}", kMost)));
    return 1;
  }
  return static_cast<int>(number);
}

// "  dropout: 0.05\n", or nothing where there is none.
std::string DropoutOf(const JsonValue& config, ProblemList& problems) {
  const JsonValue* const dropout = config.Find("lora_dropout");
  if (dropout == nullptr || dropout->kind == JsonValue::Kind::kNull) {
    return "";
  }
  const std::string& text = dropout->text;
  const double share = ParseNumber(text).value_or(-1);
  if (dropout->kind != JsonValue::Kind::kNumber || share < 0 || share > 0.99) {
    problems.Add(dropout->where, "",
                 Refusal("\"lora_dropout\" is " + (text.empty() ? "no number" : text),
                         "a number from 0 to 0.99"));
    return "";
  }
  return share > 0 ? fmt::format("  dropout: {}\n", share) : "";
}

void AddTarget(const JsonValue& module, PeftAdapters& made, std::vector<std::string>& names,
               ProblemList& problems) {
  const std::string name = LastPart(module.text);
  if (module.kind == JsonValue::Kind::kText && AdapterTargetByName(name) != 0) {
    names.push_back(Quoted(name));
    return;
  }
  if (name == "lm_head" || name == "embed_tokens" || name == "gate" || name == "router") {
    made.notes.push_back("not simulated: an adapter beside " + name);
    return;
  }
  const std::vector<std::string> known = AdapterTargetNames();
  problems.Add(module.where, "",
               Refusal("there is no target of adapters " + Quoted(name), OneOf(known),
                       NearestName(name, known)));
}

}  // namespace

PeftAdapters ReadPeftConfig(const std::string& file, std::string_view text, ProblemList& problems) {
  const std::size_t before = problems.size();
  const JsonValue config = ReadJson(file, text, problems);
  PeftAdapters made;
  if (problems.size() != before) {
    return made;
  }
  if (config.kind != JsonValue::Kind::kObject) {
    problems.Add(config.where, "",
                 Refusal("this is no object", "{ \"peft_type\": \"LORA\", ... }"));
    return made;
  }
  const JsonValue* const type = config.Find("peft_type");
  if (type != nullptr && type->text != "LORA") {
    problems.Add(
        type->where, "",
        Refusal("adapters of the type " + Quoted(type->text) + " are not simulated", "\"LORA\""));
    return made;
  }
  made.text = fmt::format("adapters {{\n  rank: {}\n", RankOf(file, config, problems));
  std::vector<std::string> names;
  const JsonValue* const targets = config.Find("target_modules");
  if (targets != nullptr && targets->kind == JsonValue::Kind::kList) {
    for (const JsonValue& module : targets->items) {
      AddTarget(module, made, names, problems);
    }
  } else if (targets != nullptr && targets->kind == JsonValue::Kind::kText) {
    AddTarget(*targets, made, names, problems);
  }
  if (!names.empty()) {
    made.text += fmt::format("  target: [{}]\n", fmt::join(names, ", "));
  }
  made.text += DropoutOf(config, problems) + "}\n";
  for (const char* field : {"use_dora", "modules_to_save", "layers_to_transform", "rank_pattern"}) {
    const JsonValue* const value = config.Find(field);
    const bool none = value == nullptr || value->kind == JsonValue::Kind::kNull ||
                      value->text == "false" ||
                      (value->kind >= JsonValue::Kind::kList && value->items.empty());
    if (!none) {
      made.notes.push_back(fmt::format("not simulated: {}", field));
    }
  }
  return made;
}

}  // namespace gridlock
