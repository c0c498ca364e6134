#include "sim/scenario/reliability.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "sim/scenario/life.h"
#include "sim/schema/rules.h"
#include "topologies/topology.h"

namespace gridlock {
namespace {

/// How the catalogue's failure rates and the scenario name what they count.
struct UnitWord {
  std::string_view word;  ///< with which the unit of an entry begins: "server of 8 accelerators"
  proto::FailureUnit written;
  FailureUnit unit;
};

constexpr std::array kUnits = {
    UnitWord{"server", proto::SERVER, FailureUnit::kServer},
    UnitWord{"accelerator", proto::ACCELERATOR, FailureUnit::kAccelerator},
    UnitWord{"link", proto::NIC, FailureUnit::kNic},
    UnitWord{"switch", proto::TOGETHER, FailureUnit::kTogether},
    UnitWord{"group", proto::TOGETHER, FailureUnit::kTogether},
};

const UnitWord* UnitNamed(const std::string& unit) {
  const auto found = std::find_if(kUnits.begin(), kUnits.end(), [&](const UnitWord& each) {
    return unit.starts_with(each.word) &&
           (unit.size() == each.word.size() || unit[each.word.size()] == ' ');
  });
  return found == kUnits.end() ? nullptr : &*found;
}

bool CountsServersOrAccelerators(const std::string& unit) {
  const UnitWord* word = UnitNamed(unit);
  return word != nullptr &&
         (word->unit == FailureUnit::kServer || word->unit == FailureUnit::kAccelerator);
}

/// Accelerators in a server of every site; a problem where they differ.
int AcceleratorsOfServers(const Scenario& scenario, const Position& at, ProblemList& problems) {
  const int first = scenario.sites.front().server.accelerators;
  for (const SiteSpec& site : scenario.sites) {
    if (site.server.accelerators != first) {
      problems.Add(
          at, "reliability.failure_rate",
          Refusal("it counts failures by accelerator, and the servers of the sites have " +
                      std::to_string(first) + " and " + std::to_string(site.server.accelerators),
                  "server_mtbf"));
      break;
    }
  }
  return first;
}

Seconds MtbfOfServers(const ScenarioMessage& from, const Scenario& scenario,
                      ProblemList& problems) {
  const proto::Reliability& reliability = from.message.reliability();
  const Written& written = from.written.At("reliability");
  if (reliability.failure_rate().empty()) {
    return reliability.server_mtbf().empty() ? Seconds(0) : RequiredTime(reliability.server_mtbf());
  }
  const auto& entry = from.catalogue.failure_rates.at(reliability.failure_rate());
  const proto::FailureRate& rate = *entry.message;
  Seconds mtbf = RequiredTime(rate.mtbf());
  if (const UnitWord* word = UnitNamed(rate.unit());
      word != nullptr && word->unit == FailureUnit::kAccelerator) {
    mtbf = mtbf / AcceleratorsOfServers(scenario, written.At("failure_rate").value, problems);
  }
  if (!CountsServersOrAccelerators(rate.unit())) {
    std::vector<std::string> names;
    for (const auto& [name, each] : from.catalogue.failure_rates.All()) {
      if (CountsServersOrAccelerators(each.message->unit())) {
        names.push_back(name);
      }
    }
    problems.Add(written.At("failure_rate").value, "reliability.failure_rate",
                 Refusal(Quoted(rate.name()) + " counts failures by " + Quoted(rate.unit()),
                         names.empty() ? "one by server, or server_mtbf" : OneOf(names)));
  }
  return mtbf;
}

EarlySpec EarlyOf(const proto::Early& early) {
  return {early.times(), RequiredTime(early.decay())};
}

LateSpec LateOf(const proto::Late& late) {
  constexpr double kPower = 4;
  return {late.times(), RequiredTime(late.after()), late.power() > 0 ? late.power() : kPower};
}

/// The rate, unit and repair time of a kind of failure, from its entry of the catalogue or from its
/// own fields.
void SetRate(const proto::Failure& failure, const ScenarioMessage& from, const Written& written,
             FailureSpec& spec, ProblemList& problems) {
  if (failure.rate().empty()) {
    spec.mtbf = RequiredTime(failure.mtbf());
    const auto unit = std::find_if(kUnits.begin(), kUnits.end(), [&](const UnitWord& each) {
      return each.written == failure.per();
    });
    spec.unit = unit == kUnits.end() ? FailureUnit::kServer : unit->unit;
  } else {
    const proto::FailureRate& rate = *from.catalogue.failure_rates.at(failure.rate()).message;
    spec.mtbf = RequiredTime(rate.mtbf());
    if (!rate.repair_time().empty()) {
      spec.repair_time = RequiredTime(rate.repair_time());
    }
    if (rate.has_early()) {
      spec.early = EarlyOf(rate.early());
    }
    if (rate.has_late()) {
      spec.late = LateOf(rate.late());
    }
    if (const UnitWord* word = UnitNamed(rate.unit())) {
      spec.unit = word->unit;
    } else {
      problems.Add(written.At("rate").value, spec.path + ".rate",
                   Refusal(Quoted(rate.name()) + " counts failures by " + Quoted(rate.unit()),
                           "a rate by server, accelerator, link, switch or group"));
    }
  }
  if (!failure.repair_time().empty()) {
    spec.repair_time = RequiredTime(failure.repair_time());
  }
}

/// Words for what a kind of failure may take at any of the sites.
std::vector<std::string> Reaches(const Scenario& scenario) {
  std::vector<std::string> names = {"server", "run", "site"};
  for (const SiteSpec& site : scenario.sites) {
    for (const char* name : {"rack", "row", "feed"}) {
      if (site.ServersOfGroup(name) > 0) {
        names.emplace_back(name);
      }
    }
    const auto topology = MakeTopology(site);
    const Locality locality = topology->locality();
    for (int level = 0; level < locality.levels(); ++level) {
      const std::string& name = locality.level(level).name;
      if (std::find(names.begin(), names.end(), name) == names.end()) {
        names.push_back(name);
      }
    }
  }
  return names;
}

void SetReach(const proto::Failure& failure, const Written& written, const Scenario& scenario,
              FailureSpec& spec, ProblemList& problems) {
  spec.neighbours = failure.servers();
  if (!failure.takes().empty()) {
    spec.takes = failure.takes();
  }
  const bool known = spec.takes == "server" || spec.takes == "run" || spec.takes == "site";
  if (!known && problems.empty()) {  // a fabric that is wrong has no groups
    const std::vector<std::string> names = Reaches(scenario);
    if (std::find(names.begin(), names.end(), spec.takes) == names.end()) {
      problems.Add(written.At("takes").value, spec.path + ".takes",
                   Refusal("no site has a " + Quoted(spec.takes), OneOf(names),
                           NearestName(spec.takes, names)));
    }
  }
  const bool alone = spec.neighbours == 0 && (spec.takes == "server" || spec.takes == "run");
  if (alone && spec.unit == FailureUnit::kTogether) {
    problems.Add(written.name, spec.path,
                 Refusal("its rate counts what fails together, and it takes one server",
                         "takes: \"leaf\" or another group, or servers: 32"));
  }
}

void AddFailures(const ScenarioMessage& from, Scenario& scenario, ProblemList& problems) {
  const proto::Reliability& reliability = from.message.reliability();
  for (int i = 0; i < reliability.failure_size(); ++i) {
    const proto::Failure& failure = reliability.failure(i);
    const Written& written = from.written.At("reliability").At("failure", i);
    FailureSpec spec;
    spec.path = ElementPath("reliability.failure", static_cast<std::size_t>(i));
    spec.name = !failure.name().empty()   ? failure.name()
                : !failure.rate().empty() ? failure.rate()
                                          : ElementPath("failure", static_cast<std::size_t>(i));
    spec.repair_time = scenario.reliability.repair_time;
    SetRate(failure, from, written, spec, problems);
    SetReach(failure, written, scenario, spec, problems);
    if (!failure.detection_time().empty()) {
      spec.detection_time = RequiredTime(failure.detection_time());
    }
    spec.slowdown = failure.slowdown();
    if (failure.has_early()) {
      spec.early = EarlyOf(failure.early());
    }
    if (failure.has_late()) {
      spec.late = LateOf(failure.late());
    }
    if (failure.has_flaps()) {
      const proto::Flaps& flaps = failure.flaps();
      spec.flaps = {RequiredTime(flaps.down()), RequiredTime(flaps.up()),
                    flaps.patience().empty() ? Seconds(0) : RequiredTime(flaps.patience())};
    }
    for (const FailureSpec& other : scenario.reliability.failures) {
      if (other.name == spec.name) {
        problems.Add(written.name, spec.path,
                     Refusal("there is another failure " + Quoted(spec.name), "a name of its own"));
      }
    }
    scenario.reliability.failures.push_back(std::move(spec));
  }
}

/// Servers of a site that a training job needs to start, or the widest rung of a campaign; 0 of
/// fleets, which live on what there is.
std::int32_t ServersNeeded(const JobSpec& job, const SiteSpec& site) {
  const std::int64_t parts = job.spans ? static_cast<std::int64_t>(job.sites.size()) : 1;
  const auto needs = [&](const PretrainingSpec& run) {
    const Layout& layout = run.step.layout;
    return ServersOf(layout.accelerators() / parts, layout.used_of(site.server.accelerators));
  };
  if (const auto* run = std::get_if<PretrainingSpec>(&job.kind)) {
    return needs(*run);
  }
  std::int32_t most = 0;
  if (const auto* campaign = std::get_if<CampaignSpec>(&job.kind)) {
    for (const PretrainingSpec& rung : campaign->rungs) {
      most = std::max(most, needs(rung));
    }
  }
  return most;
}

/// Spares leave room for every job on one of its sites.
void CheckSpares(const ReliabilitySpec& spec, const Scenario& scenario, const Position& at,
                 ProblemList& problems) {
  const std::int32_t spares = spec.hot_spares + spec.cold_spares;
  for (const JobSpec& job : scenario.jobs) {
    bool room = false;
    std::int32_t needs = 0;
    for (std::size_t s = 0; s < scenario.sites.size(); ++s) {
      const bool allowed = job.sites.empty() || std::find(job.sites.begin(), job.sites.end(),
                                                          IndexOf<SiteIndex>(s)) != job.sites.end();
      if (allowed) {
        needs = ServersNeeded(job, scenario.sites[s]);
        room = room || needs <= scenario.sites[s].servers - spares;
      }
    }
    if (!room) {
      problems.Add(at, "reliability.spares",
                   Refusal(fmt::format("{} needs servers: {}, and with {} spares none of its sites "
                                       "has as many",
                                       Quoted(job.name), needs, spares),
                           "fewer spares, or more servers"));
      return;
    }
  }
}

}  // namespace

double EarlySpec::At(Seconds age) const {
  return times > 1 ? 1 + (times - 1) * std::exp(-(age / decay)) : 1;
}

double LateSpec::At(Seconds age) const {
  return times > 1 && age > Seconds(0) ? 1 - (times - 1) * std::expm1(-std::pow(age / after, power))
                                       : 1;
}

double TimesAt(const FailureSpec& failure, Seconds age) {
  return failure.early.At(age) + failure.late.At(age) - 1;
}

double MostTimes(const FailureSpec& failure, Seconds oldest) {
  return failure.early.times + failure.late.At(oldest) - 1;
}

double MostUnitsOf(const FailureSpec& failure, const SiteSpec& site) {
  switch (failure.unit) {
    case FailureUnit::kServer:
    case FailureUnit::kTogether:
      return site.servers;
    case FailureUnit::kAccelerator:
      return 1.0 * site.servers * site.server.accelerators;
    case FailureUnit::kNic:
      return 1.0 * site.servers * site.server.nics;
  }
  return 0;
}

void AddReliability(const ScenarioMessage& from, Scenario& scenario, ProblemList& problems) {
  const proto::Reliability& reliability = from.message.reliability();
  const Written& written = from.written.At("reliability");
  ReliabilitySpec& spec = scenario.reliability;
  spec.server_mtbf = MtbfOfServers(from, scenario, problems);
  spec.repair_time = RequiredTime(reliability.repair_time());
  if (!reliability.restart_time().empty()) {
    spec.restart_time = RequiredTime(reliability.restart_time());
  }
  if (!reliability.restart_time_per_accelerator().empty()) {
    spec.restart_time_per_accelerator = RequiredTime(reliability.restart_time_per_accelerator());
  }
  AddFailures(from, scenario, problems);
  spec.lemon_share = reliability.lemons().share();
  spec.lemon_failures = reliability.lemons().failures();
  spec.hot_spares = reliability.spares().hot();
  spec.cold_spares = reliability.spares().cold();
  if (!reliability.age().empty()) {
    spec.age = RequiredTime(reliability.age());
  }
  if (!reliability.spares().cold_start().empty()) {
    spec.cold_start = RequiredTime(reliability.spares().cold_start());
  }
  if (reliability.has_spares()) {
    CheckSpares(spec, scenario, written.At("spares").name, problems);
  }
}

}  // namespace gridlock
