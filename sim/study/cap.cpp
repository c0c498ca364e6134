#include "sim/study/cap.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/energy/site_power.h"
#include "sim/study/value_list.h"
#include "topologies/topology.h"

namespace gridlock {

namespace {

const ServerSpec& ServerAt(const Scenario& scenario, std::size_t site) {
  return scenario.sites[site].server;
}

// In the format of the training of the first job; in BF16 when that does not train.
double OwnPeak(const Scenario& scenario, std::size_t site) {
  const auto* const training = std::get_if<PretrainingSpec>(&scenario.jobs[0].kind);
  const auto precision =
      static_cast<std::size_t>(training != nullptr ? training->step.precision : Precision::kBf16);
  return ServerAt(scenario, site).accelerator.rates[precision].peak.si();
}

// The fabric above stays as it is built, for the NICs that the scenario has without the cap.
KeptField FabricAsBuilt(const Scenario& scenario, std::size_t site) {
  const ServerSpec& server = ServerAt(scenario, site);
  return {"override.fabric_nic_bandwidth",
          std::max(server.nic_bandwidth, server.fabric_nic_bandwidth).si()};
}

// The contract, or what the site draws with every board at its limit.
double ContractOf(const Scenario& scenario, std::size_t site) {
  const SiteSpec& spec = scenario.sites[site];
  if (spec.power_cap > Watts(0)) {
    return spec.power_cap.si();
  }
  return ((FullPower(spec.server) * static_cast<double>(spec.servers) +
           NetworkPower(*MakeTopology(spec)) + spec.storage_power) *
          spec.pue)
      .si();
}

std::string BandwidthText(double si) {
  return FormatBandwidth(BytesPerSecond(si));
}

// NICs and links between sites are sold in bits.
std::string BitRateText(double si) {
  return fmt::format("{:.6g} Gbps", si / 125e6);
}

// Vendors print scale-up figures as the sum of both directions.
constexpr const char* kBothDirections = "override.scale_up.bidirectional";

constexpr CapTarget kTargets[] = {
    {"scale_up", "scale-up bandwidth of an accelerator, per direction", "byte/s", "scale_up",
     CapPlace::kSites, CapReading::kBothDirections, "override.scale_up.per_direction",
     Dimension::kBandwidth,
     [](const Scenario& scenario, std::size_t site) {
       return ServerAt(scenario, site).accelerator.scale_up_bandwidth.si();
     },
     BandwidthText, nullptr, ""},
    {"nic", "NIC bandwidth, per direction", "byte/s", "nic", CapPlace::kSites, CapReading::kValue,
     "override.nic_bandwidth", Dimension::kBandwidth,
     [](const Scenario& scenario, std::size_t site) {
       return ServerAt(scenario, site).nic_bandwidth.si();
     },
     BitRateText, FabricAsBuilt, ""},
    {"wan", "WAN bandwidth, per direction", "byte/s", "wan", CapPlace::kWans, CapReading::kValue,
     "bandwidth", Dimension::kBandwidth,
     [](const Scenario& scenario, std::size_t wan) {
       return scenario.wans[wan].bandwidth.si();
     },
     BitRateText, nullptr, ""},
    {"hbm", "peak HBM bandwidth", "byte/s", "hbm", CapPlace::kSites, CapReading::kValue,
     "override.hbm_bandwidth", Dimension::kBandwidth,
     [](const Scenario& scenario, std::size_t site) {
       return ServerAt(scenario, site).accelerator.hbm_bandwidth.si();
     },
     BandwidthText, nullptr, ""},
    // All formats fall together, as when units are fused off.
    {"flops", "dense peak in the training format", "FLOP/s", "compute", CapPlace::kSites,
     CapReading::kFactor, "override.flops_factor", Dimension::kCompute, OwnPeak,
     [](double si) {
       return FormatFlopRate(FlopPerSecond(si));
     },
     nullptr, "MFU is a share of the capped peak: it can rise while the step becomes slower"},
    // A power cap shows as slower compute.
    {"power", "board power limit of an accelerator", "W", "compute", CapPlace::kSites,
     CapReading::kValue, "override.power_limit", Dimension::kPower,
     [](const Scenario& scenario, std::size_t site) {
       return ServerAt(scenario, site).accelerator.power.limit.si();
     },
     [](double si) {
       return FormatWatts(Watts(si));
     },
     nullptr,
     "a power cap lengthens what accelerators compute and read: its share is that of compute"},
    {"site_power", "power that a site may draw, PUE included", "W", "compute", CapPlace::kSites,
     CapReading::kValue, "facility.power_cap", Dimension::kPower, ContractOf,
     [](double si) {
       return FormatWatts(Watts(si));
     },
     nullptr,
     "100 % is the site's power_cap; without one, what all its servers draw at their limits, PUE "
     "included"},
    {"servers", "servers of a site", "1", "compute", CapPlace::kSites, CapReading::kCount,
     "servers", std::nullopt,
     [](const Scenario& scenario, std::size_t site) {
       return static_cast<double>(scenario.sites[site].servers);
     },
     [](double si) {
       return fmt::format("{:.0f}", si);
     },
     nullptr, "jobs keep their layouts: one that does not fit any more is refused"},
};

// Where the job runs; in a life, where any job may.
std::vector<SiteIndex> SitesOf(const Scenario& scenario) {
  if (scenario.horizon <= Seconds(0) && !scenario.jobs[0].sites.empty()) {
    return scenario.jobs[0].sites;
  }
  std::vector<SiteIndex> sites;
  const std::size_t count = scenario.horizon > Seconds(0) ? scenario.sites.size() : 1;
  for (std::size_t site = 0; site < count; ++site) {
    sites.push_back(IndexOf<SiteIndex>(site));
  }
  return sites;
}

// The sites of the job, or the links between two of them, by number.
std::vector<std::size_t> ElementsOf(const CapTarget& target, const Scenario& scenario) {
  const std::vector<SiteIndex> sites = SitesOf(scenario);
  std::vector<std::size_t> elements;
  if (target.place == CapPlace::kSites) {
    elements.assign(sites.begin(), sites.end());
    return elements;
  }
  const auto runs_on = [&](SiteIndex site) {
    return std::find(sites.begin(), sites.end(), site) != sites.end();
  };
  for (std::size_t wan = 0; wan < scenario.wans.size(); ++wan) {
    if (runs_on({scenario.wans[wan].from}) && runs_on({scenario.wans[wan].to})) {
      elements.push_back(wan);
    }
  }
  return elements;
}

std::string PathOf(const CapTarget& target, std::size_t element, const char* field) {
  return fmt::format("{}[{}].{}", target.place == CapPlace::kSites ? "site" : "wan", element,
                     field);
}

// A text that is read back as exactly this number, in a unit that people use where one allows it.
std::string ExactText(double si, Dimension dimension) {
  struct Unit {
    double si;
    const char* name;
  };

  static constexpr Unit kUnits[] = {{125e6, "Gbps"}, {1e9, "GB/s"},    {1.0, "B/s"},
                                    {1.0, "W"},      {1e12, "TFLOPS"}, {1.0, "FLOPS"}};
  for (const Unit& unit : kUnits) {
    std::string text = fmt::format("{} {}", si / unit.si, unit.name);
    if (ParseQuantity(text, dimension).si == si) {
      return text;
    }
  }
  CHECK(!"a dimension that caps do not have");
  return "";
}

// Strips a trailing "per direction" or "/dir"; true when there was one.
bool TakePerDirection(std::string& unit) {
  for (const std::string suffix : {"per direction", "/dir"}) {
    if (unit.ends_with(suffix)) {
      unit.erase(unit.size() - suffix.size());
      unit.erase(unit.find_last_not_of(" \t") + 1);
      return true;
    }
  }
  return false;
}

// A text as a number of the target's dimension. Throws UserError with what is wrong with it.
double ValueOf(const std::string& text, Dimension dimension, const std::string& place) {
  const ParsedQuantity parsed = ParseQuantity(text, dimension);
  if (!parsed.si) {
    throw LocatedError("", place + ": " + parsed.problem);
  }
  return *parsed.si;
}

// A whole number of servers: "1024", or "75 %" of the site's own, rounded down.
std::string CountText(const ListedValue& value, bool percent, double own,
                      const std::string& place) {
  if (!percent && !value.unit.empty()) {
    throw LocatedError("", fmt::format("{}: {} is no number of servers; expected a number such as "
                                       "512, or a share such as 50%",
                                       place, Quoted(value.text())));
  }
  return fmt::format("{:.0f}", std::floor(percent ? own * value.number / 100 : value.number));
}

// What a factor of 1 stands for: the catalogue's number, before overrides and export rules. Rules
// cut nothing from a part this slow, and a power of two leaves the number exact.
double CatalogueValue(const CapTarget& target, std::size_t element, const ScenarioBase& base) {
  constexpr const char* kSlow = "0.001953125";
  constexpr double kTimes = 512;
  const Point slow{{AssignmentFrom(target.name, PathOf(target, element, target.field), kSlow)}};
  return kTimes * target.own(base.At(slow), element);
}

// The factor that makes `wanted` of `catalogue`, to the last digit where there is one.
std::string FactorText(double wanted, double catalogue) {
  const double near = wanted / catalogue;
  for (const double factor : {near, std::nextafter(near, 0.0), std::nextafter(near, 2 * near)}) {
    if (catalogue * factor == wanted) {
      return fmt::format("{}", factor);
    }
  }
  return fmt::format("{}", near);
}

// Makes the points of one target.
class PointMaker {
 public:
  PointMaker(const CapTarget& target, const ScenarioBase& base)
      : target_(target), base_(base), scenario_(base.At({})) {
    for (const std::size_t element : ElementsOf(target, scenario_)) {
      elements_.push_back({element, target.own(scenario_, element), 0});
      if (target.reading == CapReading::kFactor) {
        elements_.back().catalogue = CatalogueValue(target, element, base);
      }
    }
  }

