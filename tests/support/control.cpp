// SPDX-License-Identifier: Apache-2.0
// The control functions, for tests in the same process.
#include <string>

#include "tests/support/conduct.h"
#include "tests/support/config.h"
#include "tests/support/counters.h"
#include "tests/support/hooks.h"
#include "tests/support/module.h"
#include "tests/support/sessions.h"
#include "tests/support/test_module.h"

using namespace test_module;

extern "C" {

void test_module_reset_counts() {
    resetCounters();
}

unsigned long test_module_count(const char* function) {
    const auto id = findFunction(function);
    return id ? callCount(*id) : TEST_MODULE_UNKNOWN;
}

unsigned long test_module_total() {
    return totalCalls();
}

unsigned long test_module_login_count(CK_RV rv) {
    return loginCount(rv);
}

unsigned long test_module_open_sessions() {
    return openSessions();
}

unsigned long test_module_concurrency() {
    return mostInside();
}

unsigned long test_module_breaches() {
    return breaches();
}

CK_RV test_module_set_faults(const char* faults) {
    return configure("PKCS11_TEST_FAULTS", faults != nullptr ? faults : "");
}

void test_module_set_delays(unsigned long every, unsigned long crypto) {
    configure("PKCS11_TEST_DELAY_US", std::to_string(every).c_str());
    configure("PKCS11_TEST_DELAY_CRYPTO_US", std::to_string(crypto).c_str());
}

CK_RV test_module_set_hook(const char* function, void (*hook)()) {
    const auto id = findFunction(function);
    if (!id)
        return CKR_ARGUMENTS_BAD;
    setHook(*id, hook);
    return CKR_OK;
}

CK_RV test_module_set_gate(const char* function, unsigned together) {
    const auto id = findFunction(function);
    if (!id)
        return CKR_ARGUMENTS_BAD;
    setGate(*id, together);
    return CKR_OK;
}

unsigned test_module_waiting() {
    return waitingAtGate();
}

CK_RV test_module_configure(const char* name, const char* value) {
    return configure(name, value);
}

void test_module_answer_decrypt(CK_RV rv, const unsigned char* data, CK_ULONG size) {
    answerDecrypt(rv, data, size);
}

void test_module_answer_eddsa(test_module_eddsa* function) {
    answerEddsa(function);
}

void test_module_answer_sha3(test_module_pss* sign, test_module_oaep* decrypt, CK_BBOOL listed) {
    answerSha3(sign, decrypt, listed == CK_TRUE);
}
}
