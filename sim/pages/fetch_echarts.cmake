# Writes OUTPUT: the charts, by `npm ci` in a copy of the lock file, or nothing when that fails.
get_filename_component(folder ${OUTPUT} DIRECTORY)
set(work ${folder}/npm)
file(MAKE_DIRECTORY ${work})
set(problem "npm is missing")
if(NPM)
  file(COPY ${PAGES}/package.json ${PAGES}/package-lock.json DESTINATION ${work})
  execute_process(
    COMMAND ${NPM} ci --ignore-scripts --no-audit --no-fund --loglevel=error
    WORKING_DIRECTORY ${work} RESULT_VARIABLE result ERROR_VARIABLE errors OUTPUT_QUIET TIMEOUT 300)
  string(REGEX REPLACE "\n.*" "" problem "npm ci failed: ${errors}")
endif()
set(bundle ${work}/node_modules/echarts/dist/echarts.min.js)
if(NPM AND result EQUAL 0 AND EXISTS ${bundle})
  configure_file(${bundle} ${OUTPUT} COPYONLY)
  file(TOUCH ${OUTPUT})
else()
  message(STATUS "gridlock report will have no charts (${problem}); "
                 "delete ${OUTPUT} and build again once npm can reach its registry")
  file(WRITE ${OUTPUT} "")
endif()
