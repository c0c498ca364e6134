#include "sim/scenario/profiles.h"

#include <filesystem>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "sim/base/numbers.h"
#include "sim/schema/csv.h"
#include "sim/schema/files.h"
#include "sim/schema/rules.h"

namespace gridlock {

namespace {

enum Column { kHour, kElectricity, kCarbon, kTemperature, kOther };

const std::vector<std::string> kColumns = {"hour", "electricity", "carbon", "temperature"};

class ProfileReader {
 public:
  ProfileReader(const std::string& path, ProblemList& problems)
      : path_(path), problems_(problems) {}

  void Read(const std::string& text, proto::Site& site) {
    for (const CsvLine& line : ReadCsv(path_, text, problems_)) {
      if (columns_.empty()) {
        ReadHead(line);
      } else if (problems_.empty()) {
        ReadLine(line, site);
      }
    }
    if (problems_.empty() && site.hour_size() == 0) {
      problems_.Add({path_, 1, 1}, "", Refusal("there are no hours", "a line for each hour"));
    }
  }

 private:
  void ReadHead(const CsvLine& line) {
    bool has_hour = false;
    for (const CsvCell& cell : line.cells) {
      std::size_t column = 0;
      while (column < kColumns.size() && kColumns[column] != cell.text) {
        ++column;
      }
      if (column == kOther) {
        problems_.Add({path_, line.line, cell.column}, "",
                      Refusal("there is no column " + Quoted(cell.text), OneOf(kColumns),
                              NearestName(cell.text, kColumns)));
      }
      has_hour = has_hour || column == kHour;
      columns_.push_back(static_cast<Column>(column));
    }
    if (!has_hour) {
      problems_.Add({path_, line.line, 1}, "", Refusal("no column says the hour", "\"hour\""));
    }
  }

  void ReadLine(const CsvLine& line, proto::Site& site) {
    if (line.cells.size() != columns_.size()) {
      problems_.Add({path_, line.line, 1}, "",
                    Refusal(fmt::format("{} cells where the first line has {}", line.cells.size(),
                                        columns_.size()),
                            "as many"));
      return;
    }
    proto::Hour& hour = *site.add_hour();
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      const CsvCell& cell = line.cells[c];
      const Position where{path_, line.line, cell.column};
      const std::optional<double> value = ParseNumber(cell.text);
      if (!value) {
        problems_.Add(where, "", Refusal(Quoted(cell.text) + " is no number", "a number"));
        return;
      }
      switch (columns_[c]) {
        case kHour:
          if (*value < 0 || (site.hour_size() > 1 && *value <= last_)) {
            problems_.Add(where, "", Refusal("hours do not rise", "a later hour"));
            return;
          }
          last_ = *value;
          hour.set_at(fmt::format("{} h", *value));
          break;
        case kElectricity:
          hour.set_electricity(*value);
          break;
        case kCarbon:
          hour.set_carbon(*value);
          break;
        case kTemperature:
          hour.set_temperature(*value);
          break;
        case kOther:
          break;
      }
    }
  }

  const std::string& path_;
  ProblemList& problems_;
  std::vector<Column> columns_;
  double last_ = -1;
};

// Where the hours stand: where the table is named.
Written PlaceOf(const Position& where, const proto::Hour& hour) {
  Written place;
  place.name = place.value = where;
  Written value = place;
  const auto add = [&](const char* field, bool there) {
    if (there) {
      place.fields[field] = {value};
    }
  };
  add("at", true);
  add("electricity", hour.has_electricity());
  add("carbon", hour.has_carbon());
  add("temperature", hour.has_temperature());
  return place;
}

}  // namespace

void ReadProfiles(const std::string& file, proto::Scenario& scenario, Written& written,
                  ProblemList& problems) {
  if (!written.Has("site")) {
    return;
  }
  std::vector<Written>& sites = written.fields["site"];
  for (int i = 0; i < scenario.site_size() && i < static_cast<int>(sites.size()); ++i) {
    proto::Site& site = *scenario.mutable_site(i);
    Written& place = sites[static_cast<std::size_t>(i)];
    if (site.profile().empty() || !place.Has("profile")) {
      continue;
    }
    const Position where = place.At("profile").value;
    if (site.hour_size() > 0) {
      problems.Add(where, "", Refusal("both \"profile\" and \"hour\" are given", "one of them"));
      continue;
    }
    const std::filesystem::path beside = where.line == 0 ? file : where.file;
    const std::string path = (beside.parent_path() / site.profile()).lexically_normal().string();
    std::string text;
    if (!ReadFile(path, where, text, problems)) {
      continue;
    }
    ProfileReader(path, problems).Read(text, site);
    site.clear_profile();
    place.fields.erase("profile");
    for (const proto::Hour& hour : site.hour()) {
      place.fields["hour"].push_back(PlaceOf(where, hour));
    }
  }
}

}  // namespace gridlock
