#include "sim/scenario/point.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include <google/protobuf/descriptor.h>

#include "proto/scenario.pb.h"
#include "sim/base/units.h"
#include "sim/catalogue/catalogue.h"
#include "sim/catalogue/network_parts.h"
#include "sim/scenario/build.h"
#include "sim/scenario/load_text.h"
#include "sim/scenario/model_files.h"
#include "sim/scenario/profiles.h"
#include "sim/schema/files.h"
#include "sim/schema/merge.h"
#include "sim/schema/rules.h"

namespace gridlock {
namespace {

/// A catalogue and what was wrong with its entries.
struct CheckedCatalogue {
  ProblemList problems;
  Catalogue catalogue;

  CheckedCatalogue(const proto::Scenario& message, const Written& written, CatalogueExtent extent)
      : catalogue(message, written, extent, problems) {}
};

/// A scenario's message with the assignments of a point.
struct Draft {
  proto::Scenario message;
  Written written;
  bool own_catalogue = false;           ///< an assignment leads into an entry under `catalog`
  std::vector<std::string> notes = {};  ///< on models that it reads from files
};

/// "the scenario is empty" teaches more than a list of what is missing.
void RefuseEmpty(const Written& written, ProblemList& problems) {
  if (written.fields.empty() && problems.empty()) {
    problems.Add(
        written.name, "",
        Refusal("the scenario is empty",
                "at least schema_version: 1, name: \"...\", site { ... } and job { ... }"));
  }
}

std::optional<double> SecondsIn(const std::string& text) {
  return ParseQuantity(text, Dimension::kTime).si;
}

/// Where a point shortens the horizon of the file, the changes between the two are left out. Those
/// behind the file's own horizon stay, and are refused.
void LeaveOutLater(const std::string& own_horizon, Draft& draft) {
  const std::string& is = draft.message.horizon();
  const std::optional<double> before = SecondsIn(own_horizon), now = SecondsIn(is);
  if (is == own_horizon || !before || !now || !draft.written.Has("change")) {
    return;
  }
  auto& changes = *draft.message.mutable_change();
  std::vector<Written>& places = draft.written.fields.at("change");
  std::string left_out;
  for (int i = changes.size() - 1; i >= 0; --i) {
    const std::optional<double> at = SecondsIn(changes[i].at());
    if (at && *at >= *now && *at < *before) {
      left_out = Quoted(changes[i].at()) + (left_out.empty() ? "" : ", ") + left_out;
      changes.erase(changes.begin() + i);
      places.erase(places.begin() + i);
    }
  }
  if (!left_out.empty()) {
    draft.notes.push_back("horizon: changes at " + left_out + " come after the horizon of " + is +
                          " and are left out");
  }
  if (places.empty()) {
    draft.written.fields.erase("change");
  }
}

}  // namespace

/// What was read.
struct ScenarioBase::Read {
  std::string name;
  std::string own_horizon = {};  ///< of the file, before anybody sets another
  proto::Scenario message;
  Written written;
  std::vector<std::string> notes;  ///< on models that it reads from files
  // Read when they are first needed, and then kept for all points.
  mutable std::unique_ptr<CheckedCatalogue> named, whole;

  [[nodiscard]] const CheckedCatalogue& Named() const {
    if (!named) {
      named = std::make_unique<CheckedCatalogue>(message, written, CatalogueExtent::kNamed);
    }
    return *named;
  }

  [[nodiscard]] const CheckedCatalogue& Whole() const {
    if (!whole) {
      whole = std::make_unique<CheckedCatalogue>(message, written, CatalogueExtent::kWhole);
    }
    return *whole;
  }

  [[nodiscard]] Draft At(const Point& point) const {
    Draft draft{message, written, false, notes};
    ProblemList problems;
    for (const Assignment& assignment : point.assignments) {
      const std::string path = Assign(assignment, draft.message, draft.written, problems);
      draft.own_catalogue = draft.own_catalogue || path.starts_with("catalog.");
    }
    problems.ThrowIfAny();
    LeaveOutLater(own_horizon, draft);
    ReadProfiles(name, draft.message, draft.written, problems);
    if (ReadModelFiles(name, draft.message, draft.written, draft.notes, problems)) {
      draft.own_catalogue = true;
    }
    problems.ThrowIfAny();
    return draft;
  }

