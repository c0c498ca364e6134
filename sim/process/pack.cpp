#include <cstring>
#include <type_traits>

#include "sim/base/check.h"
#include "sim/process/worker.h"

namespace gridlock {

namespace {

class Writer {
 public:
  template <typename T>
  void Field(const T& value) {
    if constexpr (std::is_trivially_copyable_v<T>) {
      bytes.append(reinterpret_cast<const char*>(&value),
                   sizeof value);  // NOLINT: raw bytes are the format
    } else {
      Each(value);
    }
  }

  std::string bytes;

 private:
  void Each(const std::string& text) {
    Field(text.size());
    bytes += text;
  }

  template <typename T>
  void Each(const std::vector<T>& items) {
    Field(items.size());
    for (const T& item : items) {
      Field(item);
    }
  }

  template <typename A, typename B>
  void Each(const std::pair<A, B>& pair) {
    Field(pair.first);
    Field(pair.second);
  }

  void Each(const UtilisationSeries& series) {
    Field(series.resource);
    Field(series.members);
    Field(series.capacity_si);
    Field(series.peak_si);
    Field(series.share);
  }

  void Each(const Attribution& part) {
    Field(part.resource);
    Field(part.time);
  }

  void Each(const BreakdownPart& part) {
    Field(part.activity);
    Field(part.time);
  }
};

class Reader {
 public:
  explicit Reader(const std::string& bytes) : bytes_(bytes) {}

  template <typename T>
  void Field(T& value) {
    if constexpr (std::is_trivially_copyable_v<T>) {
      CHECK(at_ + sizeof value <= bytes_.size());
      std::memcpy(static_cast<void*>(&value), bytes_.data() + at_, sizeof value);
      at_ += sizeof value;
    } else {
      Each(value);
    }
  }

 private:
  std::size_t Count() {
    std::size_t count = 0;
    Field(count);
    CHECK(count <= bytes_.size());
    return count;
  }

  void Each(std::string& text) {
    const std::size_t count = Count();
    CHECK(at_ + count <= bytes_.size());
    text = bytes_.substr(at_, count);
    at_ += count;
  }

  template <typename T>
  void Each(std::vector<T>& items) {
    items.resize(Count());
    for (T& item : items) {
      Field(item);
    }
  }

  template <typename A, typename B>
  void Each(std::pair<A, B>& pair) {
    Field(pair.first);
    Field(pair.second);
  }

  void Each(UtilisationSeries& series) {
    Field(series.resource);
    Field(series.members);
    Field(series.capacity_si);
    Field(series.peak_si);
    Field(series.share);
  }

  void Each(Attribution& part) {
    Field(part.resource);
    Field(part.time);
  }

  void Each(BreakdownPart& part) {
    Field(part.activity);
    Field(part.time);
  }

  const std::string& bytes_;
  std::size_t at_ = 0;
};

// Every field of a record, in order; the one list that packing and unpacking share.
template <typename Archive, typename Record>
void AllFields(Archive& archive, Record& r) {
  archive.Field(r.label);
  archive.Field(r.cap_si);
  archive.Field(r.cap_as_typed);
  archive.Field(r.overrides);
  archive.Field(r.fidelity);
  archive.Field(r.accelerators);
  archive.Field(r.classes);
  archive.Field(r.tokens);
  archive.Field(r.step_time);
  archive.Field(r.model_flop);
  archive.Field(r.hardware_flop);
  archive.Field(r.peak);
  archive.Field(r.interval);
  archive.Field(r.utilisation);
  archive.Field(r.attribution);
  archive.Field(r.breakdown);
  archive.Field(r.memory);
  archive.Field(r.energy);
  archive.Field(r.accelerator_energy);
  archive.Field(r.mean_power);
  archive.Field(r.power_limit);
  archive.Field(r.energy_is_estimate);
  archive.Field(r.collective_seconds);
  archive.Field(r.activities);
  archive.Field(r.fingerprint);
}

}  // namespace

std::string Pack(const StepRecord& record) {
  Writer writer;
  AllFields(writer, record);
  return writer.bytes;
}

StepRecord Unpack(const std::string& bytes) {
  Reader reader(bytes);
  StepRecord record;
  AllFields(reader, record);
  return record;
}

}  // namespace gridlock
