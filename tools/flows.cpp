#include <algorithm>
#include <memory>
#include <optional>
#include <span>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "sim/base/atomic_file.h"
#include "sim/base/check.h"
#include "sim/report/flow_table.h"
#include "sim/scenario/message_file.h"
#include "sim/schema/problems.h"
#include "sim/study/changing_network.h"
#include "sim/study/flow_study.h"
#include "topologies/fabric_spec.h"

#include "tools/command.h"
#include "tools/failure_options.h"
#include "tools/screen.h"

namespace gridlock {

namespace {

struct FlowsOptions {
  ScenarioOptions scenario;
  std::string messages, incast, pair, shares;
  bool permutation = false, all_to_all = false;
  std::string size = "4 MiB";
  std::optional<std::uint64_t> seed;
  int accelerators = 0;  ///< of patterns; 0: all
  std::string packets = "none";
  std::size_t hottest = 5, rows = 20;
};

/// A problem of the command line.
[[noreturn]] void Refuse(const std::string& what, const std::string& expectation,
                         const std::string& nearest = "") {
  throw UserError("", Refusal(what, expectation, nearest));
}

Bytes SizeOf(const FlowsOptions& options) {
  const ParsedQuantity size = ParseQuantity(options.size, Dimension::kData);
  if (!size.si || *size.si < 0 || *size.si > 1e15) {
    throw UserError("", "--size: " + (size.si ? options.size + " is out of range" : size.problem));
  }
  return Bytes(*size.si);
}

std::vector<NetworkMessage> Incast(const FlowsOptions& options, int accelerators) {
  int senders = 0;
  const std::string& text = options.incast;
  const std::size_t colon = text.find(':');
  const bool good = colon != std::string::npos && text.substr(colon) == ":1" && colon > 0 &&
                    colon < 9 && text.find_first_not_of("0123456789") == colon;
  if (good) {
    senders = std::stoi(text.substr(0, colon));
  }
  if (senders < 1 || senders >= accelerators) {
    Refuse("--incast " + text,
           fmt::format("SENDERS:1 with 1 to {} senders, e.g. 15:1", accelerators - 1));
  }
  return IncastMessages(senders, SizeOf(options));
}

std::vector<NetworkMessage> Pair(const FlowsOptions& options, const Network& network) {
  const std::size_t colon = options.pair.rfind(':');
  if (colon == std::string::npos) {
    Refuse("--pair " + options.pair, "two accelerators, e.g. 0:8 or 0/0:1/0");
  }
  // As a table of one line, so that it is refused in the same words.
  std::string problem;
  NetworkMessage message;
  message.from = ParseAccelerator(options.pair.substr(0, colon), network, problem);
  if (message.from >= 0) {
    message.to = ParseAccelerator(options.pair.substr(colon + 1), network, problem);
  }
  if (!problem.empty()) {
    throw UserError("", "--pair: " + problem);
  }
  if (message.from == message.to) {
    Refuse(fmt::format("--pair: accelerator {} sends to itself", message.from.value),
           "two different accelerators");
  }
  message.bytes = SizeOf(options);
  return {message};
}

std::vector<NetworkMessage> MessagesOf(const FlowsOptions& options, const Network& network,
                                       std::uint64_t seed) {
  const int all = network.accelerators();
  if (options.accelerators > all) {
    Refuse(fmt::format("--accelerators {}", options.accelerators), fmt::format("2 to {}", all));
  }
  const int some = options.accelerators > 0 ? options.accelerators : all;
  if (!options.messages.empty()) {
    return ReadMessages(options.messages, network);
  }
  if (!options.pair.empty()) {
    return Pair(options, network);
  }
  if (some < 2) {
    Refuse("one accelerator cannot send to another", "a scenario with two or more");
  }
  if (!options.incast.empty()) {
    return Incast(options, some);
  }
  if (options.permutation) {
    return PermutationMessages(some, SizeOf(options), options.seed.value_or(seed));
  }
  if (std::int64_t{some} * (some - 1) > kMessagesMost) {
    Refuse(fmt::format("--all-to-all of {} accelerators has {} messages", some,
                       std::int64_t{some} * (some - 1)),
           fmt::format("at most {}; --accelerators 2048 takes the first 2,048", kMessagesMost));
  }
  return AllToAllMessages(some, SizeOf(options));
}

/// "roce_4096", or "4096+82": payload and headers of a packet.
PacketFormat PacketsOf(const std::string& text) {
  std::vector<std::string> names;
  for (const PacketFormat& format : PacketFormats()) {
    if (format.name == text) {
      return format;
    }
    names.emplace_back(format.name);
  }
  const std::size_t plus = text.find('+');
  const auto number = [](const std::string& digits) {
    return digits.empty() || digits.size() > 6 ||
                   digits.find_first_not_of("0123456789") != std::string::npos
               ? -1
               : std::stoi(digits);
  };
  const int payload = plus == std::string::npos ? -1 : number(text.substr(0, plus));
  const int header = plus == std::string::npos ? -1 : number(text.substr(plus + 1));
  if (payload < 1 || header < 0) {
    Refuse("--packets " + Quoted(text),
           "PAYLOAD+HEADERS in bytes, e.g. 4096+82, or none, roce_1024, roce_4096, "
           "infiniband_4096, tcp_1500 or tcp_9000",
           NearestName(text, names));
  }
  return {"payload and headers as given", Bytes(payload), Bytes(header)};
}

void CheckJoined(const Network& network, const std::vector<NetworkMessage>& messages) {
  for (const NetworkMessage& message : messages) {
    const SiteIndex from = network.site_of(message.from), to = network.site_of(message.to);
    if (from != to && network.wan_way(from, to).empty()) {
      Refuse("no wan { ... } joins " + network.fabric(from).site().name + " and " +
                 network.fabric(to).site().name,
             "accelerators of sites that are joined");
    }
  }
}

// Ways that are picked by hash leave few messages alike: each is moved by itself, and every arrival
// shares links out anew.
void WarnOfHashes(const Scenario& scenario, std::size_t messages) {
  constexpr std::size_t kQuick = 2'000'000;  // 261,632 messages take 3 s, 1,047,552 12 s
  const bool hashed =
      std::any_of(scenario.sites.begin(), scenario.sites.end(), [](const auto& site) {
        const auto* const clos = std::get_if<ClosSpec>(&site.fabric);
        return clos != nullptr && clos->routing == Routing::kEcmp;
      });
  if (hashed && messages > kQuick) {
    fmt::print(stderr,
               "gridlock flows: {} messages whose ways are picked by hash are moved one by one, "
               "which takes a minute or more; --accelerators 1024 takes 12 s, gridlock "
               "collective --op all_to_all less, which moves all at the pace of the busiest link\n",
               messages);
  }
}

int Flows(const FlowsOptions& options) {
  return WithSites(options.scenario, [&](Scenario& scenario) -> int {
    const ChangingNetwork networks(scenario, /*all=*/true);
    const std::vector<NetworkEpoch>& epochs = networks.epochs();
    const Network& network = *epochs.front().network;
    FlowOptions study;
    study.packets = PacketsOf(options.packets);
    study.shares = !options.shares.empty();
    study.fidelity = options.scenario.fidelity == "full" ? Fidelity::kFull : Fidelity::kFolded;
    const std::vector<NetworkMessage> messages = MessagesOf(options, network, scenario.seed);
    CheckJoined(network, messages);
    WarnOfHashes(scenario, messages.size());
    FlowRecord record = RunFlowStudy(epochs, messages, study);
    record.scenario = scenario.name;
    for (const SiteSpec& site : scenario.sites) {
      record.fabric += (record.fabric.empty() ? "" : "; ") + TitleOf(site.fabric);
    }
    if (study.shares) {
      WriteFileAtomically(options.shares, FlowRatesCsv(record));
    }
    const std::string& format = options.scenario.format;
    const std::string text = format == "csv"    ? FlowCsv(record)
                             : format == "json" ? FlowJson(record, options.hottest)
                                                : FlowText(record, options.rows, options.hottest);
    if (options.scenario.out.empty()) {
      PrintText(text);
    } else {
      WriteFileAtomically(options.scenario.out, text);
    }
    return kSuccess;
  });
}

void AddWhat(CLI::App& command, FlowsOptions& options) {
  CLI::Option_group* what = command.add_option_group("Messages", "One of:");
  what->add_option("--messages", options.messages, "A table: from,to,bytes,start")
      ->type_name("FILE.csv");
  what->add_option("--incast", options.incast, "Accelerators 1, 2, ... all send to accelerator 0")
      ->type_name("SENDERS:1");
  what->add_flag("--permutation", options.permutation,
                 "Each accelerator sends to one and receives from one, drawn by --seed");
  what->add_flag("--all-to-all", options.all_to_all, "Each accelerator sends to each other one");
  what->add_option("--pair", options.pair, "One message, e.g. 0:8, or by server 0/0:1/0")
      ->type_name("FROM:TO");
  what->require_option(1);
  command.add_option("--size", options.size, "Size of each message of a pattern")
      ->type_name("SIZE")
      ->capture_default_str();
  command
      .add_option("--accelerators", options.accelerators,
                  "Patterns use the first N accelerators only")
      ->type_name("N")
      ->check(CLI::Range(2, 100'000'000));
  command.add_option("--seed", options.seed, "Of --permutation; the scenario's when not given")
      ->type_name("N");
}

}  // namespace

void AddFlowsCommand(CLI::App& app, int& code) {
  auto options = std::make_shared<FlowsOptions>();
  options->scenario.command = "flows";
  CLI::App* command = app.add_subcommand(
      "flows", "Send messages over the fabric of a scenario: when each arrives, what binds it");
  command->add_option("SCENARIO", options->scenario.file, "Scenario file (textproto)")->required();
  AddWhat(*command, *options);
  AddOverrides(*command, options->scenario);
  command
      ->add_option("--packets", options->packets,
                   "Headers: none, roce_1024, roce_4096, infiniband_4096, tcp_1500, tcp_9000, or "
                   "PAYLOAD+HEADERS of a packet in bytes")
      ->capture_default_str();
  command
      ->add_option("--fidelity", options->scenario.fidelity,
                   "full: every message; folded: one of each class, same times")
      ->check(CLI::IsMember({"full", "folded"}))
      ->capture_default_str();
  command->add_option("--format", options->scenario.format, "Text, or all messages as CSV or JSON")
      ->check(CLI::IsMember({"text", "csv", "json"}))
      ->capture_default_str();
  command->add_option("-o,--output", options->scenario.out, "Write the result to a file instead")
      ->type_name("FILE");
  command->add_option("--shares", options->shares, "Also write the rate of every message over time")
      ->type_name("FILE.csv");
  AddFailureOptions(*command, options->scenario);
  AddQuietOption(*command, options->scenario.quiet);
  command->add_option("--hottest", options->hottest, "How many of the busiest links are listed")
      ->capture_default_str();
  command->add_option("--rows", options->rows, "How many messages the text lists")
      ->capture_default_str();
  command->footer(
      "Examples:\n"
      "  gridlock flows examples/01-two-servers/scenario.textproto --pair 0/0:1/0 --size 1GiB\n"
      "  gridlock flows examples/01-two-servers/scenario.textproto --incast 15:1\n"
      "  gridlock flows examples/02-llama-405b-16k/scenario.textproto --permutation --seed 7\n"
      "  gridlock flows examples/01-two-servers/scenario.textproto --all-to-all --format json\n"
      "Messages share links max-min fairly. A message arrives when its last byte has been sent "
      "and\n"
      "has passed the switches. Nothing of a library is on top. A table looks like this:\n"
      "  from,to,bytes,start\n"
      "  0,8,4 MiB,0\n"
      "  0/1,1/1,1048576,10 us\n"
      "What has failed stands in site.failed, and when in change { at, until, path, value, "
      "failover }\n"
      "or --fail spine[0]@1ms:\n"
      "  gridlock flows examples/01-two-servers/scenario.textproto --all-to-all --set "
      "site.failed=nic_up[3]\n"
      "A scenario needs no job for this, and its jobs need not fit.");
  command->callback([options, &code] {
    code = Flows(*options);
  });
}

}  // namespace gridlock
