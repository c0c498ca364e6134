#include "sim/pages/glossary.h"

#include <algorithm>
#include <sstream>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/base/names.h"
#include "sim/report/json.h"
#include "sim/report/layout.h"

namespace gridlock {
namespace {

/// The word without the endings that people leave out or add: "sequence parallel" for "sequence
/// parallelism", "actors" for "actor".
std::string Stem(std::string word) {
  for (const std::string_view ending : {"isms", "ism", "s"}) {
    if (word.size() > ending.size() + 2 && word.ends_with(ending)) {
      return word.substr(0, word.size() - ending.size());
    }
  }
  return word;
}

std::vector<std::string> SpellingsOf(const Term& term) {
  std::vector<std::string> spellings = {term.name};
  std::istringstream also(term.also);
  for (std::string word; std::getline(also, word, ',');) {
    spellings.push_back(word);
  }
  return spellings;
}

std::string Indented(std::string_view text, const std::string& by) {
  std::string out;
  std::istringstream in{std::string(text)};
  for (std::string line; std::getline(in, line);) {
    out += line.empty() ? "\n" : by + line + "\n";
  }
  return out;
}

std::string FirstSentence(std::string_view text) {
  std::size_t end = text.find(". ");
  if (end != std::string_view::npos && text.substr(0, end).ends_with("et al")) {
    end = text.find(". ", end + 1);
  }
  return std::string(text.substr(0, end == std::string_view::npos ? text.size() : end + 1));
}

}  // namespace

const Term* TermByName(const std::string& name) {
  const std::string wanted = LettersOf(name);
  const Term* near = nullptr;
  for (const Term& term : Terms()) {
    for (const std::string& spelling : SpellingsOf(term)) {
      if (LettersOf(spelling) == wanted) {
        return &term;
      }
      if (near == nullptr && Stem(LettersOf(spelling)) == Stem(wanted)) {
        near = &term;
      }
    }
  }
  return near;
}

std::string TermText(const Term& term) {
  std::string out = std::string(term.name) + "\n" + Wrapped("  ", term.meaning, 2);
  out += "\n" + Indented(term.drawing, "    ");
  if (*term.formula != '\0') {
    out += "\n" + Indented(term.formula, "  ");
  }
  return out + "\nSee it:\n" + Indented(term.command, "  ");
}

std::string TermJson(const Term& term) {
  JsonWriter json;
  json.BeginObject();
  json.Member("term", std::string(term.name));
  json.Member("verdict", std::string(term.meaning));
  json.Member("drawing", std::string(term.drawing));
  json.Member("formula", std::string(term.formula));
  json.Member("command", std::string(term.command));
  json.Key("parts");
  json.BeginArray();
  json.EndArray();
  json.EndObject();
  return json.Finish();
}

std::string TermListText() {
  std::string out = "Words that gridlock explain TERM explains\n";
  for (const Term& term : Terms()) {
    out += Wrapped(fmt::format("  {:<20} ", term.name), FirstSentence(term.meaning), 23);
  }
  return out + "gridlock explain FILE explains the results in a file.\n";
}

std::string GlossaryMarkdown() {
  std::string out =
      "# Glossary\n\nThe words of the outputs. `gridlock explain TERM` prints the same; this page "
      "is "
      "made by\n`gridlock explain --glossary`.\n";
  for (const Term& term : Terms()) {
    out += fmt::format("\n## {}\n\n", term.name);
    if (*term.also != '\0') {
      out += fmt::format("Also: {}.\n\n", term.also);
    }
    out += Wrapped("", term.meaning, 0) + "\n```\n" + Indented(term.drawing, "") + "```\n";
    if (*term.formula != '\0') {
      out += "\n```\n" + Indented(term.formula, "") + "```\n";
    }
    out += "\n```sh\n" + Indented(term.command, "") + "```\n";
  }
  return out;
}

std::string UnknownTerm(const std::string& name) {
  std::vector<std::string> names;
  for (const Term& term : Terms()) {
    for (std::string spelling : SpellingsOf(term)) {
      spelling.erase(0, spelling.find_first_not_of(' '));
      names.push_back(spelling);
    }
  }
  const std::string nearest = NearestName(name, names);
  return fmt::format("{} is neither a file nor a word that is explained; {}", Quoted(name),
                     nearest.empty() ? "gridlock explain alone lists the words"
                                     : "did you mean " + Quoted(nearest) + "?");
}

}  // namespace gridlock
