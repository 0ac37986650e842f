// SPDX-License-Identifier: Apache-2.0
// Keys in memory, and the library contexts in which a case runs: without this provider, with it in
// the first place, and with it in the last.
#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <sstream>
#include <stdexcept>

#include <openssl/x509.h>

#include "tests/integration/fixture.h"

namespace provider_order {

using namespace testing_support;

/// What was asked, and what came of it.
class Journal {
  public:
    /// An answer, with the errors that came with it.
    bool note(const std::string& what, long answer) {
        text_ << what << " = " << answer;
        while (const auto code = ERR_get_error()) {
            const char* reason = ERR_reason_error_string(code);
            text_ << " [" << ERR_GET_LIB(code) << ": " << (reason != nullptr ? reason : "?") << "]";
        }
        text_ << "\n";
        return answer > 0;
    }
    void note(const std::string& what, const Bytes& data) {
        text_ << what << " = ";
        for (const unsigned byte : data)
            text_ << "0123456789abcdef"[byte >> 4] << "0123456789abcdef"[byte & 15];
        text_ << "\n";
    }
    void note(const std::string& what, const std::string& text) {
        text_ << what << " = " << text << "\n";
    }
    std::string text() const { return text_.str(); }

  private:
    std::ostringstream text_;
};

inline const Bytes message(100, 'm');
inline const Bytes hash(32, 'h');

inline OSSL_PARAM text(const char* name, const char* value) {
    return OSSL_PARAM_construct_utf8_string(name, const_cast<char*>(value), 0);
}
inline OSSL_PARAM octets(const char* name, const Bytes& value) {
    return OSSL_PARAM_construct_octet_string(name, const_cast<unsigned char*>(value.data()),
                                             value.size());
}

using Settings = std::vector<std::pair<const char*, const char*>>;

struct Maker {
    const char* name;
    const char* type;
    Settings settings;
};

inline const std::array makers{Maker{"RSA", "RSA", {{"rsa_keygen_bits", "1024"}}},
                               Maker{"PSS",
                                     "RSA-PSS",
                                     {{"rsa_keygen_bits", "1024"},
                                      {"rsa_pss_keygen_md", "SHA256"},
                                      {"rsa_pss_keygen_mgf1_md", "SHA256"},
                                      {"rsa_pss_keygen_saltlen", "32"}}},
                               Maker{"EC", "EC", {{"ec_paramgen_curve", "P-256"}}},
                               Maker{"cofactor", "EC", {{"ec_paramgen_curve", "B-283"}}},
                               Maker{"ED25519", "ED25519", {}},
                               Maker{"ED448", "ED448", {}},
                               Maker{"X25519", "X25519", {}},
                               Maker{"X448", "X448", {}},
                               Maker{"DH", "DHX", {{"group", "dh_2048_256"}}},
                               Maker{"ML-DSA-44", "ML-DSA-44", {}},
                               Maker{"ML-KEM-512", "ML-KEM-512", {}}};

/// A pair that OpenSSL alone has made, in the forms in which applications get keys.
struct Material {
    const char* type = nullptr;
    p11::ossl::Params pair, publicHalf;
    Bytes privateDer, publicDer;
};

template <typename Encode>
Bytes derOf(EVP_PKEY* key, Encode encode) {
    unsigned char* data = nullptr;
    const int size = encode(key, &data);
    Bytes der(data, data + std::max(size, 0));
    OPENSSL_free(data);
    return der;
}

/// Made once, because RSA keys take time. Without parameters if OpenSSL does not know the type.
const Material& material(const std::string& name, std::size_t number = 0);

/// How a key comes into the library context.
enum class Source { fromData, decoded };

class World {
  public:
    enum class Place { absent, first, last };
    World(Place place, Source source) : source_(source) {
        if (place != Place::absent)
            instance_.emplace(place == Place::first ? Order::providerFirst : Order::defaultFirst);
    }
    OSSL_LIB_CTX* libctx() const { return instance_ ? instance_->get() : defaultOnly(); }

    /// Throws where there is no key, which ends the case. So do the two below.
    static p11::ossl::Pkey required(p11::ossl::Pkey key) {
        if (!key)
            throw std::runtime_error("there is no key");
        return key;
    }

    p11::ossl::Pkey pair(Journal& journal, const std::string& name, std::size_t number = 0) const {
        const auto& from = material(name, number);
        if (source_ == Source::fromData)
            return required(fromData(journal, from, EVP_PKEY_KEYPAIR, from.pair.get()));
        return required(decoded(from));
    }
    p11::ossl::Pkey decoded(const Material& from) const {
        const auto* data = from.privateDer.data();
        return p11::ossl::Pkey(d2i_AutoPrivateKey_ex(
            nullptr, &data, static_cast<long>(from.privateDer.size()), libctx(), nullptr));
    }
    p11::ossl::Pkey publicHalf(Journal& journal, const std::string& name,
                               std::size_t number = 0) const {
        const auto& from = material(name, number);
        if (source_ == Source::fromData)
            return required(fromData(journal, from, EVP_PKEY_PUBLIC_KEY, from.publicHalf.get()));
        const auto* data = from.publicDer.data();
        return required(p11::ossl::Pkey(d2i_PUBKEY_ex(
            nullptr, &data, static_cast<long>(from.publicDer.size()), libctx(), nullptr)));
    }
    p11::ossl::PkeyCtx context(EVP_PKEY* key) const {
        return p11::ossl::PkeyCtx(EVP_PKEY_CTX_new_from_pkey(libctx(), key, nullptr));
    }

    p11::ossl::Pkey fromData(Journal& journal, const Material& from, int selection,
                             OSSL_PARAM* params) const {
        const p11::ossl::PkeyCtx maker(EVP_PKEY_CTX_new_from_name(libctx(), from.type, nullptr));
        EVP_PKEY* key = nullptr;
        journal.note("fromdata init", EVP_PKEY_fromdata_init(maker.get()));
        journal.note("fromdata", EVP_PKEY_fromdata(maker.get(), &key, selection, params));
        return p11::ossl::Pkey(key);
    }

  private:
    Source source_;
    std::optional<Instance> instance_;
};

} // namespace provider_order
