// SPDX-License-Identifier: Apache-2.0
// What a hostile module answers, through the whole provider: everything on its tokens is loaded and
// used.
#include <array>

#include "tests/fuzz/exercise.h"
#include "tests/fuzz/provider_instance.h"

namespace {

using fuzz::Input;

constexpr std::array<int, 5> expectations{0, OSSL_STORE_INFO_PKEY, OSSL_STORE_INFO_PUBKEY,
                                          OSSL_STORE_INFO_CERT, OSSL_STORE_INFO_NAME};
constexpr std::array paths{
    "",           "type=private",   "id=%01",    "id=%02;type=private",
    "object=%03", "token=f;id=%09", "slot-id=1", "library-manufacturer=f;slot-manufacturer=f"};

void use(OSSL_STORE_INFO* info, Input options) {
    const int type = OSSL_STORE_INFO_get_type(info);
    if (type == OSSL_STORE_INFO_PUBKEY)
        fuzz::inspect(OSSL_STORE_INFO_get0_PUBKEY(info), options);
    if (type != OSSL_STORE_INFO_PKEY)
        return;
    auto* key = OSSL_STORE_INFO_get0_PKEY(info);
    Input again = options;
    fuzz::inspect(key, options);
    fuzz::sign(key, options);
    fuzz::decrypt(key, options);
    if ((again.byte() & 32) != 0)
        fuzz::derive(key, again);
}

} // namespace

// The first bytes are the application's options, the others the module's.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    Input input(data, size);
    const int expected = input.choice(expectations);
    const char* path = input.choice(paths);
    const auto options = input.bytes(6);
    const fuzz::Run run(input);
    fuzz::loadAll(fuzz::Run::uri(path), expected, [options](OSSL_STORE_INFO* info) {
        use(info, Input(options.data(), options.size()));
    });
    return 0;
}
