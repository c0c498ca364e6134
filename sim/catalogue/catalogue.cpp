#include "sim/catalogue/catalogue.h"

#include <array>
#include <atomic>
#include <functional>
#include <set>
#include <string_view>

#include "sim/base/check.h"
#include "sim/catalogue/folders.h"
#include "sim/catalogue/like.h"
#include "sim/catalogue/scan.h"
#include "sim/catalogue/sources.h"
#include "sim/schema/files.h"
#include "sim/schema/rules.h"
#include "sim/schema/text_reader.h"

namespace gridlock {
namespace {

constexpr std::string_view kSwitchEnd = "_switch";

/// Notes the other spellings of an entry; each stands for one entry.
template <typename T, typename Message>
void IndexAliases(const Message& message, const std::string& kind, const Written& place,
                  const std::string& path, Entries<T>& entries, ProblemList& problems) {
  for (int i = 0; i < message.alias_size(); ++i) {
    const std::string& owner = entries.AddAlias(message.alias(i), message.name());
    if (owner != message.name()) {
      problems.Add(
          place.At("alias", i).value, ElementPath(path + ".alias", static_cast<std::size_t>(i)),
          Refusal(Quoted(message.alias(i)) + " is an alias of the " + kind + " " + Quoted(owner),
                  "an alias of its own"));
    }
  }
}

/// Puts entries of one kind into their map. A name stands for one entry of the shipped files, and
/// for one of the scenario, which takes the place of a shipped one.
/// @param notes receives what was replaced
template <typename T, typename List>
void IndexKind(const List& list, const std::string& kind, const Written& written, Sourcing sourcing,
               Entries<T>& entries, std::vector<std::string>& notes, ProblemList& problems) {
  std::set<std::string> present;
  for (int i = 0; i < list.size(); ++i) {
    const Written& place = written.At(kind, i);
    const std::string path = ElementPath("catalog." + kind, static_cast<std::size_t>(i));
    CheckSourceFields(list.Get(i), place, path, problems);
    if (sourcing == Sourcing::kRequired) {
      CheckThatAllHaveSources(list.Get(i), place, path, problems);
    }
    const std::string& name = list.Get(i).name();
    const bool own = sourcing == Sourcing::kOptional;
    const auto [other, is_new] = entries.emplace(name, Entry<T>{&list.Get(i), &place});
    if (!is_new && own && !present.contains(name)) {
      notes.push_back(kind + " " + name + ": the scenario's own entry stands for that of the " +
                      "catalogue");
      entries.Replace(name, Entry<T>{&list.Get(i), &place});
    } else if (!is_new) {
      const std::string where = other->second.written->At("name").value.Text();
      problems.Add(place.At("name").value, path + ".name",
                   Refusal("there is another " + kind + " " + Quoted(name) + ", at " + where,
                           "a name of its own"));
    }
    present.insert(name);
    IndexAliases(list.Get(i), kind, place, path, entries, problems);
  }
}

/// Frameworks without an entry of their own are found by the stack that stands for them.
void IndexFrameworks(Entries<proto::Stack>& stacks) {
  for (const auto& [name, stack] : stacks) {
    for (const std::string& framework : stack.message->stands_for()) {
      if (framework != "*") {
        (void)stacks.AddAlias(framework, name);
      }
    }
  }
}

/// Says which stack stands for the framework that a job names.
void NoteFrameworks(const proto::Scenario& scenario, const Entries<proto::Stack>& stacks,
                    std::vector<std::string>& notes) {
  std::set<std::string> said;
  for (const proto::Job& job : scenario.job()) {
    const std::string& framework = job.pretraining().stack();
    const auto stack = stacks.find(framework);
    if (stack != stacks.end() && stack->first != framework && said.insert(framework).second) {
      notes.push_back("stack " + framework + " is " + stack->second.message->family() + ": as " +
                      stack->first);
    }
  }
}

/// Fields that a fit needs, from its own block or from the transport that it names.
constexpr std::array kNeededOfAFit{
    "all_reduce_efficiency", "all_gather_efficiency", "reduce_scatter_efficiency",
    "send_efficiency",       "step_latency",          "base_latency"};

/// Adds problems of a fit: a transport that there is not, or fields that neither has. A fit that is
/// not there at all is a field that its entry lacks.
void CheckFit(const proto::CollectiveFit& fit, const Written& entry, const char* name,
              const Catalogue& catalogue, ProblemList& problems) {
  if (!entry.Has(name)) {
    return;
  }
  const Written& place = entry.At(name);
  if (!fit.transport().empty()) {
    (void)Find(catalogue.transports, "transport", fit.transport(), place.At("transport").value,
               problems);
    return;
  }
  std::string missing;
  for (const char* field : kNeededOfAFit) {
    missing += place.Has(field) ? "" : (missing.empty() ? "" : ", ") + Quoted(field);
  }
  if (!missing.empty()) {
    problems.Add(place.name, "",
                 Refusal("this CollectiveFit lacks " + missing,
                         "them, or \"transport\", whose values it then has"));
  }
}

/// One number for the texts of a catalogue.
std::size_t HashOf(const std::vector<std::string>& texts) {
  std::size_t hash = 1;  // 0 is that of no catalogue
  for (const std::string& text : texts) {
    hash = hash * 31 + std::hash<std::string>()(text);
  }
  return hash;
}

/// HashOf of the user's catalogue that this process has read whole without a mistake. The rows of a
/// table of published steps each load a scenario, and would each read it whole.
std::atomic<std::size_t> known_to_be_sound = 0;

}  // namespace

Catalogue::Catalogue(const proto::Scenario& scenario, const Written& written,
                     CatalogueExtent extent, ProblemList& problems) {
  const std::size_t before = problems.size();
  const std::vector<std::string> names = CatalogueFiles(problems);
  std::vector<std::string> texts(names.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    (void)ReadFile(names[i], {names[i], 0, 0}, texts[i], problems);
  }
  const std::size_t hash = UsersOwnCatalogue() ? HashOf(texts) : 0;
  if (extent == CatalogueExtent::kNamed && (hash == 0 || hash == known_to_be_sound)) {
    KeepNamedEntries(QuotedTexts(scenario.DebugString()), texts);
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    Read(names[i], texts[i], problems);
  }
  std::vector<EntryList> lists;
  for (File& file : files_) {
    lists.push_back({&file.message, &file.written});
  }
  if (written.Has("catalog")) {
    own_ = {scenario.catalog(), written.At("catalog")};
    lists.push_back({&own_.message, &own_.written});
  }
  if (!CompleteEntries(lists, problems)) {
    problems.ThrowIfAny();  // whatever such an entry lacks would be missing, too
  }
  for (const File& file : files_) {
    CheckRules(file.message, file.written, "", problems);
    Index(file.message, file.written, Sourcing::kRequired, problems);
  }
  Index(own_.message, own_.written, Sourcing::kOptional, problems);
  IndexFrameworks(stacks);
  NoteFrameworks(scenario, stacks, notes_);
  if (problems.size() != before) {
    return;  // a file that could not be read would be blamed for every name in it
  }
  CheckNamesInEntries(problems);
  if (hash != 0 && problems.size() == before && !written.Has("catalog")) {
    known_to_be_sound = hash;
  }
  graphs = ReadGraphs(scenario, written, problems);
}

bool Catalogue::wants_more() const {
  return accelerators.wants_more() || servers.wants_more() || transports.wants_more() ||
         switches.wants_more() || optics.wants_more() || models.wants_more() ||
         stacks.wants_more() || memories.wants_more() || buildings.wants_more() ||
         wan_optics.wants_more() || failure_rates.wants_more() || clusters.wants_more() ||
         storages.wants_more();
}

void Catalogue::NoteSpellings(std::vector<std::string>& notes) const {
  const auto add = [&notes](const char* kind, const auto& entries) {
    for (const auto& [written, name] : entries.spelled()) {
      notes.push_back(std::string(kind) + " " + Quoted(written) + " is " + name);
    }
  };
  add("accelerator", accelerators);
  add("server", servers);
  add("model", models);
  add("stack", stacks);
  add("cluster", clusters);
}

void Catalogue::PutOwnEntries(proto::Scenario& scenario, Written& written) const {
  if (written.Has("catalog")) {
    *scenario.mutable_catalog() = own_.message;
    written.fields["catalog"] = {own_.written};
  }
}

void Catalogue::CheckNamesInEntries(ProblemList& problems) {
  const auto note_dropped = [this](const Written& fit, const std::string& what) {
    if (fit.Has("bulk_latency")) {
      notes_.push_back(what + ": bulk_latency is of an older schema and is not read");
    }
  };
  for (const auto& [name, server] : servers) {
    note_dropped(server.written->At("scale_up"), "server " + name);
    note_dropped(server.written->At("scale_out"), "server " + name);
    if (!server.message->accelerator().empty()) {
      (void)Find(accelerators, "accelerator", server.message->accelerator(),
                 server.written->At("accelerator").value, problems);
    }
    CheckFit(server.message->scale_up(), *server.written, "scale_up", *this, problems);
    CheckFit(server.message->scale_out(), *server.written, "scale_out", *this, problems);
  }
  for (const auto& [name, transport] : transports) {
    CheckFit(transport.message->fit(), *transport.written, "fit", *this, problems);
  }
  for (const auto& [name, accelerator] : accelerators) {
    const proto::AcceleratorFacts& facts = accelerator.message->facts();
    if (!facts.memory().empty()) {
      (void)Find(memories, "memory", facts.memory(),
                 accelerator.written->At("facts").At("memory").value, problems);
    }
  }
  for (const auto& [name, cluster] : clusters) {
    const proto::Cluster& message = *cluster.message;
    if (!message.server().empty()) {
      (void)Find(servers, "server", message.server(), cluster.written->At("server").value,
                 problems);
    }
    if (!message.building().empty()) {
      (void)Find(buildings, "building", message.building(), cluster.written->At("building").value,
                 problems);
    }
    CheckSwitchNames(message.fabric(), cluster.written->At("fabric"), *this, problems);
    if (message.fabric().has_listed()) {
      problems.Add(cluster.written->At("fabric").At("listed").name, "",
                   Refusal("a cluster of the catalogue lists no graph of its own",
                           "clos { ... } or torus { ... }"));
    }
  }
}

std::vector<SwitchName> SwitchNames(const proto::Fabric& fabric) {
  std::vector<SwitchName> names;
  std::vector<const google::protobuf::FieldDescriptor*> kinds;
  fabric.GetReflection()->ListFields(fabric, &kinds);
  for (const auto* kind : kinds) {
    const google::protobuf::Message& network = fabric.GetReflection()->GetMessage(fabric, kind);
    std::vector<const google::protobuf::FieldDescriptor*> fields;
    network.GetReflection()->ListFields(network, &fields);
    for (const auto* field : fields) {
      const std::string& name = field->name();
      if (name.size() > kSwitchEnd.size() &&
          name.compare(name.size() - kSwitchEnd.size(), kSwitchEnd.size(), kSwitchEnd) == 0) {
        names.push_back({kind->name(), name, network.GetReflection()->GetString(network, field)});
      }
    }
  }
  return names;
}

void CheckSwitchNames(const proto::Fabric& fabric, const Written& place, const Catalogue& catalogue,
                      ProblemList& problems) {
  for (const SwitchName& each : SwitchNames(fabric)) {
    const Position& where = place.At(each.kind).At(each.field).value;
    (void)Find(catalogue.switches, "switch", each.name, where, problems);
  }
}

void Catalogue::Read(const std::string& name, const std::string& text, ProblemList& problems) {
  if (text.empty()) {
    return;
  }
  File& file = files_.emplace_back();
  if (!ReadText(name, text, file.message, file.written, problems)) {
    files_.pop_back();
  }
}

void Catalogue::Index(const proto::Catalog& catalog, const Written& written, Sourcing sourcing,
                      ProblemList& problems) {
  IndexKind(catalog.accelerator(), "accelerator", written, sourcing, accelerators, notes_,
            problems);
  IndexKind(catalog.server(), "server", written, sourcing, servers, notes_, problems);
  IndexKind(catalog.transport(), "transport", written, sourcing, transports, notes_, problems);
  IndexKind(catalog.switch_(), "switch", written, sourcing, switches, notes_, problems);
  IndexKind(catalog.optics(), "optics", written, sourcing, optics, notes_, problems);
  IndexKind(catalog.model(), "model", written, sourcing, models, notes_, problems);
  IndexKind(catalog.stack(), "stack", written, sourcing, stacks, notes_, problems);
  IndexKind(catalog.memory(), "memory", written, sourcing, memories, notes_, problems);
  IndexKind(catalog.building(), "building", written, sourcing, buildings, notes_, problems);
  IndexKind(catalog.wan_optics(), "wan_optics", written, sourcing, wan_optics, notes_, problems);
  IndexKind(catalog.failure_rate(), "failure_rate", written, sourcing, failure_rates, notes_,
            problems);
  IndexKind(catalog.cluster(), "cluster", written, sourcing, clusters, notes_, problems);
  IndexKind(catalog.storage(), "storage", written, sourcing, storages, notes_, problems);
}

void RefuseName(const std::string& kind, const std::string& name, const EntryNames& known,
                const Position& where, ProblemList& problems) {
  std::string nearest = NearestName(name, known.names);
  if (nearest.empty()) {
    nearest = NearestName(name, known.aliases);
  }
  const std::string article = kind == "accelerator" ? "an " : "a ";
  std::string expectation = article + kind + " of the catalogue";
  if (nearest.empty()) {
    expectation += known.names.empty() ? ", which has none" : ": " + OneOf(known.names);
  }
  problems.Add(where, "",
               Refusal("there is no " + kind + " " + Quoted(name), expectation, nearest));
}

}  // namespace gridlock
