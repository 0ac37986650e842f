// SPDX-License-Identifier: Apache-2.0
#include "nss_token.h"

#include <cstdlib>
#include <fstream>

#include <dlfcn.h>

namespace testing_support {
namespace {

namespace fs = std::filesystem;

const char* const pin = "1234";

fs::path nss() {
    return NSS;
}
fs::path library(const std::string& name) {
    return nss() / "lib" / name;
}

std::string argumentsFor(const fs::path& keys) {
    return "configDir='sql:" + keys.string() +
           "' certPrefix='' keyPrefix='' secmod='secmod.db' flags=";
}

// In processes of their own, which end before this one has the database.
void run(const std::string& command) {
    const auto all = "LD_LIBRARY_PATH='" + (nss() / "lib").string() +
                     "'${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} " + command;
    ASSERT_EQ(std::system(all.c_str()), 0) << all;
}

void makeKeys(const fs::path& keys) {
    fs::create_directory(keys);
    const auto pinFile = keys / "pin";
    std::ofstream(pinFile) << pin << '\n';
    run((nss() / "usr/bin/certutil").string() + " -N -d sql:" + keys.string() + " -f " +
        pinFile.string());
    run("NSS_LIB_PARAMS=\"" + argumentsFor(keys) + "\" " + POST_QUANTUM_KEYS + " " +
        library("libsoftokn3.so").string() + " 'NSS Certificate DB' " + pin);
}

} // namespace

bool NssToken::isThere() {
    const p11::ossl::Owner<EVP_KEYMGMT, EVP_KEYMGMT_free> known(
        EVP_KEYMGMT_fetch(defaultOnly(), "ML-KEM-512", nullptr));
    ERR_clear_error();
    return known && fs::exists(nss() / "complete");
}

NssToken::NssToken(Order order, const std::string& directives)
    : NssToken(order, directives, library("libsoftokn3.so").string()) {}

std::unique_ptr<NssToken> NssToken::behindTestModule(Order order, const std::string& directives) {
    setenv("PKCS11_TEST_TARGET", library("libsoftokn3.so").c_str(), 1);
    return std::unique_ptr<NssToken>(new NssToken(order, directives, TEST_MODULE));
}

NssToken::NssToken(Order order, const std::string& directives, const std::string& module) {
    const auto keys = scratch("nss-keys");
    if (!fs::exists(keys))
        makeKeys(keys);
    // The system's own may be older than what NSS's token needs, and the first that is loaded
    // stays.
    EXPECT_NE(dlopen(library("libnssutil3.so").c_str(), RTLD_NOW | RTLD_GLOBAL), nullptr)
        << dlerror();
    const std::string before = getenv("PKCS11_PROVIDER_MODULE");
    unsetenv("PKCS11_PROVIDER_MODULE"); // else it comes before the directive
    context_ = std::make_unique<ConfiguredContext>(
        "pkcs11-module-path = " + module + "\npkcs11-module-init-args = " + argumentsFor(keys) +
            "\npkcs11-module-token-pin = " + pin + "\n" + directives,
        order);
    setenv("PKCS11_PROVIDER_MODULE", before.c_str(), 1);
}

p11::ossl::Pkey NssToken::loadPrivate(const std::string& label) const {
    return load(get(), "pkcs11:token=NSS%20Certificate%20DB;object=" + label + ";type=private");
}

} // namespace testing_support
