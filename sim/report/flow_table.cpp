#include "sim/report/flow_table.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <numeric>
#include <vector>

#include <fmt/format.h>

#include "sim/record/fingerprint.h"
#include "sim/report/json.h"
#include "sim/report/layout.h"

namespace gridlock {
namespace {

std::string Count(std::int64_t number, const char* one, const char* many) {
  return Grouped(static_cast<double>(number)) + " " + (number == 1 ? one : many);
}

/// "nic_down[0] 100 %"; "-" where nothing bound the message.
std::string BoundOf(const FlowRecord& record, const FlowResult& flow) {
  if (flow.link < 0) {
    return "-";
  }
  return fmt::format("{} {:.0f} %", record.links[flow.link].name, 100 * flow.link_use);
}

/// A name as a cell of a table: those of a torus hold commas.
std::string Cell(const std::string& name) {
  return name.find(',') == std::string::npos ? name : "\"" + name + "\"";
}

void AddSums(std::string& out, const FlowRecord& record) {
  Bytes bytes;
  std::vector<double> rates;
  for (const FlowResult& flow : record.flows) {
    bytes += flow.bytes;
    if (flow.bytes > Bytes(0) && std::isfinite(flow.end.si())) {
      rates.push_back(flow.mean_rate().si());
    }
  }
  const auto messages = static_cast<std::int64_t>(record.flows.size());
  out += Line(
      "messages",
      fmt::format("{} of {} in all{}", Count(messages, "message", "messages"), FormatBytes(bytes),
                  record.classes == 0
                      ? ""
                      : " (folded into " + Count(record.classes, "class", "classes") + ")"));
  if (record.efficiency < 1) {
    out += Line("packets", fmt::format("{}: {} of the bytes on the wire are payload",
                                       record.packets, Percent(record.efficiency)));
  }
  out += Line("last arrival", FormatSeconds(record.last_end));
  if (record.unreachable > 0) {
    out += Line("unreachable", Count(record.unreachable, "message", "messages"));
  }
  if (!rates.empty()) {
    std::sort(rates.begin(), rates.end());
    out += Line("mean rates", fmt::format("slowest {}, median {}, fastest {}",
                                          FormatBandwidth(BytesPerSecond(rates.front())),
                                          FormatBandwidth(BytesPerSecond(rates[rates.size() / 2])),
                                          FormatBandwidth(BytesPerSecond(rates.back()))));
  }
}

void AddRow(std::string& out, const std::array<std::string, 7>& cells) {
  std::string line = fmt::format("{:>8} {:>8} {:>10} {:>11} {:>11} {:>12}  {}", cells[0], cells[1],
                                 cells[2], cells[3], cells[4], cells[5], cells[6]);
  out += line.erase(line.find_last_not_of(' ') + 1) + "\n";
}

void AddMessages(std::string& out, const FlowRecord& record, std::size_t rows) {
  std::vector<std::size_t> order(record.flows.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return record.flows[a].end > record.flows[b].end;
  });
  order.resize(std::min(rows, order.size()));
  if (order.empty()) {
    return;
  }
  out += order.size() < record.flows.size()
             ? fmt::format("\nthe last {} to arrive (--format csv has all)\n", order.size())
             : "\n";
  AddRow(out, {"from", "to", "size", "start", "end", "mean rate", "bound by, and its use"});
  for (const std::size_t m : order) {
    const FlowResult& flow = record.flows[m];
    const bool arrives = std::isfinite(flow.end.si());
    AddRow(out, {std::to_string(flow.from), std::to_string(flow.to), FormatBytes(flow.bytes),
                 FormatSeconds(flow.start), arrives ? FormatSeconds(flow.end) : "never",
                 FormatBandwidth(flow.mean_rate()), BoundOf(record, flow)});
  }
}

void AddTiers(std::string& out, const FlowRecord& record, std::size_t hottest) {
  out += fmt::format("\n{:<12} {:>9} {:>10} {:>9} {:>9}\n", "links", "in use", "carried",
                     "mean use", "busiest");
  for (const TierLoad& tier : record.tiers) {
    out += fmt::format("{:<12} {:>9} {:>10} {:>9} {:>9}\n", tier.tier,
                       Grouped(static_cast<double>(tier.links)), FormatBytes(tier.carried),
                       Percent(tier.use), Percent(tier.most));
  }
  if (hottest == 0 || record.links.empty()) {
    return;
  }
  out += "\nhottest links\n";
  for (std::size_t i = 0; i < std::min(hottest, record.links.size()); ++i) {
    out += HotLinkLine(record.links[i]);
  }
}

void AddLink(JsonWriter& json, const LinkUse& link) {
  json.BeginObject();
  json.Member("link", link.name);
  json.Member("from", link.from);
  json.Member("to", link.to);
  json.Member("tier", link.tier);
  json.Member("capacity_bytes_per_second", link.capacity.si());
  json.Member("carried_bytes", link.carried.si());
  json.Member("utilisation", link.use);
  json.EndObject();
}

void AddFlow(JsonWriter& json, const FlowRecord& record, const FlowResult& flow) {
  json.BeginObject();
  json.Member("from", flow.from);
  json.Member("to", flow.to);
  json.Member("bytes", flow.bytes.si());
  json.Member("start_s", flow.start.si());
  json.Member("end_s", flow.end.si());  // null: never
  json.Member("mean_rate_bytes_per_second", flow.mean_rate().si());
  if (flow.link >= 0) {
    json.Member("bound_by", record.links[flow.link].name);
    json.Member("bound_by_tier", record.links[flow.link].tier);
    json.Member("bound_by_utilisation", static_cast<double>(flow.link_use));
  }
  json.EndObject();
}

}  // namespace

