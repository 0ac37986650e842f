// SPDX-License-Identifier: Apache-2.0
// C_Decrypt as the tests of timing need it: with its answer marked for memcheck, or with a chosen
// answer that takes no time.
#include <cstring>
#include <utility>

#include "tests/support/config.h"
#include "tests/support/module.h"

#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#define CAN_MARK true
#else
#define CAN_MARK false
#define VALGRIND_MAKE_MEM_UNDEFINED(address, size)                                                 \
    (static_cast<void>(address), static_cast<void>(size))
#endif

namespace test_module {
namespace {

struct Chosen {
    CK_RV rv = CKR_OK;
    const unsigned char* data = nullptr;
    CK_ULONG size = 0;
} chosen;

// The function that was in the list before.
CK_C_DecryptInit nextInit = nullptr;
CK_C_Decrypt nextDecrypt = nullptr;

CK_RV decryptInit(CK_SESSION_HANDLE session, CK_MECHANISM* mechanism, CK_OBJECT_HANDLE key) {
    return chosen.data != nullptr ? CKR_OK : nextInit(session, mechanism, key);
}

void mark(CK_RV& rv, CK_BYTE* out, CK_ULONG room, CK_ULONG* size) {
    const auto marks = config().decryptedMarks;
    if (marks == Marks::none || out == nullptr)
        return;
    VALGRIND_MAKE_MEM_UNDEFINED(out, room);
    VALGRIND_MAKE_MEM_UNDEFINED(size, sizeof *size);
    if (marks == Marks::answer)
        VALGRIND_MAKE_MEM_UNDEFINED(&rv, sizeof rv);
}

CK_RV decrypt(CK_SESSION_HANDLE session, CK_BYTE* data, CK_ULONG dataSize, CK_BYTE* out,
              CK_ULONG* size) {
    const CK_ULONG room = *size;
    if (chosen.data != nullptr) {
        std::memcpy(out, chosen.data, room);
        *size = chosen.size;
        return chosen.rv;
    }
    CK_RV rv = nextDecrypt(session, data, dataSize, out, size);
    mark(rv, out, room, size);
    return rv;
}

} // namespace

bool canMark() {
    return CAN_MARK;
}

void answerDecrypt(CK_RV rv, const unsigned char* data, CK_ULONG size) {
    chosen = {rv, data, size};
}

void interceptDecryption(FunctionList& list) {
    nextInit = std::exchange(list.C_DecryptInit, decryptInit);
    nextDecrypt = std::exchange(list.C_Decrypt, decrypt);
}

} // namespace test_module
