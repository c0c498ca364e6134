#include "tools/program.h"

int main(int argc, char** argv) {
  return gridlock::RunProgram(argc, argv);
}