  // Throws UserError when the scenario is refused at this value.
  [[nodiscard]] CapPoint Make(ListedValue value) const {
    const std::string place = fmt::format("--values '{}'", value.text());
    const bool per_direction = TakePerDirection(value.unit);
    const bool percent = value.unit == "%";
    const bool both = target_.reading == CapReading::kBothDirections && !per_direction && !percent;
    CapPoint point;
    for (const Element& element : elements_) {
      std::string text = value.text();
      if (target_.reading == CapReading::kCount) {
        text = CountText(value, percent, element.own, place);
      } else if (percent) {
        text = ExactText(element.own * value.number / 100, *target_.dimension);
      }
      if (target_.reading == CapReading::kFactor) {
        text = FactorText(ValueOf(text, *target_.dimension, place), element.catalogue);
      }
      Add(place, element, both ? kBothDirections : target_.field, text, point);
      if (target_.keeps != nullptr) {
        const KeptField kept = target_.keeps(scenario_, element.number);
        Add(place, element, kept.field, ExactText(kept.si, *target_.dimension), point);
      }
    }
    point.si = CapBaseline(target_, base_.At(point.point));
    point.label = fmt::format("{} {}", target_.name, target_.format(point.si));
    if (percent) {
      point.as_typed = fmt::format("{} %", value.number);
    } else if (both) {
      point.as_typed = value.text();
      point.note =
          fmt::format("{} {} is read as vendors print it, both directions added: {} per direction",
                      target_.name, target_.format(2 * point.si), target_.format(point.si));
    }
    return point;
  }

