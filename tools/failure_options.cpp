#include "tools/failure_options.h"

#include <limits>
#include <set>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/base/units.h"

#include "tools/command.h"

namespace gridlock {

namespace {

struct Failing {
  std::string name;
  double from = 0, until = std::numeric_limits<double>::infinity();  ///< seconds
};

double TimeIn(const std::string& option, const std::string& text) {
  if (text == "0") {
    return 0;
  }
  const ParsedQuantity time = ParseQuantity(text, Dimension::kTime);
  if (!time.si || *time.si < 0) {
    throw UserError("", option + ": " + (time.si ? text + " is out of range" : time.problem));
  }
  return *time.si;
}

Failing Parsed(const std::string& text) {
  const std::string option = "--fail " + Quoted(text);
  const std::size_t at = text.rfind('@');
  if (at == std::string::npos || at == 0) {
    throw UserError("", option +
                            " does not say what fails when; expected NAME@FROM or "
                            "NAME@FROM:UNTIL, e.g. plane1@3ms or spine[0]@1ms:2ms");
  }
  const std::string times = text.substr(at + 1);
  const std::size_t colon = times.find(':');
  Failing failing{text.substr(0, at)};
  failing.from = TimeIn(option, times.substr(0, colon));
  if (colon != std::string::npos) {
    failing.until = TimeIn(option, times.substr(colon + 1));
    if (failing.until <= failing.from) {
      throw UserError("", option +
                              ": it is back before it fails; expected a later time behind "
                              "the colon");
    }
  }
  return failing;
}

}  // namespace

Seconds FailoverOf(const std::string& text) {
  return Seconds(TimeIn("--failover", text));
}

std::string FailuresText(const std::vector<std::string>& fails) {
  std::vector<Failing> all;
  std::set<double> times;
  for (const std::string& text : fails) {
    all.push_back(Parsed(text));
    times.insert({all.back().from, all.back().until});
  }
  std::string out;
  for (auto from = times.begin(); from != times.end(); ++from) {
    const auto until = std::next(from);
    std::string names;
    for (const Failing& failing : all) {
      if (failing.from <= *from && *from < failing.until) {
        names += (names.empty() ? "" : ", ") + failing.name;
      }
    }
    if (names.empty()) {
      continue;
    }
    out += fmt::format("\nchange {{ at: \"{} s\" ", *from);
    if (until != times.end() && *until < std::numeric_limits<double>::infinity()) {
      out += fmt::format("until: \"{} s\" ", *until);
    }
    out += fmt::format("path: \"site[0].failed\" value: {} }}", Quoted(names));
  }
  return out.empty() ? "" : out + "\n";
}

void AddFailureOptions(CLI::App& command, ScenarioOptions& options) {
  command
      .add_option("--fail", options.fails,
                  "A link, switch or plane of the first site fails at a time of the step, of each "
                  "collective or of the messages: plane1@3ms, spine[0]@1ms:2ms; repeatable. While "
                  "that lasts it stands in place of site.failed")
      ->take_all()
      ->type_name("NAME@FROM[:UNTIL]");
  command
      .add_option("--failover", options.failover,
                  "Time until what was on a way that has failed goes on elsewhere, e.g. \"1 ms\"")
      ->type_name("TIME");
}

}  // namespace gridlock
