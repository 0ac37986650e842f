// SPDX-License-Identifier: Apache-2.0
#include "fixture.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <thread>

#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guards.h"
#include "provider_file.h"
#include "tests/support/functions.h"
#include "tests/support/temporary_folder.h"

namespace testing_support {
namespace {

namespace fs = std::filesystem;

// The process has a copy of the token, since SoftHSM's files are not made for a crowd of processes
// that log in at once. It is made before any test, so that children find their parent's.
class Surroundings : public ::testing::Environment {
  public:
    void SetUp() override {
        folder_ = std::make_unique<TemporaryFolder>("provider-test");
        const auto tokens = folder_->path() / "tokens";
        fs::copy(fs::path(TOKENS) / "tokens", tokens, fs::copy_options::recursive);
        const auto configuration = folder_->path() / "softhsm2.conf";
        std::ofstream(configuration) << "directories.tokendir = " << tokens.string()
                                     << "\nobjectstore.backend = file\nlog.level = ERROR\n";
        setenv("SOFTHSM2_CONF", configuration.c_str(), 1);
        std::ifstream file(std::string(TOKENS) + "/module");
        std::string softhsm;
        std::getline(file, softhsm);
        setenv("PKCS11_TEST_TARGET", softhsm.c_str(), 1);
        setenv("PKCS11_PROVIDER_MODULE", TEST_MODULE, 0);
        watchGuards();
    }
    void TearDown() override { folder_.reset(); }

    const fs::path& path() const { return folder_->path(); }

  private:
    std::unique_ptr<TemporaryFolder> folder_;
};

// GoogleTest owns it.
const auto* const surroundings =
    dynamic_cast<Surroundings*>(::testing::AddGlobalTestEnvironment(new Surroundings));

// What no application may do (tests/support/conduct.h) fails the test in which it was done.
class ConductListener : public ::testing::EmptyTestEventListener {
  public:
    void OnTestEnd(const ::testing::TestInfo&) override {
        const auto now = module().breaches();
        EXPECT_EQ(now, seen_) << "the module tells on standard error what it was";
        seen_ = now;
        EXPECT_EQ(guardsTaken(), 0U);
    }

  private:
    unsigned long seen_ = 0;
};

// ctest takes a test for skipped by this line, whatever its status is. It is written by an exit
// handler that was there before all others, so that a crash of theirs is no skip.
class SkipListener : public ::testing::EmptyTestEventListener {
  public:
    void OnTestProgramEnd(const ::testing::UnitTest& all) override {
        isSkipped_ = all.Passed() && all.skipped_test_count() > 0;
    }
    static void tell() {
        if (isSkipped_)
            std::puts("[  SKIPPED ] and ended well");
    }

