#include "sim/scenario/workload_reader.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include <fcntl.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl.h>
#include <google/protobuf/stubs/logging.h>

#include "proto/workload.pb.h"
#include "sim/scenario/workload_hash.h"
#include "sim/schema/files.h"
#include "sim/schema/life_checks.h"
#include "sim/schema/rules.h"
#include "sim/schema/text_reader.h"

namespace gridlock {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

/// Text files are held in memory with the place of every field; larger workloads are binary.
constexpr std::size_t kLargestText = 64U << 20U;

/// True when the file begins with bytes that no text has. A binary file does: the version in its
/// header is the bytes 8 and 1.
bool IsBinary(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  std::array<char, 64> start{};
  stream.read(start.data(), start.size());
  return std::any_of(start.begin(), start.begin() + stream.gcount(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\r' && c != '\t';
  });
}

bool WriteDown(const Message& message, const Position& where, Written& written);

/// Elements of one field; false when there is something that the schema does not know.
bool WriteDownField(const Message& message, const FieldDescriptor& field, const Position& where,
                    std::vector<Written>& list) {
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  const int size = field.is_repeated() ? reflection.FieldSize(message, &field) : 1;
  for (int i = 0; i < size; ++i) {
    Written& written = list.emplace_back(Written{where, where, {}});
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      const Message& element = field.is_repeated()
                                   ? reflection.GetRepeatedMessage(message, &field, i)
                                   : reflection.GetMessage(message, &field);
      if (!WriteDown(element, where, written)) {
        return false;
      }
    } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_ENUM) {
      const int value = reflection.GetEnumValue(message, &field);
      if (field.enum_type()->FindValueByNumber(value) == nullptr) {
        return false;
      }
    }
  }
  return true;
}

/// What a binary message says, as if all of it was written at one place.
bool WriteDown(const Message& message, const Position& where, Written& written) {
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  if (!reflection.GetUnknownFields(message).empty()) {
    return false;
  }
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  written.name = where;
  written.value = where;
  for (const FieldDescriptor* field : fields) {
    if (!WriteDownField(message, *field, where, written.fields[field->name()])) {
      return false;
    }
  }
  return true;
}

/// True when every number of a request is within its rule: the common case, without words.
bool IsPlain(const proto::Request& request) {
  static const auto rule = [](const char* field) {
    return RuleOf(*proto::Request::descriptor()->FindFieldByName(field));
  };
  static const Rule kRoute = rule("route");
  static const Rule kArrival = rule("arrival");
  static const Rule kPrompt = rule("prompt_tokens");
  static const Rule kOutput = rule("output_tokens");
  const auto within = [](const Rule& of, double value) {
    return value >= of.min && value <= of.max;
  };
  return within(kRoute, request.route()) && within(kArrival, request.arrival()) &&
         within(kPrompt, static_cast<double>(request.prompt_tokens())) &&
         within(kOutput, static_cast<double>(request.output_tokens())) && request.group() >= 0 &&
         !request.fleet().empty() && request.GetReflection()->GetUnknownFields(request).empty();
}

/// Reads one item with its length. False at the end of the file, with no `bytes`, and where what
/// follows is no item.
bool NextItem(google::protobuf::io::FileInputStream& stream, std::string& bytes,
              proto::Item& item) {
  google::protobuf::io::CodedInputStream coded(&stream);
  std::uint32_t size = 0;
  bytes.clear();
  if (!coded.ReadVarint32(&size)) {
    bytes.assign(coded.CurrentPosition() > 0 ? 1 : 0, ' ');
    return false;
  }
  return coded.ReadString(&bytes, static_cast<int>(size)) && item.ParseFromString(bytes);
}

