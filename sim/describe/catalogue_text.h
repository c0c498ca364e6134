#pragma once

// The catalogue for people and for programs: entries, single fields with their sources, the
// differences of two entries, and what export rules say about accelerators.

#include <string>

#include "sim/catalogue/view.h"

namespace gridlock {

// Each of these returns a text with a final newline, or a JSON document, and throws UserError when
// there is no entry or kind of the name that was asked for.

/// One line per entry: kind, name, title. `kind` "" is for all kinds.
std::string EntriesText(const CatalogueView& view, const std::string& kind);
std::string EntriesJson(const CatalogueView& view, const std::string& kind);

/// Every field of one entry. Sources are long and shared: fields carry a number, and the texts
/// stand below once each.
std::string EntryText(const CatalogueView& view, const std::string& name);
std::string EntryJson(const CatalogueView& view, const std::string& name);

/// The fields in which two entries of one kind differ. Names and titles are left out.
std::string DifferencesText(const CatalogueView& view, const std::string& a, const std::string& b);
std::string DifferencesJson(const CatalogueView& view, const std::string& a, const std::string& b);

/// What US export rules measure on the accelerator `name`, and what they say; "" is for all.
std::string RulesText(const CatalogueView& view, const std::string& name);
std::string RulesJson(const CatalogueView& view, const std::string& name);

}  // namespace gridlock
