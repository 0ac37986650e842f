// SPDX-License-Identifier: Apache-2.0
// The objects of the hostile module as they are where nothing is wrong with them.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include <p11-kit/pkcs11.h>

namespace hostile {

struct Value {
    CK_ATTRIBUTE_TYPE type;
    std::span<const unsigned char> bytes;
};

struct Object {
    CK_OBJECT_CLASS type;
    std::size_t resultSize; ///< of what C_Sign and C_Decrypt give
    std::vector<Value> values;

    /// Empty where the object does not have it.
    std::span<const unsigned char> find(CK_ATTRIBUTE_TYPE wanted) const;
};

/// An object's handle is its place here, from 1.
const std::vector<Object>& objects();

} // namespace hostile
