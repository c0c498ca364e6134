#include "sim/catalogue/like.h"

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include "sim/base/check.h"
#include "sim/catalogue/catalogue.h"
#include "sim/catalogue/merged_sources.h"
#include "sim/schema/merge.h"

namespace gridlock {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

/// Makes `field` of a message as if nobody had written it.
void Forget(const FieldDescriptor& field, Message& message, Written& written) {
  message.GetReflection()->ClearField(&message, &field);
  written.fields.erase(field.name());
}

/// Blocks whose fields are two ways to say one thing: a new one replaces the whole block.
bool IsReplacedAsAWhole(const FieldDescriptor& field) {
  return field.is_repeated() || field.message_type() == proto::LinkBandwidth::descriptor() ||
         field.message_type() == proto::ServerNetwork::descriptor();
}

/// Forgets, in `base`, what `own` replaces as a whole.
void ForgetReplaced(const Written& own, Message& base, Written& base_written) {
  for (const auto& [name, places] : own.fields) {
    const FieldDescriptor* const field = base.GetDescriptor()->FindFieldByName(name);
    CHECK(field != nullptr);
    if (IsReplacedAsAWhole(*field)) {
      Forget(*field, base, base_written);
    } else if (field->message_type() != nullptr && base_written.Has(name) && !places.empty()) {
      ForgetReplaced(places[0], *base.GetReflection()->MutableMessage(&base, field),
                     base_written.fields[name][0]);
    }
  }
}

/// A matrix rate and where it was written.
struct Rate {
  proto::MatrixRate message;
  Written written;
};

/// Takes the rates out of an accelerator.
std::vector<Rate> TakeRates(proto::Accelerator& accelerator, Written& written) {
  std::vector<Rate> rates;
  for (int i = 0; i < accelerator.rate_size(); ++i) {
    rates.push_back({accelerator.rate(i), written.At("rate", i)});
  }
  accelerator.clear_rate();
  written.fields.erase("rate");
  return rates;
}

/// The rates of `base` with those of `own` on top: each merges with the one of its format.
std::vector<Rate> MergedRates(std::vector<Rate> base, std::vector<Rate> own) {
  const std::size_t inherited = base.size();
  for (Rate& rate : own) {
    const auto end = base.begin() + static_cast<std::ptrdiff_t>(inherited);
    const auto same = std::find_if(base.begin(), end, [&](const Rate& each) {
      return each.message.precision() == rate.message.precision();
    });
    if (same == end) {
      base.push_back(std::move(rate));
      continue;
    }
    LayOver(rate.message, rate.written, same->message, same->written);
    same->written.name = rate.written.name;
    same->written.value = rate.written.value;
  }
  return base;
}

void PutRates(const std::vector<Rate>& rates, proto::Accelerator& accelerator, Written& written) {
  for (const Rate& rate : rates) {
    *accelerator.add_rate() = rate.message;
    written.fields["rate"].push_back(rate.written);
  }
}

/// An entry in its list.
struct Place {
  Message* message = nullptr;
  Written* written = nullptr;
  enum class State { kNew, kOpen, kDone } state = State::kNew;
};

std::string TextOf(const Message& entry, const char* field) {
  const FieldDescriptor* const descriptor = entry.GetDescriptor()->FindFieldByName(field);
  CHECK(descriptor != nullptr);
  return entry.GetReflection()->GetString(entry, descriptor);
}

std::vector<std::string> AliasesOf(const Message& entry) {
  const FieldDescriptor* const descriptor = entry.GetDescriptor()->FindFieldByName("alias");
  CHECK(descriptor != nullptr);
  std::vector<std::string> aliases;
  for (int i = 0; i < entry.GetReflection()->FieldSize(entry, descriptor); ++i) {
    aliases.push_back(entry.GetReflection()->GetRepeatedString(entry, descriptor, i));
  }
  return aliases;
}

/// All entries of one kind, such as accelerators, over all lists.
class Kind {
 public:
  Kind(const FieldDescriptor& field, const std::vector<EntryList>& lists, ProblemList& problems)
      : name_(field.name()), problems_(problems) {
    for (const EntryList& list : lists) {
      const Reflection& reflection = *list.message->GetReflection();
      for (int i = 0; i < reflection.FieldSize(*list.message, &field); ++i) {
        Place place;
        place.message = reflection.MutableRepeatedMessage(list.message, &field, i);
        place.written = &list.written->fields.at(name_).at(static_cast<std::size_t>(i));
        places_.push_back(place);
      }
    }
    for (std::size_t i = 0; i < places_.size(); ++i) {
      by_name_.emplace(TextOf(*places_[i].message, "name"), i);  // the loader refuses a second one
    }
    for (std::size_t i = 0; i < places_.size(); ++i) {
      for (const std::string& alias : AliasesOf(*places_[i].message)) {
        by_alias_.emplace(alias, i);
      }
    }
  }

  void CompleteAll() {
    for (std::size_t i = 0; i < places_.size(); ++i) {
      Complete(i);
    }
  }

 private:
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

