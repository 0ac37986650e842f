// SPDX-License-Identifier: Apache-2.0
// Every selection of a key's parts, times every function that takes one: a key on the token answers
// as the same key does in OpenSSL's own provider.
#include <array>
#include <map>
#include <optional>

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/encoder.h>

#include "new_keys.h"
#include "nss_token.h"

namespace {

using namespace testing_support;

constexpr int privatePart = OSSL_KEYMGMT_SELECT_PRIVATE_KEY;

// Each bit that there is, and all sums of them.
std::vector<int> allSelections() {
    std::vector<int> all;
    for (int bits = 0; bits < 16; ++bits)
        all.push_back((bits & 7) | ((bits & 8) != 0 ? OSSL_KEYMGMT_SELECT_OTHER_PARAMETERS : 0));
    return all;
}

using Names = std::vector<std::string>;

int keepNames(const OSSL_PARAM params[], void* arg) {
    auto& names = static_cast<std::optional<Names>*>(arg)->emplace();
    for (; params->key != nullptr; ++params)
        names.emplace_back(params->key);
    std::sort(names.begin(), names.end());
    return 1;
}

struct Exported {
    int result = 0;
    std::optional<Names> names; ///< nothing if the callback was not called
    bool operator==(const Exported&) const = default;
};

/// One key type's EVP_KEYMGMT functions, called as the core calls them.
class Keymgmt {
  public:
    Keymgmt(OSSL_LIB_CTX* libctx, const char* provider, const std::string& type)
        : provider_(OSSL_PROVIDER_load(libctx, provider)) {
        int noCache = 0;
        const auto* entry =
            OSSL_PROVIDER_query_operation(provider_.get(), OSSL_OP_KEYMGMT, &noCache);
        for (; entry->algorithm_names != nullptr; ++entry) {
            const std::string names = entry->algorithm_names;
            if (names.substr(0, names.find(':')) != type)
                continue;
            for (const auto* next = entry->implementation; next->function_id != 0; ++next)
                functions_[next->function_id] = next->function;
        }
    }

    void* make(const OSSL_PARAM* params) const {
        auto* key = get<OSSL_FUNC_keymgmt_new_fn>(OSSL_FUNC_KEYMGMT_NEW)(
            OSSL_PROVIDER_get0_provider_ctx(provider_.get()));
        EXPECT_EQ(get<OSSL_FUNC_keymgmt_import_fn>(OSSL_FUNC_KEYMGMT_IMPORT)(
                      key, OSSL_KEYMGMT_SELECT_ALL, params),
                  1)
            << takeErrors();
        return key;
    }
    /// A pair in memory.
    void* generate() const {
        auto* context = get<OSSL_FUNC_keymgmt_gen_init_fn>(OSSL_FUNC_KEYMGMT_GEN_INIT)(
            OSSL_PROVIDER_get0_provider_ctx(provider_.get()), OSSL_KEYMGMT_SELECT_ALL, nullptr);
        auto* key = get<OSSL_FUNC_keymgmt_gen_fn>(OSSL_FUNC_KEYMGMT_GEN)(context, nullptr, nullptr);
        get<OSSL_FUNC_keymgmt_gen_cleanup_fn>(OSSL_FUNC_KEYMGMT_GEN_CLEANUP)(context);
        EXPECT_NE(key, nullptr) << takeErrors();
        return key;
    }
    void free(void* key) const { get<OSSL_FUNC_keymgmt_free_fn>(OSSL_FUNC_KEYMGMT_FREE)(key); }
    int has(const void* key, int selection) const {
        return get<OSSL_FUNC_keymgmt_has_fn>(OSSL_FUNC_KEYMGMT_HAS)(key, selection);
    }
    int match(const void* a, const void* b, int selection) const {
        return get<OSSL_FUNC_keymgmt_match_fn>(OSSL_FUNC_KEYMGMT_MATCH)(a, b, selection);
    }
    int validate(const void* key, int selection) const {
        return get<OSSL_FUNC_keymgmt_validate_fn>(OSSL_FUNC_KEYMGMT_VALIDATE)(key, selection, 0);
    }
    void* duplicate(const void* key, int selection) const {
        return get<OSSL_FUNC_keymgmt_dup_fn>(OSSL_FUNC_KEYMGMT_DUP)(key, selection);
    }
    p11::ossl::Params valuesOf(void* key, int selection) const {
        const auto keep = [](const OSSL_PARAM params[], void* arg) {
            *static_cast<OSSL_PARAM**>(arg) = OSSL_PARAM_dup(params);
            return 1;
        };
        OSSL_PARAM* values = nullptr;
        get<OSSL_FUNC_keymgmt_export_fn>(OSSL_FUNC_KEYMGMT_EXPORT)(key, selection, keep, &values);
        return p11::ossl::Params(values);
    }
    Exported exported(void* key, int selection) const {
        Exported answer;
        answer.result = get<OSSL_FUNC_keymgmt_export_fn>(OSSL_FUNC_KEYMGMT_EXPORT)(
            key, selection, keepNames, &answer.names);
        return answer;
    }

