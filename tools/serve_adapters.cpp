#include "tools/serve_adapters.h"

#include <algorithm>
#include <sstream>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "sim/base/check.h"
#include "workloads/adapters.h"

namespace gridlock {

void AddAdapterOptions(CLI::App& command, AdapterOptions& options) {
  command
      .add_option("--adapters", options.count,
                  "Low-rank adapters (LoRA), one of which each request asks for (default: none)")
      ->check(CLI::Range(1, 1'000'000));
  command.add_option("--adapter-rank", options.rank, "Their inner width")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  command
      .add_option("--adapter-slots", options.slots,
                  "Adapters in the HBM of a replica, which a batch can mix: max_loras, "
                  "max_loras_per_batch (default: the engine's; vLLM 1, SGLang 8)")
      ->check(CLI::Range(1, 1'000'000));
  command
      .add_option("--adapter-skew", options.skew,
                  "The n-th adapter is asked for in proportion to n^-SKEW; 0: all alike")
      ->check(CLI::Range(0.0, 10.0))
      ->type_name("SKEW")
      ->capture_default_str();
  command
      .add_option("--adapter-targets", options.targets,
                  "Products that have one: names of PEFT such as q_proj,v_proj, or attention, ffn "
                  "or all-linear, which leave out experts; experts: each expert has its own")
      ->type_name("LIST")
      ->capture_default_str();
}

ServedAdapters AdaptersOf(const AdapterOptions& options) {
  if (options.count == 0) {
    return {};
  }
  ServedAdapters adapters{options.rank, 0, options.slots};
  std::istringstream names(options.targets);
  for (std::string name; std::getline(names, name, ',');) {
    const int bits = ServedTargetByName(name);
    if (bits == 0) {
      throw UserError("", fmt::format("--adapter-targets: there is no product {}{}", Quoted(name),
                                      DidYouMean(name, ServedTargetNames())));
    }
    adapters.targets |= bits;
  }
  return adapters;
}

std::string AdapterText(const BatchWork& work, const IterationCosts& costs, int asked) {
  const AdapterCosts& adapters = costs.adapters();
  if (asked == 0) {
    return "";
  }
  const double busy = std::max(1e-12, work.busy.si());
  return fmt::format(
      "  adapters     {} of rank {}, {} each on an accelerator; {} in HBM at once, {:.1f} in a "
      "batch on average\n               {} loads from the host take {:.1f} % of the time\n",
      asked, costs.layout().adapters.rank, FormatBytes(adapters.bytes()), adapters.slots(),
      work.adapter_seconds / busy, work.adapter_loads, 100 * work.adapter_loading.si() / busy);
}

void AddAdapterMembers(const BatchWork& work, const IterationCosts& costs, JsonWriter& json) {
  const double busy = std::max(1e-12, work.busy.si());
  json.Member("adapter_slots", costs.adapters().slots());
  json.Member("adapter_bytes_per_accelerator", costs.adapters().bytes().si());
  json.Member("adapter_loads", work.adapter_loads);
  json.Member("adapter_loading_share", work.adapter_loading.si() / busy);
  json.Member("adapters_in_batch", work.adapter_seconds / busy);
}

}  // namespace gridlock
