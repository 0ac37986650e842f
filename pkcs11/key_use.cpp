// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/key_use.h"

#include <cstring>
#include <exception>

#include <unistd.h>

#include "pkcs11/audit_log.h"
#include "pkcs11/ciphertext_answer.h"
#include "pkcs11/functions.h"
#include "pkcs11/mechanism.h"
#include "pkcs11/probes.h"
#include "pkcs11/text.h"
#include "pkcs11/timestamp.h"

namespace p11::pkcs11 {
namespace {

std::string hex(ByteView bytes) {
    constexpr const char* digits = "0123456789abcdef";
    std::string text;
    for (const unsigned byte : bytes) {
        text += digits[byte >> 4U];
        text += digits[byte & 0xFU];
    }
    return text;
}

// The result of a decryption that reached the token, whatever the token answered.
constexpr const char* answered = "answered";

// C_UnwrapKey's answer depends on what is decrypted, unless the session is lost.
bool maySayWhatIsDecrypted(const Error& error) {
    return error.isOf(functionName<&List::C_UnwrapKey>) && !isApartFromData(error.rv());
}

std::string resultOfException() {
    try {
        throw;
    } catch (const Error& error) {
        if (maySayWhatIsDecrypted(error))
            return answered;
        return error.rv() != CKR_OK ? rvName(error.rv()) : error.what();
    } catch (const std::exception& error) {
        return error.what();
    }
}

} // namespace

KeyUseRecord::KeyUseRecord(const TokenObject& key, const KeyUse& use) : key_(key), use_(use) {
    if (!isWanted())
        return;
    began_ = std::chrono::system_clock::now();
    start_ = std::chrono::steady_clock::now();
    probes::operationStart(use_.operation, mechanism().c_str(), key_.uri().c_str());
}

bool KeyUseRecord::isWanted() const {
    return key_.auditLog() != nullptr || probes::operationsAreTraced();
}

std::string KeyUseRecord::mechanism() const {
    return use_.mechanism ? mechanismName(*use_.mechanism) : "";
}

// If the line cannot be written, the use fails with its own error all the same.
void KeyUseRecord::failed() const noexcept {
    if (!isWanted())
        return;
    try {
        tell(resultOfException());
    } catch (const std::exception&) { // AuditLog has said so
    }
}

void KeyUseRecord::succeeded(MutableBytes out) const {
    if (!isWanted())
        return;
    try {
        tell(use_.isDecryption ? answered : "ok");
    } catch (...) { // also without memory for the line
        explicit_bzero(out.data(), out.size());
        throw;
    }
}

void KeyUseRecord::tell(const std::string& result) const {
    probes::operationEnd(use_.operation, mechanism().c_str(), key_.uri().c_str(), result.c_str());
    if (key_.auditLog() != nullptr)
        key_.auditLog()->write(line(result));
}

JsonLine KeyUseRecord::line(std::string_view result) const {
    using std::chrono::microseconds;
    const auto taken = std::chrono::steady_clock::now() - start_;
    const auto& token = key_.token().info();
    JsonLine line;
    line.text("time", timestamp(began_)).number("pid", static_cast<std::uintmax_t>(getpid()));
    line.object("user", key_.auditLog()->user());
    line.text("uri", key_.uri()).text("operation", use_.operation);
    if (use_.mechanism)
        line.text("mechanism", mechanism());
    if (!use_.hash.name.empty())
        line.object("hash",
                    JsonLine().text("name", use_.hash.name).text("value", hex(use_.hash.value)));
    if (use_.isProof)
        line.yes("proof");
    line.text("result", result);
    if (!use_.isDecryption)
        line.decimal("milliseconds", static_cast<std::uintmax_t>(
                                         std::chrono::duration_cast<microseconds>(taken).count()));
    line.object(
        "token",
        JsonLine().text("label", trimmed(token.label)).text("serial", trimmed(token.serialNumber)));
    return line;
}

} // namespace p11::pkcs11
