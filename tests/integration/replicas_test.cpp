// SPDX-License-Identifier: Apache-2.0
// One key on two HSMs (docs/high-availability.md): which of them works, what is proved, which PINs
// are tried, and what it costs.
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include <nlohmann/json.hpp>

#include "agreement.h"
#include "decryption.h"
#include "jobs.h"
#include "second_hsm.h"

namespace {

using namespace testing_support;

const Bytes data = randomBytes(100);

bool signs(const Instance& instance, EVP_PKEY* key, const char* label) {
    const auto signature = sign(instance, key, data);
    return !signature.empty() && verify(label, signature, data);
}

struct Use {
    unsigned long first;
    unsigned long second;
};

// The public half of the key "named" on the scenario token.
void publishTheKeyNamed(EVP_PKEY* pair) {
    unsigned char* encoded = nullptr;
    const auto size = EVP_PKEY_get1_encoded_public_key(pair, &encoded);
    Bytes point{0x04, static_cast<unsigned char>(size)}; // an OCTET STRING
    point.insert(point.end(), encoded, encoded + size);
    OPENSSL_free(encoded);
    Bytes curve{0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07}; // P-256
    tokenWriter("scenarios")
        .createKey(CKO_PUBLIC_KEY, CKK_EC, "named", "named",
                   {{CKA_EC_PARAMS, curve.data(), curve.size()},
                    {CKA_EC_POINT, point.data(), point.size()}});
}

class ReplicaKeys : public ::testing::Test {
  protected:
    Use signatures() const { return {module().count("C_Sign"), second_.module().count("C_Sign")}; }
    void resetCounts() {
        module().resetCounts();
        second_.module().resetCounts();
    }
    void TearDown() override { noFaults(); }

    // The public half of the key "named" on the first token.
    static void publish(EVP_PKEY* pair) { publishTheKeyNamed(pair); }
    void putOnSecond(EVP_PKEY* pair) const {
        auto writer = second_.writer();
        putOnToken(writer, pair, "named", true);
    }

    // How many of four signatures with the key "named" the second token makes. All are `pair`'s.
    unsigned long signaturesOfSecond(const Instance& instance, EVP_PKEY* key, EVP_PKEY* pair) {
        resetCounts();
        for (int i = 0; i < 4; ++i)
            EXPECT_TRUE(verify(pair, sign(instance, key, data), data, "SHA256")) << takeErrors();
        return signatures().second;
    }

