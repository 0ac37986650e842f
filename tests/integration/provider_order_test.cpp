// SPDX-License-Identifier: Apache-2.0
// Being first among the providers changes nothing for keys in memory. The judge is OpenSSL: each
// case of a table runs in a library context without this provider, with it in the first place and
// in the last, and the answers, the errors and the bytes are the same.
#include "newer.h"
#include "provider_order/cases.h"

namespace {

using namespace provider_order;

struct Case {
    const char* name;
    void (*body)(Journal&, const World&);
};

constexpr std::array cases{Case{"RsaSignatures", rsaSignatures},
                           Case{"RsaRefusals", rsaRefusals},
                           Case{"RsaMessages", rsaMessages},
                           Case{"RsaContextParameters", rsaContextParams},
                           Case{"PssLimits", pssLimits},
                           Case{"RsaEncryption", rsaEncryption},
                           Case{"RsaTlsDecryption", rsaTlsDecryption},
                           Case{"EcSignatures", ecSignatures},
                           Case{"DeterministicEcdsa", deterministicEcdsa},
                           Case{"EcForms", ecForms},
                           Case{"EcAgreement", ecAgreement},
                           Case{"EcAgreementWithKdf", ecAgreementWithKdf},
                           Case{"MontgomeryAgreement", montgomeryAgreement},
                           Case{"RawKeys", montgomeryRawKeys},
                           Case{"EdwardsSignatures", edwardsSignatures},
                           Case{"EdwardsInstances", edwardsInstances},
                           Case{"RsaKem", rsaKem},
                           Case{"CurveKem", curveKem},
                           Case{"EveryKeyIsAsked", everyKeyIsAsked},
                           Case{"MixedSources", mixedSources},
                           Case{"Generation", generation},
                           Case{"Parameters", parameters},
                           Case{"Nonsense", nonsense},
                           Case{"Certificates", certificates}};
// With an older OpenSSL there is nothing to compare.
std::vector<Case> newerCases() {
    const p11::ossl::Owner<EVP_KEYMGMT, EVP_KEYMGMT_free> known(
        EVP_KEYMGMT_fetch(defaultOnly(), "ML-DSA-44", nullptr));
    ERR_clear_error();
    std::vector<Case> all;
    if (newer<void()>("EVP_PKEY_auth_encapsulate_init") != nullptr)
        all.push_back({"CurveKemWithSender", curveKemWithSender});
    if (newer<void()>("EVP_PKEY_sign_message_init") != nullptr)
        all.push_back({"NamedAlgorithms", namedAlgorithms});
    if (known)
        all.push_back({"PostQuantum", postQuantum});
    return all;
}

void PrintTo(const Case& one, std::ostream* out) {
    *out << one.name;
}

class ProviderOrder : public ::testing::TestWithParam<Case> {};

std::string journalOf(const Case& one, World::Place place, Source source) {
    ERR_clear_error();
    Journal journal;
    const World world(place, source);
    one.body(journal, world);
    return journal.text();
}

TEST_P(ProviderOrder, ChangesNothingForKeysInMemory) {
    for (const auto source : {Source::fromData, Source::decoded}) {
        const auto expected = journalOf(GetParam(), World::Place::absent, source);
        EXPECT_FALSE(expected.empty());
        EXPECT_EQ(journalOf(GetParam(), World::Place::first, source), expected) << "first";
        EXPECT_EQ(journalOf(GetParam(), World::Place::last, source), expected) << "last";
    }
}

const auto nameOf = [](const auto& given) { return std::string(given.param.name); };
INSTANTIATE_TEST_SUITE_P(Every, ProviderOrder, ::testing::ValuesIn(cases), nameOf);
INSTANTIATE_TEST_SUITE_P(Newer, ProviderOrder, ::testing::ValuesIn(newerCases()), nameOf);

} // namespace
