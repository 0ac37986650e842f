#include "cipher/operation.h"

#include <algorithm>

#include "cipher/blocks.h"
#include "cipher/counter.h"
#include "cipher/gcm.h"
#include "pkcs11/operation.h"

namespace cipher {

std::unique_ptr<Operation> begin(Mode mode, const Setup& setup) {
    switch (mode) {
    case Mode::ecb:
    case Mode::cbc:
        return std::make_unique<Blocks>(setup);
    case Mode::ctr:
        return std::make_unique<Counter>(setup);
    case Mode::gcm:
        return std::make_unique<Gcm>(setup);
    }
    throw ossl::UsageError(ossl::Reason::internal, "unknown mode");
}

std::size_t onToken(const skeymgmt::SecretKey& key, bool encrypts, const CK_MECHANISM& mechanism,
                    Octets data, Buffer out) {
    return encrypts ? pkcs11::encrypt(key.object(), mechanism, data, out)
                    : pkcs11::decrypt(key.object(), mechanism, data, out);
}

std::size_t give(Octets data, Buffer out) {
    if (data.size() > out.size())
        throw ossl::UsageError(ossl::Reason::data,
                               "the buffer for the cipher's output is too small");
    std::copy(data.begin(), data.end(), out.begin());
    return data.size();
}

} // namespace cipher
