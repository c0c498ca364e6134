// Changes of fields over time, as the epochs in which nothing changes.

#include <algorithm>
#include <limits>
#include <map>
#include <set>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/text_format.h>

#include "sim/base/check.h"
#include "sim/scenario/life.h"
#include "sim/schema/merge.h"
#include "sim/schema/rules.h"

namespace gridlock {
namespace {

/// What can change, as users write it.
constexpr const char* kAllowed =
    "site[i].override.*, site[i].facility.pue, site[i].facility.power_cap, "
    "site[i].facility.power_policy, site[i].prices.* or wan[i].bandwidth";

/// A change of a field, resolved.
struct FieldEvent {
  FieldChange change;  ///< its path with all indices
  double at = 0.0;
  double until = 0.0;
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

/// "site.override.nic_bandwidth" of "site[0].override.nic_bandwidth", one element per name.
std::vector<std::string> NamesOf(const std::string& path) {
  std::vector<std::string> names(1);
  bool inside = false;
  for (const char c : path) {
    if (c == '.') {
      names.emplace_back();
    } else {
      inside = inside || c == '[';
      if (!inside) {
        names.back() += c;
      }
      inside = inside && c != ']';
    }
  }
  return names;
}

/// True when the schema has the path up to here and it leads to nothing that can change; slips in
/// names are found later, with the nearest name.
bool LeadsElsewhere(const std::vector<std::string>& names) {
  const auto is_field = [](const google::protobuf::Descriptor& message, const std::string& name) {
    return message.FindFieldByName(name) != nullptr;
  };
  if (!is_field(*proto::Scenario::descriptor(), names[0])) {
    return false;
  }
  if (names[0] == "wan" && names.size() > 1) {
    return names[1] != "bandwidth" && is_field(*proto::WanLink::descriptor(), names[1]);
  }
  if (names[0] != "site" || names.size() == 1) {
    return true;
  }
  if (names[1] == "facility" && names.size() > 2) {
    return names[2] != "pue" && names[2] != "power_cap" && names[2] != "power_policy" &&
           is_field(*proto::Facility::descriptor(), names[2]);
  }
  return names[1] != "override" && names[1] != "facility" && names[1] != "prices" &&
         is_field(*proto::Site::descriptor(), names[1]);
}

/// Checks what was changed: the rules of the site or the link that the path leads into.
void CheckChanged(const std::string& path, const ScenarioMessage& from, const Changing& part,
                  ProblemList& problems) {
  const std::string list = NamesOf(path)[0];
  const int index = std::stoi(path.substr(list.size() + 1));
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
std::string WrittenValue(const Changing& part, const std::string& path) {
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

/// What holds where nothing is written: the number of the catalogue, or a default.
std::string ValueOtherwise(const ScenarioMessage& from, const std::string& path) {
  const std::vector<std::string> names = NamesOf(path);
  const int index = std::stoi(path.substr(names[0].size() + 1));
  const proto::Server& server =
      *from.catalogue.servers.at(from.message.site(index).server()).message;
  const proto::Accelerator& part = *from.catalogue.accelerators.at(server.accelerator()).message;
  const std::map<std::string, std::string> values = {
      {"nic_bandwidth", server.nic_bandwidth()},
      {"hbm_bandwidth", part.hbm_bandwidth()},
      {"hbm_capacity", part.hbm_capacity()},
      {"power_limit", part.power().limit()},
      {"per_direction", part.scale_up().per_direction()},
      {"bidirectional", part.scale_up().bidirectional()},
      {"flops_factor", "1"},
      {"pue", "1"},
      {"power_policy", "SLOW"},
  };
  const auto found = values.find(names.back());
  return found == values.end() || found->second.empty() ? "none" : found->second;
}

std::string ValueText(const ScenarioMessage& from, const Changing& part, const std::string& path) {
  const std::string text = WrittenValue(part, path);
  return text.empty() ? ValueOtherwise(from, path) : text;
}

/// A bandwidth that the site gives in one way cannot change in the other: both would be given.
bool SpeaksOfOtherDirection(const Changing& untouched, const FieldChange& change,
                            ProblemList& problems) {
  const std::string last = NamesOf(change.path).back();
  if (last != "per_direction" && last != "bidirectional") {
    return false;
  }
  const std::string rival = last == "bidirectional" ? "per_direction" : "bidirectional";
  const std::string block = change.path.substr(0, change.path.size() - last.size());
  if (WrittenValue(untouched, block + rival).empty()) {
    return false;
  }
  problems.Add(change.where_path, change.path,
               Refusal("the site gives this bandwidth as " + Quoted(rival), "a change of that"));
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
    if (LeadsElsewhere(NamesOf(change.path()))) {
      problems.Add(event.change.where_path, ElementPath("change", static_cast<std::size_t>(i)),
                   Refusal(Quoted(change.path()) + " does not change over time", kAllowed));
      continue;
    }
    Changing part = untouched;
    event.change.path = SetField(event.change, part.message, part.written, problems);
    if (!event.change.path.empty() && !SpeaksOfOtherDirection(untouched, event.change, problems)) {
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
    for (const auto& [path, list] : by_path_) {
      const FieldEvent* holding = nullptr;
      for (const FieldEvent* event : list) {
        holding = event->at <= at && at < event->until ? event : holding;
      }
      if (holding != nullptr) {
        CHECK(!SetField(holding->change, part.message, part.written, problems).empty());
      }
    }
    Epoch epoch;
    epoch.from = Seconds(at);
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
    if (at < scenario.horizon.si()) {
      scenario.epochs.push_back(builder.Build(at, scenario.notes, problems));
    }
  }
  scenario.sites = scenario.epochs.front().sites;
  scenario.wans = scenario.epochs.front().wans;
}

}  // namespace gridlock
