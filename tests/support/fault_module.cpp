// A PKCS#11 module that stands before a real one and makes it worse: less able, less well-behaved,
// or lost at a given call. Configured by environment variables, which are read at each call
// (tests/support/README.md).
#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <dlfcn.h>
#include <p11-kit/pkcs11.h>

namespace {

CK_FUNCTION_LIST* real = nullptr;
CK_FUNCTION_LIST worse;
std::atomic<int> openSessions{0};
std::mutex mutex; // guards what follows
std::map<std::string, int> callCounts;
std::set<CK_SESSION_HANDLE> authenticated;

std::string setting(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr ? value : "";
}

// A list of numbers, "0x1,0x3".
bool lists(const char* name, CK_ULONG number) {
    std::istringstream parts(setting(name));
    for (std::string part; std::getline(parts, part, ',');)
        if (std::strtoul(part.c_str(), nullptr, 0) == number)
            return true;
    return false;
}

// FAULT_MODULE_FAULT=C_Sign:2:0x30[:N]: the second call, and N - 1 more after it, answer 0x30 and
// do nothing.
CK_RV faultOf(const char* function) {
    int count = 0;
    {
        const std::lock_guard lock(mutex);
        count = ++callCounts[function];
    }
    std::istringstream parts(setting("FAULT_MODULE_FAULT"));
    std::string name;
    std::string first;
    std::string rv;
    std::string times;
    std::getline(parts, name, ':');
    std::getline(parts, first, ':');
    std::getline(parts, rv, ':');
    std::getline(parts, times, ':');
    const int from = std::atoi(first.c_str());
    const int number = times.empty() ? 1 : std::atoi(times.c_str());
    const bool hit = name == function && count >= from && count < from + number;
    return hit ? std::strtoul(rv.c_str(), nullptr, 0) : CKR_OK;
}

CK_RV initialize(void* args) {
    const auto* init = static_cast<CK_C_INITIALIZE_ARGS*>(args);
    if (!setting("FAULT_MODULE_CANT_LOCK").empty() && init != nullptr &&
        (init->flags & CKF_OS_LOCKING_OK) != 0)
        return CKR_CANT_LOCK;
    CK_C_INITIALIZE_ARGS locking{};
    locking.flags = CKF_OS_LOCKING_OK;
    const CK_RV rv = real->C_Initialize(init != nullptr ? args : &locking);
    return rv == CKR_OK && !setting("FAULT_MODULE_ALREADY_INITIALIZED").empty()
               ? CKR_CRYPTOKI_ALREADY_INITIALIZED
               : rv;
}

CK_RV getTokenInfo(CK_SLOT_ID slot, CK_TOKEN_INFO* info) {
    const CK_RV rv = real->C_GetTokenInfo(slot, info);
    if (rv == CKR_OK) {
        info->flags |= std::strtoul(setting("FAULT_MODULE_TOKEN_FLAGS").c_str(), nullptr, 0);
        if (!setting("FAULT_MODULE_PIN_PAD").empty())
            info->flags |= CKF_PROTECTED_AUTHENTICATION_PATH;
    }
    return rv;
}

CK_RV getMechanismList(CK_SLOT_ID slot, CK_MECHANISM_TYPE* list, CK_ULONG* count) {
    std::vector<CK_MECHANISM_TYPE> all(1024);
    CK_ULONG size = all.size();
    const CK_RV rv = real->C_GetMechanismList(slot, all.data(), &size);
    if (rv != CKR_OK)
        return rv;
    all.resize(size);
    std::erase_if(
        all, [](CK_MECHANISM_TYPE type) { return lists("FAULT_MODULE_HIDE_MECHANISMS", type); });
    const CK_ULONG room = *count;
    *count = all.size();
    if (list == nullptr)
        return CKR_OK;
    if (room < all.size())
        return CKR_BUFFER_TOO_SMALL;
    std::copy(all.begin(), all.end(), list);
    return CKR_OK;
}

CK_RV openSession(CK_SLOT_ID slot, CK_FLAGS flags, void* application, CK_NOTIFY notify,
                  CK_SESSION_HANDLE* session) {
    const auto most = setting("FAULT_MODULE_MAX_SESSIONS");
    if (!most.empty() && openSessions.load() >= std::atoi(most.c_str()))
        return CKR_SESSION_COUNT;
    const CK_RV rv = real->C_OpenSession(slot, flags, application, notify, session);
    openSessions += rv == CKR_OK ? 1 : 0;
    return rv;
}

CK_RV closeSession(CK_SESSION_HANDLE session) {
    const CK_RV rv = real->C_CloseSession(session);
    openSessions -= rv == CKR_OK ? 1 : 0;
    return rv;
}

CK_RV login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR* pin, CK_ULONG size) {
    auto padPin = setting("FAULT_MODULE_PIN_PAD");
    if (user == CKU_CONTEXT_SPECIFIC) {
        const std::lock_guard lock(mutex);
        authenticated.insert(session);
        return CKR_OK;
    }
    if (pin == nullptr && !padPin.empty())
        return real->C_Login(session, user, reinterpret_cast<CK_UTF8CHAR*>(padPin.data()),
                             padPin.size());
    return real->C_Login(session, user, pin, size);
}

