// SPDX-License-Identifier: Apache-2.0
// The control functions of pkcs11-test-module.so, and a class that finds them. What the module can
// do is in tests/support/README.md.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>

#include <dlfcn.h>
#include <p11-kit/pkcs11.h>

/// The count of a function that does not exist.
#define TEST_MODULE_UNKNOWN (~0UL)

extern "C" {

#pragma GCC visibility push(default)

/// Sets all counts (calls, logins, threads) to zero. The faults go on counting their own calls.
void test_module_reset_counts();
/// How often "C_Sign" was called; TEST_MODULE_UNKNOWN if there is no such function.
unsigned long test_module_count(const char* function);
unsigned long test_module_total();
/// How many calls of C_Login answered `rv`.
unsigned long test_module_login_count(CK_RV rv);
unsigned long test_module_open_sessions();
/// The largest number of threads that were inside the module at once.
unsigned long test_module_concurrency();
/// How often a call ran beside C_Initialize or C_Finalize, or two threads were in one session.
unsigned long test_module_breaches();
/// As PKCS11_TEST_FAULTS; the next call of each function is its first. Null: no faults.
CK_RV test_module_set_faults(const char* faults);
/// Microseconds: of every call, and of cryptographic ones in addition.
void test_module_set_delays(unsigned long every, unsigned long crypto);
/// Runs `hook` once, in the next call of `function`, before that is passed on. It may use the
/// module and the provider in a thread of its own. CKR_ARGUMENTS_BAD if there is no such function.
CK_RV test_module_set_hook(const char* function, void (*hook)());
/// Has the calls of `function` wait, before they are passed on, until `together` of them do, or for
/// half a minute. 0: none waits, and those that do go on. CKR_ARGUMENTS_BAD if there is no such
/// function. The last call counts, whatever its function.
CK_RV test_module_set_gate(const char* function, unsigned together);
/// The number of calls that wait there.
unsigned test_module_waiting();
/// Overrides the environment variable `name`. A null `value` removes the override, and a null name
/// removes all. CKR_ARGUMENTS_BAD, and no change, if the value makes no sense.
CK_RV test_module_configure(const char* name, const char* value);
/// From now on C_DecryptInit answers CKR_OK, and C_Decrypt answers `rv` and `size` at once, without
/// the real module. It always fills all of its buffer from `data`, so that it takes the same time
/// for all answers. `data` must have as many bytes, and stay valid. Null: no longer. Not while
/// other threads decrypt.
void test_module_answer_decrypt(CK_RV rv, const unsigned char* data, CK_ULONG size);
/// Makes a variant of EdDSA in the token's place, and answers as C_Sign does.
typedef CK_RV test_module_eddsa(CK_BBOOL prehash, const unsigned char* context,
                                CK_ULONG contextSize, const unsigned char* data, CK_ULONG size,
                                unsigned char* signature, CK_ULONG* signatureSize);
/// From now on C_Sign answers with `function` if the parameters of CKM_EDDSA ask for Ed25519ctx,
/// Ed25519ph or Ed448ph, or have a context. SoftHSM would make a plain signature. Null: no longer.
/// Not while other threads sign.
void test_module_answer_eddsa(test_module_eddsa* function);
/// Signs a hash with PSS, or decrypts OAEP, in the token's place, and answers as C_Sign and
/// C_Decrypt do.
typedef CK_RV test_module_pss(const CK_RSA_PKCS_PSS_PARAMS* params, const unsigned char* data,
                              CK_ULONG size, unsigned char* signature, CK_ULONG* signatureSize);
typedef CK_RV test_module_oaep(const CK_RSA_PKCS_OAEP_PARAMS* params, const unsigned char* data,
                               CK_ULONG size, unsigned char* out, CK_ULONG* outSize);
/// From now on C_Sign and C_Decrypt answer with these functions if the parameters of
/// CKM_RSA_PKCS_PSS or CKM_RSA_PKCS_OAEP (without a label) have SHA-3 as the hash. SoftHSM refuses
/// it. If `listed` is true, the token lists SHA-3 as digests. Null: no longer. Not while other
/// threads sign or decrypt.
void test_module_answer_sha3(test_module_pss* sign, test_module_oaep* decrypt, CK_BBOOL listed);

#pragma GCC visibility pop
}

namespace test_module {

/// The module, loaded into this process. Who else loads the same file gets the same module.
class TestModule {
  public:
    explicit TestModule(const std::string& path) : library_(dlopen(path.c_str(), RTLD_NOW)) {
        if (library_ == nullptr)
            throw std::runtime_error(dlerror());
    }

    void resetCounts() const { control<void()>("test_module_reset_counts")(); }
    unsigned long count(const char* function) const {
        return control<unsigned long(const char*)>("test_module_count")(function);
    }
    unsigned long total() const { return control<unsigned long()>("test_module_total")(); }
    unsigned long logins(CK_RV rv) const {
        return control<unsigned long(CK_RV)>("test_module_login_count")(rv);
    }
    unsigned long openSessions() const {
        return control<unsigned long()>("test_module_open_sessions")();
    }
    unsigned long concurrency() const {
        return control<unsigned long()>("test_module_concurrency")();
    }
    unsigned long breaches() const { return control<unsigned long()>("test_module_breaches")(); }
    CK_RV setFaults(const char* faults) const {
        return control<CK_RV(const char*)>("test_module_set_faults")(faults);
    }
    void setDelays(unsigned long every, unsigned long crypto) const {
        control<void(unsigned long, unsigned long)>("test_module_set_delays")(every, crypto);
    }
    CK_RV setHook(const char* function, void (*hook)()) const {
        return control<CK_RV(const char*, void (*)())>("test_module_set_hook")(function, hook);
    }
    CK_RV setGate(const char* function, unsigned together) const {
        return control<CK_RV(const char*, unsigned)>("test_module_set_gate")(function, together);
    }
    unsigned waiting() const { return control<unsigned()>("test_module_waiting")(); }
    CK_RV configure(const char* name, const char* value) const {
        return control<CK_RV(const char*, const char*)>("test_module_configure")(name, value);
    }

    /// C_GetFunctionList, which is a call that counts.
    CK_RV functionList(CK_FUNCTION_LIST** list) const {
        return control<CK_RV(CK_FUNCTION_LIST**)>("C_GetFunctionList")(list);
    }
    /// A symbol of the module; throws if there is none.
    template <typename Function>
    Function* control(const char* name) const {
        void* symbol = dlsym(library_.get(), name);
        if (symbol == nullptr)
            throw std::runtime_error(std::string("no symbol ") + name);
        return reinterpret_cast<Function*>(symbol);
    }

  private:
    struct Close {
        void operator()(void* library) const { dlclose(library); }
    };
    std::unique_ptr<void, Close> library_;
};

} // namespace test_module
