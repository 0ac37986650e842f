// SPDX-License-Identifier: Apache-2.0
#include "signature_steps.h"

namespace testing_support {
namespace {

constexpr std::size_t mostPieces = 5;

std::string answer(const Side& side, int result, Bytes signature, std::size_t size) {
    if (result != 1)
        return std::to_string(result);
    signature.resize(size);
    for (std::size_t count = 0; count <= mostPieces; ++count)
        if (verify(side.label, signature, pieces(count), stepDigest))
            return "1 of " + std::to_string(count);
    return "1 of other data";
}

} // namespace

const Bytes piece = randomBytes(20);

Bytes pieces(std::size_t count) {
    Bytes all;
    for (std::size_t i = 0; i < count; ++i)
        all.insert(all.end(), piece.begin(), piece.end());
    return all;
}

const std::array<Bytes, 2>& signaturesOf(const std::string& label) {
    static std::map<std::string, std::array<Bytes, 2>> all;
    auto& found = all[label];
    if (found[0].empty()) {
        const Instance instance;
        const auto key = privateKeyFromFile(instance.get(), label);
        for (std::size_t count = 0; count < found.size(); ++count)
            found.at(count) = sign(instance, key.get(), pieces(count), stepDigest);
    }
    return found;
}

std::string finalStep(const Side& side, char name,
                      const std::function<int(unsigned char*, std::size_t*)>& final) {
    Bytes signature(512);
    std::size_t size = name == 's' || (name == 'x' && !side.onToken) ? 1 : signature.size();
    const auto call = [&] { return final(signature.data(), &size); };
    const int result = name == 'x' && side.onToken ? whileFailing("C_Sign", call) : call();
    return answer(side, result, signature, size);
}

} // namespace testing_support
