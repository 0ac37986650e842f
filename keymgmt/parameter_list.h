// SPDX-License-Identifier: Apache-2.0
// Lists of parameters (gettable, settable): another provider's with some of ours, and parts of
// ours.
#pragma once

#include <algorithm>
#include <array>
#include <span>

#include <openssl/core_names.h>

#include "ossl/params.h"

namespace p11::keymgmt {

/// Lives as long as the process. `theirs` may be null. Thread-safe.
const OSSL_PARAM* withOurs(const OSSL_PARAM* theirs, std::span<const OSSL_PARAM> ours);

/// The parameters of several lists, in their order.
template <std::size_t... Sizes>
constexpr auto joined(const std::array<OSSL_PARAM, Sizes>&... lists) {
    std::array<OSSL_PARAM, (Sizes + ...)> all{};
    auto* next = all.begin();
    ((next = std::copy(lists.begin(), lists.end(), next)), ...);
    return all;
}

/// Of keys whose values are strings of bytes, as EVP_PKEY_fromdata_settable(3) gives them.
inline constexpr std::array rawPublicParameters{ossl::octetsParam(OSSL_PKEY_PARAM_PUB_KEY),
                                                ossl::endOfParams()};
inline constexpr std::array rawPairParameters{ossl::octetsParam(OSSL_PKEY_PARAM_PUB_KEY),
                                              ossl::octetsParam(OSSL_PKEY_PARAM_PRIV_KEY),
                                              ossl::endOfParams()};

} // namespace p11::keymgmt
