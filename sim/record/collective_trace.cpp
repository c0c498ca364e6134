#include "sim/record/collective_trace.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "sim/base/check.h"
#include "sim/record/columns.h"
#include "sim/record/fingerprint.h"
#include "sim/record/hdf5_file.h"
#include "sim/record/step_fields.h"
#include "sim/record/trace_attributes.h"

namespace gridlock {
namespace {

constexpr double kNotRecorded = std::numeric_limits<double>::quiet_NaN();

VariableSpec SpecOf(const TraceColumn& column, std::size_t rows) {
  VariableSpec spec;
  spec.name = column.name;
  spec.type = column.type;
  spec.dimensions = column.dimensions;
  spec.units = column.units;
  spec.long_name = column.long_name;
  spec.chunk = {rows};
  return spec;
}

void AddVariables(Hdf5File& file, std::size_t rows) {
  const char* const axis = kTable<CollectiveResult>.axis;
  file.Fix(axis, rows);
  file.AddVariable(SpecOf({axis, ElementType::kInt32, {axis}, "1", "number of the row", {}}, rows));
  ForEachField<CollectiveResult>([&](const auto& field) {
    const TraceColumn column = ColumnOf<CollectiveResult>(field);
    file.AddVariable(SpecOf(column, rows));
    if (!column.flags.empty()) {
      const std::uint8_t flags[] = {0, 1};
      file.SetAttribute(column.name, "flag_values", flags);
      file.SetAttribute(column.name, "flag_meanings", column.flags[0] + " " + column.flags[1]);
    }
  });
  file.Extend(axis, rows);
}

// The use of links over time. A test has no axis of caps.
class LinkWriter {
 public:
  LinkWriter(Hdf5File& file, const StepRecord& record)
      : file_(file), links_(LinksOf(record)), interval_(record.interval) {
    for (const LinkUse& link : links_) {
      samples_ = std::max(samples_, link.share.size());
    }
  }

  void Write() {
    if (links_.empty() || samples_ == 0) {
      return;
    }
    WriteSamples();
    file_.Fix("link", links_.size());
    ForEachColumn([this](const TraceColumn& column, const auto& field) {
      if (field.note.label) {
        Add(column);
      }
    });
    file_.Extend("link", links_.size());
    ForEachColumn([this](const TraceColumn& column, const auto& field) {
      if (!field.note.label) {
        Add(column);
      }
      WriteColumn(column, field);
    });
  }

 private:
  template <typename F>
  static void ForEachColumn(const F& visit) {
    ForEachField<LinkUse>([&](const auto& field) {
      if (field.note.in_trace) {
        TraceColumn column = ColumnOf<LinkUse>(field);
        std::erase(column.dimensions, kTable<LinkUse>.outer);
        visit(column, field);
      }
    });
  }

  void Add(const TraceColumn& column) {
    VariableSpec spec = SpecOf(column, links_.size());
    if (column.dimensions.size() == 2) {
      spec.chunk = {links_.size(), samples_};
    }
    spec.padded = column.type == ElementType::kFloat64;
    file_.AddVariable(spec);
  }

  void WriteSamples() {
    std::vector<std::int32_t> numbers(samples_);
    std::vector<double> starts(samples_);
    for (std::size_t i = 0; i < samples_; ++i) {
      numbers[i] = static_cast<std::int32_t>(i);
      starts[i] = static_cast<double>(i) * interval_.si();
    }
    file_.Fix("sample", samples_);
    file_.AddVariable(SpecOf(
        {"sample", ElementType::kInt32, {"sample"}, "1", "number of the interval", {}}, samples_));
    file_.Extend("sample", samples_);
    file_.Write("sample", {0}, {samples_}, numbers);
    file_.AddVariable(SpecOf({"sample_start",
                              ElementType::kFloat64,
                              {"sample"},
                              "s",
                              "start of the interval since the test began",
                              {}},
                             samples_));
    file_.Write("sample_start", {0}, {samples_}, starts);
  }

  template <typename Field>
  void WriteColumn(const TraceColumn& column, const Field& field) {
    using Value = typename Field::Value;
    if constexpr (std::is_same_v<Value, std::vector<double>>) {
      std::vector<double> all(links_.size() * samples_, kNotRecorded);
      for (std::size_t i = 0; i < links_.size(); ++i) {
        const std::vector<double>& series = field.Of(links_[i]);
        std::copy(series.begin(), series.end(),
                  all.begin() + static_cast<std::ptrdiff_t>(i * samples_));
      }
      file_.Write(column.name, {0, 0}, {links_.size(), samples_}, all);
    } else if constexpr (std::is_same_v<Value, std::string>) {
      std::vector<std::string> names;
      for (const LinkUse& link : links_) {
        names.push_back(field.Of(link));
      }
      file_.Write(column.name, {0}, {links_.size()}, names);
    } else {  // numbers of such tables are all of one type
      std::vector<double> numbers;
      for (const LinkUse& link : links_) {
        numbers.push_back(static_cast<double>(ElementOf(field.Of(link), field.note)));
      }
      file_.Write(column.name, {0}, {links_.size()}, numbers);
    }
  }

  Hdf5File& file_;
  std::vector<LinkUse> links_;
  Seconds interval_;
  std::size_t samples_ = 0;
};

}  // namespace

void WriteCollectiveTrace(const std::string& path, const TraceHeader& header,
                          const StepRecord& record) {
  CHECK(!record.tested.empty());
  Hdf5File file(path);
  WriteHeaderAttributes(file, header, "collective_test");
  file.SetAttribute("", "fingerprint", FingerprintText(record.fingerprint));
  file.SetAttribute("", "fidelity", record.fidelity);
  AddVariables(file, record.tested.size());
  for (std::size_t i = 0; i < record.tested.size(); ++i) {
    const auto number = static_cast<std::int32_t>(i);
    file.Write(kTable<CollectiveResult>.axis, {i}, {1}, std::span(&number, 1));
    ForEachField<CollectiveResult>([&](const auto& field) {
      const auto value = ElementOf(field.Of(record.tested[i]), field.note);
      file.Write(ColumnOf<CollectiveResult>(field).name, {i}, {1}, std::span(&value, 1));
    });
  }
  LinkWriter(file, record).Write();
  file.Commit();
}

}  // namespace gridlock
