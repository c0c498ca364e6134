// Changes of fields over time, as the epochs in which nothing changes.

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/text_format.h>

#include "sim/base/check.h"
#include "sim/scenario/changeable.h"
#include "sim/scenario/life.h"
#include "sim/schema/assignment.h"
#include "sim/schema/rules.h"
#include "topologies/failures.h"
#include "topologies/topology.h"

namespace gridlock {
namespace {

/// A change of a field, resolved.
struct FieldEvent {
  Assignment change;  ///< its path with all indices
  double at = 0.0;
  double until = 0.0;
  double failover = 0.0;
};

/// The part of a scenario that can change.
struct Changing {
  proto::Scenario message;
  Written written;
};

Changing ChangingPartOf(const ScenarioMessage& from) {
  Changing part;
  *part.message.mutable_site() = from.message.site();
  *part.message.mutable_wan() = from.message.wan();
  for (const char* field : {"site", "wan"}) {
    const auto found = from.written.fields.find(field);
    if (found != from.written.fields.end()) {
      part.written.fields[field] = found->second;
    }
  }
  part.written.name = from.written.name;
  part.written.value = from.written.value;
  return part;
}

/// Checks what was changed: the rules of the site or the link that the path leads into.
void CheckChanged(const std::string& path, const ScenarioMessage& from, const Changing& part,
                  ProblemList& problems) {
  const std::string list = path.substr(0, path.find('['));
  const int index = FirstIndex(path);
  const Written& written = part.written.At(list, index);
  const std::string element = ElementPath(list, static_cast<std::size_t>(index));
  const std::size_t before = problems.size();
  if (list == "wan") {
    CheckRules(part.message.wan(index), written, element, problems);
    return;
  }
  CheckRules(part.message.site(index), written, element, problems);
  if (problems.size() == before) {
    CheckCompliance(part.message.site(index), written, from.catalogue, problems);
  }
}

/// The text of a field of the changing part, "" when it is not written.
std::string WrittenText(const Changing& part, const std::string& path) {
  const google::protobuf::Message* message = &part.message;
  const Written* written = &part.written;
  std::string rest = path;
  while (true) {
    const std::size_t dot = std::min(rest.find('.'), rest.size());
    const std::string name = rest.substr(0, std::min(rest.find('['), dot));
    const int index = name.size() < dot ? std::stoi(rest.substr(name.size() + 1)) : 0;
    if (!written->Has(name)) {
      return "";
    }
    const google::protobuf::FieldDescriptor& field =
        *message->GetDescriptor()->FindFieldByName(name);
    if (dot == rest.size()) {
      std::string text;
      google::protobuf::TextFormat::PrintFieldValueToString(*message, &field, -1, &text);
      const bool quoted = field.cpp_type() == google::protobuf::FieldDescriptor::CPPTYPE_STRING;
      return quoted ? text.substr(1, text.size() - 2) : text;
    }
    written = &written->At(name, index);
    message = field.is_repeated()
                  ? &message->GetReflection()->GetRepeatedMessage(*message, &field, index)
                  : &message->GetReflection()->GetMessage(*message, &field);
    rest = rest.substr(dot + 1);
  }
}

std::string ValueText(const ScenarioMessage& from, const Changing& part, const std::string& path) {
  const std::string text = WrittenText(part, path);
  return text.empty() ? ValueOtherwise(from, path) : text;
}

/// The other way to give the bandwidth at `path`, "" when it has one way only.
std::string OtherDirection(const std::string& path) {
  const std::size_t last = path.rfind('.') + 1;
  const std::string name = path.substr(last);
  const bool per_direction = name == "per_direction";
  return !per_direction && name != "bidirectional"
             ? ""
             : path.substr(0, last) + (per_direction ? "bidirectional" : "per_direction");
}

/// A bandwidth that the site, or a change before, gives in one way cannot change in the other: what
/// held before and after could not be said in one line.
bool SpeaksOfOtherDirection(const Changing& untouched, const std::vector<FieldEvent>& before,
                            const Assignment& change, ProblemList& problems) {
  const std::string rival = OtherDirection(change.path);
  if (rival.empty()) {
    return false;
  }
  const bool changes = std::any_of(before.begin(), before.end(), [&](const FieldEvent& event) {
    return event.change.path == rival;
  });
  if (!changes && WrittenText(untouched, rival).empty()) {
    return false;
  }
  problems.Add(
      change.where_path, change.path,
      Refusal((changes ? "another change gives" : "the site gives") +
                  std::string(" this bandwidth as ") + Quoted(rival.substr(rival.rfind('.') + 1)),
              "a change of that"));
  return true;
}

/// The changes of fields, each checked by itself.
std::vector<FieldEvent> EventsOf(const ScenarioMessage& from, ProblemList& problems) {
  std::vector<FieldEvent> events;
  const Changing untouched = ChangingPartOf(from);
  for (int i = 0; i < from.message.change_size(); ++i) {
    const proto::Change& change = from.message.change(i);
    if (change.has_outage()) {
      continue;
    }
    const Written& written = from.written.At("change", i);
    FieldEvent event;
    event.change = {change.path(), change.value(), written.At("path").value,
                    written.At("value").value};
    event.at = SiOf(change.at(), Dimension::kTime);
    event.until = change.until().empty() ? std::numeric_limits<double>::infinity()
                                         : SiOf(change.until(), Dimension::kTime);
    event.failover = change.failover().empty() ? 0 : SiOf(change.failover(), Dimension::kTime);
    if (StaysAsItIs(change.path())) {
      problems.Add(event.change.where_path, ElementPath("change", static_cast<std::size_t>(i)),
                   Refusal(Quoted(change.path()) + " does not change over time", ChangeableText()));
      continue;
    }
    Changing part = untouched;
    event.change.path = Assign(event.change, part.message, part.written, problems);
    if (!event.change.path.empty() &&
        !SpeaksOfOtherDirection(untouched, events, event.change, problems)) {
      CheckChanged(event.change.path, from, part, problems);
      events.push_back(std::move(event));
    }
  }
  return events;
}

/// Two changes of one field that begin together contradict each other.
void CheckOneAtATime(const std::vector<FieldEvent>& events, ProblemList& problems) {
  std::map<std::pair<std::string, double>, const FieldEvent*> first;
  for (const FieldEvent& event : events) {
    const auto [other, is_new] = first.emplace(std::pair(event.change.path, event.at), &event);
    if (!is_new) {
      problems.Add(
          event.change.where_path, event.change.path,
          Refusal("another change of " + Quoted(event.change.path) +
                      " begins at the same time, at " + other->second->change.where_path.Text(),
                  "one of them"));
    }
  }
}

void CheckBeforeHorizon(const ScenarioMessage& from, ProblemList& problems) {
  if (from.message.horizon().empty()) {
    return;  // sites alone are looked at
  }
  const double horizon = SiOf(from.message.horizon(), Dimension::kTime);
  for (int i = 0; i < from.message.change_size(); ++i) {
    const std::string& at = from.message.change(i).at();
    if (SiOf(at, Dimension::kTime) >= horizon) {
      problems.Add(from.written.At("change", i).At("at").value,
                   ElementPath("change", static_cast<std::size_t>(i)) + ".at",
                   Refusal(Quoted(at) + " is not before the horizon",
                           "a time before " + Quoted(from.message.horizon())));
    }
  }
}

/// Builds epochs one after another and keeps what the last one held.
class EpochBuilder {
 public:
  EpochBuilder(const ScenarioMessage& from, const std::vector<FieldEvent>& events)
      : from_(from), untouched_(ChangingPartOf(from)), before_(untouched_) {
    for (const FieldEvent& event : events) {
      by_path_[event.change.path].push_back(&event);
    }
    for (auto& [path, list] : by_path_) {
      std::stable_sort(list.begin(), list.end(), [](const FieldEvent* a, const FieldEvent* b) {
        return a->at < b->at;
      });
    }
  }

