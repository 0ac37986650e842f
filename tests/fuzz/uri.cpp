// SPDX-License-Identifier: Apache-2.0
// URI texts through the parser, the matchers and the formatter.
#include "uri/uri.h"

#include "tests/fuzz/input.h"

namespace {

using fuzz::Input;
using fuzz::require;

template <std::size_t N>
void fill(unsigned char (&field)[N], Input& input) {
    const auto bytes = input.counted();
    std::fill(std::begin(field), std::end(field), static_cast<unsigned char>(' '));
    std::copy_n(bytes.begin(), std::min(bytes.size(), N), field);
}

CK_TOKEN_INFO tokenOf(Input& input) {
    CK_TOKEN_INFO info{};
    fill(info.label, input);
    fill(info.manufacturerID, input);
    fill(info.model, input);
    fill(info.serialNumber, input);
    return info;
}

void match(const p11::uri::Uri& uri, const CK_TOKEN_INFO& token, Input& input) {
    CK_INFO info{};
    fill(info.libraryDescription, input);
    fill(info.manufacturerID, input);
    uri.matchesModule(info);
    CK_SLOT_INFO slot{};
    fill(slot.slotDescription, input);
    fill(slot.manufacturerID, input);
    uri.matchesSlot(slot, input.number());
    uri.matchesToken(token);
}

// The address again is the same address, and holds no PIN.
void checkNormalForm(const p11::uri::Uri& uri) {
    const auto text = uri.withoutPin();
    const auto again = p11::uri::Uri::parse(text);
    require(again.withoutPin() == text);
    require(!again.pinValue() && !again.pinSource());
    require(!again.contextPinValue() && !again.contextPinSource());
    require(again.object() == uri.object() && again.id() == uri.id() && again.type() == uri.type());
    require(again.slotId() == uri.slotId());
    require(again.moduleName() == uri.moduleName() && again.modulePath() == uri.modulePath());
    require(again.constrainsModule() == uri.constrainsModule());
    require(again.constrainsSlotInfo() == uri.constrainsSlotInfo());
    const CK_TOKEN_INFO blank{};
    require(again.matchesToken(blank) == uri.matchesToken(blank));
}

// What is formatted for a user to paste is taken again, and finds the token that it was made for.
void checkAddress(const p11::uri::ObjectAddress& address) {
    const auto parsed = p11::uri::Uri::parse(p11::uri::format(address));
    require(parsed.matchesToken(*address.token));
    if (parsed.object())
        require(*parsed.object() == address.object);
    if (parsed.id())
        require(*parsed.id() == address.id);
}

} // namespace

// The text ends with the first NUL byte; behind it are the fields that it is matched with.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    const auto* end = std::find(data, data + size, '\0');
    const std::string text(data, end);
    Input input(end, static_cast<std::size_t>(data + size - end));
    input.byte();
    const auto token = tokenOf(input);
    try {
        const auto uri = p11::uri::Uri::parse(text);
        match(uri, token, input);
        checkNormalForm(uri);
    } catch (const p11::uri::Error&) {
    }
    const auto id = input.counted();
    checkAddress({&token, input.number(), text, {id.begin(), id.end()}});
    return 0;
}
