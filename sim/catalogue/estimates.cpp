#include "sim/catalogue/estimates.h"

#include <algorithm>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include "proto/marks.pb.h"
#include "sim/base/check.h"
#include "sim/catalogue/parts.h"
#include "sim/catalogue/sources.h"

namespace gridlock {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

/// The format in "rate[BF16]"; nothing for "rate", which stands for all formats.
std::optional<Precision> FormatOf(const std::string& part) {
  const std::size_t bracket = part.find('[');
  proto::Precision precision = proto::PRECISION_UNSPECIFIED;
  if (bracket == std::string::npos ||
      !proto::Precision_Parse(part.substr(bracket + 1, part.size() - bracket - 2), &precision)) {
    return std::nullopt;
  }
  return MakePrecision(precision);
}

/// Adds what the mark of one field on the way says. `part` is the field as the path writes it.
void AddMark(const FieldDescriptor& field, const std::string& part, ReadBy& read_by) {
  switch (field.options().GetExtension(proto::read_by)) {
    case proto::STEPS_ACROSS_SERVERS:
      read_by.steps_across_servers = true;
      return;
    case proto::STEPS_WITH_EXPERTS:
      read_by.steps_with_experts = true;
      return;
    case proto::STEPS_WITH_EXPERTS_APART:
      read_by.steps_with_experts_apart = true;
      return;
    case proto::STEPS_IN_ITS_FORMAT:
      read_by.format = FormatOf(part);
      return;
    case proto::GEMMS:
      read_by.gemms = true;
      return;
    case proto::LIVES:
      read_by.lives = true;
      return;
    case proto::NO_RUN:
      read_by.nobody = true;
      return;
    default:
      return;  // every run that uses the entry
  }
}

}  // namespace

ReadBy ReadByOf(const Descriptor& entry, const std::string& path) {
  ReadBy read_by;
  const Descriptor* descriptor = &entry;
  for (std::size_t start = 0; descriptor != nullptr && start <= path.size();) {
    const std::size_t dot = std::min(path.find('.', start), path.size());
    const std::string part = path.substr(start, dot - start);
    const FieldDescriptor* const field =
        descriptor->FindFieldByName(part.substr(0, part.find('[')));
    CHECK(field != nullptr);
    AddMark(*field, part, read_by);
    descriptor = field->message_type();
    start = dot + 1;
  }
  return read_by;
}

std::vector<Estimate> EstimatesAmong(const std::string& kind,
                                     const google::protobuf::Message& entry,
                                     const Written& written) {
  const FieldDescriptor* const name = entry.GetDescriptor()->FindFieldByName("name");
  CHECK(name != nullptr);
  std::vector<Estimate> estimates;
  const auto add = [&](const std::vector<std::string>& fields, bool from_user) {
    for (const std::string& field : fields) {
      estimates.push_back({kind, entry.GetReflection()->GetString(entry, name), field, from_user,
                           ReadByOf(*entry.GetDescriptor(), field)});
    }
  };
  add(EstimatesOf(entry, written), false);
  add(UnsourcedOf(entry, written), true);
  return estimates;
}

}  // namespace gridlock
