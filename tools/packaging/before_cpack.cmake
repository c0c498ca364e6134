# Read by cpack first. Without dpkg-shlibdeps a package would name no libraries, and its program would not start
# where they are missing.
find_program(SHLIBDEPS dpkg-shlibdeps)
if(CPACK_GENERATOR STREQUAL DEB AND NOT SHLIBDEPS)
  message(FATAL_ERROR "dpkg-shlibdeps is missing: apt-get install dpkg-dev file")
endif()
