# SPDX-License-Identifier: Apache-2.0
# The list of what is linked (SPDX 2.3, https://spdx.github.io/spdx-spec/v2.3/). write_sbom.cmake makes the file.

# sbom_dependency(NAME VERSION LICENSE LINK): remembers a library for the list. LICENSE is an SPDX expression, LINK is
# DYNAMIC_LINK, or STATIC_LINK for archives and headers.
function(sbom_dependency name version license link)
  if(NOT version)
    set(version NOASSERTION)
  endif()
  set_property(GLOBAL APPEND PROPERTY SBOM_DEPENDENCIES "${name}|${version}|${license}|${link}")
endfunction()