class Reader {
 public:
  Reader(const ScenarioMessage& from, Scenario& scenario, std::vector<JobPlace>& places,
         ProblemList& problems)
      : from_(from), scenario_(scenario), places_(places), problems_(problems) {
    for (std::size_t i = 0; i < scenario.jobs.size(); ++i) {
      AddFleet(IndexOf<JobIndex>(i));
      if (!std::holds_alternative<PretrainingSpec>(scenario.jobs[i].kind)) {
        generators_.push_back(scenario.jobs[i].name);
      }
    }
  }

  void Read(const std::string& file, const Position& blame) {
    const std::size_t jobs = scenario_.jobs.size();
    requests_ = 0;
    std::error_code error;
    if (!std::filesystem::is_regular_file(file, error)) {
      problems_.Add(
          blame, "",
          Refusal(Quoted(file) + (std::filesystem::exists(file, error) ? " is not a plain file"
                                                                       : " does not exist"),
                  "a workload file, as gridlock generate writes it"));
    } else if (IsBinary(file)) {
      ReadBinary(file);
    } else {
      ReadTextFile(file, blame);
    }
    if (problems_.empty()) {
      scenario_.notes.push_back("workload " + file + ": " +
                                std::to_string(scenario_.jobs.size() - jobs) + " jobs and " +
                                std::to_string(requests_) + " requests" + origin_);
    }
  }

 private:
  /// After so many problems the rest of a file is not worth reading.
  [[nodiscard]] bool GivesUp() const { return problems_.size() >= 50; }

  void AddFleet(JobIndex job) {
    if (std::holds_alternative<ServingSpec>(scenario_.jobs[job].kind)) {
      fleets_.emplace(scenario_.jobs[job].name, job);
    }
  }

