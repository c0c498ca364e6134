#include "sim/sweep/shards.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "sim/base/check.h"
#include "sim/report/json.h"
#include "sim/sweep/point_record.h"

namespace gridlock {
namespace {

std::string TextOfFile(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// The lines of a shard's journal, one at a time.
class ShardLines {
 public:
  explicit ShardLines(const std::string& folder) : file_(folder + "/journal.jsonl") {}

  /// The next line; false at the end.
  bool Next(std::string& line) { return static_cast<bool>(std::getline(file_, line)); }

 private:
  std::ifstream file_;
};

std::string NameOf(const Shard& shard) {
  return fmt::format("{}/{}", shard.number, shard.of);
}

/// The shard that a sweep.json is of; 1/1 without one, 0/0 where the file is damaged.
Shard ShardOf(const nlohmann::json& identity) {
  if (!identity.is_object() || !identity.contains("shard")) {
    return {};
  }
  Shard shard{0, 0};
  if (identity["shard"].is_string()) {
    const auto text = identity["shard"].get<std::string>();
    const char* const end = text.data() + text.size();
    const char* const slash = std::from_chars(text.data(), end, shard.number).ptr;
    if (slash == end || std::from_chars(slash + 1, end, shard.of).ptr != end) {
      shard.of = 0;
    }
  }
  return shard;
}

/// The folders in the order of their shards.
std::vector<std::string> InOrder(const Sweep& sweep, const TraceHeader& header,
                                 const SweepOptions& options, std::int64_t points) {
  const int count = static_cast<int>(options.merged.size());
  std::vector<std::string> ordered(options.merged.size());
  for (const std::string& folder : options.merged) {
    const std::string text = TextOfFile(folder + "/sweep.json");
    const nlohmann::json identity = nlohmann::json::parse(text, nullptr, false);
    SweepOptions own = options;
    own.shard = ShardOf(identity);
    const bool in_range =
        own.shard.of == count && own.shard.number >= 1 && own.shard.number <= count;
    std::string* const place =
        in_range ? &ordered[static_cast<std::size_t>(own.shard.number) - 1] : nullptr;
    const bool known = place != nullptr && place->empty() &&
                       text == IdentityOf(sweep, header, own, static_cast<std::size_t>(points));
    if (known) {
      *place = folder;
    }
    if (!known) {
      throw UserError("", fmt::format("{}: not a shard of {}, or one that another folder has; "
                                      "expected the folders of --shard 1/{} to {}/{}, run by this "
                                      "program",
                                      folder, sweep.file, count, count, count));
    }
  }
  return ordered;
}

}  // namespace

std::string IdentityOf(const Sweep& sweep, const TraceHeader& header, const SweepOptions& options,
                       std::size_t cells) {
  JsonWriter json;
  json.BeginObject();
  json.Member("sweep", sweep.text);
  json.Member("gridlock_version", header.gridlock_version);
  json.Member("gridlock_commit", header.gridlock_commit);
  json.Member("catalogue_fingerprint", header.catalogue_fingerprint);
  json.Member("fidelity", FidelityName(sweep.fidelity));
  json.Member("refine", fmt::format("{}@{} {}", options.refine.output, options.refine.axis,
                                    options.refine.output.empty() ? 0 : options.refine.most));
  if (options.shard.of > 1) {
    json.Member("shard", NameOf(options.shard));
  }
  const auto before = static_cast<std::size_t>(options.shard.number) - 1;
  const auto step = static_cast<std::size_t>(options.shard.of);
  json.Member("points", cells > before ? (cells - before + step - 1) / step : 0);
  json.Key("scenarios");
  json.BeginArray();
  for (const SweepBase& base : sweep.bases) {
    json.Value(base.name);
    json.Value(base.base.TextAt({}));
  }
  json.EndArray();
  json.EndObject();
  return json.Finish();
}

std::vector<std::uint64_t> PointsOf(const Shard& shard, const std::vector<std::uint64_t>& cells) {
  CHECK(shard.number >= 1 && shard.number <= shard.of);
  std::vector<std::uint64_t> own;
  const auto step = static_cast<std::size_t>(shard.of);
  for (std::size_t i = static_cast<std::size_t>(shard.number) - 1; i < cells.size(); i += step) {
    own.push_back(cells[i]);
  }
  return own;
}

void MergeShards(const Sweep& sweep, const TraceHeader& header, const SweepOptions& options,
                 std::int64_t points, Journal& journal) {
  const std::vector<std::string> folders = InOrder(sweep, header, options, points);
  std::vector<ShardLines> lines(folders.begin(), folders.end());
  for (std::int64_t point = 0; point < points; ++point) {
    const auto shard = static_cast<std::size_t>(point) % folders.size();
    std::string line;
    if (!lines[shard].Next(line)) {
      throw UserError(
          "", fmt::format("{}: this shard is not complete; gridlock sweep {} --shard "
                          "{}/{} -o {} --resume goes on with it",
                          folders[shard], sweep.file, shard + 1, folders.size(), folders[shard]));
    }
    PointRecord record = RecordOf(line);
    record.point = point;
    journal.Append(LineOf(record));
  }
  journal.Sync();
}

SweepStatus StatusOf(const std::string& folder) {
  const nlohmann::json identity =
      nlohmann::json::parse(TextOfFile(folder + "/sweep.json"), nullptr, false);
  const bool whole = identity.is_object() && identity.contains("points") &&
                     identity["points"].is_number_integer() && ShardOf(identity).of > 0;
  if (!whole) {
    throw UserError("", folder +
                            ": no sweep.json of a sweep is in this folder; expected a folder "
                            "that gridlock sweep writes");
  }
  SweepStatus status;
  status.planned = identity["points"].get<std::int64_t>();
  status.shard = ShardOf(identity);
  std::int64_t* const counts[] = {&status.done, &status.refused, &status.failed, &status.timed_out};
  const auto count = [&](const std::string& line) {
    try {
      ++*counts[static_cast<std::size_t>(RecordOf(line).status)];
    } catch (const std::runtime_error&) {
      // A line that is being written; --resume would cut it off.
    }
  };
  ShardLines lines(folder);
  for (std::string line; lines.Next(line);) {
    count(line);
  }
  std::error_code ignored;
  for (const auto& early : std::filesystem::directory_iterator(folder + "/early", ignored)) {
    count(TextOfFile(early.path().string()));
  }
  return status;
}

}  // namespace gridlock
