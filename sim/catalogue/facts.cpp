#include "sim/base/check.h"
#include "sim/catalogue/parts.h"
#include "sim/schema/rules.h"

namespace gridlock {
namespace {

MemoryKind KindOf(proto::MemoryKind kind) {
  switch (kind) {
    case proto::HBM:
      return MemoryKind::kHbm;
    case proto::GDDR:
      return MemoryKind::kGddr;
    case proto::LPDDR:
      return MemoryKind::kLpddr;
    case proto::SRAM:
      return MemoryKind::kSram;
    default:
      return MemoryKind::kUnknown;
  }
}

/// Bit length of the inputs to the multiplication. TF32 has 19 bits: sign, 8 of exponent, 10 of
/// mantissa; that its numbers lie in 32 bits of memory does not count.
int BitsOf(Precision precision) {
  switch (precision) {
    case Precision::kFp32:
      return 32;
    case Precision::kTf32:
      return 19;
    case Precision::kBf16:
      return 16;
    case Precision::kFp8:
    case Precision::kInt8:
      return 8;
    case Precision::kFp4:
      return 4;
  }
  CHECK(!"all precisions are listed");
  return 0;
}

BytesPerSecond Bidirectional(const proto::LinkBandwidth& link) {
  if (!link.bidirectional().empty()) {
    return BytesPerSecond(SiOf(link.bidirectional(), Dimension::kBandwidth));
  }
  return link.per_direction().empty()
             ? BytesPerSecond(0.0)
             : BytesPerSecond(SiOf(link.per_direction(), Dimension::kBandwidth)) * 2.0;
}

/// Square metres to the unit of the rules.
double Mm2(const std::string& text) {
  return SiOf(text, Dimension::kArea) * 1e6;
}

void AddMemory(const proto::Memory& memory, AcceleratorFacts& facts) {
  facts.memory = KindOf(memory.kind());
  if (!memory.stack_bandwidth().empty()) {
    facts.stack_bandwidth = BytesPerSecond(SiOf(memory.stack_bandwidth(), Dimension::kBandwidth));
  }
  if (!memory.stack_area().empty()) {
    facts.stack_area_mm2 = Mm2(memory.stack_area());
  }
}

/// The factor that an override has put on the rates; 1 without one.
double FlopsFactor(const proto::Accelerator& entry, const AcceleratorSpec& spec) {
  const double peak = SiOf(entry.rate(0).peak(), Dimension::kCompute);
  return spec.rates[static_cast<int>(MakePrecision(entry.rate(0).precision()))].peak.si() / peak;
}

}  // namespace

AcceleratorFacts MakeFacts(const proto::Accelerator& entry, const AcceleratorSpec& spec,
                           const Catalogue& catalogue) {
  const proto::AcceleratorFacts& given = entry.facts();
  AcceleratorFacts facts;
  facts.name = entry.name();
  for (int i = 0; i < kPrecisions; ++i) {
    if (spec.rates[i].peak > FlopPerSecond(0.0)) {
      facts.rates.push_back({BitsOf(static_cast<Precision>(i)), spec.rates[i].peak});
    }
  }
  const double factor = FlopsFactor(entry, spec);
  for (const proto::OtherRate& rate : given.other_rate()) {
    facts.rates.push_back(
        {rate.bits(), FlopPerSecond(SiOf(rate.peak(), Dimension::kCompute)) * factor});
  }
  facts.host = Bidirectional(given.host());
  if (given.scale_up_kind() != proto::HOST_LINK) {
    facts.links = spec.scale_up_bandwidth * 2.0;
  }
  if (!given.logic_die_area().empty()) {
    facts.logic_area_mm2 = Mm2(given.logic_die_area());
  }
  facts.planar = given.planar();
  facts.consumer = given.consumer();
  facts.memory_bandwidth = spec.hbm_bandwidth;
  if (!given.memory().empty()) {
    AddMemory(*catalogue.memories.at(given.memory()).message, facts);
  }
  return facts;
}

}  // namespace gridlock
