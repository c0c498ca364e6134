#include "sim/scenario/changeable.h"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <google/protobuf/descriptor.h>

#include "sim/base/check.h"

namespace gridlock {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

/// A site and what it is made of.
struct SiteParts {
  const proto::Site& site;
  const proto::Server& server;
  const proto::Accelerator& accelerator;
  const Catalogue& catalogue;
};

/// A field that may change.
struct Changeable {
  std::string_view path;  ///< without indices
  /// The value where the site writes none; null where there is none.
  std::string (*otherwise)(const SiteParts& parts);
};

constexpr Changeable kTable[] = {
    {"site.override.scale_up.per_direction",
     [](const SiteParts& parts) {
       return parts.accelerator.scale_up().per_direction();
     }},
    {"site.override.scale_up.bidirectional",
     [](const SiteParts& parts) {
       return parts.accelerator.scale_up().bidirectional();
     }},
    {"site.override.nic_bandwidth",
     [](const SiteParts& parts) {
       return parts.server.nic_bandwidth();
     }},
    {"site.override.hbm_bandwidth",
     [](const SiteParts& parts) {
       return parts.accelerator.hbm_bandwidth();
     }},
    {"site.override.hbm_capacity",
     [](const SiteParts& parts) {
       return parts.accelerator.hbm_capacity();
     }},
    {"site.override.flops_factor",
     [](const SiteParts& /*parts*/) {
       return std::string("1");
     }},
    {"site.override.power_limit",
     [](const SiteParts& parts) {
       return parts.accelerator.power().limit();
     }},
    {"site.override.power_floor", nullptr},
    {"site.override.power_storage", nullptr},
    {"site.override.power_ramp_up", nullptr},
    {"site.override.power_ramp_down", nullptr},
    {"site.override.comply_with.rule", nullptr},
    {"site.override.comply_with.knob", nullptr},
    {"site.override.fabric_nic_bandwidth",
     [](const SiteParts& parts) {
       return parts.server.nic_bandwidth();
     }},
    {"site.facility.pue",
     [](const SiteParts& parts) {
       std::vector<std::string> notes;
       return fmt::format("{}", PueOf(parts.site.facility(), parts.catalogue, "", notes));
     }},
    {"site.facility.power_cap", nullptr},
    {"site.facility.power_policy",
     [](const SiteParts& /*parts*/) {
       return std::string("SLOW");
     }},
    {"site.facility.rack_cap", nullptr},
    {"site.facility.row_cap", nullptr},
    {"site.prices.electricity", nullptr},
    {"site.prices.carbon", nullptr},
    {"site.failed", nullptr},
    {"wan.bandwidth", nullptr},  // always written
};

bool IsInTable(const std::string& path) {
  return std::any_of(std::begin(kTable), std::end(kTable), [&](const Changeable& each) {
    return each.path == path;
  });
}

/// True when something of the block `path` is in the table.
bool LeadsToTable(const std::string& path) {
  return std::any_of(std::begin(kTable), std::end(kTable), [&](const Changeable& each) {
    return each.path.starts_with(path + ".");
  });
}

/// True when every value in the block `path` is in the table.
bool IsWhollyInTable(const Descriptor& block, const std::string& path) {
  for (int i = 0; i < block.field_count(); ++i) {
    const FieldDescriptor& field = *block.field(i);
    const std::string below = path + "." + field.name();
    if (field.message_type() != nullptr ? !IsWhollyInTable(*field.message_type(), below)
                                        : !IsInTable(below)) {
      return false;
    }
  }
  return true;
}

/// The fields of the block `path` that are not in the table: "nics and transport"; "" when more
/// than two are not, or a part of a block is.
std::string Exceptions(const Descriptor& block, const std::string& path) {
  std::vector<std::string> out;
  for (int i = 0; i < block.field_count(); ++i) {
    const FieldDescriptor& field = *block.field(i);
    const std::string below = path + "." + field.name();
    if (field.message_type() != nullptr ? !IsWhollyInTable(*field.message_type(), below)
                                        : !IsInTable(below)) {
      out.push_back(field.name());
    }
  }
  constexpr std::size_t kFew = 2;
  const bool few = out.size() <= kFew && static_cast<int>(out.size()) < block.field_count() / 2;
  return few ? fmt::format("{}", fmt::join(out, " and ")) : "";
}

/// Appends what may change in the block `path`; `shown` is the path as people write it.
void AddChangeable(const Descriptor& block, const std::string& path, const std::string& shown,
                   std::vector<std::string>& texts) {
  for (int i = 0; i < block.field_count(); ++i) {
    const FieldDescriptor& field = *block.field(i);
    const std::string below = FieldPath(path, field.name());
    const std::string text = FieldPath(shown, field.name()) + (field.is_repeated() ? "[i]" : "");
    if (IsInTable(below)) {
      texts.push_back(text);
    } else if (!LeadsToTable(below)) {
      continue;
    } else if (IsWhollyInTable(*field.message_type(), below)) {
      texts.push_back(text + ".*");
    } else if (const std::string but = Exceptions(*field.message_type(), below); !but.empty()) {
      texts.push_back(fmt::format("{}.* (but {})", text, but));
    } else {
      AddChangeable(*field.message_type(), below, text, texts);
    }
  }
}

}  // namespace

bool StaysAsItIs(const std::string& path) {
  const std::string plain = WithoutIndices(path);
  const Descriptor* block = proto::Scenario::descriptor();
  for (std::size_t start = 0; start <= plain.size();) {
    const std::size_t end = std::min(plain.find('.', start), plain.size());
    const FieldDescriptor* const field =
        block == nullptr ? nullptr : block->FindFieldByName(plain.substr(start, end - start));
    if (field == nullptr) {
      return false;  // the setter has the better words
    }
    const std::string so_far = plain.substr(0, end);
    if (!IsInTable(so_far) && !LeadsToTable(so_far)) {
      return true;
    }
    block = field->message_type();
    start = end + 1;
  }
  return plain.find('.') == std::string::npos;  // a list as a whole
}

std::string ChangeableText() {
  std::vector<std::string> texts;
  AddChangeable(*proto::Scenario::descriptor(), "", "", texts);
  const std::string last = texts.back();
  texts.pop_back();
  return fmt::format("{} or {}", fmt::join(texts, ", "), last);
}

std::string ValueOtherwise(const ScenarioMessage& from, const std::string& path) {
  const std::string plain = WithoutIndices(path);
  const auto* const row =
      std::find_if(std::begin(kTable), std::end(kTable), [&](const Changeable& each) {
        return each.path == plain;
      });
  CHECK(row != std::end(kTable));
  if (row->otherwise == nullptr) {
    return "none";
  }
  const proto::Site& site = from.message.site(FirstIndex(path));
  const proto::Server& server = *from.catalogue.servers.at(site.server()).message;
  const proto::Accelerator& accelerator =
      *from.catalogue.accelerators.at(server.accelerator()).message;
  const std::string text = row->otherwise({site, server, accelerator, from.catalogue});
  return text.empty() ? "none" : text;
}

std::string WithoutIndices(const std::string& path) {
  std::string names;
  bool inside = false;
  for (const char c : path) {
    inside = inside || c == '[';
    if (!inside) {
      names += c;
    }
    inside = inside && c != ']';
  }
  return names;
}

int FirstIndex(const std::string& path) {
  return std::stoi(path.substr(path.find('[') + 1));
}

}  // namespace gridlock