  Epoch Build(double at, std::vector<std::string>& notes, ProblemList& problems) {
    Changing part = untouched_;
    Seconds failover;
    for (const auto& [path, list] : by_path_) {
      const FieldEvent* holding = nullptr;
      for (const FieldEvent* event : list) {
        holding = event->at <= at && at < event->until ? event : holding;
        failover = event->at == at ? std::max(failover, Seconds(event->failover)) : failover;
      }
      if (holding != nullptr) {
        CHECK(!Assign(holding->change, part.message, part.written, problems).empty());
      }
    }
    Epoch epoch;
    epoch.from = Seconds(at);
    epoch.failover = failover;
    const std::size_t before = problems.size();
    for (const auto& [path, list] : by_path_) {
      const std::string was = ValueText(from_, before_, path);
      const std::string is = ValueText(from_, part, path);
      if (was != is) {
        epoch.changes.push_back(path + ": " + was + " -> " + is);
        CheckChanged(path, from_, part, problems);
      }
    }
    if (problems.size() == before) {
      for (int i = 0; i < part.message.site_size(); ++i) {
        epoch.sites.push_back(MakeSite(part.message, i, from_.catalogue, notes));
      }
      epoch.wans = MakeWans(part.message);
      CheckSites(epoch.sites, part.written, problems);
    }
    before_ = std::move(part);
    return epoch;
  }

