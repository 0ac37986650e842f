// SPDX-License-Identifier: Apache-2.0
#include "ossl/pin.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <new>
#include <system_error>

#include <fcntl.h>
#include <openssl/crypto.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "pkcs11/error.h"

namespace p11::ossl {
namespace {

constexpr std::size_t longestPin = 1024;

using pkcs11::Failure;

[[noreturn]] void refuse(const std::string& why, Failure failure = Failure::pinFileUnreadable) {
    throw pkcs11::Error(failure, why);
}

} // namespace

pkcs11::Pin makePin(std::string_view text) {
    // Separate pages stay out of core dumps, and out of swap if the system allows to lock them.
    const std::size_t size = text.size() + 1;
    void* pages = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
        throw std::bad_alloc();
    mlock(pages, size);
    madvise(pages, size, MADV_DONTDUMP);
    const auto wipe = [size](const char* bytes) {
        auto* all = const_cast<char*>(bytes);
        OPENSSL_cleanse(all, size);
        munmap(all, size);
    };
    std::shared_ptr<const char> owner(static_cast<const char*>(pages), wipe);
    std::memcpy(pages, text.data(), text.size());
    return {std::move(owner), text.size()};
}

pkcs11::Pin readPinFile(const std::string& path, bool readableByOthers) {
    errno = 0;
    // Non-blocking, because a FIFO may have no writer, and a terminal no user.
    const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    // By descriptor, because a FILE would leave the PIN in its buffer.
    const Bio file(descriptor >= 0 ? BIO_new_fd(descriptor, BIO_CLOSE) : nullptr);
    struct stat status {};
    if (!file || fstat(descriptor, &status) != 0)
        refuse("cannot open the PIN file " + path + ": " + std::generic_category().message(errno),
               errno == ENOENT || errno == ENOTDIR ? Failure::pinFileMissing
                                                   : Failure::pinFileUnreadable);
    if (S_ISDIR(status.st_mode))
        refuse("the PIN file " + path + " is a folder");
    if (!S_ISREG(status.st_mode))
        refuse("the PIN file " + path +
               " is not a regular file (a FIFO or a device may never answer)");
    if ((status.st_mode & S_IROTH) != 0 && !readableByOthers)
        refuse("the PIN file " + path +
                   " can be read by everybody: chmod o-r, or set pkcs11-allow-readable-pin-files",
               Failure::pinFileExposed);
    std::array<char, longestPin> line{};
    const int size = BIO_gets(file.get(), line.data(), static_cast<int>(line.size()));
    auto pin = makePin({line.data(), size > 0 ? std::strcspn(line.data(), "\r\n") : 0});
    OPENSSL_cleanse(line.data(), line.size());
    if (pin.size == 0)
        refuse("the PIN file " + path + " is empty");
    return pin;
}

pkcs11::PinDigest pinDigest(const Md& sha256, const pkcs11::PinDigest& salt,
                            const pkcs11::Pin& pin) {
    pkcs11::PinDigest digest{};
    const MdCtx hash(EVP_MD_CTX_new());
    if (!sha256 || !hash || EVP_DigestInit_ex2(hash.get(), sha256.get(), nullptr) != 1 ||
        EVP_DigestUpdate(hash.get(), salt.data(), salt.size()) != 1 ||
        EVP_DigestUpdate(hash.get(), pin.bytes.get(), pin.size) != 1 ||
        EVP_DigestFinal_ex(hash.get(), digest.data(), nullptr) != 1)
        refuse("no digest (SHA2-256) to remember refused PINs by", Failure::login);
    return digest;
}

} // namespace p11::ossl