  void ReadBinary(const std::string& file) {
    const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
      problems_.Add({file, 0, 0}, "", std::string("cannot be read: ") + std::strerror(errno));
      return;
    }
    const google::protobuf::LogSilencer silent;  // we say ourselves what is damaged, and where
    google::protobuf::io::FileInputStream stream(descriptor);
    stream.SetCloseOnDelete(true);
    WorkloadHash hash;
    std::string bytes;
    proto::Item item;
    for (std::int64_t number = 1; !GivesUp(); ++number) {
      const std::int64_t offset = stream.ByteCount();
      const auto refuse = [&](const std::string& what) {
        problems_.Add(ItemOf(file, number), "",
                      Refusal("the item that begins at byte " + std::to_string(offset) + what,
                              "a whole file, as gridlock generate writes it"));
      };
      if (!NextItem(stream, bytes, item)) {
        refuse(bytes.empty() ? " is missing" : " is cut off or damaged");
        return;
      }
      if (item.has_end()) {
        if (item.end().items() != number - 1 || item.end().hash() != hash.value()) {
          refuse(" says that those in front of it are damaged");
        }
        return;
      }
      hash.Add(bytes);
      if (item.has_request() && number > 1 && IsPlain(item.request())) {
        Take(item.request(), file, number, nullptr);
        continue;
      }
      Written written;
      if (!WriteDown(item, ItemOf(file, number), written)) {
        refuse(" holds something that the schema does not know");
        return;
      }
      if (!Take(item, written, number)) {
        return;
      }
    }
  }

  void ReadTextFile(const std::string& file, const Position& blame) {
    std::string text;
    proto::Workload workload;
    Written written;
    if (!ReadFile(file, blame, text, problems_, kLargestText) ||
        !ReadText(file, text, workload, written, problems_)) {
      return;
    }
    if (workload.item_size() == 0) {
      problems_.Add(written.name, "", Refusal("the workload is empty", "item { header { ... } }"));
    }
    for (int i = 0; i < workload.item_size() && !GivesUp(); ++i) {
      if (!Take(workload.item(i), written.At("item", i), i + 1)) {
        return;
      }
    }
  }

  static Position ItemOf(const std::string& file, std::int64_t number) {
    return {file + ":item " + std::to_string(number), 0, 0};
  }

  /// Takes one item; false when the rest of the file makes no sense without it.
  bool Take(const proto::Item& item, const Written& written, std::int64_t number) {
    if ((number == 1) != item.has_header()) {
      problems_.Add(written.name, "",
                    number == 1 ? Refusal("the file does not begin with a header",
                                          "header { schema_version: 1 } as the first item")
                                : Refusal("there is another header", "one, as the first item"));
      return false;
    }
    const std::size_t before = problems_.size();
    if (item.has_end()) {
      problems_.Add(written.At("end").name, "",
                    Refusal("a text file needs no end", "a file without it"));
      return true;
    }
    CheckRules(item, written, "item", problems_);
    if (problems_.size() != before) {
      return number > 1;
    }
    if (item.has_origin() && !item.has_job()) {
      problems_.Add(written.At("origin").name, "",
                    Refusal("there is no job beside it", "job { ... } in the same item"));
    } else if (item.has_header()) {
      TakeHeader(item.header(), written.At("header"));
    } else if (item.has_job()) {
      TakeJob(item, written);
    } else {
      Take(item.request(), "", number, &written.At("request"));
    }
    return true;
  }

  void TakeHeader(const proto::WorkloadHeader& header, const Written& written) {
    origin_ = header.scenario().empty() ? ""
                                        : ", generated from " + Quoted(header.scenario()) +
                                              " with seed " + std::to_string(header.seed());
    for (int i = 0; i < header.generated_size(); ++i) {
      const std::string& name = header.generated(i);
      const Position& where = written.At("generated", i).value;
      if (std::find(generators_.begin(), generators_.end(), name) == generators_.end()) {
        problems_.Add(where, "",
                      Refusal("the scenario has no campaign or fleet " + Quoted(name),
                              generators_.empty() ? "a scenario with one" : OneOf(generators_),
                              NearestName(name, generators_)));
      } else if (!generated_.insert(name).second) {
        problems_.Add(where, "",
                      Refusal("another file stands for " + Quoted(name) + " already",
                              "one file for each campaign or fleet"));
      } else {
        MarkGenerated(name);
      }
    }
  }

  void MarkGenerated(const std::string& name) {
    const auto fleet = fleets_.find(name);
    if (fleet != fleets_.end()) {
      scenario_.requests[fleet->second];
      return;
    }
    for (JobSpec& job : scenario_.jobs) {
      auto* const campaign = std::get_if<CampaignSpec>(&job.kind);
      if (campaign != nullptr && job.name == name) {
        campaign->expanded = true;
      }
    }
  }

  /// Where a generated job comes from; of a job that was not generated it is empty.
  JobOrigin OriginOf(const proto::Item& item, const Written& item_written) {
    if (!item.has_origin()) {
      return {};
    }
    const proto::JobOrigin& origin = item.origin();
    std::vector<std::string> campaigns;
    for (const JobSpec& job : scenario_.jobs) {
      if (std::holds_alternative<CampaignSpec>(job.kind)) {
        campaigns.push_back(job.name);
      }
    }
    if (std::find(campaigns.begin(), campaigns.end(), origin.campaign()) == campaigns.end()) {
      problems_.Add(item_written.At("origin").At("campaign").value, "",
                    Refusal("the scenario has no campaign " + Quoted(origin.campaign()),
                            campaigns.empty() ? "a scenario with one" : OneOf(campaigns),
                            NearestName(origin.campaign(), campaigns)));
    }
    return {origin.campaign(), origin.rung(), origin.round()};
  }

  void TakeJob(const proto::Item& item, const Written& item_written) {
    const proto::Job& message = item.job();
    const Written& written = item_written.At("job");
    const std::size_t before = problems_.size();
    JobOrigin origin = OriginOf(item, item_written);
    if (written.At("pretraining").Has("model_file") || written.At("serving").Has("model_file")) {
      problems_.Add(written.name, "",
                    Refusal("a workload file names its models",
                            "\"model\" in place of "
                            "\"model_file\""));
    }
    const JobMessage job{message, written, ElementPath("job", scenario_.jobs.size())};
    if (message.has_campaign()) {
      problems_.Add(written.At("campaign").name, job.path,
                    Refusal("a workload file holds no campaigns, only their experiments",
                            "pretraining { ... } or serving { ... }"));
    }
    if (message.has_pretraining()) {
      CheckLength(message.pretraining(),
                  Complaints(written, job.path, problems_).Within("pretraining"));
    }
    CheckJobNames(job, from_.message, from_.catalogue, problems_);
    if (problems_.size() != before) {
      return;
    }
    JobSpec spec = MakeJob(job, from_.message, from_.catalogue);
    if (!message.has_recorded()) {
      spec.origin = std::move(origin);
    }
    FitJob(job, scenario_, spec, problems_);
    scenario_.sources.Add(job.path, written.name.Text());
    scenario_.jobs.push_back(std::move(spec));
    places_.push_back(PlaceOf(job));
    AddFleet(IndexOf<JobIndex>(scenario_.jobs.size() - 1));
  }

  /// `written` is null for an item of a binary file that is within the rules.
  void Take(const proto::Request& message, const std::string& file, std::int64_t number,
            const Written* written) {
    const auto refuse = [&](const char* field, const std::string& problem) {
      problems_.Add(written != nullptr ? written->At(field).value : ItemOf(file, number), "",
                    problem);
    };
    const auto fleet = fleets_.find(message.fleet());
    if (fleet == fleets_.end()) {
      std::vector<std::string> names;
      for (const auto& [name, job] : fleets_) {
        names.push_back(name);
      }
      refuse("fleet", Refusal("there is no serving job " + Quoted(message.fleet()),
                              names.empty() ? "a scenario with one" : OneOf(names),
                              NearestName(message.fleet(), names)));
      return;
    }
    const auto& serving =
        std::get<ServingSpec>(scenario_.jobs[static_cast<std::size_t>(fleet->second)].kind);
    if (static_cast<std::size_t>(message.group()) >= serving.groups.size()) {
      refuse("group",
             Refusal("\"group\" is " + std::to_string(message.group()) + ", and " +
                         Quoted(fleet->first) + " has " + std::to_string(serving.groups.size()) +
                         (serving.groups.size() == 1 ? " group" : " groups"),
                     "at most " + std::to_string(serving.groups.size() - 1)));
      return;
    }
    std::vector<Request>& requests = scenario_.requests[fleet->second];
    if (!requests.empty() && Seconds(message.arrival()) < requests.back().arrival) {
      refuse("arrival", Refusal("the request comes before the one in front of it",
                                "requests to a fleet by rising arrival"));
    }
    requests.push_back({Seconds(message.arrival()),
                        message.route(),
                        message.group(),
                        message.prompt_tokens(),
                        message.output_tokens(),
                        message.adapter() - 1,
                        {}});
    ++requests_;
  }

  const ScenarioMessage& from_;
  Scenario& scenario_;
  std::vector<JobPlace>& places_;
  ProblemList& problems_;
  std::map<std::string, JobIndex> fleets_;  ///< by name, their jobs
  std::vector<std::string> generators_;     ///< campaigns and fleets of the scenario itself
  std::set<std::string> generated_;         ///< those that a file stands for
  std::string origin_;                      ///< of the file that is being read
  std::int64_t requests_ = 0;               ///< the same
};

}  // namespace

void ReadWorkloads(const ScenarioMessage& from, Scenario& scenario, std::vector<JobPlace>& places,
                   ProblemList& problems) {
  Reader reader(from, scenario, places, problems);
  const std::filesystem::path folder = std::filesystem::path(scenario.file).parent_path();
  for (int i = 0; i < from.message.workload_size(); ++i) {
    const std::string file = (folder / from.message.workload(i)).lexically_normal().string();
    reader.Read(file, from.written.At("workload", i).value);
  }
}

}  // namespace gridlock