    SecondHsm second_;
};

TEST_F(ReplicaKeys, AreOneKeyOnlyWhereTheUriOrTheConfigurationAsksForIt) {
    const Instance instance;
    EXPECT_EQ(load(instance, "pkcs11:object=rsa;type=private?pin-value=1234"), nullptr);
    const auto errors = takeErrors();
    EXPECT_NE(errors.find("several tokens need a login"), std::string::npos) << errors;
    EXPECT_EQ(module().logins(CKR_OK) + second_.module().logins(CKR_OK), 0U);
    const ConfiguredContext configured("pkcs11-replicas = balance\n");
    EXPECT_EQ(load(configured.get(), replicaUri("rsa", "off")), nullptr);
    takeErrors();
    EXPECT_NE(load(instance, replicaUri("rsa")), nullptr) << takeErrors();
    EXPECT_NE(load(configured.get(), "pkcs11:object=rsa;type=private?pin-value=1234"), nullptr)
        << takeErrors();
}

TEST_F(ReplicaKeys, LeaveAUriWithASerialNumberToItsToken) {
    const Instance instance;
    const auto key =
        load(instance, "pkcs11:serial=" + second_.serial() +
                           ";object=rsa;type=private?pin-value=1234&x-replicas=balance");
    ASSERT_NE(key, nullptr) << takeErrors();
    for (int i = 0; i < 4; ++i)
        EXPECT_TRUE(signs(instance, key.get(), "rsa"));
    EXPECT_EQ(signatures().first, 0U);
    EXPECT_EQ(module().logins(CKR_OK), 0U);
}

TEST_F(ReplicaKeys, UseTheFirstTokenWhereTheyFailOverAndBothWhereTheyBalance) {
    const Instance instance;
    for (const char* label : {"rsa", "ec256"}) {
        const auto key = load(instance, replicaUri(label, "failover"));
        ASSERT_NE(key, nullptr) << takeErrors();
        resetCounts();
        for (int i = 0; i < 6; ++i)
            EXPECT_TRUE(signs(instance, key.get(), label));
        EXPECT_EQ(signatures().first, 6U);
        EXPECT_EQ(signatures().second, 0U);
        const auto balanced = load(instance, replicaUri(label, "balance"));
        ASSERT_NE(balanced, nullptr) << takeErrors();
        resetCounts();
        for (int i = 0; i < 6; ++i)
            EXPECT_TRUE(signs(instance, balanced.get(), label));
        EXPECT_EQ(signatures().first, 3U);
        EXPECT_EQ(signatures().second, 3U);
    }
}

// No second module, but two of the first one's tokens.
TEST(ReplicasOfOneModule, AreOneKey) {
    const auto pair = newOnToken("P-256", "named", true);
    publishTheKeyNamed(pair.get());
    {
        auto writer = tokenWriter("retry");
        putOnToken(writer, pair.get(), "named", true);
    }
    const Instance instance;
    const auto key = load(instance, replicaUri("named", "balance"));
    ASSERT_NE(key, nullptr) << takeErrors();
    fault("C_Sign", "1", CKR_DEVICE_REMOVED);
    for (int i = 0; i < 4; ++i)
        EXPECT_TRUE(verify(pair.get(), sign(instance, key.get(), data), data, "SHA256"))
            << takeErrors();
    noFaults();
}

TEST_F(ReplicaKeys, AreToldApartInTheAuditLog) {
    const auto log = scratch("audit");
    const ConfiguredContext configured("pkcs11-audit-log = file:" + log.string());
    const auto key = load(configured.get(), replicaUri("rsa", "balance"));
    ASSERT_NE(key, nullptr) << takeErrors();
    constexpr int signatures = 4;
    for (int i = 0; i < signatures; ++i) {
        const p11::ossl::PkeyCtx context(
            EVP_PKEY_CTX_new_from_pkey(configured.get(), key.get(), nullptr));
        Bytes signature(256);
        std::size_t size = signature.size();
        EXPECT_EQ(EVP_PKEY_sign_init(context.get()), 1);
        EXPECT_EQ(EVP_PKEY_sign(context.get(), signature.data(), &size, data.data(), data.size()),
                  1)
            << takeErrors();
    }
    std::map<std::string, int> uses;
    std::ifstream in(log);
    for (std::string text; std::getline(in, text);) {
        const auto line = nlohmann::json::parse(text);
        const auto serial = line["token"]["serial"].get<std::string>();
        EXPECT_NE(line["uri"].get<std::string>().find("serial=" + serial), std::string::npos);
        ++uses[serial];
    }
    EXPECT_EQ(uses.size(), 2U);
    EXPECT_EQ(uses[second_.serial()], signatures / 2);
    std::filesystem::remove(log);
}

TEST_F(ReplicaKeys, GoToTheTokenWithTheFewestOperationsUnderWay) {
    const Instance instance;
    const auto key = load(instance, replicaUri("rsa", "balance"));
    ASSERT_NE(key, nullptr) << takeErrors();
    resetCounts();
    ASSERT_EQ(module().setGate("C_Sign", 2), CKR_OK); // the first token's next signature waits
    std::thread waiting([&] { EXPECT_TRUE(signs(instance, key.get(), "rsa")); });
    while (module().waiting() == 0)
        std::this_thread::yield();
    for (int i = 0; i < 4; ++i)
        EXPECT_TRUE(signs(instance, key.get(), "rsa"));
    EXPECT_EQ(signatures().second, 4U);
    module().setGate("C_Sign", 0);
    waiting.join();
}

TEST_F(ReplicaKeys, CostTwoCallsForEachOperation) {
    const Instance instance;
    const auto key = load(instance, replicaUri("ec256", "balance"));
    ASSERT_NE(key, nullptr) << takeErrors();
    for (int i = 0; i < 2 * usesUntilSteady; ++i)
        EXPECT_TRUE(signs(instance, key.get(), "ec256"));
    resetCounts();
    for (int i = 0; i < 4; ++i)
        EXPECT_TRUE(signs(instance, key.get(), "ec256"));
    EXPECT_EQ(module().total(), 4U);
    EXPECT_EQ(second_.module().total(), 4U);
}

TEST_F(ReplicaKeys, AreOneResultOfASearchWithTheUrisOfAll) {
    const Instance instance;
    const p11::ossl::Owner<OSSL_STORE_CTX, OSSL_STORE_close> store(
        OSSL_STORE_open_ex("pkcs11:object=withcert?pin-value=1234&x-replicas=failover",
                           instance.get(), nullptr, nullptr, nullptr, nullptr, nullptr, nullptr));
    std::map<int, int> found;
    while (OSSL_STORE_eof(store.get()) == 0)
        if (auto* info = OSSL_STORE_load(store.get())) {
            ++found[OSSL_STORE_INFO_get_type(info)];
            OSSL_STORE_INFO_free(info);
        }
    EXPECT_EQ(found[OSSL_STORE_INFO_CERT], 1);
    EXPECT_EQ(found[OSSL_STORE_INFO_PKEY], 1);
}

TEST_F(ReplicaKeys, AreNamedByAReferenceWithoutAToken) {
    const Instance instance;
    const auto key = load(instance, replicaUri("rsa", "balance"));
    ASSERT_NE(key, nullptr) << takeErrors();
    const p11::ossl::Bio out(BIO_new(BIO_s_mem()));
    EXPECT_EQ(EVP_PKEY_print_private(out.get(), key.get(), 0, nullptr), 1);
    char* text = nullptr;
    const auto size = BIO_get_mem_data(out.get(), &text);
    const std::string printed(text, static_cast<std::size_t>(size));
    EXPECT_NE(printed.find("URI pkcs11:object=rsa;type=private?x-replicas=balance\n"),
              std::string::npos)
        << printed;
}

TEST_F(ReplicaKeys, LeaveOutAnotherKeyWithTheSameName) {
    const auto pair = newOnToken("P-256", "named", true);
    publish(pair.get());
    const auto other = generate(defaultOnly(), "P-256");
    putOnSecond(other.get());
    const Instance instance;
    const auto key = load(instance, replicaUri("named", "balance"));
    ASSERT_NE(key, nullptr) << takeErrors();
    EXPECT_EQ(EVP_PKEY_eq(key.get(), publicHalf(instance.get(), pair.get()).get()), 1)
        << takeErrors();
    EXPECT_EQ(signaturesOfSecond(instance, key.get(), pair.get()), 0U);
    fault("*", "1+", CKR_DEVICE_REMOVED);
    EXPECT_TRUE(sign(instance, key.get(), data).empty()); // it has no replica
    noFaults();
}

// A token that hides the public half: the key proves itself.
TEST_F(ReplicaKeys, ProveThatTheyAreTheSameKey) {
    const auto pair = newOnToken("P-256", "named", true);
    publish(pair.get());
    putOnSecond(pair.get());
    const Instance instance;
    const auto key = load(instance, replicaUri("named", "balance"));
    ASSERT_NE(key, nullptr) << takeErrors();
    EXPECT_EQ(signaturesOfSecond(instance, key.get(), pair.get()), 2U);
}

// Nobody knows which one the application means: the first one decides.
TEST_F(ReplicaKeys, AreLeftOutIfNothingProvesThem) {
    const auto pair = newOnToken("P-256", "named", true);
    putOnSecond(pair.get());
    const Instance instance;
    const auto key = load(instance, replicaUri("named", "balance"));
    ASSERT_NE(key, nullptr) << takeErrors();
    EXPECT_EQ(signaturesOfSecond(instance, key.get(), pair.get()), 0U);
}

TEST_F(ReplicaKeys, GoOnWithoutATokenThatRefusesThePinAndNeverTryItAgain) {
    const auto folder = scratch("pins");
    std::filesystem::create_directory(folder);
    const auto write = [&folder](const std::string& name, const char* pin) {
        std::ofstream(folder / name) << pin << '\n';
        std::filesystem::permissions(folder / name, std::filesystem::perms::owner_read);
    };
    write(serialOfFirst(), "1234");
    write(second_.serial(), "9999");
    const Instance instance;
    const auto uri =
        "pkcs11:object=rsa;type=private?pin-source=" + folder.string() + "&x-replicas=balance";
    for (int round = 0; round < 2; ++round) {
        const auto key = load(instance, uri);
        ASSERT_NE(key, nullptr) << takeErrors();
        for (int i = 0; i < 4; ++i)
            EXPECT_TRUE(signs(instance, key.get(), "rsa"));
    }
    EXPECT_EQ(second_.module().logins(CKR_PIN_INCORRECT), 1U);
    EXPECT_EQ(signatures().second, 0U);
}

TEST_F(ReplicaKeys, TakeThePinOfEachTokenFromItsFile) {
    const auto folder = scratch("pins");
    std::filesystem::create_directory(folder);
    for (const auto& name : {serialOfFirst(), second_.serial()}) {
        std::ofstream(folder / name) << "1234\n";
        std::filesystem::permissions(folder / name, std::filesystem::perms::owner_read);
    }
    const Instance instance;
    const auto key = load(instance, "pkcs11:object=rsa;type=private?pin-source=" + folder.string() +
                                        "&x-replicas=balance");
    ASSERT_NE(key, nullptr) << takeErrors();
    for (int i = 0; i < 4; ++i)
        EXPECT_TRUE(signs(instance, key.get(), "rsa"));
    EXPECT_EQ(signatures().first, 2U);
    EXPECT_EQ(signatures().second, 2U);
}

TEST_F(ReplicaKeys, SayWhichTokenHasNoFileForItsPin) {
    const Instance instance;
    EXPECT_EQ(load(instance, "pkcs11:serial=" + second_.serial() +
                                 ";object=rsa;type=private?pin-source=" + scratch("").string()),
              nullptr);
    const auto errors = takeErrors();
    EXPECT_NE(errors.find("has no file with the serial number or the label"), std::string::npos)
        << errors;
}

TEST_F(ReplicaKeys, ArePassedOverForAMechanismThatTheirTokenLacks) {
    configureModule("PKCS11_TEST_HIDE_MECHANISMS", std::to_string(CKM_ECDSA));
    const Instance instance;
    const auto key = load(instance, replicaUri("ec256", "failover"));
    ASSERT_NE(key, nullptr) << takeErrors();
    resetCounts();
    for (int i = 0; i < 3; ++i)
        EXPECT_TRUE(signs(instance, key.get(), "ec256")) << takeErrors();
    EXPECT_GE(signatures().second, 3U);
    const auto agreed =
        derive(instance.get(), key.get(),
               publicHalf(instance.get(), generate(defaultOnly(), "P-256").get()).get());
    EXPECT_FALSE(agreed.empty()) << takeErrors();
    EXPECT_GE(module().count("C_DeriveKey"), 1U); // it still does what it can
    resetModule("PKCS11_TEST_HIDE_MECHANISMS");
}

TEST_F(ReplicaKeys, WorkInForkedChildren) {
    const Instance instance;
    const auto key = load(instance, replicaUri("ec256", "balance"));
    ASSERT_NE(key, nullptr) << takeErrors();
    EXPECT_TRUE(signs(instance, key.get(), "ec256"));
    EXPECT_EQ(inChild([&] {
                  bool good = true;
                  for (int i = 0; i < 4; ++i)
                      good = good && signs(instance, key.get(), "ec256");
                  return good;
              }),
              0);
    EXPECT_TRUE(signs(instance, key.get(), "ec256"));
}

TEST_F(ReplicaKeys, DoNotCountTheOperationsOfTheParentInAForkedChild) {
    const Instance instance;
    const auto key = load(instance, replicaUri("rsa", "balance"));
    ASSERT_NE(key, nullptr) << takeErrors();
    ASSERT_EQ(module().setGate("C_Sign", 2), CKR_OK); // the first token's next signature waits
    std::thread waiting([&] { EXPECT_TRUE(signs(instance, key.get(), "rsa")); });
    while (module().waiting() == 0)
        std::this_thread::yield();
    // fork() waits a second for the thread that is inside the module.
    EXPECT_EQ(inChild([&] {
                  module().setGate("C_Sign", 0);
                  resetCounts();
                  for (int i = 0; i < 4; ++i)
                      EXPECT_TRUE(signs(instance, key.get(), "rsa")) << takeErrors();
                  EXPECT_EQ(signatures().first, signatures().second); // with those that prove it
                  return true;
              }),
              0);
    module().setGate("C_Sign", 0);
    waiting.join();
}

// Without raw RSA the secret for substitutes is random.
TEST_F(ReplicaKeys, AnswerBadPaddingAlike) {
    configureModule("PKCS11_TEST_HIDE_MECHANISMS", std::to_string(CKM_RSA_X_509));
    second_.configure("PKCS11_TEST_HIDE_MECHANISMS", std::to_string(CKM_RSA_X_509));
    const Instance instance;
    const auto key = load(instance, replicaUri("rsa", "balance"));
    ASSERT_NE(key, nullptr) << takeErrors();
    const auto bad = badlyPadded();
    std::set<Bytes> answers;
    resetCounts();
    for (int i = 0; i < 4; ++i) {
        const auto answer = decrypt(instance, key.get(), bad);
        ASSERT_TRUE(answer) << takeErrors();
        answers.insert(*answer);
    }
    EXPECT_EQ(answers.size(), 1U);
    EXPECT_EQ(module().count("C_Decrypt"), 2U);
    EXPECT_EQ(second_.module().count("C_Decrypt"), 2U);
    resetModule("PKCS11_TEST_HIDE_MECHANISMS");
}

// What a token has answered does not show in the calls that follow it.
TEST_F(ReplicaKeys, AreAskedTheSameAfterGoodAndBadPadding) {
    configureModule("PKCS11_TEST_HIDE_MECHANISMS", std::to_string(CKM_RSA_X_509));
    const Instance instance;
    const auto key = load(instance, replicaUri("rsa", "failover"));
    ASSERT_NE(key, nullptr) << takeErrors();
    std::vector<std::map<std::string, unsigned long>> calls;
    const Bytes block(256, 7);
    auto* answerDecrypt =
        module().control<void(CK_RV, const unsigned char*, CK_ULONG)>("test_module_answer_decrypt");
    for (const CK_RV answer : {CKR_OK, CKR_OK, CKR_OK, CKR_OK, CKR_ENCRYPTED_DATA_INVALID,
                               CKR_DEVICE_ERROR, CKR_GENERAL_ERROR}) {
        answerDecrypt(answer, block.data(), 32);
        const CallCounter counter;
        second_.module().resetCounts();
        EXPECT_TRUE(decrypt(instance, key.get(), Bytes(256, 1)));
        calls.push_back(counter.all());
        EXPECT_EQ(second_.module().total(), 0U);
    }
    calls.erase(calls.begin(), calls.begin() + 1 + usesUntilSteady); // which cost more
    for (const auto& one : calls)
        EXPECT_EQ(one, calls.front());
    answerDecrypt(CKR_OK, nullptr, 0);
    resetModule("PKCS11_TEST_HIDE_MECHANISMS");
}

TEST_F(ReplicaKeys, WorkInJobsAndAreNotCountedForJobsThatAreGivenUp) {
    const Instance instance;
    const auto key = load(instance, replicaUri("rsa", "balance"));
    ASSERT_NE(key, nullptr) << takeErrors();
    for (int i = 0; i < 3; ++i) {
        Job job([&] { return signs(instance, key.get(), "rsa"); });
        ASSERT_EQ(job.go(), ASYNC_PAUSE);
        job.abandon();
    }
    std::vector<std::unique_ptr<Job>> jobs;
    for (int i = 0; i < 8; ++i)
        jobs.push_back(std::make_unique<Job>([&] { return signs(instance, key.get(), "rsa"); }));
    EXPECT_TRUE(finishAll(jobs)) << takeErrors();
    // Once the workers have done what nobody waits for, none is under way.
    EXPECT_TRUE(comesTrue([&] {
        resetCounts();
        for (int i = 0; i < 4; ++i)
            EXPECT_TRUE(signs(instance, key.get(), "rsa"));
        return signatures().first == 2 && signatures().second == 2;
    }));
}

TEST_F(ReplicaKeys, AreThoseOfTheConfiguredTokensInTheirOrder) {
    const ConfiguredContext configured("pkcs11-replicas = failover\npkcs11-replica-tokens = " +
                                       second_.serial() + ", " + serialOfFirst() + "\n");
    const Instance instance(ConfiguredContext("pkcs11-replicas = failover\n"
                                              "pkcs11-replica-tokens = " +
                                              second_.serial() + ", " + serialOfFirst() + "\n")
                                .take());
    const auto key = load(instance, "pkcs11:object=rsa;type=private?pin-value=1234");
    ASSERT_NE(key, nullptr) << takeErrors();
    resetCounts();
    EXPECT_TRUE(signs(instance, key.get(), "rsa"));
    EXPECT_EQ(signatures().second, 1U);
    const ConfiguredContext none("pkcs11-replicas = failover\npkcs11-replica-tokens = nobody\n");
    EXPECT_EQ(load(none.get(), "pkcs11:object=rsa;type=private?pin-value=1234"), nullptr);
    const auto errors = takeErrors();
    EXPECT_NE(errors.find("is among pkcs11-replica-tokens"), std::string::npos) << errors;
}

} // namespace
