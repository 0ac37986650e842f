# SPDX-License-Identifier: Apache-2.0
# CPack's script for the source package: the files of the commit, and the list of what is linked. Other packages also run it.
if(NOT CPACK_TOPLEVEL_TAG STREQUAL CPACK_SOURCE_TOPLEVEL_TAG)
  return()
endif()
# The folder of the package, without the prefix of the other packages.
set(folder ${CMAKE_CURRENT_BINARY_DIR})
# git archive writes the commit into cmake/commit.txt. What is not committed is not in the package.
execute_process(COMMAND git -C ${CPACK_PKCS11_SOURCE} archive --format=tar --output=${folder}.tar HEAD
                RESULT_VARIABLE status ERROR_VARIABLE reason)
if(NOT status EQUAL 0 OR NOT EXISTS ${CPACK_PKCS11_SOURCE}/.git)
  message(FATAL_ERROR "the source package is made of a commit, but git cannot read one: ${reason}")
endif()
file(MAKE_DIRECTORY ${folder})
execute_process(COMMAND ${CMAKE_COMMAND} -E tar xf ${folder}.tar WORKING_DIRECTORY ${folder} COMMAND_ERROR_IS_FATAL ANY)
file(REMOVE ${folder}.tar)
execute_process(COMMAND ${CMAKE_COMMAND} -DSOURCE=${folder} -DVERSION=${CPACK_PACKAGE_VERSION}
                        -DDEPENDENCIES=${CPACK_PKCS11_DEPENDENCIES} -DOUTPUT=${folder}/openssl-pkcs11.spdx.json
                        -P ${CPACK_PKCS11_SOURCE}/cmake/write_sbom.cmake COMMAND_ERROR_IS_FATAL ANY)
