#pragma once

// The words of the outputs: what each means, drawn, as a formula, and a command that shows it.

#include <span>
#include <string>

namespace gridlock {

struct Term {
  const char* name;
  const char* also;     ///< other spellings, with commas: "allreduce"; may be ""
  const char* meaning;  ///< sentences
  const char* drawing;  ///< lines of text
  const char* formula;  ///< "" where there is none
  const char* command;  ///< that shows it on an example
};

/// All terms, by their names.
std::span<const Term> Terms();

/// The term of that name or spelling, in any case, with blanks or dashes; nullptr for none.
const Term* TermByName(const std::string& name);

std::string TermText(const Term& term);

/// {"term", "verdict": what it means, "drawing", "formula", "command", "parts": []}; a formula may
/// be "".
std::string TermJson(const Term& term);

/// The names, one a line, with the first sentence of each.
std::string TermListText();

/// The whole glossary; docs/glossary.md holds the same.
std::string GlossaryMarkdown();

/// What to say of a word that is neither a term nor a file.
std::string UnknownTerm(const std::string& name);

}  // namespace gridlock
