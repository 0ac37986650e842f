// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/wrapping.h"

#include "pkcs11/derivation.h"
#include "pkcs11/key_use.h"
#include "pkcs11/writing.h"

namespace p11::pkcs11 {
namespace {

// A session object. If it cannot be destroyed, it ends with its session.
class TemporaryObject {
  public:
    TemporaryObject(Session& session, CK_OBJECT_HANDLE handle)
        : session_(session), handle_(handle) {}
    ~TemporaryObject() {
        if (session_.call<&List::C_DestroyObject>(handle_) != CKR_OK)
            session_.discard();
    }
    TemporaryObject(const TemporaryObject&) = delete;
    TemporaryObject& operator=(const TemporaryObject&) = delete;

    CK_OBJECT_HANDLE handle() const { return handle_; }

  private:
    Session& session_;
    CK_OBJECT_HANDLE handle_;
};

Template readableSecret() {
    Template values;
    values.number(CKA_CLASS, CKO_SECRET_KEY)
        .number(CKA_KEY_TYPE, CKK_GENERIC_SECRET)
        .flag(CKA_TOKEN, false)
        .flag(CKA_SENSITIVE, false)
        .flag(CKA_EXTRACTABLE, true);
    return values;
}

[[noreturn]] void fail(Session& session, const Error& error, const char* attribute) {
    if (error.rv() == CKR_KEY_FUNCTION_NOT_PERMITTED)
        throw notPermitted(error, attribute);
    discardUnlessGood(session, error);
    throw error;
}

// The error does not name the function: recovery repeats no C_CreateObject, but a session object
// changes nothing on the token.
CK_OBJECT_HANDLE create(Session& session, ByteView value, const TokenObject& key) {
    auto values = readableSecret();
    auto list = values.bytes(CKA_VALUE, value).list();
    CK_OBJECT_HANDLE made = CK_INVALID_HANDLE;
    const CK_RV rv = session.call<&List::C_CreateObject>(list.data(), CK_ULONG{list.size()}, &made);
    if (rv == CKR_OK)
        return made;
    const auto error = callFailed(functionName<&List::C_CreateObject>, rv,
                                  "a secret to be wrapped with the " + key.describe());
    fail(session, Error(error.failure(), error.what(), rv), "");
}

std::size_t wrapIn(Session& session, CK_OBJECT_HANDLE handle, const TokenObject& key,
                   CK_MECHANISM mechanism, ByteView data, MutableBytes out) {
    const TemporaryObject secret(session, create(session, data, key));
    auto size = static_cast<CK_ULONG>(out.size());
    const CK_RV rv =
        session.call<&List::C_WrapKey>(&mechanism, handle, secret.handle(), out.data(), &size);
    if (rv != CKR_OK)
        fail(session, callFailed(functionName<&List::C_WrapKey>, rv, key.describe()), "CKA_WRAP");
    return size;
}

std::size_t unwrapIn(Session& session, CK_OBJECT_HANDLE handle, const TokenObject& key,
                     CK_MECHANISM mechanism, ByteView wrapped, MutableBytes out) {
    auto values = readableSecret();
    auto list = values.list();
    CK_OBJECT_HANDLE made = CK_INVALID_HANDLE;
    const CK_RV rv = session.call<&List::C_UnwrapKey>(
        &mechanism, handle, const_cast<CK_BYTE_PTR>(wrapped.data()), CK_ULONG{wrapped.size()},
        list.data(), CK_ULONG{list.size()}, &made);
    if (rv != CKR_OK)
        fail(session, callFailed(functionName<&List::C_UnwrapKey>, rv, key.describe()),
             "CKA_UNWRAP");
    return takeSecret(session, made, key, out);
}

} // namespace

std::size_t wrap(TokenObject& key, const CK_MECHANISM& mechanism, ByteView data, MutableBytes out) {
    const auto size = useKey(key, {"wrap", mechanism.mechanism}, out, [&] {
        return key.run([&](Session& session, CK_OBJECT_HANDLE handle) {
            return wrapIn(session, handle, key, mechanism, data, out);
        });
    });
    if (size > out.size())
        throw Error(Failure::call, "C_WrapKey claims more bytes than its buffer has",
                    CKR_GENERAL_ERROR);
    return size;
}

std::size_t unwrap(TokenObject& key, const CK_MECHANISM& mechanism, ByteView wrapped,
                   MutableBytes out) {
    return useKey(key,
                  {.operation = "unwrap", .mechanism = mechanism.mechanism, .isDecryption = true},
                  out, [&] {
                      return key.run([&](Session& session, CK_OBJECT_HANDLE handle) {
                          return unwrapIn(session, handle, key, mechanism, wrapped, out);
                      });
                  });
}

} // namespace p11::pkcs11
