// SPDX-License-Identifier: Apache-2.0
#include "keymgmt/parameter_set.h"

namespace keymgmt {

std::span<const CK_ATTRIBUTE_TYPE> parameterSetAttributes(const pkcs11::Attributes& attributes) {
    static constexpr std::array all{CKA_CLASS, CKA_PARAMETER_SET, CKA_VALUE};
    const auto type = attributes.number(CKA_KEY_TYPE);
    if (std::none_of(parameterSets.begin(), parameterSets.end(),
                     [&](const ParameterSet& row) { return row.keyType == type; }))
        return {};
    const bool isPublic = attributes.number(CKA_CLASS) == CKO_PUBLIC_KEY;
    return std::span(all).first(isPublic ? all.size() : all.size() - 1);
}

std::optional<KeyType> parameterSetType(const pkcs11::Attributes& attributes) {
    const auto keyType = attributes.number(CKA_KEY_TYPE);
    const auto number = attributes.number(CKA_PARAMETER_SET);
    const auto* found =
        std::find_if(parameterSets.begin(), parameterSets.end(), [&](const ParameterSet& row) {
            return row.keyType == keyType && row.number == number;
        });
    return found != parameterSets.end() ? std::optional(found->type) : std::nullopt;
}

} // namespace keymgmt