  private:
    inline static bool isSkipped_ = false;
};

[[maybe_unused]] const bool listening = [] {
    std::atexit(SkipListener::tell);
    auto& listeners = ::testing::UnitTest::GetInstance()->listeners(); // who owns them
    listeners.Append(new ConductListener);
    listeners.Append(new SkipListener);
    return true;
}();

p11::ossl::Bio open(const std::string& name) {
    return p11::ossl::Bio(BIO_new_file((std::string(TOKENS) + "/" + name).c_str(), "r"));
}

} // namespace

OSSL_LIB_CTX* defaultOnly() {
    static OSSL_LIB_CTX* libctx = [] {
        auto* made = OSSL_LIB_CTX_new();
        OSSL_PROVIDER_load(made, "default");
        return made;
    }();
    return libctx;
}

fs::path scratch(const std::string& name) {
    return surroundings->path() / name;
}

Instance::Instance(Order order, const char* properties) : libctx_(OSSL_LIB_CTX_new()) {
    OSSL_PROVIDER_set_default_search_path(
        get(), std::filesystem::path(providerFile()).parent_path().c_str());
    const char* first = order == Order::defaultFirst ? "default" : "pkcs11";
    for (const char* name : {first, order == Order::defaultFirst ? "pkcs11" : "default"}) {
        providers_.emplace_back(OSSL_PROVIDER_load(get(), name));
        EXPECT_TRUE(providers_.back()) << name << ": " << takeErrors();
    }
    if (properties != nullptr)
        EVP_set_default_properties(get(), properties);
}

void Instance::unload() {
    providers_.clear();
}

ConfiguredContext::ConfiguredContext(const std::string& directives, Order order,
                                     const std::string& more)
    : libctx_(OSSL_LIB_CTX_new()) {
    const auto file = scratch("openssl.cnf");
    std::ofstream(file) << "config_diagnostics = 1\nopenssl_conf = init\n"
                        << "[init]\nproviders = providers\n[providers]\n"
                        << (order == Order::defaultFirst
                                ? "default = default_section\npkcs11 = pkcs11_section\n"
                                : "pkcs11 = pkcs11_section\ndefault = default_section\n")
                        << "[default_section]\nactivate = 1\n"
                        << "[pkcs11_section]\nactivate = 1\nmodule = " << providerFile() << '\n'
                        << directives << '\n'
                        << more << '\n';
    EXPECT_EQ(OSSL_LIB_CTX_load_config(get(), file.c_str()), 1) << takeErrors();
}

std::string& pinQuery() {
    static std::string query = "?pin-value=1234";
    return query;
}

std::string uriOf(const std::string& label, const std::string& type) {
    return "pkcs11:token=scenarios;object=" + label + ";type=" + type + pinQuery();
}

p11::ossl::Pkey load(const Instance& instance, const std::string& uri, int expected) {
    return load(instance.get(), uri, expected);
}

p11::ossl::Pkey load(OSSL_LIB_CTX* libctx, const std::string& uri, int expected) {
    const p11::ossl::Owner<OSSL_STORE_CTX, OSSL_STORE_close> store(OSSL_STORE_open_ex(
        uri.c_str(), libctx, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr));
    if (!store || OSSL_STORE_expect(store.get(), expected) != 1)
        return nullptr;
    const p11::ossl::Owner<OSSL_STORE_INFO, OSSL_STORE_INFO_free> info(
        OSSL_STORE_load(store.get()));
    if (!info)
        return nullptr;
    return p11::ossl::Pkey(expected == OSSL_STORE_INFO_PUBKEY
                               ? OSSL_STORE_INFO_get1_PUBKEY(info.get())
                               : OSSL_STORE_INFO_get1_PKEY(info.get()));
}

p11::ossl::Pkey loadPrivate(const Instance& instance, const std::string& label) {
    auto key = load(instance, uriOf(label));
    EXPECT_TRUE(key) << label << ": " << takeErrors();
    return key;
}

p11::ossl::Pkey publicKeyFromFile(const std::string& label) {
    const auto file = open(label + ".pub.pem");
    return p11::ossl::Pkey(
        PEM_read_bio_PUBKEY_ex(file.get(), nullptr, nullptr, nullptr, defaultOnly(), nullptr));
}

namespace {

p11::ossl::Pkey rsaOf(const Bytes& modulus, const Bytes& exponent) {
    const p11::ossl::Bignum n(BN_bin2bn(modulus.data(), static_cast<int>(modulus.size()), nullptr));
    const p11::ossl::Bignum e(
        BN_bin2bn(exponent.data(), static_cast<int>(exponent.size()), nullptr));
    const p11::ossl::ParamBuilder builder(OSSL_PARAM_BLD_new());
    OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get());
    OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get());
    const p11::ossl::Params params(OSSL_PARAM_BLD_to_param(builder.get()));
    const p11::ossl::PkeyCtx context(EVP_PKEY_CTX_new_from_name(defaultOnly(), "RSA", nullptr));
    EVP_PKEY* key = nullptr;
    EVP_PKEY_fromdata_init(context.get());
    EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get());
    return p11::ossl::Pkey(key);
}

