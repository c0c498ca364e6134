#include "sim/scenario/model_files.h"

#include <filesystem>
#include <set>

#include "sim/interop/hf_config.h"
#include "sim/interop/model_text.h"
#include "sim/schema/files.h"
#include "sim/schema/merge.h"
#include "sim/schema/text_reader.h"

namespace gridlock {

namespace {

// What was made of a file has no place of its own in it: all of it stands where the file is named.
void PutAt(const Position& where, Written& written) {
  written.name = written.value = where;
  for (auto& [name, list] : written.fields) {
    for (Written& each : list) {
      PutAt(where, each);
    }
  }
}

bool OfCommandLine(const Position& where) {
  return where.line == 0;
}

class ModelFiles {
 public:
  ModelFiles(const std::string& file, proto::Scenario& scenario, Written& written,
             std::vector<std::string>& notes, ProblemList& problems)
      : file_(file), scenario_(scenario), written_(written), notes_(notes), problems_(problems) {
    for (const proto::Model& model : scenario.catalog().model()) {
      known_.insert(model.name());
    }
  }

  template <typename Job>
  void Expand(Job& job, Written& written) {
    if (job.model_file().empty() || !written.Has("model_file")) {
      return;
    }
    found_ = true;
    const Position where = written.At("model_file").value;
    if (written.Has("model") && !OfCommandLine(where)) {
      problems_.Add(where, "",
                    Refusal("both \"model\" and \"model_file\" are given", "one of them"));
      return;
    }
    const std::string name = job.model_file();
    if (known_.contains(name) || Add(name, where)) {
      job.set_model(name);
      job.clear_model_file();
      written.fields["model"] = written.fields["model_file"];
      written.fields.erase("model_file");
    }
  }

  [[nodiscard]] bool found() const { return found_; }

 private:
  // The entry is called like the file, so that several jobs share one.
  bool Add(const std::string& name, const Position& where) {
    const std::filesystem::path beside = OfCommandLine(where) ? file_ : where.file;
    const std::string path = (beside.parent_path() / name).lexically_normal().string();
    const std::size_t before = problems_.size();
    std::string text;
    if (!ReadFile(path, where, text, problems_)) {
      return false;
    }
    const HfModel made = ReadHfConfig(path, text, name, problems_);
    if (problems_.size() != before) {
      return false;
    }
    proto::Scenario entry;
    Written entry_written;
    const std::string entry_text =
        "catalog {\n" + ModelEntry(made.model, made.title, "Hugging Face: " + name) + "}\n";
    if (!ReadText(path, entry_text, entry, entry_written, problems_)) {
      return false;
    }
    PutAt(where, entry_written);
    MergeMessage(entry, entry_written, scenario_, written_);
    known_.insert(name);
    notes_.push_back("model " + name + ": " + made.title + ", " + ParametersText(made.model));
    for (const std::string& note : made.notes) {
      notes_.push_back("model " + name + ": " + note);
    }
    return true;
  }

  const std::string& file_;
  proto::Scenario& scenario_;
  Written& written_;
  std::vector<std::string>& notes_;
  ProblemList& problems_;
  std::set<std::string> known_;
  bool found_ = false;
};

}  // namespace

bool ReadModelFiles(const std::string& file, proto::Scenario& scenario, Written& written,
                    std::vector<std::string>& notes, ProblemList& problems) {
  ModelFiles files(file, scenario, written, notes, problems);
  std::vector<Written> none;
  std::vector<Written>& jobs = written.Has("job") ? written.fields["job"] : none;
  for (int i = 0; i < scenario.job_size() && i < static_cast<int>(jobs.size()); ++i) {
    proto::Job& job = *scenario.mutable_job(i);
    Written& place = jobs[static_cast<std::size_t>(i)];
    if (job.has_pretraining() && place.Has("pretraining")) {
      files.Expand(*job.mutable_pretraining(), place.fields["pretraining"][0]);
    } else if (job.has_serving() && place.Has("serving")) {
      files.Expand(*job.mutable_serving(), place.fields["serving"][0]);
    } else if (job.has_campaign() && place.Has("campaign") && place.At("campaign").Has("rung")) {
      std::vector<Written>& rungs = place.fields["campaign"][0].fields["rung"];
      for (int r = 0; r < job.campaign().rung_size() && r < static_cast<int>(rungs.size()); ++r) {
        files.Expand(*job.mutable_campaign()->mutable_rung(r), rungs[static_cast<std::size_t>(r)]);
      }
    }
  }
  return files.found();
}

}  // namespace gridlock
