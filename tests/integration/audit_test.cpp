// SPDX-License-Identifier: Apache-2.0
// The audit log: a line for each use of a private key, and what happens where it cannot be written.
#include <algorithm>
#include <fstream>
#include <regex>
#include <set>

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <openssl/core_names.h>
#include <openssl/rsa.h>

#include "agreement.h"
#include "decryption.h"
#include "jobs.h"
#include "pins.h"
#include "skeys.h"
#include "tests/support/temporary_folder.h"

namespace {

using namespace testing_support;

using Line = nlohmann::json;

const Bytes data = randomBytes(100);

/// An instance with an audit log in a folder of its own.
class AuditLog : public testing::Test {
  protected:
    AuditLog() : instance_(with(file())) {}
    void TearDown() override {
        resetModule("PKCS11_TEST_HIDE_MECHANISMS");
        noFaults();
        takeErrors();
    }

    static p11::ossl::LibCtx with(const std::filesystem::path& file, const std::string& more = {}) {
        return ConfiguredContext("pkcs11-audit-log = file:" + file.string() + "\n" + more).take();
    }
    std::filesystem::path file(const std::string& name = "audit") const {
        return folder_.path() / name;
    }
    /// Throws if a line is no JSON.
    static std::vector<Line> linesOf(const std::filesystem::path& path) {
        std::ifstream in(path);
        std::vector<Line> all;
        for (std::string line; std::getline(in, line);)
            all.push_back(Line::parse(line));
        return all;
    }
    std::vector<Line> lines() const { return linesOf(file()); }
    /// The line that `use` adds, which is the only one.
    Line lineOf(const std::function<bool()>& use) const {
        const auto before = lines().size();
        EXPECT_TRUE(use()) << takeErrors();
        const auto after = lines();
        EXPECT_EQ(after.size(), before + 1);
        return after.size() > before ? after.back() : Line();
    }

    const Instance& instance() const { return instance_; }

