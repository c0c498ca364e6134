// Writes the results of a sample for results_check.py, which reads them back.
//
//   results_program small|names|one|slabs FOLDER

#include <cstdio>

#include "sim/base/atomic_file.h"
#include "tests/sweep/results_samples.h"

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: results_program small|names|one|slabs FOLDER\n");
    return 2;
  }
  try {
    std::printf("%s\n", WriteSample(gridlock::ResultsNamed(argv[1]), argv[2]).c_str());
  } catch (const gridlock::IoError& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
