# Writes OUTPUT, a C++ file that names the commit of the sources in SOURCE:
#   cmake -DSOURCE=... -DOUTPUT=... -P commit.cmake
# The file is left alone when nothing has changed, so that nothing is built anew.
set(commit "unknown")
find_program(GIT git)
if(GIT)
  # A source tree in a container often belongs to somebody else; git would not look into it.
  set(in_tree ${GIT} -c safe.directory=* -C ${SOURCE})
  execute_process(COMMAND ${in_tree} rev-parse --show-toplevel
                  OUTPUT_VARIABLE top OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  # Sources that were unpacked inside the repository of something else have no commit of their own.
  if(top STREQUAL SOURCE)
    execute_process(COMMAND ${in_tree} describe --always --dirty --exclude * --abbrev=12
                    OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  endif()
endif()
file(CONFIGURE OUTPUT ${OUTPUT} CONTENT "#include \"tools/commit.h\"

namespace gridlock {

const char* const kCommit = \"${commit}\";

}  // namespace gridlock
")