  private:
    TemporaryFolder folder_{"audit"};
    Instance instance_;
};

std::string hexOf(const Bytes& bytes) {
    std::string text;
    for (const unsigned char byte : bytes) {
        std::array<char, 3> digits{};
        std::snprintf(digits.data(), digits.size(), "%02x", byte);
        text += digits.data();
    }
    return text;
}

std::string hashOfData(const char* digest) {
    Bytes hash(EVP_MAX_MD_SIZE);
    std::size_t size = 0;
    EXPECT_EQ(
        EVP_Q_digest(defaultOnly(), digest, nullptr, data.data(), data.size(), hash.data(), &size),
        1);
    hash.resize(size);
    return hexOf(hash);
}

TEST_F(AuditLog, HasWhoWhatWhenAndHowLong) {
    const auto key = loadPrivate(instance(), "ec256");
    const auto line = lineOf([&] { return signs(instance(), key.get()); });
    EXPECT_TRUE(std::regex_match(line["time"].get<std::string>(),
                                 std::regex(R"(20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)")));
    EXPECT_EQ(line["pid"], getpid());
    EXPECT_EQ(line["user"]["uid"], geteuid());
    const auto* user = getpwuid(geteuid());
    EXPECT_EQ(line["user"].value("name", ""), user != nullptr ? user->pw_name : "");
    EXPECT_EQ(line["operation"], "sign");
    EXPECT_EQ(line["mechanism"], "CKM_ECDSA");
    EXPECT_EQ(line["result"], "ok");
    EXPECT_TRUE(line["milliseconds"].is_number_float()) << line;
    EXPECT_EQ(line["token"]["label"], "scenarios");
    const auto uri = line["uri"].get<std::string>();
    EXPECT_NE(uri.find("serial=" + line["token"]["serial"].get<std::string>()), std::string::npos);
    EXPECT_NE(uri.find("object=ec256"), std::string::npos);
    EXPECT_EQ(uri.find("pin"), std::string::npos) << uri;
    EXPECT_FALSE(line.contains("lost"));
    EXPECT_FALSE(line.contains("proof"));
    EXPECT_EQ(takeErrors(), "");
}

TEST_F(AuditLog, HasTheHashThatWasSigned) {
    const auto line = [this](const char* label, const char* digest) {
        const auto key = loadPrivate(instance(), label);
        return lineOf([&] { return !sign(instance(), key.get(), data, digest).empty(); });
    };
    for (const char* label : {"rsa", "ec256"})
        for (const char* digest : {"SHA2-256", "SHA2-512", "SHA3-256"}) {
            const auto hash = line(label, digest)["hash"];
            EXPECT_EQ(hash["name"], digest) << label;
            EXPECT_EQ(hash["value"], hashOfData(digest)) << label;
        }
}

// Data that is signed as it is may be a secret, also where it is as long as a hash.
TEST_F(AuditLog, HasNoMessageThatTheTokenSigns) {
    const auto key = loadPrivate(instance(), "ed25519");
    for (const std::size_t size : {32U, 64U, 100U}) {
        const auto message = randomBytes(size);
        const auto line =
            lineOf([&] { return !sign(instance(), key.get(), message, nullptr).empty(); });
        EXPECT_EQ(line["mechanism"], "CKM_EDDSA");
        EXPECT_FALSE(line.contains("hash")) << size;
        EXPECT_EQ(line.dump().find(hexOf(message)), std::string::npos);
    }
}

TEST_F(AuditLog, HasTheHashThatTheTokenMakes) {
    configureModule("PKCS11_TEST_HIDE_MECHANISMS", "0x1,0x3");
    const auto key = loadPrivate(instance(), "rsa");
    const auto line =
        lineOf([&] { return !sign(instance(), key.get(), data, "SHA2-256").empty(); });
    EXPECT_EQ(line["mechanism"], "CKM_SHA256_RSA_PKCS");
    EXPECT_EQ(line["hash"]["value"], hashOfData("SHA2-256"));
}

TEST_F(AuditLog, HasTheHashThatTheHostPads) {
    configureModule("PKCS11_TEST_HIDE_MECHANISMS", "0x1");
    const auto key = loadPrivate(instance(), "rsa");
    const auto line =
        lineOf([&] { return !sign(instance(), key.get(), data, "SHA2-256").empty(); });
    EXPECT_EQ(line["mechanism"], "CKM_RSA_X_509");
    EXPECT_EQ(line["hash"]["value"], hashOfData("SHA2-256"));
}

TEST_F(AuditLog, HasNoDataThatIsNoHash) {
    const auto key = loadPrivate(instance(), "rsa");
    const auto line = lineOf([&] {
        const p11::ossl::PkeyCtx context(
            EVP_PKEY_CTX_new_from_pkey(instance().get(), key.get(), nullptr));
        Bytes signature(512);
        std::size_t size = signature.size();
        return EVP_PKEY_sign_init(context.get()) == 1 &&
               EVP_PKEY_sign(context.get(), signature.data(), &size, data.data(), data.size()) == 1;
    });
    EXPECT_FALSE(line.contains("hash"));
    EXPECT_EQ(line.dump().find(hexOf(data)), std::string::npos);
}

TEST_F(AuditLog, HasEachKindOfOperation) {
    const auto rsa = loadPrivate(instance(), "rsa");
    const CipherOptions oaep{RSA_PKCS1_OAEP_PADDING, "SHA1", nullptr, {}};
    const auto decryption =
        lineOf([&] { return decrypt(instance(), rsa.get(), encrypt(data, oaep), oaep) == data; });
    EXPECT_EQ(decryption["operation"], "decrypt");
    EXPECT_EQ(decryption["mechanism"], "CKM_RSA_PKCS_OAEP");
    const auto pair = newOnToken("P-256", "audited");
    const auto ec = loadPrivate(instance(), "audited");
    const auto peer = publicHalf(instance().get(), generate(defaultOnly(), "P-256").get());
    const auto derivation = lineOf(
        [&] { return !testing_support::derive(instance().get(), ec.get(), peer.get()).empty(); });
    EXPECT_EQ(derivation["operation"], "derive");
    EXPECT_EQ(derivation["mechanism"], "CKM_ECDH1_DERIVE");
}

// The provider asks the key itself, where the token has no public key for it.
TEST_F(AuditLog, MarksProofs) {
    const auto pair = newOnToken("P-256", "audited", true);
    const auto key = loadPrivate(instance(), "audited");
    const auto candidate = publicHalf(instance().get(), pair.get());
    const auto line = lineOf([&] { return EVP_PKEY_eq(key.get(), candidate.get()) == 1; });
    EXPECT_EQ(line["operation"], "sign");
    EXPECT_EQ(line["proof"], true);
}

TEST_F(AuditLog, HasTheReasonOfAFailure) {
    const auto key = loadPrivate(instance(), "ec256");
    fault("C_Sign", "1", CKR_KEY_FUNCTION_NOT_PERMITTED);
    const auto line = lineOf([&] { return !signs(instance(), key.get()); });
    EXPECT_EQ(line["result"], "CKR_KEY_FUNCTION_NOT_PERMITTED");
    EXPECT_NE(takeErrors().find("CKR_KEY_FUNCTION_NOT_PERMITTED"), std::string::npos);
}

// One operation is one line, although it is repeated.
TEST_F(AuditLog, HasOneLineForAnOperationThatIsRepeated) {
    const auto key = loadPrivate(instance(), "ec256");
    fault("C_Sign", "1", CKR_SESSION_HANDLE_INVALID);
    EXPECT_EQ(lineOf([&] { return signs(instance(), key.get()); })["result"], "ok");
}

// What is there of a decryption, but not the time at which it began.
std::string withoutTime(Line line) {
    line.erase("time");
    return line.dump();
}

TEST_F(AuditLog, SaysTheSameOfBadPaddingAndOfGood) {
    configureModule("PKCS11_TEST_HIDE_MECHANISMS", "0x3"); // the token removes the padding
    const auto key = loadPrivate(instance(), "rsa");
    const auto good = encrypt(randomBytes(40));
    const auto bad = badlyPadded();
    const auto lineFor = [&](const Bytes& ciphertext) {
        return lineOf([&] {
            decrypt(instance(), key.get(), ciphertext);
            return true;
        });
    };
    const auto ofGood = lineFor(good);
    EXPECT_EQ(ofGood["result"], "answered");
    EXPECT_FALSE(ofGood.contains("milliseconds"));
    EXPECT_EQ(withoutTime(lineFor(bad)), withoutTime(ofGood));
    takeErrors();
}

TEST_F(AuditLog, TellsOfADecryptionThatDidNotReachTheToken) {
    const auto key = loadPrivate(instance(), "rsa");
    const CipherOptions oaep{RSA_PKCS1_OAEP_PADDING, "SHA1", nullptr, {}};
    fault("C_DecryptInit", "1+", CKR_KEY_FUNCTION_NOT_PERMITTED);
    const auto line =
        lineOf([&] { return !decrypt(instance(), key.get(), encrypt(data, oaep), oaep); });
    EXPECT_EQ(line["result"], "CKR_KEY_FUNCTION_NOT_PERMITTED");
    EXPECT_FALSE(line.contains("milliseconds"));
}

TEST_F(AuditLog, OfManyThreadsAndForksIsComplete) {
    constexpr int threads = 8, signatures = 20, children = 3;
    const auto key = loadPrivate(instance(), "ec256");
    const auto signAll = [&](int) {
        for (int i = 0; i < signatures; ++i)
            EXPECT_TRUE(signs(instance(), key.get())) << takeErrors();
    };
    std::vector<pid_t> forked;
    for (int i = 0; i < children; ++i) {
        const pid_t child = fork();
        if (child == 0) {
            signAll(i);
            _exit(testing::Test::HasFailure() ? 1 : 0);
        }
        forked.push_back(child);
    }
    inThreads(threads, signAll);
    for (const pid_t child : forked)
        EXPECT_EQ(statusOf(child), 0);
    std::map<pid_t, int> counts;
    for (const auto& line : lines()) {
        EXPECT_EQ(line["result"], "ok");
        ++counts[line["pid"].get<pid_t>()];
    }
    EXPECT_EQ(counts[getpid()], threads * signatures);
    for (const pid_t child : forked)
        EXPECT_EQ(counts[child], signatures);
}

TEST_F(AuditLog, HasWhatAWorkerSignsForAnAsyncJob) {
    const auto key = loadPrivate(instance(), "ec256");
    const auto line = lineOf([&] {
        Job job([&] { return !sign(instance(), key.get(), data, "SHA2-256").empty(); });
        return job.finish();
    });
    EXPECT_EQ(line["hash"]["value"], hashOfData("SHA2-256"));
}

TEST_F(AuditLog, IsOpenedAgainWhenItWasMoved) {
    const auto key = loadPrivate(instance(), "ec256");
    EXPECT_TRUE(signs(instance(), key.get()));
    std::filesystem::rename(file(), file("audit.1"));
    EXPECT_TRUE(signs(instance(), key.get()));
    EXPECT_EQ(linesOf(file("audit.1")).size(), 1U);
    EXPECT_EQ(lines().size(), 1U);
    struct stat status {};
    EXPECT_EQ(stat(file().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
    // logrotate's "create" makes the new one.
    std::filesystem::rename(file(), file("audit.2"));
    std::ofstream(file()).close();
    EXPECT_TRUE(signs(instance(), key.get()));
    EXPECT_EQ(lines().size(), 1U);
    std::filesystem::remove(file());
    EXPECT_TRUE(signs(instance(), key.get()));
    EXPECT_EQ(lines().size(), 1U);
    EXPECT_EQ(linesOf(file("audit.2")).size(), 1U);
}

// As in a chroot, or without the rights to make a new one.
TEST_F(AuditLog, GoesOnInTheFileThatIsOpenWhereThereCanBeNoOther) {
    std::filesystem::create_directory(file("before"));
    const Instance another(with(file("before") / "audit", "pkcs11-audit-log-failure = refuse"));
    const auto key = loadPrivate(another, "ec256");
    EXPECT_TRUE(signs(another, key.get())) << takeErrors();
    std::filesystem::rename(file("before"), file("after"));
    EXPECT_TRUE(signs(another, key.get())) << takeErrors();
    EXPECT_EQ(linesOf(file("after") / "audit").size(), 2U);
    std::filesystem::remove(file("after") / "audit");
    EXPECT_FALSE(signs(another, key.get())) << "the lines would be lost";
}

// As a server does that has opened its files.
TEST_F(AuditLog, HasTheUserThatTheProcessHasBecome) {
    constexpr uid_t nobody = 65534;
    if (geteuid() != 0)
        GTEST_SKIP() << "only root can become another user";
    const auto key = loadPrivate(instance(), "ec256");
    for (int i = 0; i < usesUntilSteady; ++i)
        EXPECT_TRUE(signs(instance(), key.get()));
    ASSERT_EQ(seteuid(nobody), 0);
    const bool isDone = signs(instance(), key.get());
    ASSERT_EQ(seteuid(0), 0);
    EXPECT_TRUE(isDone) << takeErrors();
    EXPECT_TRUE(signs(instance(), key.get()));
    const auto all = lines();
    ASSERT_EQ(all.size(), 2U + usesUntilSteady);
    EXPECT_EQ(all[usesUntilSteady]["user"]["uid"], nobody);
    EXPECT_EQ(all.back()["user"]["uid"], 0);
}

// As a program that becomes a daemon does.
TEST_F(AuditLog, GoesOnWhereTheProgramHasClosedItsDescriptor) {
    const auto key = loadPrivate(instance(), "ec256");
    EXPECT_TRUE(signs(instance(), key.get()));
    struct stat wanted {};
    EXPECT_EQ(stat(file().c_str(), &wanted), 0);
    const auto others = file("others");
    const int other = open(others.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    int descriptor = -1;
    for (int i = 3; i < 256 && descriptor < 0; ++i)
        if (struct stat status{}; fstat(i, &status) == 0 && status.st_ino == wanted.st_ino)
            descriptor = dup2(other, i);
    ASSERT_GE(descriptor, 0);
    EXPECT_TRUE(signs(instance(), key.get()));
    EXPECT_EQ(lines().size(), 2U);
    EXPECT_EQ(std::filesystem::file_size(others), 0U) << "another's file";
    EXPECT_NE(fcntl(descriptor, F_GETFD), -1) << "another's descriptor is closed";
    close(other);
    close(descriptor);
}

TEST_F(AuditLog, IsEachInstancesOwn) {
    const Instance another(with(file("another")));
    const auto key = loadPrivate(another, "ec256");
    EXPECT_TRUE(signs(another, key.get()));
    EXPECT_EQ(lines().size(), 0U);
    EXPECT_EQ(linesOf(file("another")).size(), 1U);
}

// As two programs do.
TEST_F(AuditLog, OfTwoInstancesInOneFileIsComplete) {
    const Instance another(with(file()));
    const auto key = loadPrivate(instance(), "ec256");
    const auto same = loadPrivate(another, "ec256");
    for (int i = 0; i < 3; ++i)
        EXPECT_TRUE(signs(instance(), key.get()) && signs(another, same.get()));
    EXPECT_EQ(lines().size(), 6U);
}

TEST_F(AuditLog, ThatCannotBeWrittenIsLeftBehind) {
    const auto place = file("later") / "audit";
    const Instance later(with(place));
    const auto key = loadPrivate(later, "ec256");
    for (int i = 0; i < 3; ++i)
        EXPECT_TRUE(signs(later, key.get()));
    EXPECT_EQ(takeErrors(), "") << "which servers would take for their own";
    std::filesystem::create_directory(file("later"));
    EXPECT_TRUE(signs(later, key.get()));
    EXPECT_TRUE(signs(later, key.get()));
    const auto all = linesOf(place);
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0]["lost"], 3);
    EXPECT_FALSE(all[1].contains("lost"));
}

// Nothing reaches the caller.
TEST_F(AuditLog, RefusesWhatItCannotWrite) {
    const Instance full(with("/dev/full", "pkcs11-audit-log-failure = refuse"));
    const auto key = loadPrivate(full, "rsa");
    const p11::ossl::PkeyCtx context(EVP_PKEY_CTX_new_from_pkey(full.get(), key.get(), nullptr));
    EXPECT_EQ(EVP_PKEY_sign_init(context.get()), 1);
    Bytes signature(256, 0xAA);
    std::size_t size = signature.size();
    const CallCounter calls;
    EXPECT_NE(EVP_PKEY_sign(context.get(), signature.data(), &size, data.data(), 32), 1);
    EXPECT_EQ(calls.of("C_Sign"), 1U) << "or the token was not asked";
    EXPECT_EQ(signature, Bytes(256, 0)) << "the signature is in the caller's buffer";
    const auto errors = takeErrors();
    EXPECT_NE(errors.find("the audit log cannot be written"), std::string::npos) << errors;
    EXPECT_NE(errors.find("/dev/full: No space left on device"), std::string::npos) << errors;
    const CipherOptions oaep{RSA_PKCS1_OAEP_PADDING, "SHA1", nullptr, {}};
    for (const auto& options : {oaep, CipherOptions{}})
        EXPECT_FALSE(decrypt(full, key.get(), encrypt(data, options), options));
    const auto pair = newOnToken("P-256", "audited");
    const auto ec = loadPrivate(full, "audited");
    const auto peer = publicHalf(full.get(), generate(defaultOnly(), "P-256").get());
    EXPECT_TRUE(testing_support::derive(full.get(), ec.get(), peer.get()).empty());
    const auto proved = publicHalf(full.get(), pair.get());
    EXPECT_NE(EVP_PKEY_eq(ec.get(), proved.get()), 1) << "a proof is a use, too";
}

// The token has a public key, which the private one has to prove. No proof is no answer.
TEST_F(AuditLog, RefusesAProofThatItCannotWrite) {
    const auto publicPart = [](const Instance& instance) {
        const auto key = loadPrivate(instance, "ec256");
        unsigned char* der = nullptr;
        const int size = i2d_PUBKEY(key.get(), &der);
        OPENSSL_free(der);
        return size;
    };
    const Instance full(with("/dev/full", "pkcs11-audit-log-failure = refuse"));
    EXPECT_GT(publicPart(instance()), 0);
    ASSERT_FALSE(lines().empty());
    EXPECT_EQ(lines().back()["proof"], true);
    EXPECT_LE(publicPart(full), 0);
    EXPECT_NE(takeErrors().find("the audit log cannot be written"), std::string::npos);
}

// A failure has its own reason, also without a line.
TEST_F(AuditLog, ThatRefusesKeepsTheReasonOfAFailure) {
    const Instance full(with("/dev/full", "pkcs11-audit-log-failure = refuse"));
    const auto key = loadPrivate(full, "ec256");
    fault("C_Sign", "1", CKR_KEY_FUNCTION_NOT_PERMITTED);
    EXPECT_FALSE(signs(full, key.get()));
    EXPECT_NE(takeErrors().find("CKR_KEY_FUNCTION_NOT_PERMITTED"), std::string::npos);
}

TEST_F(AuditLog, ThatRefusesMustExistBeforeTheFirstKey) {
    const std::string refuse = "pkcs11-audit-log-failure = refuse";
    const auto errorsOf = [](const std::string& directives) {
        const Instance wrong(ConfiguredContext(directives).take());
        EXPECT_FALSE(load(wrong, uriOf("ec256")));
        return takeErrors();
    };
    const auto fifo = file("fifo");
    EXPECT_EQ(mkfifo(fifo.c_str(), 0600), 0);
    const int reader = open(fifo.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    EXPECT_GE(reader, 0);
    const std::map<std::string, std::string> cases{
        {"pkcs11-audit-log = file:/nosuch/audit\n" + refuse,
         "the file /nosuch/audit: No such file or directory"},
        {"pkcs11-audit-log = file:" + fifo.string() + "\n" + refuse, "fifo: Invalid argument"},
        {refuse, "needs pkcs11-audit-log"},
        {"pkcs11-audit-log = file:audit", "use journal, or file: and an absolute path"},
        {"pkcs11-audit-log = /var/log/audit", "use journal, or file: and an absolute path"},
        {"pkcs11-audit-log = file:/tmp/x\npkcs11-audit-log-failure = ignore",
         "use continue or refuse"}};
    for (const auto& [directives, expected] : cases) {
        const auto errors = errorsOf(directives);
        EXPECT_NE(errors.find(expected), std::string::npos) << directives << ": " << errors;
    }
    close(reader);
}

/// Tests of secret keys, which need EVP_SKEY.
class AuditedSkeys : public AuditLog {
  protected:
    void SetUp() override {
        if (importSkey == nullptr)
            GTEST_SKIP() << "EVP_SKEY came with OpenSSL 3.5";
    }
    /// The operations of the lines, with their results.
    std::string told() const {
        std::string text;
        for (const auto& line : lines())
            text += line["operation"].get<std::string>() + " " + line["result"].get<std::string>() +
                    ", ";
        return text;
    }
    static std::optional<Bytes> process(const Cipher& cipher, Skey* key, bool encrypts,
                                        const Bytes& in, const Bytes& iv = {}) {
        const auto context = begun(cipher.get(), key, iv, encrypts);
        return through(context.get(), in, in.size());
    }

    Instance symmetric_{with(file(), "pkcs11-symmetric-keys = 1")};
};

TEST_F(AuditedSkeys, HaveLinesForEachOperation) {
    const Cipher cipher(EVP_CIPHER_fetch(symmetric_.get(), "AES-128-CBC", ours));
    const auto key = importKey(symmetric_.get(), tokenUri, randomBytes(16));
    const Bytes iv(16, 7);
    ASSERT_TRUE(cipher && key) << takeErrors();
    const auto encrypted = process(cipher, key.get(), true, Bytes(32, 1), iv);
    ASSERT_TRUE(encrypted);
    EXPECT_TRUE(process(cipher, key.get(), false, *encrypted, iv));
    const unsigned char* raw = nullptr;
    std::size_t size = 0;
    EXPECT_NE(rawKeyOf(key.get(), &raw, &size), 1);
    std::set<std::string> operations;
    for (const auto& line : lines())
        operations.insert(line["operation"].get<std::string>() + " " +
                          line["result"].get<std::string>());
    EXPECT_EQ(operations, (std::set<std::string>{"encrypt ok", "decrypt answered",
                                                 "export CKR_ATTRIBUTE_SENSITIVE"}));
}

// What is wrong with a wrapped key is told to the program alone.
TEST_F(AuditedSkeys, SayTheSameOfAWrappedKeyThatIsBroken) {
    const Cipher cipher(EVP_CIPHER_fetch(symmetric_.get(), "AES-128-WRAP", ours));
    const auto key = importKey(symmetric_.get(), tokenUri, randomBytes(16), "keyEncipherment");
    ASSERT_TRUE(cipher && key) << takeErrors();
    auto wrapped = process(cipher, key.get(), true, Bytes(32, 1));
    ASSERT_TRUE(wrapped) << takeErrors();
    EXPECT_EQ(told(), "wrap ok, ");
    EXPECT_TRUE(process(cipher, key.get(), false, *wrapped));
    const auto ofGood = lines().back();
    EXPECT_EQ(ofGood["result"], "answered");
    EXPECT_FALSE(ofGood.contains("milliseconds"));
    wrapped->back() ^= 1;
    EXPECT_FALSE(process(cipher, key.get(), false, *wrapped));
    EXPECT_EQ(withoutTime(lines().back()), withoutTime(ofGood));
    EXPECT_EQ(lines().size(), 3U);
}

} // namespace
