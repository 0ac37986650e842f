// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/hostile_module.h"

#include <array>
#include <iterator>

#include "pkcs11/cryptoki.h"
#include "tests/fuzz/hostile_objects.h"

namespace {

using fuzz::Input;
using p11::pkcs11::List30;

// Large enough for what the provider believes at once, and for one batch of C_FindObjects.
constexpr std::array<CK_ULONG, 12> lengths{
    0, 1, 2, 3, 7, 8, 63, 64, 65, 4096, 0x7fffffffffffffffUL, CK_UNAVAILABLE_INFORMATION};
constexpr std::array<CK_RV, 32> results{CKR_OK,
                                        CKR_GENERAL_ERROR,
                                        CKR_HOST_MEMORY,
                                        CKR_SLOT_ID_INVALID,
                                        CKR_FUNCTION_FAILED,
                                        CKR_ARGUMENTS_BAD,
                                        CKR_CANT_LOCK,
                                        CKR_ATTRIBUTE_SENSITIVE,
                                        CKR_ATTRIBUTE_TYPE_INVALID,
                                        CKR_DATA_INVALID,
                                        CKR_DATA_LEN_RANGE,
                                        CKR_DEVICE_ERROR,
                                        CKR_DEVICE_REMOVED,
                                        CKR_ENCRYPTED_DATA_INVALID,
                                        CKR_FUNCTION_NOT_SUPPORTED,
                                        CKR_KEY_HANDLE_INVALID,
                                        CKR_OBJECT_HANDLE_INVALID,
                                        CKR_MECHANISM_INVALID,
                                        CKR_MECHANISM_PARAM_INVALID,
                                        CKR_OPERATION_ACTIVE,
                                        CKR_OPERATION_NOT_INITIALIZED,
                                        CKR_PIN_INCORRECT,
                                        CKR_PIN_LOCKED,
                                        CKR_SESSION_CLOSED,
                                        CKR_SESSION_HANDLE_INVALID,
                                        CKR_TOKEN_NOT_PRESENT,
                                        CKR_USER_ALREADY_LOGGED_IN,
                                        CKR_USER_NOT_LOGGED_IN,
                                        CKR_BUFFER_TOO_SMALL,
                                        CKR_CRYPTOKI_NOT_INITIALIZED,
                                        CKR_CRYPTOKI_ALREADY_INITIALIZED,
                                        CK_UNAVAILABLE_INFORMATION};
constexpr std::array<CK_MECHANISM_TYPE, 6> mechanisms{
    CKM_RSA_PKCS, CKM_RSA_X_509, CKM_RSA_PKCS_PSS, CKM_RSA_PKCS_OAEP, CKM_ECDSA, 0x1057};

Input script;
std::vector<CK_OBJECT_HANDLE> found;
CK_ULONG foundBefore = 0;
bool findsForEver = false;
// Beside the handles of the objects.
constexpr CK_OBJECT_HANDLE derivedKey = 0x5eed;
CK_OBJECT_HANDLE operationKey = 0;

// Zero is success, and 255 any value there is.
CK_RV result() {
    const unsigned char choice = script.byte();
    return choice == 255 ? script.number() : results[choice % results.size()];
}

const hostile::Object* objectOf(CK_OBJECT_HANDLE handle) {
    const auto& all = hostile::objects();
    return handle - 1 < all.size() ? &all[handle - 1] : nullptr;
}

// Texts with padding, without, ended by NUL, and what is no text at all. Few of them: the provider
// keeps a token for each.
template <std::size_t N>
void fillText(unsigned char (&field)[N], unsigned char choice) {
    constexpr std::array<unsigned char, 4> fillers{' ', 'x', 0, 0xff};
    std::fill_n(field, N, fillers[choice % fillers.size()]);
    if (choice < 4)
        field[0] = 'f';
}

CK_RV initialize(CK_VOID_PTR) {
    return result();
}

CK_RV finalize(CK_VOID_PTR) {
    return result();
}

CK_RV getInfo(CK_INFO* info) {
    const unsigned char choice = script.byte();
    *info = {};
    fillText(info->manufacturerID, choice);
    fillText(info->libraryDescription, choice);
    return result();
}

CK_RV getSlotList(CK_BBOOL, CK_SLOT_ID* slots, CK_ULONG* count) {
    const unsigned char choice = script.byte();
    if (slots != nullptr && choice != 0)
        for (CK_ULONG i = 0; i < std::min<CK_ULONG>(*count, choice); ++i)
            slots[i] = script.byte() % 4;
    else if (slots != nullptr && *count > 0)
        slots[0] = 0;
    *count = choice == 0 ? 1 : script.choice(lengths);
    return result();
}

CK_RV getSlotInfo(CK_SLOT_ID, CK_SLOT_INFO* info) {
    const unsigned char choice = script.byte();
    *info = {};
    fillText(info->slotDescription, choice);
    fillText(info->manufacturerID, choice);
    info->flags = CKF_TOKEN_PRESENT;
    return result();
}

CK_RV getTokenInfo(CK_SLOT_ID slot, CK_TOKEN_INFO* info) {
    const unsigned char choice = script.byte();
    *info = {};
    fillText(info->label, choice);
    fillText(info->manufacturerID, choice);
    fillText(info->model, choice);
    fillText(info->serialNumber, choice);
    info->serialNumber[1] = static_cast<unsigned char>('0' + slot % 4);
    info->flags = CKF_TOKEN_INITIALIZED | CKF_LOGIN_REQUIRED;
    if (choice != 0)
        info->flags ^= script.number();
    return result();
}

CK_RV getMechanismList(CK_SLOT_ID, CK_MECHANISM_TYPE* list, CK_ULONG* count) {
    const unsigned char choice = script.byte();
    const CK_ULONG room = list != nullptr ? *count : 0;
    if (choice == 0) {
        std::copy_n(mechanisms.begin(), std::min<CK_ULONG>(room, mechanisms.size()), list);
        *count = mechanisms.size();
        return CKR_OK;
    }
    for (CK_ULONG i = 0; i < std::min<CK_ULONG>(room, choice % 16); ++i)
        list[i] = script.byte() % 2 == 0 ? script.choice(mechanisms) : script.byte();
    *count = script.choice(lengths);
    return result();
}

CK_RV getMechanismInfo(CK_SLOT_ID, CK_MECHANISM_TYPE, CK_MECHANISM_INFO* info) {
    *info = {0, 0, script.byte()};
    return result();
}

// CKR_SESSION_COUNT is not among the results: the provider waits a minute for a session then, as it
// should.
CK_RV openSession(CK_SLOT_ID, CK_FLAGS, CK_VOID_PTR, CK_NOTIFY, CK_SESSION_HANDLE* session) {
    *session = script.byte();
    return result();
}

CK_RV closeSession(CK_SESSION_HANDLE) {
    return result();
}

CK_RV login(CK_SESSION_HANDLE, CK_USER_TYPE, CK_UTF8CHAR*, CK_ULONG) {
    return result();
}

bool fits(const hostile::Object& object, const CK_ATTRIBUTE& wanted) {
    const auto value = object.find(wanted.type);
    return value.size() == wanted.ulValueLen &&
           std::equal(value.begin(), value.end(), static_cast<const unsigned char*>(wanted.pValue));
}

CK_RV findObjectsInit(CK_SESSION_HANDLE, CK_ATTRIBUTE* filter, CK_ULONG count) {
    const unsigned char choice = script.byte();
    findsForEver = choice == 0xff;
    foundBefore = 0;
    found.clear();
    for (CK_OBJECT_HANDLE handle = 1; handle <= hostile::objects().size(); ++handle)
        if (std::all_of(filter, filter + count, [handle](const CK_ATTRIBUTE& wanted) {
                return fits(*objectOf(handle), wanted);
            }))
            found.push_back(handle);
    return choice == 0 ? CKR_OK : result();
}

CK_RV findObjects(CK_SESSION_HANDLE, CK_OBJECT_HANDLE* handles, CK_ULONG room, CK_ULONG* count) {
    const unsigned char choice = findsForEver ? 0 : script.byte();
    if (findsForEver) {
        for (CK_ULONG i = 0; i < room; ++i)
            handles[i] = ++foundBefore;
        *count = room;
        return CKR_OK;
    }
    const CK_ULONG given = std::min<CK_ULONG>(room, found.size());
    std::copy_n(found.begin(), given, handles);
    found.erase(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(given));
    *count = given;
    if (choice == 0)
        return CKR_OK;
    for (CK_ULONG i = 0; i < std::min<CK_ULONG>(room, choice % 8); ++i)
        handles[i] = script.byte() % 2 == 0 ? script.byte() % 16 : script.number();
    *count = script.choice(lengths);
    return result();
}

CK_RV findObjectsFinal(CK_SESSION_HANDLE) {
    return result();
}

// As much as there is room for; the length says how much there would be.
void give(CK_ATTRIBUTE& attribute, std::span<const unsigned char> value) {
    if (attribute.pValue != nullptr)
        std::copy_n(value.begin(), std::min<CK_ULONG>(attribute.ulValueLen, value.size()),
                    static_cast<unsigned char*>(attribute.pValue));
    attribute.ulValueLen = value.size();
}

void giveRepeated(CK_ATTRIBUTE& attribute, CK_ULONG size, std::span<const unsigned char> pattern) {
    auto* bytes = static_cast<unsigned char*>(attribute.pValue);
    for (CK_ULONG i = 0; i < std::min(attribute.ulValueLen, size) && !pattern.empty(); ++i)
        bytes[i] = pattern[i % pattern.size()];
    attribute.ulValueLen = size;
}

void giveChanged(CK_ATTRIBUTE& attribute, std::span<const unsigned char> value) {
    std::vector<unsigned char> changed(value.begin(), value.end());
    if (const unsigned char place = script.byte(); !changed.empty())
        changed[place % changed.size()] = script.byte();
    give(attribute, changed);
}

void giveWrong(CK_ATTRIBUTE& attribute, std::span<const unsigned char> value) {
    switch (script.byte() % 12) {
    case 0:
        give(attribute, value);
        break;
    case 1:
        attribute.ulValueLen = CK_UNAVAILABLE_INFORMATION;
        break;
    case 2:
        attribute.ulValueLen = script.choice(lengths);
        break;
    case 3:
        ++attribute.ulValueLen;
        break;
    case 4:
        give(attribute, {});
        break;
    case 5:
        give(attribute, value.first(value.empty() ? 0 : value.size() - 1));
        break;
    case 6:
        give(attribute, script.counted());
        break;
    case 7: {
        const CK_ULONG size = script.byte() * 256UL + script.byte();
        giveRepeated(attribute, size, script.bytes(4));
        break;
    }
    case 8:
        giveChanged(attribute, value);
        break;
    case 9: {
        const CK_ULONG number = script.byte();
        give(attribute, {reinterpret_cast<const unsigned char*>(&number), sizeof number});
        break;
    }
    case 10: // another object's
        give(attribute, script.choice(hostile::objects()).find(attribute.type));
        break;
    default: // the template itself
        attribute.type = script.byte();
        attribute.pValue = nullptr;
    }
}

CK_RV getAttributeValue(CK_SESSION_HANDLE, CK_OBJECT_HANDLE handle, CK_ATTRIBUTE* values,
                        CK_ULONG count) {
    const unsigned char choice = script.byte();
    const auto* object = objectOf(handle);
    if (handle == derivedKey && choice == 0) {
        std::fill_n(static_cast<unsigned char*>(values->pValue), values->ulValueLen,
                    static_cast<unsigned char>(0x5a));
        return CKR_OK;
    }
    if (object == nullptr && choice == 0)
        return findsForEver ? CKR_OK : CKR_OBJECT_HANDLE_INVALID;
    CK_RV answer = CKR_OK;
    for (auto& attribute : std::span(values, count)) {
        const auto value =
            object != nullptr ? object->find(attribute.type) : std::span<const unsigned char>{};
        if (choice != 0) {
            giveWrong(attribute, value);
        } else if (value.empty()) {
            attribute.ulValueLen = CK_UNAVAILABLE_INFORMATION;
            answer = CKR_ATTRIBUTE_TYPE_INVALID;
        } else {
            give(attribute, value);
        }
    }
    return choice == 0 ? answer : result();
}

// The derived key's value is as long as it was asked for.
CK_RV deriveKey(CK_SESSION_HANDLE, CK_MECHANISM*, CK_OBJECT_HANDLE, CK_ATTRIBUTE*, CK_ULONG,
                CK_OBJECT_HANDLE* derived) {
    *derived = derivedKey;
    return result();
}

CK_RV destroyObject(CK_SESSION_HANDLE, CK_OBJECT_HANDLE) {
    return result();
}

CK_RV beginOperation(CK_SESSION_HANDLE, CK_MECHANISM*, CK_OBJECT_HANDLE key) {
    operationKey = key;
    return result();
}

CK_RV endOperation(CK_SESSION_HANDLE, CK_BYTE*, CK_ULONG, CK_BYTE* out, CK_ULONG* size) {
    const unsigned char choice = script.byte();
    const auto* key = objectOf(operationKey);
    const CK_ULONG usual = key != nullptr ? key->resultSize : 1;
    std::fill_n(out, *size, CK_BYTE{0x5a});
    if (choice == 0) {
        *size = std::min(*size, usual);
        return CKR_OK;
    }
    const auto given = script.counted();
    std::copy_n(given.begin(), std::min<CK_ULONG>(*size, given.size()), out);
    switch (choice % 4) {
    case 0:
        ++*size;
        break;
    case 1:
        *size = given.size();
        break;
    case 2:
        *size = script.choice(lengths);
        break;
    default:
        break;
    }
    return result();
}

CK_RV signMessage(CK_SESSION_HANDLE session, CK_VOID_PTR, CK_ULONG, CK_BYTE* data, CK_ULONG size,
                  CK_BYTE* signature, CK_ULONG* signatureSize) {
    return endOperation(session, data, size, signature, signatureSize);
}

CK_RV endMessages(CK_SESSION_HANDLE) {
    return result();
}

CK_RV getFunctionList(CK_FUNCTION_LIST** list);

List30 makeList() {
    List30 list{};
    list.version = {3, 0};
    list.C_Initialize = initialize;
    list.C_Finalize = finalize;
    list.C_GetInfo = getInfo;
    list.C_GetFunctionList = getFunctionList;
    list.C_GetSlotList = getSlotList;
    list.C_GetSlotInfo = getSlotInfo;
    list.C_GetTokenInfo = getTokenInfo;
    list.C_GetMechanismList = getMechanismList;
    list.C_GetMechanismInfo = getMechanismInfo;
    list.C_OpenSession = openSession;
    list.C_CloseSession = closeSession;
    list.C_Login = login;
    list.C_FindObjectsInit = findObjectsInit;
    list.C_FindObjects = findObjects;
    list.C_FindObjectsFinal = findObjectsFinal;
    list.C_GetAttributeValue = getAttributeValue;
    list.C_DeriveKey = deriveKey;
    list.C_DestroyObject = destroyObject;
    list.C_SignInit = beginOperation;
    list.C_Sign = endOperation;
    list.C_DecryptInit = beginOperation;
    list.C_Decrypt = endOperation;
    list.C_MessageSignInit = beginOperation;
    list.C_SignMessage = signMessage;
    list.C_MessageSignFinal = endMessages;
    return list;
}

List30 functions = makeList();

CK_RV getFunctionList(CK_FUNCTION_LIST** list) {
    *list = &functions;
    return CKR_OK;
}

} // namespace

void hostile_module_set_script(Input bytes) {
    script = bytes;
    found.clear();
    findsForEver = false;
}

extern "C" __attribute__((visibility("default"))) CK_RV
C_GetFunctionList(CK_FUNCTION_LIST** list) { // NOLINT: the standard's name
    return getFunctionList(list);
}

// By a label, since p11-kit 0.25 declares it with a type of its own.
extern "C" __attribute__((visibility("default"))) CK_RV
getInterface(CK_UTF8CHAR*, CK_VERSION*, p11::pkcs11::Interface** found30,
             CK_FLAGS) asm("C_GetInterface");

extern "C" CK_RV getInterface(CK_UTF8CHAR*, CK_VERSION*, p11::pkcs11::Interface** found30,
                              CK_FLAGS) {
    static std::array<CK_UTF8CHAR, 8> name{'P', 'K', 'C', 'S', ' ', '1', '1', 0};
    static p11::pkcs11::Interface interface30{name.data(), &functions, 0};
    *found30 = &interface30;
    return CKR_OK;
}
