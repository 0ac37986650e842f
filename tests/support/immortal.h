// SPDX-License-Identifier: Apache-2.0
// Statics without destruction. The application's own exit handlers may call the module after C++
// would have destroyed its statics; what they hold on the heap is let go by the module's release().
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
