#include "sim/sweep/formula.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstddef>
#include <limits>
#include <regex>
#include <string_view>

#include <fmt/format.h>
#include <muParser.h>

#include "sim/base/check.h"
#include "sim/base/units.h"
#include "sim/schema/problems.h"

namespace gridlock {
namespace {

// muParser's operators behind a number are functions without state, one per factor.
template <int kExponent, int kTimes = 1>
double Scaled(double value) {
  double factor = kTimes;
  for (int i = 0; i < std::abs(kExponent); ++i) {
    factor = kExponent > 0 ? factor * 10 : factor / 10;
  }
  return value * factor;
}

template <int kSeconds>
double Times(double value) {
  return value * kSeconds;
}

/// Bits are eighths of a byte.
template <int kExponent>
double Bits(double value) {
  return Scaled<kExponent>(value) / 8;
}

struct UnitOperator {
  const char* name;
  double (*apply)(double);
};

constexpr UnitOperator kUnits[] = {
    {"bps", &Bits<0>},        {"Kbps", &Bits<3>},      {"Mbps", &Bits<6>},
    {"Gbps", &Bits<9>},       {"Tbps", &Bits<12>},     {"Bps", &Scaled<0>},
    {"kBps", &Scaled<3>},     {"MBps", &Scaled<6>},    {"GBps", &Scaled<9>},
    {"TBps", &Scaled<12>},    {"B", &Scaled<0>},       {"kB", &Scaled<3>},
    {"MB", &Scaled<6>},       {"GB", &Scaled<9>},      {"TB", &Scaled<12>},
    {"PB", &Scaled<15>},      {"ns", &Scaled<-9>},     {"us", &Scaled<-6>},
    {"ms", &Scaled<-3>},      {"s", &Times<1>},        {"minutes", &Times<60>},
    {"h", &Times<3600>},      {"days", &Times<86400>}, {"W", &Scaled<0>},
    {"kW", &Scaled<3>},       {"MW", &Scaled<6>},      {"GW", &Scaled<9>},
    {"GFLOPS", &Scaled<9>},   {"TFLOPS", &Scaled<12>}, {"PFLOPS", &Scaled<15>},
    {"percent", &Scaled<-2>}, {"m", &Scaled<0>},       {"km", &Scaled<3>},
};

/// "450 GB/s" is a number with a unit and no quotient: "450 GBps".
std::string WithUnitsOfOneWord(const std::string& text) {
  static const std::regex unit(R"((\d\.?\s*[kMGT]?)B/s\b)");
  return std::regex_replace(text, unit, "$1Bps");
}

/// muParser takes "a = 1" for an assignment. True when there is one.
bool Assigns(const std::string& text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool compares =
        i > 0 && std::string_view("=!<>").find(text[i - 1]) != std::string_view::npos;
    const bool doubled = i + 1 < text.size() && text[i + 1] == '=';
    if (text[i] == '=' && !compares && !doubled) {
      return true;
    }
  }
  return false;
}

[[noreturn]] void RefuseFormula(const std::string& text, const std::string& why,
                                const std::string& expectation) {
  throw UserError("",
                  Refusal(fmt::format("{} is not a formula: {}", Quoted(text), why), expectation));
}

constexpr const char* kExample = "one such as \"nic >= 400 Gbps && accelerators <= 4096\"";

constexpr const char* kNameCharacters =
    "0123456789_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

}  // namespace

struct Formula::State {
  mu::Parser parser;
  std::vector<double> values;  ///< muParser keeps their addresses
};

Formula::Formula(const std::string& text, const std::vector<std::string>& names,
                 const std::map<std::string, double>& constants)
    : state_(std::make_unique<State>()) {
  if (Assigns(text)) {
    RefuseFormula(text, "\"=\" sets nothing here", "\"==\" to compare");
  }
  mu::Parser& parser = state_->parser;
  state_->values.resize(names.size());
  std::vector<std::string> known = names;
  try {
    parser.DefineNameChars(kNameCharacters);
    for (const UnitOperator& unit : kUnits) {
      parser.DefinePostfixOprt(unit.name, unit.apply);
    }
    for (std::size_t i = 0; i < names.size(); ++i) {
      parser.DefineVar(names[i], &state_->values[i]);
    }
    for (const auto& [name, value] : constants) {
      if (std::find(names.begin(), names.end(), name) == names.end()) {
        parser.DefineConst(name, value);
        known.push_back(name);
      }
    }
    parser.SetExpr(WithUnitsOfOneWord(text));
    (void)parser.Eval();  // reads it; values are still 0
  } catch (const mu::ParserError& error) {
    if (error.GetCode() == mu::ecUNASSIGNABLE_TOKEN) {
      const std::string& token = error.GetToken();
      throw UserError(
          "", Refusal(fmt::format("\"{}\" in the formula \"{}\" is not known", token, text),
                      fmt::format("{}{}a unit such as Gbps, GB/s, s or km", fmt::join(known, ", "),
                                  known.empty() ? "" : ", or "),
                      NearestName(token, known)));
    }
    RefuseFormula(text, error.GetMsg(), kExample);
  }
  if (parser.GetNumResults() != 1) {
    RefuseFormula(text, "it is several", "one; && joins conditions");
  }
}

Formula::Formula(Formula&& other) noexcept = default;
Formula::~Formula() = default;

double Formula::At(const std::vector<double>& values) {
  CHECK(values.size() == state_->values.size());
  std::copy(values.begin(), values.end(), state_->values.begin());
  try {
    return state_->parser.Eval();
  } catch (const mu::ParserError&) {
    return std::numeric_limits<double>::quiet_NaN();
  }
}

std::string FormulaName(const std::string& text) {
  std::string name;
  for (const char c : text) {
    const bool plain =
        std::isalnum(static_cast<unsigned char>(c)) != 0 && static_cast<unsigned char>(c) < 128;
    if (plain) {
      name += c;
    } else if (!name.empty() && name.back() != '_') {
      name += '_';
    }
  }
  while (!name.empty() && name.back() == '_') {
    name.pop_back();
  }
  if (name.empty() || std::isdigit(static_cast<unsigned char>(name[0])) != 0) {
    name = "_" + name;
  }
  return name;
}

}  // namespace gridlock