  [[nodiscard]] Scenario Build(const Point& point, Parts parts) const {
    const Draft draft = At(point);
    std::unique_ptr<CheckedCatalogue> own;
    const auto entries = [&](CatalogueExtent extent) -> const CheckedCatalogue& {
      if (draft.own_catalogue) {
        own = std::make_unique<CheckedCatalogue>(draft.message, draft.written, extent);
        return *own;
      }
      return extent == CatalogueExtent::kNamed ? Named() : Whole();
    };
    const auto build = [&](const CheckedCatalogue& from) {
      Scenario scenario =
          BuildScenario(name, draft.message, draft.written, parts, from.catalogue, from.problems);
      scenario.notes.insert(scenario.notes.begin(), draft.notes.begin(), draft.notes.end());
      return scenario;
    };
    // A mistake in a name is explained by the whole catalogue: "did you mean ...". A point may also
    // name an entry that its base does not.
    if (draft.own_catalogue || !whole) {
      const CheckedCatalogue* few = nullptr;
      try {
        few = &entries(CatalogueExtent::kNamed);
        return build(*few);
      } catch (const UserError&) {
        if (few != nullptr && few->problems.empty() && !few->catalogue.wants_more()) {
          throw;
        }
      }
    }
    return build(entries(CatalogueExtent::kWhole));
  }
};

std::string LinesOf(const Point& point) {
  std::string lines;
  for (const Assignment& assignment : point.assignments) {
    lines += (lines.empty() ? "" : "\n") + assignment.path + "=" + assignment.value;
  }
  return lines;
}

ScenarioBase::ScenarioBase(const std::string& name, std::string_view text,
                           const std::vector<std::string>& overrides)
    : read_(std::make_unique<Read>()) {
  read_->name = name;
  ProblemList problems;
  if (CheckEncoding(name, text, problems)) {
    ReadScenario(name, text, read_->message, read_->written, problems);
    RefuseEmpty(read_->written, problems);
  }
  problems.ThrowIfAny();
  read_->own_horizon = read_->message.horizon();
  for (const std::string& each : overrides) {
    if (const auto assignment = ParseAssignment(each, problems)) {
      (void)Assign(*assignment, read_->message, read_->written, problems);
    }
  }
  problems.ThrowIfAny();
  ReadProfiles(name, read_->message, read_->written, problems);
  (void)ReadModelFiles(name, read_->message, read_->written, read_->notes, problems);
  problems.ThrowIfAny();
}

void ScenarioBase::TestCollective(std::vector<Assignment> fields) {
  proto::Scenario& message = read_->message;
  const auto forget = [](google::protobuf::Message& from, Written& written, const char* field) {
    from.GetReflection()->ClearField(&from, from.GetDescriptor()->FindFieldByName(field));
    written.fields.erase(field);
  };
  // What changes over a horizon does not change within a collective.
  if (!message.horizon().empty()) {
    forget(message, read_->written, "change");
  }
  for (const char* field :
       {"job", "horizon", "reliability", "recording", "scheduler", "workload"}) {
    forget(message, read_->written, field);
  }
  for (int site = 0; site < message.site_size(); ++site) {
    for (const char* field : {"facility", "prices", "storage_bandwidth"}) {
      forget(*message.mutable_site(site), read_->written.fields.at("site")[site], field);
    }
  }
  message.add_job();
  const Position where{"the command line", 0, 0};
  read_->written.fields["job"] = {Written{where, where, {}}};
  ProblemList problems;
  for (Assignment& field : fields) {
    field.path = "job[0].collective_test." + field.path;
    (void)Assign(field, message, read_->written, problems);
  }
  problems.ThrowIfAny();
}

ScenarioBase ScenarioBase::FromFile(const std::string& file,
                                    const std::vector<std::string>& overrides) {
  ProblemList problems;
  std::string text;
  if (!ReadFile(file, {file, 0, 0}, text, problems)) {
    problems.ThrowIfAny();
  }
  return {file, text, overrides};
}

ScenarioBase::ScenarioBase(ScenarioBase&& other) noexcept = default;
ScenarioBase& ScenarioBase::operator=(ScenarioBase&& other) noexcept = default;
ScenarioBase::~ScenarioBase() = default;

Scenario ScenarioBase::At(const Point& point) const {
  return read_->Build(point, Parts::kAll);
}

Scenario ScenarioBase::SitesAt(const Point& point) const {
  return read_->Build(point, Parts::kSites);
}

NetworkParts ScenarioBase::PartsOfNetworks() const {
  // The transceiver that the sites name, where all name one.
  const auto& sites = read_->message.site();
  const bool alike = std::all_of(sites.begin(), sites.end(), [&sites](const proto::Site& site) {
    return site.optics() == sites.begin()->optics();
  });
  return PartsWithOptics(read_->Whole().catalogue,
                         sites.empty() || !alike ? "" : sites.begin()->optics());
}

std::vector<Problem> ScenarioBase::WrongValuesAt(const Point& point) const {
  const Draft draft = read_->At(point);
  ProblemList problems;
  CheckRules(draft.message, draft.written, "", problems);
  try {
    problems.ThrowIfAny();
  } catch (const UserError& error) {
    return error.problems();
  }
  return {};
}

std::string ScenarioBase::TextAt(const Point& point) const {
  return CanonicalText(read_->At(point).message);
}

Scenario LoadScenarioText(const std::string& name, std::string_view text,
                          const std::vector<std::string>& overrides) {
  return ScenarioBase(name, text, overrides).At({});
}

Scenario LoadScenario(const std::string& file, const std::vector<std::string>& overrides) {
  return ScenarioBase::FromFile(file, overrides).At({});
}

Scenario LoadSites(const std::string& file, const std::vector<std::string>& overrides) {
  return ScenarioBase::FromFile(file, overrides).SitesAt({});
}

}  // namespace gridlock
