// SPDX-License-Identifier: Apache-2.0
#include "tests/support/quirks_signatures.h"

#include <algorithm>
#include <span>
#include <vector>

#include "tests/support/quirks.h"

namespace test_module {
namespace {

using Octets = std::span<const CK_BYTE>;
using Bytes = std::vector<CK_BYTE>;

bool isRsa(CK_MECHANISM_TYPE mechanism) {
    return mechanism == CKM_RSA_PKCS || mechanism == CKM_RSA_X_509 || mechanism == CKM_RSA_PKCS_PSS;
}

Octets trimmed(Octets number) {
    const auto first =
        std::ranges::find_if(number, [](CK_BYTE byte) { return byte != 0; }) - number.begin();
    return number.subspan(static_cast<std::size_t>(first));
}

void append(Bytes& to, Octets more) {
    to.insert(to.end(), more.begin(), more.end());
}

// Lengths below 128, as those of curves up to 384 bits are.
void appendInteger(Bytes& to, Octets number) {
    const bool padded = number.empty() || number.front() >= 0x80;
    append(to, Bytes{2, static_cast<CK_BYTE>(number.size() + (padded ? 1 : 0))});
    if (padded)
        to.push_back(0);
    append(to, number);
}

Bytes inOtherForm(CK_MECHANISM_TYPE mechanism, Octets signature) {
    Bytes result;
    const auto r = trimmed(signature.first(signature.size() / 2));
    const auto s = trimmed(signature.last(signature.size() / 2));
    if (isRsa(mechanism) && has(Quirk::trimRsa)) {
        append(result, trimmed(signature));
    } else if (mechanism == CKM_ECDSA && has(Quirk::trimEcdsa)) {
        append(result, r);
        append(result, s);
    } else if (mechanism == CKM_ECDSA && has(Quirk::derEcdsa)) {
        Bytes content;
        appendInteger(content, r);
        appendInteger(content, s);
        append(result, Bytes{0x30, static_cast<CK_BYTE>(content.size())});
        append(result, content);
    } else {
        append(result, signature);
    }
    return result;
}

} // namespace

void changeForm(CK_MECHANISM_TYPE mechanism, CK_BYTE* signature, CK_ULONG& size) {
    const auto form = inOtherForm(mechanism, Octets(signature, size));
    std::ranges::copy(form, signature);
    size = form.size();
}

} // namespace test_module