  private:
    template <typename Function>
    Function* get(int id) const {
        return reinterpret_cast<Function*>(functions_.at(id));
    }

    p11::ossl::Provider provider_;
    std::map<int, void (*)(void)> functions_;
};

// SoftHSM has no such keys, and none can be brought to NSS's token.
bool isPostQuantum(const std::string& type) {
    return type.starts_with("ML-");
}

/// The same key on the token and in memory, and another pair of the same parameters. Of a
/// post-quantum key, which was made on the token, the public half alone is in memory, and what is
/// asked of the provider's own functions is asked of a pair in memory.
class Selections : public NewKeys, public ::testing::WithParamInterface<const char*> {
  protected:
    void SetUp() override {
        pair_ = pairOf(GetParam(), 0);
        other_ = pairOf(GetParam(), 1);
        ASSERT_TRUE(pair_ && other_) << takeErrors();
        if (isPostQuantum(GetParam())) {
            nss_.emplace();
            onToken_ = nss_->loadPrivate(GetParam());
            software_ = publicHalf(defaultOnly(), onToken_.get());
        } else {
            onToken_ = store(instance_, pair_.get(), place("stored"));
            software_.reset(EVP_PKEY_dup(pair_.get()));
        }
        ASSERT_TRUE(onToken_ && software_) << takeErrors();
    }

    const Instance instance_;
    std::optional<NssToken> nss_;
    p11::ossl::Pkey pair_;
    p11::ossl::Pkey software_;
    p11::ossl::Pkey other_;
    p11::ossl::Pkey onToken_;