CK_RV findObjectsInit(CK_SESSION_HANDLE session, CK_ATTRIBUTE* filter, CK_ULONG count) {
    for (CK_ULONG i = 0; i < count; ++i) {
        CK_OBJECT_CLASS type = 0;
        if (filter[i].type == CKA_CLASS)
            std::memcpy(&type, filter[i].pValue, sizeof type);
        if (filter[i].type == CKA_CLASS && lists("FAULT_MODULE_HIDE_CLASSES", type)) {
            CK_ATTRIBUTE nothing{CKA_LABEL, const_cast<char*>("no such label"), 13};
            return real->C_FindObjectsInit(session, &nothing, 1);
        }
    }
    return real->C_FindObjectsInit(session, filter, count);
}

CK_RV getAttributeValue(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                        CK_ATTRIBUTE* attributes, CK_ULONG count) {
    for (CK_ULONG i = 0; i < count; ++i)
        if (lists("FAULT_MODULE_REFUSE_ATTRIBUTES", attributes[i].type))
            return CKR_GENERAL_ERROR; // the whole template, as some modules do
    const CK_RV rv = real->C_GetAttributeValue(session, object, attributes, count);
    const bool raw = !setting("FAULT_MODULE_RAW_EC_POINT").empty();
    for (CK_ULONG i = 0; i < count; ++i) {
        auto& attribute = attributes[i];
        if (lists("FAULT_MODULE_HIDE_ATTRIBUTES", attribute.type))
            attribute.ulValueLen = CK_UNAVAILABLE_INFORMATION;
        if (raw && attribute.type == CKA_EC_POINT && attribute.pValue != nullptr &&
            attribute.ulValueLen == 67) {
            auto* bytes = static_cast<unsigned char*>(attribute.pValue);
            std::memmove(bytes, bytes + 2, 65); // without the OCTET STRING's header
            attribute.ulValueLen = 65;
        }
        if (attribute.type == CKA_ALWAYS_AUTHENTICATE && attribute.ulValueLen == 1 &&
            !setting("FAULT_MODULE_ALWAYS_AUTHENTICATE").empty())
            *static_cast<CK_BBOOL*>(attribute.pValue) = CK_TRUE;
    }
    return rv;
}

CK_RV initOperation(const char* name,
                    CK_RV (*function)(CK_SESSION_HANDLE, CK_MECHANISM*, CK_OBJECT_HANDLE),
                    CK_SESSION_HANDLE session, CK_MECHANISM* mechanism, CK_OBJECT_HANDLE key) {
    if (const CK_RV fault = faultOf(name); fault != CKR_OK)
        return fault;
    return lists("FAULT_MODULE_HIDE_MECHANISMS", mechanism->mechanism)
               ? CKR_MECHANISM_INVALID
               : function(session, mechanism, key);
}

CK_RV signInit(CK_SESSION_HANDLE session, CK_MECHANISM* mechanism, CK_OBJECT_HANDLE key) {
    return initOperation("C_SignInit", real->C_SignInit, session, mechanism, key);
}

CK_RV decryptInit(CK_SESSION_HANDLE session, CK_MECHANISM* mechanism, CK_OBJECT_HANDLE key) {
    return initOperation("C_DecryptInit", real->C_DecryptInit, session, mechanism, key);
}

CK_RV sign(CK_SESSION_HANDLE session, CK_BYTE* data, CK_ULONG size, CK_BYTE* out,
           CK_ULONG* outSize) {
    if (const CK_RV fault = faultOf("C_Sign"); fault != CKR_OK)
        return fault;
    if (!setting("FAULT_MODULE_ALWAYS_AUTHENTICATE").empty()) {
        const std::lock_guard lock(mutex);
        if (authenticated.erase(session) == 0)
            return CKR_USER_NOT_LOGGED_IN;
    }
    return real->C_Sign(session, data, size, out, outSize);
}

bool loadReal() {
    void* library = dlopen(setting("FAULT_MODULE_TARGET").c_str(), RTLD_NOW);
    auto* getList =
        library != nullptr
            ? reinterpret_cast<CK_C_GetFunctionList>(dlsym(library, "C_GetFunctionList"))
            : nullptr;
    if (getList == nullptr || getList(&real) != CKR_OK)
        return false;
    worse = *real;
    worse.C_Initialize = initialize;
    worse.C_GetTokenInfo = getTokenInfo;
    worse.C_GetMechanismList = getMechanismList;
    worse.C_OpenSession = openSession;
    worse.C_CloseSession = closeSession;
    worse.C_Login = login;
    worse.C_FindObjectsInit = findObjectsInit;
    worse.C_GetAttributeValue = getAttributeValue;
    worse.C_SignInit = signInit;
    worse.C_DecryptInit = decryptInit;
    worse.C_Sign = sign;
    return true;
}

} // namespace

extern "C" __attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST** list) {
    if (real == nullptr && !loadReal())
        return CKR_GENERAL_ERROR;
    *list = &worse;
    return CKR_OK;
}