// The point is in an OCTET STRING (PKCS#11 3.0, section 2.3.3).
p11::ossl::Pkey ecOf(const Bytes& parameters, const Bytes& wrapped) {
    const unsigned char* der = wrapped.data();
    const p11::ossl::Owner<ASN1_OCTET_STRING, ASN1_OCTET_STRING_free> point(
        d2i_ASN1_OCTET_STRING(nullptr, &der, static_cast<long>(wrapped.size())));
    const auto* bytes = ASN1_STRING_get0_data(point.get());
    const auto size = static_cast<std::size_t>(ASN1_STRING_length(point.get()));
    for (const auto& [name, length] : {std::pair("ED25519", 32U), std::pair("ED448", 57U)})
        if (size == length)
            return p11::ossl::Pkey(
                EVP_PKEY_new_raw_public_key_ex(defaultOnly(), name, nullptr, bytes, size));
    der = parameters.data();
    p11::ossl::Pkey key(
        d2i_KeyParams(EVP_PKEY_EC, nullptr, &der, static_cast<long>(parameters.size())));
    EXPECT_EQ(EVP_PKEY_set1_encoded_public_key(key.get(), bytes, size), 1) << takeErrors();
    return key;
}

} // namespace

p11::ossl::Pkey publicKeyOnToken(const std::string& label, const std::string& id) {
    auto token = tokenWriter("scenarios");
    const auto value = [&](CK_ATTRIBUTE_TYPE type) { return token.publicValue(label, id, type); };
    CK_KEY_TYPE type = 0;
    const auto typeBytes = value(CKA_KEY_TYPE);
    std::memcpy(&type, typeBytes.data(), std::min(sizeof type, typeBytes.size()));
    auto key = type == CKK_RSA ? rsaOf(value(CKA_MODULUS), value(CKA_PUBLIC_EXPONENT))
                               : ecOf(value(CKA_EC_PARAMS), value(CKA_EC_POINT));
    EXPECT_TRUE(key) << label << ": " << takeErrors();
    return key;
}

p11::ossl::Pkey privateKeyFromFile(OSSL_LIB_CTX* libctx, const std::string& label) {
    const auto file = open(label + ".pem");
    return p11::ossl::Pkey(
        PEM_read_bio_PrivateKey_ex(file.get(), nullptr, nullptr, nullptr, libctx, nullptr));
}

p11::ossl::Certificate certificateFromFile(OSSL_LIB_CTX* libctx, const std::string& label) {
    const auto file = open(label + ".cert.pem");
    X509* certificate = X509_new_ex(libctx, nullptr);
    return p11::ossl::Certificate(PEM_read_bio_X509(file.get(), &certificate, nullptr, nullptr));
}

Bytes derOf(X509* certificate) {
    unsigned char* der = nullptr;
    const int size = i2d_X509(certificate, &der);
    Bytes bytes(der, der + (size > 0 ? size : 0));
    OPENSSL_free(der);
    return bytes;
}

Bytes sign(const Instance& instance, EVP_PKEY* key, const Bytes& data, const char* digest) {
    const p11::ossl::MdCtx context(EVP_MD_CTX_new());
    std::size_t size = 0;
    if (EVP_DigestSignInit_ex(context.get(), nullptr, digest, instance.get(), nullptr, key,
                              nullptr) != 1 ||
        EVP_DigestSign(context.get(), nullptr, &size, data.data(), data.size()) != 1)
        return {};
    Bytes signature(size);
    if (EVP_DigestSign(context.get(), signature.data(), &size, data.data(), data.size()) != 1)
        return {};
    signature.resize(size);
    return signature;
}

bool verify(const std::string& label, const Bytes& signature, const Bytes& data, const char* digest,
            bool pss) {
    const bool hasFile = fs::exists(fs::path(TOKENS) / (label + ".pub.pem"));
    const auto key = hasFile ? publicKeyFromFile(label) : publicKeyOnToken(label);
    return verify(key.get(), signature, data, digest, pss);
}

bool verify(EVP_PKEY* publicKey, const Bytes& signature, const Bytes& data, const char* digest,
            bool pss) {
    const p11::ossl::MdCtx context(EVP_MD_CTX_new());
    EVP_PKEY_CTX* options = nullptr;
    if (EVP_DigestVerifyInit_ex(context.get(), &options, digest, defaultOnly(), nullptr, publicKey,
                                nullptr) != 1)
        return false;
    if (pss)
        EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING);
    const bool good = EVP_DigestVerify(context.get(), signature.data(), signature.size(),
                                       data.data(), data.size()) == 1;
    ERR_clear_error();
    return good;
}

