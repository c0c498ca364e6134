// Strings and lists of them, compiled with the optimiser. Tests are not, and every object brings
// its own copy of what it uses of the library's templates; the linker takes the first copy, for the
// program's own rooms, too. This object stands first.

#include <map>
#include <set>
#include <string>
#include <vector>

template class std::basic_string<char>;
template class std::vector<std::string>;
template class std::vector<double>;
template class std::vector<int>;
template class std::map<std::string, std::string>;
template class std::set<std::string>;
