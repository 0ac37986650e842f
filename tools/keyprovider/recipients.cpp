// SPDX-License-Identifier: Apache-2.0
#include "tools/keyprovider/recipients.h"

#include <string>

#include "tools/shared/error.h"

namespace p11::tools {
namespace {

constexpr std::size_t mostRecipients = 64;

bool isTaken(std::size_t count) {
    return count > 0 && count <= mostRecipients;
}

} // namespace

void requireRecipients(std::size_t count) {
    if (!isTaken(count))
        throw Error("1 to " + std::to_string(mostRecipients) + " recipients are needed, and " +
                    std::to_string(count) + " are given");
}

const Json& recipientsOf(const Json& annotation) {
    const auto& list = json::list(annotation, "recipients", "the annotation");
    if (!isTaken(list.size()))
        throw Error("the annotation has " + std::to_string(list.size()) +
                    " recipients; it must have 1 to " + std::to_string(mostRecipients));
    return list;
}

} // namespace p11::tools