  private:
    // Made once, since RSA keys take their time.
    static p11::ossl::Pkey pairOf(const std::string& type, int number) {
        // Never destroyed, and never used: a key keeps what it met in an instance that has gone.
        static auto& made = *new std::map<std::pair<std::string, int>, p11::ossl::Pkey>;
        auto& pair = made[{type, number}];
        const p11::ossl::PkeyCtx context(
            EVP_PKEY_CTX_new_from_name(defaultOnly(), type.c_str(), nullptr));
        EVP_PKEY* key = nullptr;
        if (!pair && EVP_PKEY_keygen_init(context.get()) == 1 &&
            (type != "EC" || EVP_PKEY_CTX_set_group_name(context.get(), "P-256") == 1) &&
            EVP_PKEY_generate(context.get(), &key) == 1)
            pair.reset(key);
        return p11::ossl::Pkey(EVP_PKEY_dup(pair.get()));
    }
};

struct Written {
    int result = 0;
    Bytes data;
    bool operator==(const Written&) const = default;
};

Written written(EVP_PKEY* key, int selection, const char* form, const char* structure) {
    const p11::ossl::Owner<OSSL_ENCODER_CTX, OSSL_ENCODER_CTX_free> encoder(
        OSSL_ENCODER_CTX_new_for_pkey(key, selection, form, structure, nullptr));
    unsigned char* data = nullptr;
    std::size_t size = 0;
    Written answer;
    answer.result = OSSL_ENCODER_to_data(encoder.get(), &data, &size);
    if (answer.result == 1)
        answer.data.assign(data, data + size);
    OPENSSL_free(data);
    takeErrors();
    return answer;
}

/// The text of a public half of a key on a token, without its first line, which tells kind and
/// size.
template <typename Text>
Text withoutHead(const Text& text, const std::string& indentation = {}) {
    const auto end = std::find(text.begin(), text.end(), '\n');
    const std::string head(text.begin(), end);
    EXPECT_TRUE(head.starts_with(indentation + "PKCS11 ") && head.ends_with(" bits)")) << head;
    EXPECT_NE(head.find(" Public Key ("), std::string::npos) << head;
    return end == text.end() ? Text() : Text(end + 1, text.end());
}

TEST_P(Selections, AreWrittenAsOfASoftwareKey) {
    EXPECT_EQ(written(software_.get(), EVP_PKEY_PUBLIC_KEY, "DER", "SubjectPublicKeyInfo").result,
              1);
    for (const int selection : allSelections()) {
        if ((selection & privatePart) != 0 || selection == 0)
            continue;
        for (const char* form : {"TEXT", "PEM", "DER"})
            for (const char* structure :
                 {static_cast<const char*>(nullptr), "SubjectPublicKeyInfo", "type-specific"}) {
                auto mine = written(onToken_.get(), selection, form, structure);
                if (mine.result == 1 && form == std::string("TEXT") &&
                    (selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) != 0)
                    mine.data = withoutHead(mine.data);
                const auto theirs = written(software_.get(), selection, form, structure);
                EXPECT_EQ(mine, theirs)
                    << GetParam() << ' ' << std::hex << selection << ' ' << form << ' '
                    << (structure != nullptr ? structure : "-") << ": " << mine.result << ' '
                    << std::string(mine.data.begin(), mine.data.end());
            }
    }
}

TEST_P(Selections, ArePrintedAsOfASoftwareKey) {
    for (const auto print : {EVP_PKEY_print_params, EVP_PKEY_print_public}) {
        std::array<std::string, 2> texts;
        for (auto* key : {onToken_.get(), software_.get()}) {
            const p11::ossl::Bio out(BIO_new(BIO_s_mem()));
            const int result = print(out.get(), key, 2, nullptr);
            char* data = nullptr;
            const auto size = BIO_get_mem_data(out.get(), &data);
            std::string text(data, static_cast<std::size_t>(size));
            if (key == onToken_.get() && print == EVP_PKEY_print_public)
                text = withoutHead(text, "  ");
            texts.at(key == onToken_.get() ? 0 : 1) = std::to_string(result) + text;
        }
        EXPECT_EQ(texts[0], texts[1]) << GetParam();
        EXPECT_TRUE(print == EVP_PKEY_print_params || texts[1].starts_with("1 ")) << texts[1];
    }
}

// Keys and parameters of one and the same key, and of two different ones.
TEST_P(Selections, AreComparedAsOfSoftwareKeys) {
    for (auto* left : {onToken_.get(), software_.get(), other_.get()})
        for (auto* right : {onToken_.get(), software_.get(), other_.get()}) {
            const bool same = (left == other_.get()) == (right == other_.get());
            EXPECT_EQ(EVP_PKEY_eq(left, right), same ? 1 : 0) << GetParam() << takeErrors();
            EXPECT_EQ(EVP_PKEY_parameters_eq(left, right), 1) << GetParam() << takeErrors();
        }
}

/// Both pairs as what the providers' own functions take.
struct Both {
    Both(const Instance& instance, const std::string& type, EVP_PKEY* pair, EVP_PKEY* other)
        : token(instance.get(), "pkcs11", type), software(instance.get(), "default", type) {
        const auto pairValues = isPostQuantum(type) ? generated() : stored(pair);
        theirs = software.make(pairValues.get());
        const auto publicValues = valuesOf(other);
        myOther = token.make(publicValues.get());
        theirOther = software.make(publicValues.get());
        const auto halfValues = isPostQuantum(type)
                                    ? token.valuesOf(mine, OSSL_KEYMGMT_SELECT_PUBLIC_KEY)
                                    : valuesOf(pair);
        myHalf = token.make(halfValues.get());
        theirHalf = software.make(halfValues.get());
    }
    ~Both() {
        for (auto* key : {mine, myOther, myHalf})
            token.free(key);
        for (auto* key : {theirs, theirOther, theirHalf})
            software.free(key);
    }
    Both(const Both&) = delete;
    Both& operator=(const Both&) = delete;

    Keymgmt token, software;
    void *mine = nullptr, *theirs, *myOther, *theirOther, *myHalf, *theirHalf;

