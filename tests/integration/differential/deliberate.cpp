// SPDX-License-Identifier: Apache-2.0
#include "deliberate.h"

#include <algorithm>
#include <regex>

namespace testing_support::differential {
namespace {

// As few and as narrow as possible.
const std::vector<Difference> differences{
    {"get salt", "1 -2", "1 (0|-4)",
     "until a length is set the salt is as long as the digest, as OpenSSL has it since 3.1", false,
     "3.1"},
    {".* salt default: (final|sign) .*", "1 .*PSS, salt [0-9]+.*", "1 .*PSS, salt [0-9]+.*",
     "until a length is set the salt is as long as the digest, as OpenSSL has it since 3.1", false,
     "3.1"},
    {"set (for data: )?salt -4", "0", "1", "auto-digestmax is known with every OpenSSL", true,
     "3.1"},
    {"decrypt .* badly padded", "(0|-1)", "1 a substitute",
     "what has no good padding gets a substitute, as OpenSSL does it since 3.2", false, "3.2"},
    {"get", "1   999 999", "0   999 999",
     "X25519 and X448 have no parameters; OpenSSL has had one about FIPS since 3.4", false,
     nullptr},
    {"update [0-9]+, not authentic", "1 .*", "0",
     "GCM on a token gives out nothing that is not authentic; OpenSSL says so at the end", true,
     nullptr},
    {"decrypt 0 in .*", "1 .*", "0", "no ciphertext is an error, as OpenSSL 3.5 has it", false,
     "3.5"},
    {"set padding .*SHAKE128.*", ".*", ".*",
     "it has no size for OAEP; OpenSSL takes it, and fails later", true, nullptr},
    {"verify (final )?0", "-1", "0", "no signature is no good one, as OpenSSL 3.5 has it", false,
     "3.5"},
    {"verify final( again)? without a signature", "-1", "0", "the error says that none was set",
     false, nullptr},
    {"(sign|verify) init ED.*", "-2", "1",
     "the data is the message, as pkcs11-provider has it; OpenSSL has no such function", true,
     nullptr},
    {"ED.*: sign [0-9]+ in .*", "0", "1 .*",
     "the data is the message, as pkcs11-provider has it; OpenSSL begins, and then refuses all "
     "data",
     true, nullptr},
    {"set padding (0|5|99) .*", "0 1.*", "0 0.*",
     "nothing is encrypted with it; OpenSSL takes it, and fails in the decryption", true, nullptr},
    {"encrypt .*", "-1", "0", "EVP_PKEY_encrypt() says 0 or less where it fails", false, nullptr},
    {"set for data: digest .*", "1", "0",
     "data that is hashed already can't get another digest; OpenSSL takes it after a size query",
     true, nullptr},
    {"derive for the size", "1 0", "0",
     "there is no secret of no bytes: what is missing is told when the size is asked for", false,
     nullptr},
    {"rsapss (?!(SHA1|SHA224|SHA256|SHA384|SHA512) mgf1 (\\1)? salt ).*: (sign|final) .*",
     "1 .*PSS, .*", "0",
     "SoftHSM does PSS with SHA-1 and SHA-2, and with one digest for both; and an RSA-PSS key may "
     "do nothing else",
     false, nullptr},
    {".*: recover in .*", "1 more than there is room for", "0",
     "OpenSSL itself writes behind the buffer", false, nullptr},
};

bool isInForce(const Difference& listed) {
    if (listed.before == nullptr)
        return true;
    const auto minor = static_cast<unsigned>(listed.before[2] - '0');
    return OPENSSL_version_major() == 3 && OPENSSL_version_minor() < minor;
}

bool fits(const std::string& text, const char* pattern) {
    return std::regex_match(text, std::regex(pattern));
}

} // namespace

const Difference* deliberateDifference(const Answer& software, const Answer& token) {
    const auto found =
        std::find_if(differences.begin(), differences.end(), [&](const Difference& listed) {
            return isInForce(listed) && software.call == token.call &&
                   fits(software.call, listed.call) && fits(software.answer, listed.software) &&
                   fits(token.answer, listed.token);
        });
    return found != differences.end() ? &*found : nullptr;
}

} // namespace testing_support::differential
