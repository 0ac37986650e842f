// Store, encoder and decoder dispatch (provider-storemgmt(7), provider-encoder(7),
// provider-decoder(7)).
#pragma once

#include <openssl/core.h>

namespace store {

/// The algorithms of OSSL_OP_STORE, OSSL_OP_ENCODER and OSSL_OP_DECODER. Static.
const OSSL_ALGORITHM* loaders();
const OSSL_ALGORITHM* encoders();
const OSSL_ALGORITHM* decoders();

} // namespace store