std::string FlowText(const FlowRecord& record, std::size_t rows, std::size_t hottest) {
  std::string out = record.scenario + ": messages\n";
  out += Line("fabric", fmt::format("{}, {}", record.fabric,
                                    Count(record.accelerators, "accelerator", "accelerators")));
  AddSums(out, record);
  AddMessages(out, record, rows);
  AddTiers(out, record, hottest);
  out += "\nUse counts from the start to the last byte sent. Accelerators are numbered from 0.\n";
  return out + "fingerprint " + FingerprintText(record.fingerprint) + "\n";
}

std::string FlowCsv(const FlowRecord& record) {
  std::string out =
      "from,to,bytes,start_s,end_s,mean_rate_bytes_per_second,bound_by,bound_by_tier,"
      "bound_by_utilisation\n";
  for (const FlowResult& flow : record.flows) {
    fmt::format_to(std::back_inserter(out), "{},{},{},{},", flow.from, flow.to, flow.bytes.si(),
                   flow.start.si());
    if (std::isfinite(flow.end.si())) {
      fmt::format_to(std::back_inserter(out), "{}", flow.end.si());
    }
    fmt::format_to(std::back_inserter(out), ",{},", flow.mean_rate().si());
    if (flow.link >= 0) {
      const LinkUse& link = record.links[flow.link];
      fmt::format_to(std::back_inserter(out), "{},{},{}\n", Cell(link.name), link.tier,
                     flow.link_use);
    } else {
      out += ",,\n";
    }
  }
  return out;
}

std::string FlowRatesCsv(const FlowRecord& record) {
  std::string out = "message,from,to,begin_s,until_s,rate_bytes_per_second\n";
  for (const FlowRate& rate : record.rates) {
    const FlowResult& flow = record.flows[rate.message];
    fmt::format_to(std::back_inserter(out), "{},{},{},{},{},{}\n", rate.message, flow.from, flow.to,
                   rate.from.si(), rate.until.si(), rate.rate.si());
  }
  return out;
}

std::string FlowJson(const FlowRecord& record, std::size_t hottest) {
  JsonWriter json;
  json.BeginObject();
  json.Member("scenario", record.scenario);
  json.Member("fabric", record.fabric);
  json.Member("accelerators", record.accelerators);
  json.Member("packets", record.packets);
  json.Member("packet_efficiency", record.efficiency);
  json.Member("last_end_s", record.last_end.si());
  json.Member("last_sent_s", record.last_sent.si());
  json.Member("unreachable", record.unreachable);
  json.Member("classes", record.classes);
  json.Key("messages");
  json.BeginArray();
  for (const FlowResult& flow : record.flows) {
    AddFlow(json, record, flow);
  }
  json.EndArray();
  json.Objects("tiers", record.tiers, [&json](const TierLoad& tier) {
    json.Member("tier", tier.tier);
    json.Member("links", tier.links);
    json.Member("carried_bytes", tier.carried.si());
    json.Member("mean_utilisation", tier.use);
    json.Member("highest_utilisation", tier.most);
  });
  json.Key("hottest_links");
  json.BeginArray();
  for (std::size_t i = 0; i < std::min(hottest, record.links.size()); ++i) {
    AddLink(json, record.links[i]);
  }
  json.EndArray();
  json.Member("activities", record.activities);
  json.Member("fingerprint", FingerprintText(record.fingerprint));
  json.EndObject();
  return json.Finish();
}

}  // namespace gridlock
