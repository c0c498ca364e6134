#include <fmt/format.h>
#include <fmt/ranges.h>

#include "sim/describe/generate.h"
#include "sim/report/json.h"
#include "sim/report/layout.h"

namespace gridlock {

namespace {

std::string RungLine(const GeneratedRung& rung, const std::string& accelerators, Flop final_flop) {
  return fmt::format("  {:<24}{:>12}{:>10}{:>10}{:>14.3g}{:>14}\n", rung.model, accelerators,
                     Grouped(static_cast<double>(rung.jobs)),
                     Grouped(static_cast<double>(rung.failing)), rung.flop.si(),
                     final_flop > Flop(0.0) ? fmt::format("{:.3g}", rung.flop / final_flop) : "-");
}

std::string CampaignText(const GeneratedCampaign& campaign) {
  std::string text = fmt::format("campaign {}\n", campaign.name);
  text += fmt::format("  {:<24}{:>12}{:>10}{:>10}{:>14}{:>14}\n", "rung", "accelerators", "jobs",
                      "failing", "model FLOP", "of final run");
  GeneratedRung all;
  all.model = "all";
  for (const GeneratedRung& rung : campaign.rungs) {
    text += RungLine(rung, Grouped(static_cast<double>(rung.accelerators)), campaign.final_flop);
    all.jobs += rung.jobs;
    all.failing += rung.failing;
    all.flop += rung.flop;
  }
  return text + RungLine(all, "", campaign.final_flop);
}

std::string GroupLine(const GeneratedGroup& group) {
  return fmt::format("  {:<24}{:>16}{:>20}{:>20}\n", group.name,
                     Grouped(static_cast<double>(group.requests)),
                     Grouped(static_cast<double>(group.prompt_tokens)),
                     Grouped(static_cast<double>(group.output_tokens)));
}

std::string FleetText(const GeneratedFleet& fleet) {
  std::string text = fmt::format("fleet {}, {} of {} replicas simulated\n", fleet.name,
                                 Grouped(static_cast<double>(fleet.replicas_simulated)),
                                 Grouped(static_cast<double>(fleet.replicas)));
  text += fmt::format("  {:<24}{:>16}{:>20}{:>20}\n", "group", "requests", "prompt tokens",
                      "output tokens");
  GeneratedGroup all;
  all.name = "all";
  for (const GeneratedGroup& group : fleet.groups) {
    text += GroupLine(group);
    all.requests += group.requests;
    all.prompt_tokens += group.prompt_tokens;
    all.output_tokens += group.output_tokens;
  }
  return text + GroupLine(all);
}

void AddCampaign(JsonWriter& json, const GeneratedCampaign& campaign) {
  json.BeginObject();
  json.Member("name", campaign.name);
  json.Member("final_run_flop", campaign.final_flop.si());
  json.Objects("rungs", campaign.rungs, [&json](const GeneratedRung& rung) {
    json.Member("model", rung.model);
    json.Member("accelerators", rung.accelerators);
    json.Member("jobs", rung.jobs);
    json.Member("failing", rung.failing);
    json.Member("model_flop", rung.flop.si());
  });
  json.EndObject();
}

void AddFleet(JsonWriter& json, const GeneratedFleet& fleet) {
  json.BeginObject();
  json.Member("name", fleet.name);
  json.Member("replicas", fleet.replicas);
  json.Member("replicas_simulated", fleet.replicas_simulated);
  json.Objects("groups", fleet.groups, [&json](const GeneratedGroup& group) {
    json.Member("name", group.name);
    json.Member("requests", group.requests);
    json.Member("prompt_tokens", group.prompt_tokens);
    json.Member("output_tokens", group.output_tokens);
  });
  json.EndObject();
}

}  // namespace

std::string GeneratedText(const Generated& generated) {
  std::string text;
  for (const GeneratedCampaign& campaign : generated.campaigns) {
    text += CampaignText(campaign);
  }
  for (const GeneratedFleet& fleet : generated.fleets) {
    text += FleetText(fleet);
  }
  return text + fmt::format("written: {}\n", fmt::join(generated.files, ", "));
}

std::string GeneratedJson(const Generated& generated) {
  JsonWriter json;
  json.BeginObject();
  json.Member("schema_version", 1);
  json.Key("campaigns");
  json.BeginArray();
  for (const GeneratedCampaign& campaign : generated.campaigns) {
    AddCampaign(json, campaign);
  }
  json.EndArray();
  json.Key("fleets");
  json.BeginArray();
  for (const GeneratedFleet& fleet : generated.fleets) {
    AddFleet(json, fleet);
  }
  json.EndArray();
  json.Values("files", generated.files);
  json.EndObject();
  return json.Finish();
}

}  // namespace gridlock