  private:
    static p11::ossl::Params valuesOf(EVP_PKEY* key, int selection = EVP_PKEY_PUBLIC_KEY) {
        OSSL_PARAM* values = nullptr;
        EXPECT_EQ(EVP_PKEY_todata(key, selection, &values), 1);
        return p11::ossl::Params(values);
    }
    // Both set `mine`, and return its values.
    p11::ossl::Params stored(EVP_PKEY* pair) {
        auto values = valuesOf(pair, EVP_PKEY_KEYPAIR);
        const auto where =
            paramsOf({{"pkcs11_uri", place("stored")}, {"pkcs11_allow_duplicate", "yes"}});
        const p11::ossl::Params placed(OSSL_PARAM_merge(values.get(), where.get()));
        mine = token.make(placed.get());
        return values;
    }
    p11::ossl::Params generated() {
        mine = token.generate();
        return token.valuesOf(mine, EVP_PKEY_KEYPAIR);
    }
};

TEST_P(Selections, HaveTheAnswersOfASoftwareKey) {
    const Both both(instance_, GetParam(), pair_.get(), other_.get());
    for (const int selection : allSelections()) {
        const auto what = std::string(GetParam()) + " " + std::to_string(selection);
        EXPECT_EQ(both.token.has(both.mine, selection), both.software.has(both.theirs, selection))
            << what;
        EXPECT_EQ(both.token.has(both.myHalf, selection),
                  both.software.has(both.theirHalf, selection))
            << what;
        EXPECT_EQ(both.token.validate(both.mine, selection),
                  both.software.validate(both.theirs, selection))
            << what << takeErrors();
        EXPECT_EQ(both.token.match(both.mine, both.mine, selection),
                  both.software.match(both.theirs, both.theirs, selection))
            << what;
        EXPECT_EQ(both.token.match(both.mine, both.myOther, selection),
                  both.software.match(both.theirs, both.theirOther, selection))
            << what;
        EXPECT_EQ(both.token.match(both.mine, both.myHalf, selection),
                  both.software.match(both.theirs, both.theirHalf, selection))
            << what;
        takeErrors();
    }
}

TEST_P(Selections, AreExportedAsOfASoftwareKey) {
    const Both both(instance_, GetParam(), pair_.get(), other_.get());
    const bool hasGroup = std::string(GetParam()) == "EC";
    for (const int selection : allSelections()) {
        const auto what = std::string(GetParam()) + " " + std::to_string(selection);
        const auto mine = both.token.exported(both.mine, selection);
        if ((selection & privatePart) != 0 && !isPostQuantum(GetParam())) {
            EXPECT_EQ(mine, Exported{}) << "a private half never leaves the token: " << what;
        } else if (selection == OSSL_KEYMGMT_SELECT_DOMAIN_PARAMETERS && !hasGroup) {
            EXPECT_EQ(mine, (Exported{1, Names{}}))
                << "what EVP_PKEY_parameters_eq needs: " << what;
        } else {
            EXPECT_EQ(mine, both.software.exported(both.theirs, selection)) << what;
        }
        EXPECT_EQ(both.token.exported(both.myHalf, selection),
                  selection == OSSL_KEYMGMT_SELECT_DOMAIN_PARAMETERS && !hasGroup
                      ? (Exported{1, Names{}})
                      : both.software.exported(both.theirHalf, selection))
            << what;
        takeErrors();
    }
}

TEST_P(Selections, AreDuplicatedAsOfASoftwareKey) {
    const Both both(instance_, GetParam(), pair_.get(), other_.get());
    for (const int selection : allSelections()) {
        const auto what = std::string(GetParam()) + " " + std::to_string(selection);
        auto* mine = both.token.duplicate(both.mine, selection);
        auto* theirs = both.software.duplicate(both.theirs, selection);
        EXPECT_EQ(mine != nullptr, theirs != nullptr) << what;
        // The private half is one with the whole key, of which nothing can be left out.
        const bool whole = (selection & privatePart) != 0;
        const bool made = mine != nullptr && theirs != nullptr;
        for (const int part : allSelections())
            EXPECT_EQ(made && both.token.has(mine, part) == 1,
                      made && (whole || both.software.has(theirs, part) == 1))
                << what << " has " << part;
        if (mine != nullptr)
            both.token.free(mine);
        if (theirs != nullptr)
            both.software.free(theirs);
        takeErrors();
    }
}

// ctest has the whole table in one test, so that types that can't be had are left out of it.
std::vector<const char*> typesHere() {
    std::vector types{"RSA", "RSA-PSS", "EC", "ED25519", "ED448", "X25519", "X448"};
    if (NssToken::isThere())
        types.insert(types.end(), {"ML-DSA-44", "ML-KEM-512"});
    return types;
}

INSTANTIATE_TEST_SUITE_P(EveryType, Selections, ::testing::ValuesIn(typesHere()),
                         [](const auto& type) {
                             std::string name = type.param;
                             std::erase(name, '-');
                             return name;
                         });

// Told apart, so that it is seen where they are missing.
TEST(PostQuantumSelections, AreInTheTable) {
    if (!NssToken::isThere())
        GTEST_SKIP() << "there is no token with such keys, or OpenSSL does not know them";
    EXPECT_EQ(typesHere().size(), 9U);
}

} // namespace
