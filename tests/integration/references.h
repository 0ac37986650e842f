// SPDX-License-Identifier: Apache-2.0
// PEM files with references to keys, read as programs read them.
#pragma once

#include <string>

#include <openssl/pem.h>

#include "fixture.h"
#include "store/key_uri.h"

namespace testing_support {

inline std::string textIn(BIO* bio) {
    char* data = nullptr;
    const auto size = BIO_get_mem_data(bio, &data);
    return {data, static_cast<std::size_t>(size)};
}

inline std::string pemOf(const std::string& uri) {
    const p11::ossl::Bio out(BIO_new(BIO_s_mem()));
    EXPECT_TRUE(p11::store::writeKeyUriPem(out.get(), uri));
    return textIn(out.get());
}

inline p11::ossl::Bio bioOf(const std::string& text) {
    return p11::ossl::Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

/// What somebody answers who is asked for a PIN; nothing if it is empty.
struct Answer {
    std::string pin;
    int asked = 0;
};

inline int answer(char* buffer, int size, int, void* arg) {
    auto& given = *static_cast<Answer*>(arg);
    ++given.asked;
    if (given.pin.empty() || static_cast<int>(given.pin.size()) > size)
        return -1;
    return static_cast<int>(given.pin.copy(buffer, given.pin.size()));
}

inline p11::ossl::Pkey readPem(const Instance& instance, const std::string& pem, Answer& given) {
    const auto in = bioOf(pem);
    return p11::ossl::Pkey(
        PEM_read_bio_PrivateKey_ex(in.get(), nullptr, answer, &given, instance.get(), nullptr));
}

inline p11::ossl::Pkey readPem(const Instance& instance, const std::string& pem) {
    Answer nobody;
    return readPem(instance, pem, nobody);
}

} // namespace testing_support
