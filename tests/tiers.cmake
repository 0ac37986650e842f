# SPDX-License-Identifier: Apache-2.0
# When each test runs. scripts/test.sh has the tiers. The labels:
#   always     in every tier and build (unit tests, fuzz targets over their corpus)
#   quick      in test.sh quick: the commands of the README
#   sanitized  in .ci/run with the address or the thread sanitizer, according to the build
#   roots      needs a system of another release; not in test.sh without an argument
#   programs   the programs of docs/programs.md, and the examples
#   nightly    only in test.sh full

# The fifteen scenarios of the README: a first signature, keys without a configuration, and each operation that it names.
set(QUICK_SCENARIOS
    readme_first_signature registered_modules dgst_rsa dgst_rsa_pss dgst_ec pkeyutl_ed25519 pkeyutl_decrypt
    pkeyutl_derive xdh_pkeyutl_derive storeutl certificate_store generate_keys random_token cms_sign tls_rsa)

# Programs whose packages are large (scripts/install-deps.sh programs), or that take long to start, as bpftrace does.
set(NIGHTLY_PROGRAMS "^programs_(php|ruby|go|postgresql|mariadb|dovecot|postfix|unbound|rauc|sign_file|freeradius|kerberos|strongswan_pki|libssh|libcurl)$|^probes_(for_bpftrace|in_the_document)$")

# Scenarios for code that no integration test reaches: the tools, files of references, configuration, exit.
set(ASAN_SCENARIOS "^(keyprovider_|uri2pem|import_|delete_|key_reference_|pkey_output|storeutl|directives|pin_sources|registered_modules|debug_log|policy_|error_|exit_|generate_refused|random_token$|tls_rsa|cms_ec_recipient$|pkeyutl_decrypt|derive_refused|token_softhsm)")

# Tests with threads. The names of integration tests with threads say so.
set(TSAN_SCENARIOS "^(tls_rsa|tls_many_clients|servers_many_clients|exit_status|exit_orders_with_threads|module_is_used_by_others|token_softhsm|token_nss_softokn|token_p11_kit_client|token_p11_kit_proxy|token_server_restart_s_server|random_token)$")
set(THREADED_TESTS "Async|Thread|Many|Crowd|SideBySide|Sessions|AtOnce|OnceAProcess|\\.Fork|StartedProgram|Life|Contexts|Contention|Replica(Return|LossInJobs|Keys\\.(GoTo|WorkInJobs))|ServerClient")

# Tests that would show a leak in each kind of operation. They take time, because they need all frames of the stack.
set(LEAK_TESTS "(Contexts\\.|Life\\.|Signature\\.ThreadsShareOneKey|Loss\\.|Store\\.AsksAThreadedCrowd|Random\\.ManyThreads|References\\.AreReadBy|Generation\\.ThreadsMake|Exchange\\.OfManyThreads|Directives\\.LimitTheSessions)")

# add_label(LABEL TEST...)
function(add_label label)
  foreach(test IN LISTS ARGN)
    set_property(TEST ${test} APPEND PROPERTY LABELS ${label})
  endforeach()
endfunction()

# Sets whether .ci/run runs the test `name` with this build's sanitizer, because it may find what no other build finds.
function(is_sanitized name pattern_asan pattern_tsan result)
  set(${result} OFF PARENT_SCOPE)
  if(PKCS11_SANITIZER MATCHES "address" AND name MATCHES "${pattern_asan}")
    set(${result} ON PARENT_SCOPE)
  elseif(PKCS11_SANITIZER MATCHES "thread" AND name MATCHES "${pattern_tsan}")
    set(${result} ON PARENT_SCOPE)
  endif()
endfunction()
