#include "sim/layouts/asked_text.h"

#include <algorithm>
#include <cctype>
#include <cmath>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/base/names.h"
#include "sim/base/numbers.h"
#include "sim/catalogue/assumed_fabric.h"
#include "sim/layouts/space.h"

namespace gridlock {

namespace {

// "16" is { rank: 16 }. What a block says is checked with the scenario.
std::string AdaptersText(const std::string& asked) {
  if (asked.empty()) {
    return "";
  }
  if (asked.front() == '{') {
    return "    adapters " + asked + "\n";
  }
  const double rank = ParseCount(asked, "--adapters");
  if (rank != std::floor(rank) || rank > 65536) {
    throw UserError("", fmt::format("--adapters is {}; expected a rank such as 16, or a block such "
                                    "as '{{ rank: 16 base: \"nf4\" }}'",
                                    Quoted(asked)));
  }
  return fmt::format("    adapters {{ rank: {:.0f} }}\n", rank);
}

std::string JobText(const ModelAsked& asked) {
  return fmt::format(
      R"(job {{
  name: "pretraining"
  pretraining {{
    model: "{}"
    stack: "{}"
    layout {{ tensor: 1 pipeline: 1 data: 1 }}
    global_batch: {}
    sequence_length: {}
    precision: {}
    zero: 1
{}  }}
}}
)",
      asked.model, asked.stack, ParseBatch(asked.global_batch, asked.sequence_length),
      asked.sequence_length, UpperCase(asked.precision), AdaptersText(asked.adapters));
}

}  // namespace

double ParseCount(const std::string& text, const std::string& option) {
  std::string_view suffix = text;
  const std::optional<double> value = TakeNumber(suffix);
  constexpr std::pair<const char*, double> kSuffixes[] = {
      {"", 1}, {"K", 1e3}, {"k", 1e3}, {"M", 1e6}, {"G", 1e9}, {"B", 1e9}, {"T", 1e12}};
  const auto* const found =
      std::find_if(std::begin(kSuffixes), std::end(kSuffixes), [&](const auto& each) {
        return suffix == each.first;
      });
  if (!value || *value <= 0 || found == std::end(kSuffixes)) {
    throw UserError("", fmt::format("{} is {}; expected a number above 0 such as 2048, 16.8M or "
                                    "15.6T",
                                    option, Quoted(text)));
  }
  return *value * found->second;
}

std::int64_t ParseBatch(const std::string& text, std::int64_t sequence_length) {
  constexpr double kMost = 1e12;
  const auto refuse_unless = [&text](bool holds) {
    if (!holds) {
      throw UserError("", fmt::format("--global-batch is {}; expected a whole number of sequences, "
                                      "or tokens such as \"16.8M tokens\"",
                                      Quoted(text)));
    }
  };
  const std::size_t tokens = text.find("tokens");
  if (tokens == std::string::npos) {
    const double sequences = ParseCount(text, "--global-batch");
    refuse_unless(sequences == std::floor(sequences) && sequences <= kMost);
    // No step ever read as much: "63M" is of tokens.
    constexpr double kTokensMost = 1e10;
    const double read = sequences * static_cast<double>(sequence_length);
    if (read > kTokensMost && std::isalpha(static_cast<unsigned char>(text.back())) != 0) {
      throw UserError("", fmt::format("--global-batch is {}, {:.0f} G tokens a step; expected "
                                      "sequences, or \"{} tokens\"",
                                      Quoted(text), read / 1e9, text));
    }
    return static_cast<std::int64_t>(sequences);
  }
  refuse_unless(text.substr(tokens) == "tokens");
  std::string number = text.substr(0, tokens);
  number.erase(number.find_last_not_of(' ') + 1);
  constexpr double kRound = 64;  // many layouts divide it; fewer are taken as they are
  const double sequences =
      ParseCount(number, "--global-batch") / static_cast<double>(sequence_length);
  refuse_unless(sequences <= kMost);
  const double unit = sequences < kRound ? 1 : kRound;
  return static_cast<std::int64_t>(std::max(1.0, std::round(sequences / unit)) * unit);
}

std::string ScenarioTextOf(const ModelAsked& asked, const CatalogueList& catalogue,
                           std::vector<std::string>& notes) {
  if (asked.cluster.empty() == asked.accelerator.empty()) {
    throw UserError("", "--model needs a machine; expected --cluster NAME, or --accelerator NAME");
  }
  if (asked.global_batch.empty()) {
    throw UserError("",
                    "--model needs a batch; expected --global-batch, e.g. 2048 (sequences) or "
                    "\"16.8M tokens\"");
  }
  // Without the organisation that Hugging Face puts in front, which files cannot have in their
  // names.
  const std::string name = asked.model.substr(asked.model.rfind('/') + 1);
  std::string text = "schema_version: 1\nname: \"" + name + "\"\nseed: 1\n";
  if (!asked.cluster.empty()) {
    return text + fmt::format("site {{ name: \"site\" cluster: \"{}\" }}\n", asked.cluster) +
           JobText(asked);
  }
  if (asked.accelerators <= 0) {
    throw UserError("", "--accelerator needs a number; expected --accelerators, e.g. 1024");
  }
  const CatalogueServer& server = UsualServer(catalogue, asked.accelerator);
  // Racks of which 64 of 72 accelerators are used, too.
  const std::int32_t part = EvenPartOf(server.accelerators, asked.accelerators);
  const int used = part > 0 ? part : server.accelerators;
  const std::int64_t servers = (asked.accelerators + used - 1) / used;
  notes.push_back(
      fmt::format("servers are {}, under a fabric of our own that does not block", server.name));
  return text + "catalog {\n" + AssumedSwitchText(server.nic_bandwidth, "1 W") + "}\n" +
         fmt::format("site {{\n  name: \"site\"\n  server: \"{}\"\n  servers: {}\n", server.name,
                     servers) +
         AssumedFabricText() + "}\n" + JobText(asked);
}

}  // namespace gridlock
