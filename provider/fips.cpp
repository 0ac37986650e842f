// SPDX-License-Identifier: Apache-2.0
#include "provider/fips.h"

namespace provider {

FipsAlgorithms::FipsAlgorithms(const OSSL_ALGORITHM* algorithms) {
    for (; algorithms->algorithm_names != nullptr; ++algorithms) {
        properties_.push_back(std::string(algorithms->property_definition) + ",fips=yes");
        table_.push_back(*algorithms);
        table_.back().property_definition = properties_.back().c_str();
    }
    table_.push_back(*algorithms);
}

} // namespace provider