  /// Completes an entry, and before it the new ones among its base, the base of that, and so on.
  void Complete(std::size_t index) {
    std::vector<std::size_t> bases;  // of each open entry
    for (std::size_t each = index; each != kNone && places_[each].state == Place::State::kNew;) {
      places_[each].state = Place::State::kOpen;
      open_.push_back(each);
      each = BaseOf(places_[each]);
      bases.push_back(each);
    }
    while (!open_.empty()) {
      Place& place = places_[open_.back()];
      if (bases.back() != kNone) {
        StartFrom(places_[bases.back()], place);
      }
      place.state = Place::State::kDone;
      open_.pop_back();
      bases.pop_back();
    }
  }

  /// The entry of that name, or of that alias where no entry has the name; kNone without any.
  [[nodiscard]] std::size_t IndexOf(const std::string& name) const {
    const auto found = by_name_.find(name);
    if (found != by_name_.end()) {
      return found->second;
    }
    const auto alias = by_alias_.find(name);
    return alias == by_alias_.end() ? kNone : alias->second;
  }

  /// The entry that `place` starts from; kNone when it starts from none, and after adding a
  /// problem.
  std::size_t BaseOf(const Place& place) {
    if (!place.written->Has("like")) {
      return kNone;
    }
    const std::string base = TextOf(*place.message, "like");
    const Position& where = place.written->At("like").value;
    const std::size_t found = IndexOf(base);
    if (found == kNone) {
      EntryNames known;
      for (const auto& [name, index] : by_name_) {
        if (places_[index].message != place.message) {
          known.names.push_back(name);
        }
      }
      RefuseName(name_, base, known, where, problems_);
      return kNone;
    }
    if (places_[found].state == Place::State::kOpen) {
      problems_.Add(where, "",
                    Refusal("entries start from each other in a circle: " + Circle(found),
                            "a \"like\" that does not lead back"));
      return kNone;
    }
    return found;
  }

  /// "a -> b -> a": the open entries from `first` on.
  [[nodiscard]] std::string Circle(std::size_t first) const {
    std::string chain;
    for (auto at = std::find(open_.begin(), open_.end(), first); at != open_.end(); ++at) {
      chain += TextOf(*places_[*at].message, "name") + " -> ";
    }
    return chain + TextOf(*places_[first].message, "name");
  }

  static void StartFrom(const Place& base, Place& place) {
    const std::unique_ptr<Message> merged(base.message->New());
    merged->CopyFrom(*base.message);
    Written written = *base.written;
    written.name = place.written->name;
    written.value = place.written->value;
    for (const char* own :
         {"name", "title", "like", "alias", "stands_for", "when_short", "source"}) {
      const FieldDescriptor* const field = merged->GetDescriptor()->FindFieldByName(own);
      if (field != nullptr) {
        Forget(*field, *merged, written);
      }
    }
    Written fields = *place.written;
    fields.fields.erase("source");
    if (auto* accelerator = dynamic_cast<proto::Accelerator*>(merged.get());
        accelerator != nullptr) {
      proto::Accelerator own = static_cast<const proto::Accelerator&>(*place.message);
      std::vector<Rate> own_rates = TakeRates(own, fields);
      std::vector<Rate> rates = MergedRates(TakeRates(*accelerator, written), std::move(own_rates));
      LayOver(own, fields, *merged, written);
      PutRates(rates, *accelerator, written);
    } else {
      LayOver(*place.message, fields, *merged, written);
    }
    MergeSources({*base.message, *base.written}, {*place.message, *place.written}, *merged,
                 written);
    place.message->CopyFrom(*merged);
    *place.written = std::move(written);
  }

  std::string name_;  ///< "accelerator"
  ProblemList& problems_;
  std::vector<Place> places_;
  std::map<std::string, std::size_t> by_name_, by_alias_;
  std::vector<std::size_t> open_;  ///< being completed, each the base of the one before
};

}  // namespace

void LayOver(const Message& own, const Written& own_written, Message& base, Written& base_written) {
  ForgetReplaced(own_written, base, base_written);
  MergeMessage(own, own_written, base, base_written);
}

bool CompleteEntries(const std::vector<EntryList>& lists, ProblemList& problems) {
  const std::size_t before = problems.size();
  const google::protobuf::Descriptor& catalog = *proto::Catalog::descriptor();
  for (int i = 0; i < catalog.field_count(); ++i) {
    Kind(*catalog.field(i), lists, problems).CompleteAll();
  }
  return problems.size() == before;
}

void ForgetBases(proto::Catalog& catalog) {
  const Reflection& reflection = *catalog.GetReflection();
  for (int i = 0; i < catalog.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor& kind = *catalog.GetDescriptor()->field(i);
    const FieldDescriptor* const like = kind.message_type()->FindFieldByName("like");
    CHECK(like != nullptr);
    for (int k = 0; k < reflection.FieldSize(catalog, &kind); ++k) {
      Message* const entry = reflection.MutableRepeatedMessage(&catalog, &kind, k);
      entry->GetReflection()->ClearField(entry, like);
    }
  }
}

}  // namespace gridlock
