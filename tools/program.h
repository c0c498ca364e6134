#pragma once

namespace gridlock {

/// The whole program, once in a process. @returns its exit code
int RunProgram(int argc, char** argv);

}  // namespace gridlock
