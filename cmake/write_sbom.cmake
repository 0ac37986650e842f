# SPDX-License-Identifier: Apache-2.0
# Writes OUTPUT, the list of what is linked:  cmake -DSOURCE=FOLDER -DVERSION=1.0.0 -DDEPENDENCIES=FILE -DOUTPUT=FILE -P write_sbom.cmake
# DEPENDENCIES has a line "name|version|license|link" for each library (sbom.cmake). The same input and commit give the same file.
include(${CMAKE_CURRENT_LIST_DIR}/commit.cmake)
commit_of(${SOURCE} COMMIT SECONDS)
# string(TIMESTAMP) takes its time from this variable. Without it and a commit, the time is now.
if(NOT DEFINED ENV{SOURCE_DATE_EPOCH} AND SECONDS)
  set(ENV{SOURCE_DATE_EPOCH} ${SECONDS})
endif()
string(TIMESTAMP CREATED "%Y-%m-%dT%H:%M:%SZ" UTC)

# Identifiers have letters, digits, dots and hyphens only.
function(spdx_id name id)
  string(REPLACE "+" "x" name ${name})
  set(${id} ${name} PARENT_SCOPE)
endfunction()

# Appends a package to `packages`.
function(package name version license purpose comment)
  set(entry [[
    {
      "name": "@name@",
      "SPDXID": "SPDXRef-@id@",
      "versionInfo": "@version@",
      "primaryPackagePurpose": "@purpose@",
      "comment": "@comment@",
      "downloadLocation": "NOASSERTION",
      "filesAnalyzed": false,
      "licenseConcluded": "@license@",
      "licenseDeclared": "@license@",
      "copyrightText": "NOASSERTION",
      "supplier": "NOASSERTION",
      "externalRefs": [
        {
          "referenceCategory": "PACKAGE-MANAGER",
          "referenceType": "purl",
          "referenceLocator": "pkg:generic/@purl@"
        }
      ]
    }]])
  spdx_id(${name} id)
  set(purl ${name})
  if(NOT version STREQUAL NOASSERTION)
    string(APPEND purl "@${version}")
  endif()
  string(REPLACE "+" "%2B" purl ${purl})
  string(CONFIGURE "${entry}" entry @ONLY)
  set(packages ${packages} "${entry}" PARENT_SCOPE)
endfunction()

# Appends a relationship to `relationships`.
function(relationship one type other)
  spdx_id(${other} other)
  set(relationships ${relationships} "    {
      \"spdxElementId\": \"SPDXRef-${one}\",
      \"relationshipType\": \"${type}\",
      \"relatedSpdxElement\": \"SPDXRef-${other}\"
    }" PARENT_SCOPE)
endfunction()

package(openssl-pkcs11 ${VERSION} Apache-2.0 LIBRARY "commit ${COMMIT}")
relationship(DOCUMENT DESCRIBES openssl-pkcs11)
file(STRINGS ${DEPENDENCIES} dependencies)
foreach(dependency IN LISTS dependencies)
  string(REPLACE "|" ";" dependency ${dependency})
  list(GET dependency 0 name)
  list(GET dependency 1 version)
  list(GET dependency 2 license)
  list(GET dependency 3 link)
  package(${name} ${version} ${license} LIBRARY "the version that the build used")
  relationship(openssl-pkcs11 ${link} ${name})
endforeach()
list(JOIN packages ",\n" packages)
list(JOIN relationships ",\n" relationships)

# The namespace has to be another for another document.
string(UUID IDENTITY NAMESPACE 6ba7b811-9dad-11d1-80b4-00c04fd430c8 NAME "${packages}${relationships}${CREATED}" TYPE SHA1)
file(CONFIGURE OUTPUT ${OUTPUT} @ONLY CONTENT [[
{
  "spdxVersion": "SPDX-2.3",
  "dataLicense": "CC0-1.0",
  "SPDXID": "SPDXRef-DOCUMENT",
  "name": "openssl-pkcs11-@VERSION@",
  "documentNamespace": "https://spdx.org/spdxdocs/openssl-pkcs11-@VERSION@-@IDENTITY@",
  "creationInfo": {
    "created": "@CREATED@",
    "creators": [
      "Organization: The openssl-pkcs11 developers",
      "Tool: openssl-pkcs11-build-@VERSION@"
    ]
  },
  "packages": [
@packages@
  ],
  "relationships": [
@relationships@
  ]
}
]])
