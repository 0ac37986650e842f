// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/soft_token.h"

#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <dlfcn.h>
#include <p11-kit/pkcs11.h>

#include "tests/fuzz/input.h"
#include "tests/support/temporary_folder.h"

namespace fuzz {
namespace {

namespace fs = std::filesystem;

std::string modulePath() {
    for (const char* path : {"/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/pkcs11/libsofthsm2.so",
                             "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
                             "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so"})
        if (fs::exists(path))
            return path;
    return "";
}

CK_UTF8CHAR* utf8(std::string& text) {
    return reinterpret_cast<CK_UTF8CHAR*>(text.data());
}

// As softhsm2-util does it.
void initialise(CK_FUNCTION_LIST& functions) {
    CK_SLOT_ID slot = 0;
    CK_ULONG count = 1;
    CK_SESSION_HANDLE session = 0;
    std::string pin = "1234";
    std::string label(32, ' ');
    std::memcpy(label.data(), "fuzz", 4);
    require(functions.C_Initialize(nullptr) == CKR_OK);
    require(functions.C_GetSlotList(CK_FALSE, &slot, &count) == CKR_OK);
    require(functions.C_InitToken(slot, utf8(pin), pin.size(), utf8(label)) == CKR_OK);
    // The token has another slot now, beside a new free one.
    std::array<CK_SLOT_ID, 2> slots{};
    count = slots.size();
    require(functions.C_GetSlotList(CK_TRUE, slots.data(), &count) == CKR_OK);
    require(functions.C_OpenSession(slots[0], CKF_SERIAL_SESSION | CKF_RW_SESSION, nullptr, nullptr,
                                    &session) == CKR_OK);
    require(functions.C_Login(session, CKU_SO, utf8(pin), pin.size()) == CKR_OK);
    require(functions.C_InitPIN(session, utf8(pin), pin.size()) == CKR_OK);
    require(functions.C_Finalize(nullptr) == CKR_OK);
}

std::string make() {
    static const testing_support::TemporaryFolder folder("fuzz-token");
    const auto tokens = folder.path() / "tokens";
    const auto configuration = folder.path() / "softhsm2.conf";
    fs::create_directory(tokens);
    std::ofstream(configuration) << "directories.tokendir = " << tokens.string()
                                 << "\nobjectstore.backend = file\nlog.level = ERROR\n";
    setenv("SOFTHSM2_CONF", configuration.c_str(), 1);
    auto path = modulePath();
    void* library = dlopen(path.c_str(), RTLD_NOW);
    require(library != nullptr);
    const auto getList =
        reinterpret_cast<CK_C_GetFunctionList>(dlsym(library, "C_GetFunctionList"));
    CK_FUNCTION_LIST* functions = nullptr;
    require(getList != nullptr && getList(&functions) == CKR_OK);
    initialise(*functions);
    return path;
}

} // namespace

const std::string& softToken() {
    static const std::string path = make();
    return path;
}

} // namespace fuzz