 private:
  const ScenarioMessage& from_;
  Changing untouched_;
  Changing before_;
  std::map<std::string, std::vector<const FieldEvent*>> by_path_;
};

/// A job cannot go on over a network that is cut in two, and an outage of servers says that better.
void CheckNothingIsCutOff(const ScenarioMessage& from, const std::vector<Epoch>& epochs,
                          ProblemList& problems) {
  for (const Epoch& epoch : epochs) {
    for (std::size_t i = 0; i < epoch.sites.size(); ++i) {
      const SiteSpec& site = epoch.sites[i];
      if (site.failed.empty()) {
        continue;
      }
      const std::string path = site.path + ".failed";
      try {
        const AcceleratorIndex cut = Failures(*MakeTopology(site)).CutOff();
        if (cut.value >= 0) {
          problems.Add(from.written.At("site", static_cast<int>(i)).value, path,
                       Refusal("what has failed cuts accelerator " + std::to_string(cut.value) +
                                   " off accelerator 0",
                               "failures that leave a way, or change { outage { ... } } of the "
                               "servers"));
        }
      } catch (const UserError& error) {
        for (const Problem& problem : error.problems()) {
          problems.Add(from.written.At("site", static_cast<int>(i)).value, problem.path,
                       problem.message);
        }
      }
    }
  }
}

}  // namespace

void AddEpochs(const ScenarioMessage& from, Scenario& scenario, ProblemList& problems) {
  const std::size_t before = problems.size();
  CheckBeforeHorizon(from, problems);
  const std::vector<FieldEvent> events = EventsOf(from, problems);
  CheckOneAtATime(events, problems);
  std::set<double> times = {0.0};
  for (const FieldEvent& event : events) {
    times.insert({event.at, event.until});
  }
  EpochBuilder builder(from, events);
  for (const double at : times) {
    if (problems.size() != before) {
      return;  // what is wrong from here on is wrong later, too
    }
    if (scenario.horizon <= Seconds(0) ? std::isfinite(at) : at < scenario.horizon.si()) {
      scenario.epochs.push_back(builder.Build(at, scenario.notes, problems));
    }
  }
  if (problems.size() != before) {
    return;
  }
  if (scenario.horizon > Seconds(0)) {
    CheckNothingIsCutOff(from, scenario.epochs, problems);
  }
  for (Epoch& epoch : scenario.epochs) {
    for (std::size_t i = 0; i < epoch.sites.size(); ++i) {
      epoch.sites[i].optics = scenario.sites[i].optics;  // counted once: see CountOptics
    }
  }
  scenario.sites = scenario.epochs.front().sites;
  scenario.wans = scenario.epochs.front().wans;
}

}  // namespace gridlock
