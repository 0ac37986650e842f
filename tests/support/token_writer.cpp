// SPDX-License-Identifier: Apache-2.0
#include "tests/support/token_writer.h"

#include <array>
#include <cstring>
#include <stdexcept>

#include <dlfcn.h>

namespace testing_support {
namespace {

void require(const char* function, CK_RV rv) {
    if (rv != CKR_OK)
        throw std::runtime_error(std::string(function) + " answered " + std::to_string(rv));
}

// The library is not closed, because others may have it open, and it does not survive being loaded
// twice.
CK_FUNCTION_LIST* load(const std::string& path) {
    void* library = dlopen(path.c_str(), RTLD_NOW);
    if (library == nullptr)
        throw std::runtime_error(dlerror());
    const auto getList =
        reinterpret_cast<CK_C_GetFunctionList>(dlsym(library, "C_GetFunctionList"));
    CK_FUNCTION_LIST* list = nullptr;
    require("C_GetFunctionList", getList != nullptr ? getList(&list) : CKR_GENERAL_ERROR);
    return list;
}

CK_SLOT_ID findSlot(CK_FUNCTION_LIST& functions, const std::string& token) {
    std::array<CK_SLOT_ID, 64> slots{};
    CK_ULONG count = slots.size();
    require("C_GetSlotList", functions.C_GetSlotList(CK_TRUE, slots.data(), &count));
    for (CK_ULONG i = 0; i < count; ++i) {
        CK_TOKEN_INFO info{};
        require("C_GetTokenInfo", functions.C_GetTokenInfo(slots.at(i), &info));
        if (std::memcmp(info.label, (token + " ").c_str(), token.size() + 1) == 0)
            return slots.at(i);
    }
    throw std::runtime_error("no token \"" + token + "\"");
}

} // namespace

TokenWriter::TokenWriter(const std::string& module, const std::string& token, std::string pin)
    : functions_(load(module)) {
    CK_C_INITIALIZE_ARGS args{};
    args.flags = CKF_OS_LOCKING_OK;
    const CK_RV rv = functions_->C_Initialize(&args);
    finalizes_ = rv == CKR_OK;
    if (rv != CKR_CRYPTOKI_ALREADY_INITIALIZED)
        require("C_Initialize", rv);
    slot_ = findSlot(*functions_, token);
    require("C_OpenSession", functions_->C_OpenSession(slot_, CKF_SERIAL_SESSION | CKF_RW_SESSION,
                                                       nullptr, nullptr, &session_));
    const CK_RV login = functions_->C_Login(
        session_, CKU_USER, reinterpret_cast<CK_UTF8CHAR_PTR>(pin.data()), pin.size());
    if (login != CKR_USER_ALREADY_LOGGED_IN)
        require("C_Login", login);
}

TokenWriter::~TokenWriter() {
    functions_->C_CloseSession(session_);
    if (finalizes_)
        functions_->C_Finalize(nullptr);
}

void TokenWriter::create(std::vector<CK_ATTRIBUTE> values) {
    CK_OBJECT_HANDLE created = 0;
    require("C_CreateObject",
            functions_->C_CreateObject(session_, values.data(), values.size(), &created));
}

void TokenWriter::generatePair(CK_MECHANISM_TYPE type, std::vector<CK_ATTRIBUTE> publicValues,
                               std::vector<CK_ATTRIBUTE> privateValues) {
    CK_MECHANISM mechanism{type, nullptr, 0};
    CK_OBJECT_HANDLE publicKey = 0;
    CK_OBJECT_HANDLE privateKey = 0;
    require("C_GenerateKeyPair",
            functions_->C_GenerateKeyPair(session_, &mechanism, publicValues.data(),
                                          publicValues.size(), privateValues.data(),
                                          privateValues.size(), &publicKey, &privateKey));
}

// Copies of the token's keys, which others have made in this process, are no concern of another
// program.
std::vector<CK_OBJECT_HANDLE> TokenWriter::find(std::vector<CK_ATTRIBUTE> filter) {
    CK_BBOOL yes = CK_TRUE;
    filter.push_back({CKA_TOKEN, &yes, sizeof yes});
    std::vector<CK_OBJECT_HANDLE> found(16);
    CK_ULONG count = 0;
    require("C_FindObjectsInit",
            functions_->C_FindObjectsInit(session_, filter.data(), filter.size()));
    require("C_FindObjects",
            functions_->C_FindObjects(session_, found.data(), found.size(), &count));
    require("C_FindObjectsFinal", functions_->C_FindObjectsFinal(session_));
    found.resize(count);
    return found;
}

void TokenWriter::destroy(std::string label) {
    for (const CK_OBJECT_HANDLE object : find({{CKA_LABEL, label.data(), label.size()}}))
        require("C_DestroyObject", functions_->C_DestroyObject(session_, object));
}

std::size_t TokenWriter::count(std::string label) {
    return find({{CKA_LABEL, label.data(), label.size()}}).size();
}

std::vector<unsigned char> TokenWriter::publicValue(std::string label, std::string id,
                                                    CK_ATTRIBUTE_TYPE type) {
    CK_OBJECT_CLASS keyClass = CKO_PUBLIC_KEY;
    std::vector<CK_ATTRIBUTE> filter{{CKA_CLASS, &keyClass, sizeof keyClass},
                                     {CKA_LABEL, label.data(), label.size()}};
    if (!id.empty())
        filter.push_back({CKA_ID, id.data(), id.size()});
    const auto found = find(std::move(filter));
    if (found.size() != 1)
        throw std::runtime_error("not one public key \"" + label + "\"");
    std::vector<unsigned char> value(1024);
    CK_ATTRIBUTE wanted{type, value.data(), value.size()};
    require("C_GetAttributeValue",
            functions_->C_GetAttributeValue(session_, found.front(), &wanted, 1));
    value.resize(wanted.ulValueLen);
    return value;
}

void TokenWriter::letDerive(std::string label) {
    CK_OBJECT_CLASS type = CKO_PRIVATE_KEY;
    CK_BBOOL yes = CK_TRUE;
    CK_ATTRIBUTE derive{CKA_DERIVE, &yes, sizeof yes};
    const auto keys =
        find({{CKA_CLASS, &type, sizeof type}, {CKA_LABEL, label.data(), label.size()}});
    if (keys.empty())
        throw std::runtime_error("no private key \"" + label + "\"");
    for (const CK_OBJECT_HANDLE key : keys)
        require("C_SetAttributeValue", functions_->C_SetAttributeValue(session_, key, &derive, 1));
}

void TokenWriter::createKey(CK_OBJECT_CLASS keyClass, CK_KEY_TYPE type, std::string label,
                            std::string id, std::vector<CK_ATTRIBUTE> values) {
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL isPrivate = keyClass == CKO_PRIVATE_KEY ? CK_TRUE : CK_FALSE;
    values.insert(values.end(), {{CKA_CLASS, &keyClass, sizeof keyClass},
                                 {CKA_KEY_TYPE, &type, sizeof type},
                                 {CKA_TOKEN, &yes, sizeof yes},
                                 {CKA_PRIVATE, &isPrivate, sizeof isPrivate},
                                 {CKA_LABEL, label.data(), label.size()},
                                 {CKA_ID, id.data(), id.size()}});
    create(std::move(values));
}

void TokenWriter::createCertificate(std::string label, std::vector<CK_ATTRIBUTE> values) {
    CK_OBJECT_CLASS type = CKO_CERTIFICATE;
    CK_CERTIFICATE_TYPE kind = CKC_X_509;
    CK_BBOOL yes = CK_TRUE;
    values.insert(values.end(), {{CKA_CLASS, &type, sizeof type},
                                 {CKA_CERTIFICATE_TYPE, &kind, sizeof kind},
                                 {CKA_TOKEN, &yes, sizeof yes},
                                 {CKA_LABEL, label.data(), label.size()}});
    create(std::move(values));
}

void TokenWriter::createPublicKey(std::string label, std::string id) {
    std::vector<unsigned char> modulus(256, 0xFF);
    std::array<unsigned char, 3> exponent{1, 0, 1};
    createKey(CKO_PUBLIC_KEY, CKK_RSA, std::move(label), std::move(id),
              {{CKA_MODULUS, modulus.data(), modulus.size()},
               {CKA_PUBLIC_EXPONENT, exponent.data(), exponent.size()}});
}

} // namespace testing_support
