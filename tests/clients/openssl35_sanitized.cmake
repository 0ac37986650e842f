# SPDX-License-Identifier: Apache-2.0
# Tests with sanitizers of what OpenSSL 3.0 does not have: symmetric keys, ML-DSA and ML-KEM, signatures of messages.
# The test programs that were built here run in the Debian 13 root.
set(DEBIAN13 ${CMAKE_CURRENT_SOURCE_DIR}/in-debian13.sh ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR})
set(EACH_GTEST ${CMAKE_CURRENT_SOURCE_DIR}/each-gtest.sh)
set(SUPPRESSIONS ${PROJECT_SOURCE_DIR}/tests/integration/tsan.supp)
set(SANITIZED_ENVIRONMENT "OPENSSL_CONF=${TOKENS}/plain.cnf" ASAN_OPTIONS=detect_leaks=0
                          TSAN_OPTIONS=halt_on_error=1:suppressions=${SUPPRESSIONS})

function(add_sanitized_test name label environment)
  add_test(NAME openssl35.${name} COMMAND ${DEBIAN13} ${ARGN})
  set_tests_properties(openssl35.${name} PROPERTIES ENVIRONMENT "${SANITIZED_ENVIRONMENT};${environment}"
                                                    LABELS "openssl35;${label}" FIXTURES_REQUIRED "tokens;debian13;nss"
                                                    TIMEOUT 3600 SKIP_RETURN_CODE 77)
endfunction()

if(PKCS11_SANITIZER MATCHES "address")
  # These tests need a newer OpenSSL. Each program runs in one process to save time. None of the tests may be skipped.
  set(NEWER_integration_tests "*EachCipher*:Skeys.*:Messages.*:DirectivesBy*:*Selections.*/ML*:PostQuantumSelections.*")
  set(NEWER_steps_tests "*UnauthenticatedSteps.*:*GcmSteps.*:KemSteps.*:*PkeySteps.OfMessages*:MessagesInSteps.*")
  set(NEWER_differential_tests "*.EncryptsWithAes:*.SignsAndVerifiesMessages")
  foreach(program IN ITEMS integration_tests steps_tests differential_tests)
    add_sanitized_test(newer_${program} sanitized
                       "TOGETHER=1;GTEST_FILTER=${NEWER_${program}};DIFFERENTIAL_COUNT=1000"
                       ${EACH_GTEST} $<TARGET_FILE:${program}>)
  endforeach()
  add_sanitized_test(fuzz_cipher sanitized "" $<TARGET_FILE:fuzz_cipher>
                     ${PROJECT_SOURCE_DIR}/tests/fuzz/corpus/cipher)
  foreach(program IN ITEMS integration_tests generation_tests reference_tests steps_tests provider_order_tests)
    add_sanitized_test(${program} nightly "SKIPS=asan;JOBS=2" ${EACH_GTEST} $<TARGET_FILE:${program}>)
  endforeach()
else()
  string(REGEX REPLACE "\\\\?[.]?([A-Za-z]+)" "*\\1*" threaded "${THREADED_TESTS}")
  string(REPLACE "|" ":" threaded "${threaded}")
  foreach(program IN ITEMS integration_tests generation_tests reference_tests)
    add_sanitized_test(${program} nightly "SKIPS=tsan;JOBS=2;GTEST_FILTER=${threaded}"
                       ${EACH_GTEST} $<TARGET_FILE:${program}>)
  endforeach()
endif()
