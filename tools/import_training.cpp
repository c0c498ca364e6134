// gridlock import hf, megatron and torchtitan.

#include <filesystem>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "sim/base/atomic_file.h"
#include "sim/base/check.h"
#include "sim/interop/hf_config.h"
#include "sim/interop/model_text.h"
#include "sim/interop/peft_config.h"
#include "sim/schema/files.h"

#include "tools/command.h"
#include "tools/import.h"
#include "tools/screen.h"

namespace gridlock {

namespace {

struct HfOptions {
  std::string file, name, out;
};

void ImportHf(const HfOptions& options) {
  ProblemList problems;
  const HfModel made =
      ReadHfConfig(options.file, ImportedText(options.file, kLargestFile), options.name, problems);
  problems.ThrowIfAny();
  const std::string entry =
      ModelEntry(made.model, made.title, "Hugging Face config.json: " + options.file);
  if (options.out.empty()) {
    PrintText(entry);
  } else {
    WriteFileAtomically(options.out, entry);
  }
  fmt::print(stderr, "{}: {}\n", made.model.name, ParametersText(made.model));
  for (const std::string& note : made.notes) {
    fmt::print(stderr, "note: {}\n", note);
  }
}

struct TrainingOptions {
  std::string file, out, model;
  MachineOptions machine;
  int vocabulary = 0;
  bool toml = false;
};

void ImportTraining(const TrainingOptions& options) {
  const std::string text = ImportedText(options.file, kLargestFile);
  const std::int64_t launched = options.toml ? 0 : LaunchedRanks(options.file, text);
  const ImportedMachine machine = MachineOf(options.machine, launched);
  ProblemList problems;
  const ImportedTraining training =
      options.toml
          ? ReadTorchtitan(options.file, text, machine.accelerators, options.model, problems)
          : ReadMegatron(options.file, text, machine.accelerators, options.vocabulary, problems);
  problems.ThrowIfAny();
  const std::string name = options.out.empty() ? std::filesystem::path(options.file).stem().string()
                                               : std::filesystem::path(options.out).stem().string();
  const std::string scenario =
      TrainingScenario(training, machine, name,
                       std::string(options.toml ? "torchtitan's " : "Megatron-LM arguments in ") +
                           std::filesystem::path(options.file).filename().string());
  if (options.out.empty()) {
    PrintText(scenario);
  } else {
    WriteFileAtomically(options.out, scenario);
  }
  for (const std::string& note : training.notes) {
    fmt::print(stderr, "note: {}\n", note);
  }
  for (const std::string& line : training.unmapped) {
    fmt::print(stderr, "{}\n", line);
  }
}

void AddTraining(CLI::App& import, const char* name, const char* what, const char* footer,
                 bool toml, int& code) {
  auto options = std::make_shared<TrainingOptions>();
  options->toml = toml;
  CLI::App* command = import.add_subcommand(name, what);
  command->add_option("FILE", options->file, what)->required();
  command->add_option("-o,--output", options->out, "Scenario to write (default: the screen)")
      ->type_name("FILE");
  AddMachineOptions(*command, options->machine);
  if (toml) {
    command->add_option("--model", options->model, "Model of the catalogue, in place of the file's")
        ->type_name("NAME");
  } else {
    command
        ->add_option("--vocabulary", options->vocabulary,
                     "Size of the vocabulary, where only the tokenizer's file knows it")
        ->type_name("N")
        ->check(CLI::Range(1, 100'000'000));
  }
  command->footer(footer);
  command->callback([options, &code] {
    code = Importing([&options] {
      ImportTraining(*options);
    });
  });
}

}  // namespace

void AddImportHf(CLI::App& import, int& code) {
  auto options = std::make_shared<HfOptions>();
  CLI::App* command =
      import.add_subcommand("hf", "config.json of Hugging Face Transformers, as a model entry");
  command->add_option("FILE", options->file, "config.json")->required();
  command->add_option("--name", options->name, "Name of the model (default: the file's own)")
      ->type_name("NAME");
  command->add_option("-o,--output", options->out, "File to write (default: the screen)")
      ->type_name("FILE");
  command->footer(
      "Examples:\n"
      "  gridlock import hf config.json\n"
      "  gridlock import hf config.json --name my_model -o my_model.textproto\n"
      "An entry goes into catalog { ... } of a scenario, or into a file that it includes. A job "
      "may\n"
      "also name the file itself: model_file: \"config.json\".");
  command->callback([options, &code] {
    code = Importing([&options] {
      ImportHf(*options);
    });
  });
}

void AddImportPeft(CLI::App& import, int& code) {
  auto file = std::make_shared<std::string>();
  CLI::App* command = import.add_subcommand(
      "peft", "adapter_config.json of Hugging Face PEFT, as the adapters of a job");
  command->add_option("FILE", *file, "adapter_config.json")->required();
  command->footer(
      "Examples:\n"
      "  gridlock import peft adapter_config.json\n"
      "What is printed goes into pretraining { ... } of a scenario.");
  command->callback([file, &code] {
    code = Importing([&file] {
      ProblemList problems;
      const PeftAdapters made = ReadPeftConfig(*file, ImportedText(*file, kLargestFile), problems);
      problems.ThrowIfAny();
      PrintText(made.text);
      for (const std::string& note : made.notes) {
        fmt::print(stderr, "note: {}\n", note);
      }
    });
  });
}

void AddImportMegatron(CLI::App& import, int& code) {
  AddTraining(import, "megatron", "Arguments of Megatron-LM: a command line, shell script or YAML",
              "Examples:\n"
              "  gridlock import megatron pretrain.sh --cluster meta_16k_h100 -o job.textproto\n"
              "  gridlock import megatron args.yaml --accelerator h100_sxm --accelerators 1024\n"
              "Arguments that nothing was made of are listed on standard error.",
              false, code);
}

void AddImportTorchtitan(CLI::App& import, int& code) {
  AddTraining(import, "torchtitan", "Configuration of torchtitan (TOML)",
              "Examples:\n"
              "  gridlock import torchtitan llama3_8b.toml --accelerator h100_sxm --accelerators "
              "64\n"
              "  gridlock import torchtitan custom.toml --model mixtral_8x7b --cluster "
              "meta_16k_h100\n"
              "Keys that nothing was made of are listed on standard error.",
              true, code);
}

}  // namespace gridlock