 private:
  // A site or link that is capped.
  struct Element {
    std::size_t number;
    double own;        // SI
    double catalogue;  // where a factor is on it, SI
  };

  void Add(const std::string& place, const Element& element, const char* field,
           const std::string& text, CapPoint& point) const {
    point.point.assignments.push_back(
        AssignmentFrom(place, PathOf(target_, element.number, field), text));
  }

  const CapTarget& target_;
  const ScenarioBase& base_;
  Scenario scenario_;
  std::vector<Element> elements_;
};

/// What people call a resource elsewhere, or the name that is nearest.
std::string MeantBy(const std::string& name, const std::vector<std::string>& names) {
  static constexpr std::pair<const char*, const char*> kElsewhere[] = {
      {"nvlink", "scale_up"}, {"nvswitch", "scale_up"}, {"xgmi", "scale_up"},
      {"ici", "scale_up"},    {"infiniband", "nic"},    {"ib", "nic"},
      {"ethernet", "nic"},    {"network", "nic"},       {"memory", "hbm"},
      {"vram", "hbm"},        {"compute", "flops"},     {"tdp", "power"}};
  for (const auto& [elsewhere, here] : kElsewhere) {
    if (name == elsewhere) {
      return fmt::format(" (did you mean \"{}\"?)", here);
    }
  }
  return DidYouMean(name, names);
}

}  // namespace

std::vector<std::string> CapTargetNames() {
  std::vector<std::string> names;
  for (const CapTarget& target : kTargets) {
    names.emplace_back(target.name);
  }
  return names;
}

const CapTarget& CapTargetOf(const std::string& name, const Scenario& scenario) {
  const std::vector<std::string> names = CapTargetNames();
  const auto* const found =
      std::find_if(std::begin(kTargets), std::end(kTargets), [&](const CapTarget& target) {
        return name == target.name;
      });
  if (found == std::end(kTargets)) {
    throw UserError("", fmt::format("--link: no resource is called \"{}\"; expected one of {}{}",
                                    name, fmt::join(names, ", "), MeantBy(name, names)));
  }
  if (ElementsOf(*found, scenario).empty()) {
    throw UserError("", fmt::format("--link {}: the job runs on one site; expected a job that "
                                    "spans sites with a wan {{ ... }} between them",
                                    name));
  }
  return *found;
}

double CapBaseline(const CapTarget& target, const Scenario& scenario) {
  double least = std::numeric_limits<double>::infinity();
  for (const std::size_t element : ElementsOf(target, scenario)) {
    least = std::min(least, target.own(scenario, element));
  }
  return least;
}

std::vector<CapPoint> CapPoints(const CapTarget& target, const std::string& values,
                                const ScenarioBase& base, std::vector<std::string>* left_out) {
  const PointMaker maker(target, base);
  std::vector<CapPoint> points;
  std::vector<Problem> problems;
  for (const ListedValue& value : ParseValueList(values, "--values")) {
    try {
      points.push_back(maker.Make(value));
    } catch (const UserError& error) {
      problems.insert(problems.end(), error.problems().begin(), error.problems().end());
    }
  }
  if (!problems.empty() && (left_out == nullptr || points.empty())) {
    throw LocatedError(std::move(problems));
  }
  for (const Problem& problem : problems) {
    left_out->push_back("left out: " + problem.message);
  }
  return points;
}

std::vector<std::string> CapNotes(const CapTarget& target, const std::vector<CapPoint>& points) {
  std::vector<std::string> notes;
  for (const CapPoint& point : points) {
    if (!point.note.empty()) {
      notes.push_back(point.note + "; so is every value without \"/dir\" or \"%\"");
      break;
    }
  }
  if (*target.note != '\0') {
    notes.emplace_back(target.note);
  }
  return notes;
}

}  // namespace gridlock
