# SPDX-License-Identifier: Apache-2.0
# All scenarios and test programs with the OpenSSL of Debian 13 (3.5).
set(DEBIAN13 ${CMAKE_CURRENT_SOURCE_DIR}/in-debian13.sh ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR})

function(add_debian13_test name)
  add_test(NAME openssl35.${name} COMMAND ${DEBIAN13} ${ARGN})
  set_tests_properties(openssl35.${name} PROPERTIES ENVIRONMENT "${SCENARIO_ENVIRONMENT}" LABELS "openssl35;roots"
                                                    FIXTURES_REQUIRED "tokens;debian13"
                                                    TIMEOUT 600 SKIP_RETURN_CODE 77)
endfunction()

# Tests of the file, its installation and its package need the programs that build it.
set(NOT_THERE
  binary_symbols
  binary_install
  binary_install_prefix
  package_in_a_clean_root
  package_completion
  package_commit
  package_sbom
  package_source
  package_source_builds
  package_pages
  package_versions
  documents_howto_c)
# Valgrind and its programs belong to this system.
list(APPEND NOT_THERE decryption_without_branches)
# journald needs /sys, which is not there, and logrotate and jq belong to this system.
list(APPEND NOT_THERE audit_log_in_the_journal documents_audit_log documents_observability)
# Tests of what OpenSSL 3.0 does not know, or refuses to find.
list(APPEND NOT_THERE post_quantum_unknown)
# The root also has registered modules for TPMs, which write to standard error if there is no TPM.
list(APPEND NOT_THERE registered_modules readme_first_signature)
foreach(scenario IN LISTS SCENARIOS)
  # These run there anyway, or need programs that are not there: debian13_servers_..., debian13_token_..., debian13_osslsigncode_...
  # The probes are the same with each OpenSSL.
  set(RUNS_ANYWAY "^(debian13|servers|programs|examples|osslsigncode|probes)|^token_(softhsm|nss_softokn$|opencryptoki|p11_kit|caml_crush)")
  if(NOT scenario IN_LIST NOT_THERE AND NOT scenario MATCHES "${RUNS_ANYWAY}")
    string(REGEX REPLACE "^openssl35_" "" name ${scenario})
    add_debian13_test(${name} ${SCENARIO} ${scenario})
  endif()
endforeach()

foreach(program IN ITEMS unit_tests keyprovider_tests integration_tests generation_tests reference_tests steps_tests
                         differential_tests provider_order_tests cost_tests)
  if(TARGET ${program} OR NOT program STREQUAL keyprovider_tests)
    add_debian13_test(${program} ${CMAKE_CURRENT_SOURCE_DIR}/each-gtest.sh $<TARGET_FILE:${program}>)
    set_property(TEST openssl35.${program} APPEND PROPERTY ENVIRONMENT "OPENSSL_CONF=${TOKENS}/plain.cnf")
    # It takes the longest time, so it starts first.
    set_property(TEST openssl35.${program} PROPERTY COST 1000)
  endif()
endforeach()
# NSS provides the ML-DSA and ML-KEM keys.
foreach(program IN ITEMS integration_tests steps_tests)
  set_property(TEST openssl35.${program} APPEND PROPERTY FIXTURES_REQUIRED nss)
endforeach()
add_debian13_test(fuzz_cipher $<TARGET_FILE:fuzz_cipher> ${PROJECT_SOURCE_DIR}/tests/fuzz/corpus/cipher)
add_debian13_test(nightly_differential $<TARGET_FILE:differential_tests> --gtest_filter=Differential*)
set_tests_properties(openssl35.nightly_differential PROPERTIES LABELS "openssl35;roots;nightly" TIMEOUT 1800
                                                               FAIL_REGULAR_EXPRESSION "Running 0 tests")
set_property(TEST openssl35.nightly_differential APPEND PROPERTY ENVIRONMENT
             "OPENSSL_CONF=${TOKENS}/plain.cnf" DIFFERENTIAL_SEED=random DIFFERENTIAL_COUNT=3000)
# As for the same tests here: other processes would delay threads that hold a lock, and change the counts.
set_property(TEST openssl35.cost_tests PROPERTY RUN_SERIAL ON)
