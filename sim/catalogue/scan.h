#pragma once

// Which entries of the catalogue's files a scenario needs, found without reading them: a scenario
// names a handful of some two hundred, and reading all costs more than simulating a small step.

#include <set>
#include <string>
#include <vector>

namespace gridlock {

/// Transceivers that stand for those of a site that names none, by rising bandwidth. They are read
/// with every scenario.
inline constexpr const char* kUsualOptics[] = {"optics_200g_sr4", "optics_400g_dr4",
                                               "optics_800g_2xdr4", "optics_1600g_2xdr4"};

/// What the storage of a site that names none is made of. Read with every scenario.
inline constexpr const char* kUsualStorage = "ddn_ai400x2";

/// All texts in double quotes in `text`.
std::set<std::string> QuotedTexts(const std::string& text);

/// Blanks the entries in `texts` that neither `names` nor an entry that is kept names: for each
/// kept entry, every quoted text in it that is the name of an entry. Lines and columns of what is
/// kept stay as they were. Texts that are not plain sequences of named blocks are all left whole.
void KeepNamedEntries(std::set<std::string> names, std::vector<std::string>& texts);

}  // namespace gridlock
