#include "sim/pages/listing.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "sim/base/check.h"
#include "sim/base/numbers.h"
#include "sim/base/units.h"
#include "sim/report/layout.h"

namespace gridlock {
namespace {

using Json = nlohmann::ordered_json;

/// A number of an object; NaN where it has none of that name.
double Num(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_number() ? found->get<double>() : std::nan("");
}

std::string Str(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

/// A list or object of an object; an empty one where it has none of that name.
Json In(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() ? *found : Json::array();
}

std::string Count(double value) {
  return Grouped(value);
}

/// "1.37M": tokens and dollars, of which three digits are known.
std::string Short(double value) {
  return FormatAmount(value, 3);
}

std::string Megawatts(double watts) {
  return FormatWatts(Watts(ThreeDigits(watts)));
}

// ---- plan

/// "TP 4, CP 4, PP 16 x 8 chunks, DP 64": sizes of 1 are left out.
std::string LayoutInWords(const Json& layout) {
  std::string out;
  const auto add = [&](const char* letters, const char* name) {
    const double size = Num(layout, name);
    if (size > 1) {
      out += fmt::format("{}{} {:.0f}", out.empty() ? "" : ", ", letters, size);
    }
  };
  add("TP", "tensor");
  add("CP", "context");
  add("PP", "pipeline");
  if (Num(layout, "virtual_pipeline") > 1) {
    out += fmt::format(" x {:.0f} chunks", Num(layout, "virtual_pipeline"));
  }
  add("DP", "data");
  add("EP", "expert");
  return out.empty() ? "one accelerator" : out;
}

std::string PlanVerdict(const Json& plan) {
  const Json proposals = In(plan, "proposals");
  const Json& first = proposals.front();
  std::string out = fmt::format(
      "The fastest of {} layouts that fit HBM trains {} on {} {} with {}: {} a step at an MFU of "
      "{}; {} set the pace of {} of it.",
      Count(Num(plan, "layouts_fitting")), Str(plan, "model"), Count(Num(first, "accelerators")),
      Str(plan, "accelerator"), LayoutInWords(In(first, "layout")),
      InSeconds(Num(first, "step_time_s")), Percent(Num(first, "mfu")),
      ResourceInWords(Str(first, "binding_wall")), Percent(Num(first, "binding_wall_share")));
  if (std::isfinite(Num(first, "days"))) {
    out +=
        fmt::format(" {} tokens take {:.3g} days", Short(Num(plan, "tokens")), Num(first, "days"));
    out += std::isfinite(Num(first, "usd")) ? fmt::format(" and {} USD.", Short(Num(first, "usd")))
                                            : ".";
  }
  return out;
}

/// Which parts of the critical path make one proposal slower than another.
Explanation PlanWhy(const Json& proposals) {
  Explanation part{"Why each is behind the one before", {}};
  for (std::size_t i = 1; i < std::min<std::size_t>(proposals.size(), 6); ++i) {
    const Json& a = proposals[i - 1];
    const Json& b = proposals[i];
    if (Num(a, "accelerators") != Num(b, "accelerators")) {
      continue;
    }
    std::vector<std::pair<double, std::string>> moved;
    const Json walls = In(b, "attribution_s");
    for (const auto& [name, time] : walls.items()) {
      const double more = time.get<double>() - Num(In(a, "attribution_s"), name.c_str());
      if (std::abs(more) > 1e-3 * Num(a, "step_time_s")) {
        moved.emplace_back(more, name);
      }
    }
    std::sort(moved.begin(), moved.end(), [](const auto& x, const auto& y) {
      return std::abs(x.first) > std::abs(y.first);
    });
    std::string line = fmt::format("  {} -> {}: {} + {}", LayoutInWords(In(a, "layout")),
                                   LayoutInWords(In(b, "layout")), InSeconds(Num(a, "step_time_s")),
                                   InSeconds(Num(b, "step_time_s") - Num(a, "step_time_s")));
    for (std::size_t k = 0; k < std::min<std::size_t>(3, moved.size()); ++k) {
      line += fmt::format("{}{} {}{}", k == 0 ? "; " : ", ", ResourceInWords(moved[k].second),
                          moved[k].first < 0 ? "-" : "+", InSeconds(std::abs(moved[k].first)));
    }
    part.lines.push_back(line);
  }
  return part;
}

std::vector<Explanation> PlanParts(const Json& plan) {
  static constexpr std::pair<const char*, const char*> kReasons[] = {
      {"memory", "need more HBM than there is"},
      {"tensor", "have tensor ranks that do not divide heads, widths, the sequence or the domain"},
      {"context", "have context ranks that do not share the sequence"},
      {"layers", "have stages and chunks that do not share the layers"},
      {"batch", "have replicas and micro-batches that do not share the batch"},
      {"rounds", "have micro-batches that do not come in rounds of the stages"},
      {"experts", "have ranks that do not share the experts"}};
  const Json proposals = In(plan, "proposals"), refused = In(plan, "refused");
  Explanation left{"What was left out", {}};
  left.lines.push_back(fmt::format(
      "  {} layouts checked, {} fit HBM, {} evaluated whole; no other one can be faster",
      Count(Num(plan, "layouts_checked")), Count(Num(plan, "layouts_fitting")),
      Count(Num(plan, "layouts_evaluated"))));
  for (const auto& [name, words] : kReasons) {
    if (Num(refused, name) > 0) {
      left.lines.push_back(fmt::format("  {:>9} {}", Count(Num(refused, name)), words));
    }
  }
  Explanation hbm{"HBM of the first", {}};
  const Json& first = proposals.front();
  hbm.lines.push_back(fmt::format("  {} of {} = {} at its peak",
                                  FormatBytes(Bytes(Num(first, "peak_hbm_bytes"))),
                                  FormatBytes(Bytes(Num(first, "hbm_bytes"))),
                                  Percent(Num(first, "peak_hbm_bytes") / Num(first, "hbm_bytes"))));
  Explanation next{"What next", {}};
  next.lines.emplace_back("  gridlock plan ... --write DIR      scenarios of the proposals");
  next.lines.emplace_back("  gridlock run DIR/1.textproto       the first, simulated in full");
  next.lines.emplace_back("  gridlock plan ... --fix tensor=8   what another size would give");
  return {PlanWhy(proposals), hbm, left, next};
}

// ---- build

std::string BuildVerdict(const Json& builds) {
  const Json all = In(builds, "builds");
  const Json& first = all.front();
  if (!Str(first, "problem").empty()) {
    return fmt::format("No build does it: {}.", Str(first, "problem"));
  }
  std::string out = fmt::format("The best of {} builds is {} {}: ", all.size(),
                                Count(Num(first, "accelerators")), Str(first, "accelerator"));
  out += std::isfinite(Num(first, "days"))
             ? fmt::format("{} tokens after {:.3g} of {:.3g} days", Short(Num(first, "tokens")),
                           Num(first, "days"), Num(builds, "horizon_days"))
             : fmt::format("{} tokens in {:.3g} days", Short(Num(first, "tokens")),
                           Num(builds, "horizon_days"));
  return out + fmt::format(", {} on average, {} USD of capital. What binds is {}.",
                           Megawatts(Num(first, "mean_mw") * 1e6), Short(Num(first, "capital_usd")),
                           Str(first, "binds"));
}

std::vector<Explanation> BuildParts(const Json& builds) {
  const Json all = In(builds, "builds");
  const Json& first = all.front();
  Explanation asked{"What was asked", {}};
  asked.lines.push_back(fmt::format("  {:.3g} MW and {} USD over {:.3g} days, for {} tokens",
                                    Num(builds, "megawatts"), Short(Num(builds, "dollars")),
                                    Num(builds, "horizon_days"), Short(Num(builds, "tokens"))));
  Explanation run{"The first", {}};
  run.lines.push_back("  " + Str(first, "layout"));
  run.lines.push_back(
      fmt::format("  {} servers {}, {} of them spares; the run holds {} accelerators",
                  Count(Num(first, "servers")), Str(first, "server"),
                  Count(Num(first, "spare_servers")), Count(Num(first, "run_accelerators"))));
  run.lines.push_back(fmt::format("  ETTR {}, MFU {} while it holds them, a checkpoint every {}",
                                  Percent(Num(first, "ettr")), Percent(Num(first, "holding_mfu")),
                                  InSeconds(Num(first, "checkpoint_interval_s"))));
  run.lines.push_back(fmt::format("  USD per million tokens = {:.3g}, capital over four years",
                                  Num(first, "run_usd_per_million_tokens")));
  Explanation next{"What next", {}};
  next.lines.push_back("  gridlock run " + Str(first, "scenario") + " -o out/first");
  next.lines.emplace_back("  gridlock report out/first -o first.html");
  return {asked, run, next};
}

// ---- serve and serve-plan

std::string ServeVerdict(const Json& serve) {
  const Json ttft = In(serve, "ttft_s"), tpot = In(serve, "tpot_s");
  std::string out = fmt::format(
      "{} {} serve {} at {:.4g} tokens/s: the first token comes after {} (median; p99 {}), the "
      "others every {} (p99 {}).",
      Count(Num(serve, "accelerators")), Str(serve, "part"), Str(serve, "model"),
      Num(serve, "output_tokens_per_s"), InSeconds(Num(ttft, "median")),
      InSeconds(Num(ttft, "p99")), InSeconds(Num(tpot, "median")), InSeconds(Num(tpot, "p99")));
  const Json times = In(serve, "times");
  if (!times.empty()) {
    out += fmt::format(" Most time of an iteration goes to {} ({}): {} would help.",
                       Str(times.front(), "limit"), Percent(Num(times.front(), "share")),
                       Str(times.front(), "remedy"));
  }
  return out;
}

std::vector<Explanation> ServeParts(const Json& serve) {
  std::vector<Explanation> parts;
  for (const auto& [name, title] : {std::pair("waits", "What a request waits for before it starts"),
                                    std::pair("times", "What iterations spend their time on")}) {
    Explanation part{title, {}};
    for (const Json& limit : In(serve, name)) {
      if (Num(limit, "share") >= 0.0005) {
        part.lines.push_back(fmt::format("  {:>7} {:<14} {}", Percent(Num(limit, "share")),
                                         Str(limit, "limit"), Str(limit, "remedy")));
      }
    }
    parts.push_back(std::move(part));
  }
  Explanation room{"HBM and energy", {}};
  room.lines.push_back(fmt::format(
      "  {} of weights an accelerator; the cache holds {} tokens of {}, {} at most were used",
      FormatBytes(Bytes(Num(serve, "weight_bytes_per_accelerator"))),
      Count(Num(serve, "cache_tokens")), FormatBytes(Bytes(Num(serve, "cache_bytes_per_token"))),
      Count(Num(serve, "cache_peak_tokens"))));
  room.lines.push_back(
      fmt::format("  joules of a token = {:.0f} W x {} accelerators / {:.4g} tokens/s = {:.3g}",
                  Num(serve, "watts_per_accelerator"), Count(Num(serve, "accelerators")),
                  Num(serve, "output_tokens_per_s"), Num(serve, "joules_per_output_token")));
  parts.push_back(room);
  return parts;
}

std::string DeploymentInWords(const Json& plan) {
  std::string out =
      fmt::format("{} replicas of TP {}", Count(Num(plan, "replicas")), Count(Num(plan, "tensor")));
  for (const auto& [name, letters] : {std::pair("pipeline", "PP"), std::pair("data", "DP")}) {
    out += Num(plan, name) > 1 ? fmt::format(" x {} {}", letters, Count(Num(plan, name))) : "";
  }
  return out + fmt::format(" on {} {}, weights in {}", Count(Num(plan, "accelerators")),
                           Str(plan, "part"), Str(plan, "weights"));
}

std::string ServePlanVerdict(const Json& plans) {
  const Json all = In(plans, "plans");
  const Json& first = all.front();
  std::string out = fmt::format(
      "Of {} deployments {} keep the objectives. The first: {}, {:.3g} tokens/s for a user and "
      "{:.3g} an accelerator",
      Count(Num(plans, "tried")), Count(static_cast<double>(all.size())), DeploymentInWords(first),
      Num(first, "output_tokens_per_s_per_user"),
      Num(first, "output_tokens_per_s_per_accelerator"));
  return out +
         (Num(first, "usd_per_hour") > 0
              ? fmt::format(", {:.3g} USD an hour and {:.3g} a million tokens.",
                            Num(first, "usd_per_hour"), Num(first, "usd_per_million_output_tokens"))
              : ".");
}

std::vector<Explanation> ServePlanParts(const Json& plans) {
  Explanation rows{"The first ones", {}};
  const Json all = In(plans, "plans");
  for (std::size_t i = 0; i < std::min<std::size_t>(5, all.size()); ++i) {
    rows.lines.push_back(
        fmt::format("  {}: {} of requests keep the objectives, {:.3g} requests/s at most a replica",
                    DeploymentInWords(all[i]), Percent(Num(all[i], "within_objectives")),
                    Num(all[i], "requests_per_s_per_replica_most")));
  }
  Explanation command{"How to start it", {}};
  std::string text = Str(all.front(), "command");
  while (text.ends_with('\n')) {
    text.pop_back();
  }
  command.lines.push_back("  " + text);
  return {rows, command};
}

// ---- flows and topo

std::string FlowsVerdict(const Json& flows) {
  const Json messages = In(flows, "messages"), hot = In(flows, "hottest_links");
  std::string out =
      fmt::format("The last of {} messages arrives after {}.",
                  Count(static_cast<double>(messages.size())), InSeconds(Num(flows, "last_end_s")));
  if (!hot.empty()) {
    out += fmt::format(
        " The busiest link is {} ({} to {}): {} of its {} are in use.", Str(hot.front(), "link"),
        Str(hot.front(), "from"), Str(hot.front(), "to"), Percent(Num(hot.front(), "utilisation")),
        FormatBandwidth(BytesPerSecond(Num(hot.front(), "capacity_bytes_per_second"))));
  }
  return out;
}

std::vector<Explanation> FlowsParts(const Json& flows) {
  Explanation bound{"What binds the messages", {}};
  std::vector<std::pair<std::string, std::size_t>> counts;
  for (const Json& message : In(flows, "messages")) {
    const std::string tier = Str(message, "bound_by_tier");
    const auto found = std::find_if(counts.begin(), counts.end(), [&](const auto& each) {
      return each.first == tier;
    });
    found == counts.end() ? void(counts.emplace_back(tier, 1)) : void(++found->second);
  }
  for (const auto& [tier, count] : counts) {
    bound.lines.push_back(fmt::format("  {:>9} by {}", Count(static_cast<double>(count)),
                                      tier.empty() ? "no link" : ResourceInWords(tier)));
  }
  Explanation tiers{"Links", {}};
  for (const Json& tier : In(flows, "tiers")) {
    tiers.lines.push_back(fmt::format(
        "  {:<12} {:>7} links carry {}: {} in use on average, the busiest {}", Str(tier, "tier"),
        Count(Num(tier, "links")), FormatBytes(Bytes(ThreeDigits(Num(tier, "carried_bytes")))),
        Percent(Num(tier, "mean_utilisation")), Percent(Num(tier, "highest_utilisation"))));
  }
  return {bound, tiers};
}

std::string TopoSentence(const Json& site) {
  std::string out =
      fmt::format("{}: {} accelerators, {} switches, {} transceivers, {} of network",
                  Str(site, "site").empty() ? Str(site, "cluster") : Str(site, "site"),
                  Count(Num(site, "accelerators")), Count(Num(site, "switches")),
                  Count(Num(site, "transceivers")), Megawatts(Num(site, "network_w")));
  if (std::isfinite(Num(site, "network_usd"))) {
    out += fmt::format(", {} USD", Short(Num(site, "network_usd")));
  }
  if (std::isfinite(Num(site, "bisection_at_most_bytes_per_s"))) {
    out += fmt::format(
        ", at most {} through its middle",
        FormatBandwidth(BytesPerSecond(ThreeDigits(Num(site, "bisection_at_most_bytes_per_s")))));
  }
  return out + ".";
}

std::vector<Explanation> TopoParts(const Json& sites) {
  std::vector<Explanation> parts;
  for (const Json& site : sites) {
    Explanation part{Str(site, "site") + ": " + Str(site, "shape"), {}};
    for (const Json& fact : In(site, "facts")) {
      part.lines.push_back("  " + fact.get<std::string>());
    }
    const double per = Num(site, "accelerators");
    part.lines.push_back(fmt::format("  watts of an accelerator's share = {} / {} = {:.3g} W",
                                     Megawatts(Num(site, "network_w")), Count(per),
                                     Num(site, "network_w_per_accelerator")));
    if (std::isfinite(Num(site, "network_usd"))) {
      part.lines.push_back(fmt::format("  dollars of its share = {} USD / {} = {:.0f} USD",
                                       Short(Num(site, "network_usd")), Count(per),
                                       Num(site, "network_usd_per_accelerator")));
    }
    parts.push_back(std::move(part));
  }
  return parts;
}

std::string TopoVerdict(const Json& sites) {
  std::string out;
  for (const Json& site : sites) {
    out += (out.empty() ? "" : " ") + TopoSentence(site);
  }
  return out;
}

// ---- all of them

struct Kind {
  const char* name;
  const char* title;  ///< of what has no name
  const char* mark;   ///< a key that files of this kind alone have
  std::string (*verdict)(const Json&);
  std::vector<Explanation> (*parts)(const Json&);
};

constexpr Kind kKinds[] = {
    {"plan", "Layouts", "proposals", PlanVerdict, PlanParts},
    {"build", "Builds", "builds", BuildVerdict, BuildParts},
    {"serve_plan", "Deployments", "plans", ServePlanVerdict, ServePlanParts},
    {"serve", "Serving", "joules_per_output_token", ServeVerdict, ServeParts},
    {"flows", "Messages", "messages", FlowsVerdict, FlowsParts},
    {"topo", "Networks", "network_w", TopoVerdict, TopoParts},
};

const Kind* KindOf(const Json& json) {
  const Json& head = json.is_array() && !json.empty() ? json.front() : json;
  for (const Kind& kind : kKinds) {
    const bool is_list = std::string(kind.name) == "topo";
    if (head.is_object() && head.contains(kind.mark) && json.is_array() == is_list) {
      return &kind;
    }
  }
  return nullptr;
}

/// The lists that a verdict takes the first of; "" where there is none.
bool IsEmpty(const Json& json, const Kind& kind) {
  return !json.is_array() && json[kind.mark].is_array() && json[kind.mark].empty();
}

/// What the page is called: the scenario, the model or the sites.
std::string NameIn(const Json& json, const Kind& kind) {
  std::string sites;
  for (const Json& site : json.is_array() ? json : Json::array()) {
    const std::string name = Str(site, "site").empty() ? Str(site, "cluster") : Str(site, "site");
    sites += (sites.empty() ? "" : ", ") + name;
  }
  for (const char* name : {"scenario_name", "scenario", "model"}) {
    if (sites.empty() && !Str(json, name).empty()) {
      return Str(json, name);
    }
  }
  return sites.empty() ? kind.title : sites;
}

}  // namespace

bool HoldsJson(const std::string& path) {
  std::ifstream file(path);
  char first = 0;
  return file >> first && (first == '{' || first == '[');
}

Listing ReadListing(const std::string& path) {
  std::ifstream file(path);
  std::string text(std::istreambuf_iterator<char>(file), {});
  const Json json = Json::parse(text, nullptr, false);
  const Kind* const kind = json.is_discarded() ? nullptr : KindOf(json);
  if (kind == nullptr) {
    throw UserError("", path +
                            ": this is no JSON of gridlock plan, build, serve, serve-plan, "
                            "flows or topo; of other results expected trace.h5, results.h5 or "
                            "their folder");
  }
  if (IsEmpty(json, *kind)) {
    throw UserError(
        "", fmt::format("{}: its list \"{}\" is empty; expected a result in it", path, kind->mark));
  }
  return {path, kind->name, NameIn(json, *kind), std::move(text)};
}

std::string VerdictOf(const Listing& listing) {
  const Json json = Json::parse(listing.json);
  return KindOf(json)->verdict(json);
}

std::vector<Explanation> Explain(const Listing& listing) {
  const Json json = Json::parse(listing.json);
  std::vector<Explanation> parts = KindOf(json)->parts(json);
  std::erase_if(parts, [](const Explanation& part) {
    return part.lines.empty();
  });
  return parts;
}

std::string ExplanationText(const Listing& listing) {
  return TextOfParts(listing.name, VerdictOf(listing), Explain(listing));
}

std::string ExplanationJson(const Listing& listing) {
  return JsonOfParts(listing.name, listing.kind, VerdictOf(listing), Explain(listing));
}

}  // namespace gridlock
