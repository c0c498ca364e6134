#include "sim/record/life_record.h"

#include "sim/record/fingerprint.h"
#include "sim/record/life_fields.h"

namespace gridlock {

std::uint64_t LifeFingerprint(const LifeRecord& record) {
  Fingerprint hash;
  AddValue(hash, record);
  return hash.value();
}

}  // namespace gridlock
