# SPDX-License-Identifier: Apache-2.0
# A second provider, with the code for decrypted data compiled by clang, because another compiler may make other branches.
find_program(CLANGXX clang++)
if(NOT CLANGXX)
  return()
endif()

# compile_with_clang(LAYER RESULT [SOURCE...]): sets RESULT to the objects of these sources; of all sources without SOURCE.
# They are optimised as in the release build, whatever the build type. Older valgrinds cannot read DWARF 5.
function(compile_with_clang layer result)
  get_target_property(sources ${layer} SOURCES)
  set(folders $<TARGET_PROPERTY:${layer},INCLUDE_DIRECTORIES>)
  foreach(source IN LISTS sources)
    if(ARGN AND NOT source IN_LIST ARGN)
      continue()
    endif()
    string(REPLACE "/" "-" name ${source})
    set(object ${PROJECT_BINARY_DIR}/clang/${name}.o)
    add_custom_command(
      OUTPUT ${object}
      COMMAND ${CMAKE_CXX_COMPILER_LAUNCHER} ${CLANGXX} -std=c++20 -O2 -gdwarf-4 -DNDEBUG -fPIC
              -fvisibility=hidden -fvisibility-inlines-hidden -Wall -Wextra -Wthread-safety -Werror=thread-safety
              "$<$<BOOL:${folders}>:-I$<JOIN:$<REMOVE_DUPLICATES:${folders}>,;-I>>"
              -MD -MF ${object}.d -c ${PROJECT_SOURCE_DIR}/${source} -o ${object}
      DEPENDS ${PROJECT_SOURCE_DIR}/${source}
      DEPFILE ${object}.d
      COMMENT "Compiling ${source} with clang"
      COMMAND_EXPAND_LISTS VERBATIM)
    list(APPEND objects ${object})
  endforeach()
  set(${result} ${objects} PARENT_SCOPE)
endfunction()

compile_with_clang(asym_cipher CLANG_OBJECTS)
compile_with_clang(pkcs11 CLANG_OPERATION pkcs11/operation.cpp)

# The objects come before the libraries, so the linker does not take the libraries' own.
add_library(clang-provider MODULE ${CLANG_OBJECTS} ${CLANG_OPERATION} $<TARGET_OBJECTS:provider>)
target_link_libraries(clang-provider PRIVATE ${PROVIDER_LAYERS})
target_link_options(clang-provider PRIVATE $<TARGET_PROPERTY:provider,LINK_OPTIONS>)
set_target_properties(clang-provider PROPERTIES PREFIX "" OUTPUT_NAME pkcs11 LINKER_LANGUAGE CXX
                                                LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/clang)
