// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/provider_order/world.h"

#include <map>

namespace provider_order {
namespace {

Material make(const Maker& maker) {
    Material made;
    made.type = maker.type;
    const p11::ossl::PkeyCtx context(
        EVP_PKEY_CTX_new_from_name(defaultOnly(), maker.type, nullptr));
    EVP_PKEY* raw = nullptr;
    bool good = context && EVP_PKEY_keygen_init(context.get()) == 1;
    for (const auto& [name, value] : maker.settings)
        good = good && EVP_PKEY_CTX_ctrl_str(context.get(), name, value) == 1;
    good = good && EVP_PKEY_generate(context.get(), &raw) == 1;
    const p11::ossl::Pkey key(raw);
    OSSL_PARAM* pair = nullptr;
    OSSL_PARAM* half = nullptr;
    if (good && EVP_PKEY_todata(raw, EVP_PKEY_KEYPAIR, &pair) == 1 &&
        EVP_PKEY_todata(raw, EVP_PKEY_PUBLIC_KEY, &half) == 1) {
        made.pair.reset(pair);
        made.publicHalf.reset(half);
        made.privateDer = derOf(raw, i2d_PrivateKey);
        made.publicDer = derOf(raw, i2d_PUBKEY);
    }
    EXPECT_TRUE(good || !context) << maker.name << ": " << takeErrors();
    ERR_clear_error();
    return made;
}

} // namespace

const Material& material(const std::string& name, std::size_t number) {
    static auto& all = *new std::map<std::pair<std::string, std::size_t>, Material>;
    const auto key = std::pair(name, number);
    if (const auto found = all.find(key); found != all.end())
        return found->second;
    const auto* maker = std::find_if(makers.begin(), makers.end(),
                                     [&](const Maker& one) { return name == one.name; });
    return all.emplace(key, make(*maker)).first->second;
}

} // namespace provider_order
