#include "sim/scenario/workload_file.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

#include <fcntl.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl.h>
#include <google/protobuf/text_format.h>
#include <unistd.h>

#include "proto/workload.pb.h"
#include "sim/base/atomic_file.h"
#include "sim/base/check.h"
#include "sim/scenario/workload_hash.h"

namespace gridlock {
namespace {

/// The whole number behind `mark` in a path: 2 of "job[1].campaign.rung[2]" and "rung[".
int IndexIn(const std::string& path, const std::string& mark) {
  const std::size_t at = path.find(mark);
  CHECK(at != std::string::npos);
  int index = -1;
  const char* const first = path.data() + at + mark.size();
  CHECK(std::from_chars(first, path.data() + path.size(), index).ec == std::errc());
  return index;
}

/// The shortest text that is read back as the same time.
std::string TimeText(Seconds time) {
  std::array<char, 512> buffer{};
  const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), time.si(),
                                    std::chars_format::fixed);
  CHECK(result.ec == std::errc());
  return std::string(buffer.data(), result.ptr) + " s";
}

/// The campaign's rung as a job of its own: all that an experiment does not change is as written.
proto::Job ExperimentMessage(const proto::Scenario& scenario, const Scenario& typed,
                             const JobSpec& experiment) {
  const auto& run = std::get<PretrainingSpec>(experiment.kind);
  const int index = IndexIn(run.step.path, "job[");
  CHECK(index < scenario.job_size() && scenario.job(index).has_campaign());
  const proto::Campaign& campaign = scenario.job(index).campaign();
  const int rung = experiment.origin.rung;
  CHECK(rung < campaign.rung_size());

  proto::Job job;
  job.set_name(experiment.name);
  if (experiment.start > Seconds(0)) {
    job.set_start(TimeText(experiment.start));
  }
  job.set_tenant(experiment.tenant);
  job.set_within(experiment.within);
  job.set_priority(experiment.priority);
  if (experiment.sites.size() == 1) {
    job.set_site(typed.sites[static_cast<std::size_t>(experiment.sites[0])].name);
  }
  job.set_cohort(experiment.cohort);
  job.set_after_cohort(experiment.after_cohort);
  proto::Pretraining& pretraining = *job.mutable_pretraining();
  pretraining = campaign.rung(rung);
  pretraining.clear_tokens();
  pretraining.set_steps(run.steps);
  pretraining.set_fails_at_step(run.fails_at_step);
  return job;
}

}  // namespace

struct WorkloadWriter::Stream {
  Stream(const std::string& name, WorkloadFormat form, const Scenario& from)
      : file(name),
        part(name + ".part"),
        format(form),
        typed(from),
        descriptor(::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)),
        output(descriptor) {
    if (descriptor < 0) {
      Fail(errno);
    }
    CHECK(google::protobuf::TextFormat::ParseFromString(from.text, &scenario));
  }

  ~Stream() {
    if (descriptor >= 0) {
      output.Flush();
      ::close(descriptor);
      ::unlink(part.c_str());
    }
  }

  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  [[noreturn]] void Fail(int error) const {
    throw IoError("cannot write " + file + ": " + std::strerror(error));
  }

  void Write(const proto::Item& item) {
    google::protobuf::io::CodedOutputStream coded(&output);
    if (format == WorkloadFormat::kBinary) {
      CHECK(item.SerializeToString(&bytes));
      hash.Add(bytes);
      ++items;
      coded.WriteVarint32(static_cast<std::uint32_t>(bytes.size()));
      coded.WriteString(bytes);
    } else {
      google::protobuf::TextFormat::Printer printer;
      printer.SetUseUtf8StringEscaping(true);
      printer.SetInitialIndentLevel(1);
      CHECK(printer.PrintToString(item, &bytes));
      coded.WriteString("item {\n" + bytes + "}\n");
    }
    coded.Trim();
    if (coded.HadError()) {
      Fail(output.GetErrno());
    }
  }

  void Publish() {
    if (!output.Flush()) {
      Fail(output.GetErrno());
    }
    if (::fsync(descriptor) != 0) {
      Fail(errno);
    }
    const int closing = descriptor;
    descriptor = -1;
    if (::close(closing) != 0) {
      Fail(errno);
    }
    RenameDurably(part, file);
  }

  std::string file;
  std::string part;
  WorkloadFormat format;
  const Scenario& typed;
  proto::Scenario scenario;
  int descriptor;
  google::protobuf::io::FileOutputStream output;
  WorkloadHash hash;
  std::int64_t items = 0;
  std::string bytes;  ///< of the last item; kept, as the next, for the memory that it has
  proto::Item request;
};

WorkloadWriter::WorkloadWriter(const std::string& file, WorkloadFormat format,
                               const Scenario& scenario, const std::vector<std::string>& generated)
    : stream_(std::make_unique<Stream>(file, format, scenario)) {
  proto::Item item;
  proto::WorkloadHeader& header = *item.mutable_header();
  header.set_schema_version(1);
  header.set_scenario(scenario.name);
  header.set_seed(scenario.seed);
  for (const std::string& name : generated) {
    header.add_generated(name);
  }
  stream_->Write(item);
}

WorkloadWriter::~WorkloadWriter() = default;

void WorkloadWriter::Add(const JobSpec& experiment) {
  proto::Item item;
  *item.mutable_job() = ExperimentMessage(stream_->scenario, stream_->typed, experiment);
  CHECK(experiment.origin.generated());
  item.mutable_origin()->set_campaign(experiment.origin.campaign);
  item.mutable_origin()->set_rung(experiment.origin.rung);
  item.mutable_origin()->set_round(experiment.origin.round);
  stream_->Write(item);
}

void WorkloadWriter::Add(const std::string& fleet, const Request& request) {
  proto::Request& message = *stream_->request.mutable_request();
  message.set_fleet(fleet);
  message.set_route(request.route);
  message.set_arrival(request.arrival.si());
  message.set_group(request.group);
  message.set_prompt_tokens(request.prompt_tokens);
  message.set_output_tokens(request.output_tokens);
  message.set_adapter(request.adapter + 1);
  stream_->Write(stream_->request);
}

void WorkloadWriter::Finish() {
  if (stream_->format == WorkloadFormat::kBinary) {
    proto::Item item;
    item.mutable_end()->set_items(stream_->items);
    item.mutable_end()->set_hash(stream_->hash.value());
    stream_->Write(item);
  }
  stream_->Publish();
}

}  // namespace gridlock
