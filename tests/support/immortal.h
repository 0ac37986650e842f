// SPDX-License-Identifier: Apache-2.0
// Static objects that are never destroyed. Exit handlers of the application may call the module
// after C++ would have destroyed its statics. Their memory is freed by the module's release
// functions.
#pragma once

namespace test_module {

template <typename T>
union Immortal {
    T value;
    Immortal() : value() {}
    ~Immortal() {}
    Immortal(const Immortal&) = delete;
    Immortal& operator=(const Immortal&) = delete;
};

} // namespace test_module
