// SPDX-License-Identifier: Apache-2.0
// Makes an ML-DSA and an ML-KEM key pair of each size on a token:
//     post_quantum_keys MODULE TOKEN PIN
// The labels are OpenSSL's names ("ML-DSA-65"), and one id is that of both halves.
#include <cstdio>
#include <exception>
#include <string>

#include "pkcs11/cryptoki.h"
#include "tests/support/token_writer.h"

namespace {

// From PKCS#11 3.2 (pkcs11t.h). p11-kit's header does not have them.
struct ParameterSet {
    const char* name;
    CK_ULONG number; ///< CKA_PARAMETER_SET
    bool signs;
};
constexpr ParameterSet parameterSets[] = {{"ML-DSA-44", 1, true},   {"ML-DSA-65", 2, true},
                                          {"ML-DSA-87", 3, true},   {"ML-KEM-512", 1, false},
                                          {"ML-KEM-768", 2, false}, {"ML-KEM-1024", 3, false}};
constexpr CK_MECHANISM_TYPE makeMlKem = 0x0f, makeMlDsa = 0x1c;
constexpr CK_ATTRIBUTE_TYPE mayEncapsulate = 0x633, mayDecapsulate = 0x634;

struct Kind {
    std::string label;
    CK_MECHANISM_TYPE generation;
    CK_ATTRIBUTE size; ///< of the public half
    CK_ATTRIBUTE_TYPE publicUse;
    CK_ATTRIBUTE_TYPE privateUse;
};

void make(testing_support::TokenWriter& writer, Kind kind, unsigned char id) {
    CK_BBOOL yes = CK_TRUE;
    const CK_ATTRIBUTE stored{CKA_TOKEN, &yes, sizeof yes};
    const CK_ATTRIBUTE label{CKA_LABEL, kind.label.data(), kind.label.size()};
    const CK_ATTRIBUTE identifier{CKA_ID, &id, sizeof id};
    writer.generatePair(kind.generation,
                        {stored, label, identifier, kind.size, {kind.publicUse, &yes, sizeof yes}},
                        {stored,
                         label,
                         identifier,
                         {CKA_PRIVATE, &yes, sizeof yes},
                         {CKA_SENSITIVE, &yes, sizeof yes},
                         {kind.privateUse, &yes, sizeof yes}});
}

void makeAll(testing_support::TokenWriter& writer) {
    unsigned char id = 0x50;
    for (auto row : parameterSets) {
        const bool signs = row.signs;
        make(writer,
             {row.name,
              signs ? makeMlDsa : makeMlKem,
              {CKA_PARAMETER_SET, &row.number, sizeof row.number},
              signs ? CKA_VERIFY : mayEncapsulate,
              signs ? CKA_SIGN : mayDecapsulate},
             ++id);
    }
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        std::fprintf(stderr, "usage: %s MODULE TOKEN PIN\n", argv[0]);
        return 2;
    }
    try {
        testing_support::TokenWriter writer(argv[1], argv[2], argv[3]);
        makeAll(writer);
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
        return 1;
    }
}