Bytes randomBytes(std::size_t size) {
    Bytes bytes(size);
    EXPECT_EQ(RAND_bytes(bytes.data(), static_cast<int>(size)), 1);
    return bytes;
}

std::string takeErrors() {
    std::string all;
    const char* data = nullptr;
    int flags = 0;
    while (const auto code = ERR_get_error_all(nullptr, nullptr, nullptr, &data, &flags)) {
        const char* reason = ERR_reason_error_string(code);
        all += std::string(reason != nullptr ? reason : "?") + ": " +
               ((flags & ERR_TXT_STRING) != 0 ? data : "") + "\n";
    }
    return all;
}

const test_module::TestModule& module() {
    // Never destroyed: the provider may use it until the end of the process.
    static const auto* const loaded = new test_module::TestModule(TEST_MODULE);
    return *loaded;
}

void fault(const std::string& function, const std::string& calls, CK_RV rv) {
    const auto rule = function + ":" + calls + "=" + std::to_string(rv);
    ASSERT_EQ(module().setFaults(rule.c_str()), CKR_OK) << rule;
}

CK_FUNCTION_LIST* moduleFunctions() {
    CK_FUNCTION_LIST* list = nullptr;
    EXPECT_EQ(module().functionList(&list), CKR_OK);
    return list;
}

void configureModule(const char* name, const std::string& value) {
    ASSERT_EQ(module().configure(name, value.c_str()), CKR_OK) << name << "=" << value;
}

void resetModule(const char* name) {
    ASSERT_EQ(module().configure(name, nullptr), CKR_OK) << name;
}

void noFaults() {
    ASSERT_EQ(module().setFaults(nullptr), CKR_OK);
}

int statusOf(pid_t child) {
    int status = -1;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

int inChild(const std::function<bool()>& body) {
    constexpr unsigned patience = 60;
    const pid_t child = fork();
    if (child == 0) {
        alarm(patience);
        const auto breaches = module().breaches();
        const bool good =
            body() && module().breaches() == breaches && !::testing::Test::HasFailure();
        std::fputs(takeErrors().c_str(), stderr);
        _exit(good ? 0 : 1);
    }
    return statusOf(child);
}

void inThreads(int count, const std::function<void(int)>& body) {
    std::vector<std::thread> threads;
    for (int i = 0; i < count; ++i)
        threads.emplace_back([&body, i] { body(i); });
    for (auto& thread : threads)
        thread.join();
}

TokenWriter tokenWriter(const std::string& token) {
    return {std::getenv("PKCS11_TEST_TARGET"), token, "1234"};
}

namespace {

std::map<std::string, unsigned long> counts() {
    std::map<std::string, unsigned long> all;
    for (const char* name : test_module::functionNames)
        if (const auto count = module().count(name); count != 0)
            all[name] = count;
    return all;
}

} // namespace

CallCounter::CallCounter() : start_(counts()) {}

std::map<std::string, unsigned long> CallCounter::all() const {
    std::map<std::string, unsigned long> since;
    for (const auto& [function, count] : counts()) {
        const auto before = start_.find(function);
        if (before == start_.end() || before->second != count)
            since[function] = count - (before == start_.end() ? 0 : before->second);
    }
    return since;
}

unsigned long CallCounter::of(const std::string& function) const {
    const auto since = all();
    const auto found = since.find(function);
    return found != since.end() ? found->second : 0;
}

unsigned long CallCounter::total() const {
    unsigned long sum = 0;
    for (const auto& [function, count] : all())
        sum += count;
    return sum;
}

std::string CallCounter::log() const {
    std::string text;
    for (const auto& [function, count] : all())
        text.append(function).append(" ").append(std::to_string(count)).append("\n");
    return text;
}

} // namespace testing_support
