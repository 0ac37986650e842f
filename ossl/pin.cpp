#include "ossl/pin.h"

#include <array>
#include <cstring>
#include <new>

#include <openssl/crypto.h>

#include "ossl/handles.h"
#include "pkcs11/error.h"

namespace ossl {
namespace {

constexpr std::size_t longestPin = 1024;

} // namespace

pkcs11::Pin makePin(std::string_view text) {
    const std::size_t size = text.size();
    auto* copy = static_cast<char*>(OPENSSL_secure_malloc(size + 1));
    if (copy == nullptr)
        throw std::bad_alloc();
    std::memcpy(copy, text.data(), size);
    copy[size] = '\0';
    const auto wipe = [size](const char* bytes) {
        OPENSSL_secure_clear_free(const_cast<char*>(bytes), size + 1);
    };
    return {std::shared_ptr<const char>(copy, wipe), size};
}

pkcs11::Pin readPinFile(const std::string& path) {
    const Bio file(BIO_new(BIO_s_file()));
    std::array<char, longestPin> line{};
    if (!file || BIO_read_filename(file.get(), const_cast<char*>(path.c_str())) != 1)
        throw pkcs11::Error(pkcs11::Failure::login, "cannot open the PIN file " + path);
    const int size = BIO_gets(file.get(), line.data(), static_cast<int>(line.size()));
    auto pin = makePin({line.data(), size > 0 ? std::strcspn(line.data(), "\r\n") : 0});
    OPENSSL_cleanse(line.data(), line.size());
    if (pin.size == 0)
        throw pkcs11::Error(pkcs11::Failure::login, "the PIN file " + path + " is empty");
    return pin;
}

} // namespace ossl
