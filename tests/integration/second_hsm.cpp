// SPDX-License-Identifier: Apache-2.0
#include "second_hsm.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "pkcs11/error.h"
#include "pkcs11/text.h"

namespace testing_support {
namespace {

namespace fs = std::filesystem;

constexpr const char* variable = "SOFTHSM2_CONF";
constexpr const char* otherVariable = "SOFTHSM2_COPY";
static_assert(std::string_view(variable).size() == std::string_view(otherVariable).size());

std::string read(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

// `from` and `to` have the same length, so that nothing else moves.
void replaceIn(const fs::path& file, const std::string& from, const std::string& to) {
    auto text = read(file);
    for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at))
        text.replace(at, from.size(), to);
    std::ofstream(file, std::ios::binary) << text;
}

std::string serialOf(const std::string& label) {
    auto* functions = moduleFunctions();
    functions->C_Initialize(nullptr);
    std::string serial;
    CK_ULONG count = 64;
    std::vector<CK_SLOT_ID> slots(count);
    functions->C_GetSlotList(CK_TRUE, slots.data(), &count);
    slots.resize(count);
    for (const auto slot : slots) {
        CK_TOKEN_INFO info{};
        if (functions->C_GetTokenInfo(slot, &info) == CKR_OK &&
            p11::pkcs11::trimmed(info.label) == label)
            serial = p11::pkcs11::trimmed(info.serialNumber);
    }
    functions->C_Finalize(nullptr);
    return serial;
}

// The tokens with other serial numbers.
void copyTokens(const fs::path& to, const std::string& serial, const std::string& other) {
    const auto configuration = read(std::getenv(variable));
    const std::string key = "directories.tokendir = ";
    const auto start = configuration.find(key) + key.size();
    const fs::path from = configuration.substr(start, configuration.find('\n', start) - start);
    fs::copy(from, to, fs::copy_options::recursive);
    for (const auto& token : fs::directory_iterator(to))
        replaceIn(token.path() / "token.object", serial, other);
}

std::string reversed(std::string text) {
    std::reverse(text.begin(), text.end());
    return text;
}

} // namespace

std::string serialOfFirst() {
    static const std::string serial = serialOf("scenarios");
    return serial;
}

SecondHsm::SecondHsm()
    : folder_(scratch("second")), serial_(reversed(serialOfFirst())),
      before_(std::getenv("PKCS11_PROVIDER_MODULE")) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    copyTokens(folder_ / "tokens", serialOfFirst(), serial_);
    const auto softhsm = folder_ / "libsofthsm2.so";
    fs::copy_file(std::getenv("PKCS11_TEST_TARGET"), softhsm);
    replaceIn(softhsm, variable, otherVariable);
    std::ofstream(folder_ / "softhsm2.conf")
        << "directories.tokendir = " << (folder_ / "tokens").string()
        << "\nobjectstore.backend = file\nlog.level = ERROR\n";
    setenv(otherVariable, (folder_ / "softhsm2.conf").c_str(), 1);
    const auto copy = folder_ / "second-test-module.so";
    fs::copy_file(TEST_MODULE, copy);
    module_ = std::make_unique<test_module::TestModule>(copy);
    configure("PKCS11_TEST_TARGET", softhsm);
    setenv("PKCS11_PROVIDER_MODULE", (before_ + " " + copy.string()).c_str(), 1);
}

SecondHsm::~SecondHsm() {
    module_->setFaults(nullptr);
    setenv("PKCS11_PROVIDER_MODULE", before_.c_str(), 1);
}

void SecondHsm::fault(const std::string& function, const std::string& calls, CK_RV rv) const {
    const auto faults = function + ":" + calls + "=" + std::to_string(rv);
    EXPECT_EQ(module_->setFaults(faults.c_str()), CKR_OK) << faults;
}

void SecondHsm::configure(const char* name, const std::string& value) const {
    EXPECT_EQ(module_->configure(name, value.c_str()), CKR_OK) << name;
}

TokenWriter SecondHsm::writer() const {
    return {folder_ / "libsofthsm2.so", token, "1234"};
}

std::string replicaUri(const std::string& label, const std::string& mode) {
    return "pkcs11:object=" + label + ";type=private?pin-value=1234&x-replicas=" + mode;
}

} // namespace testing_support
