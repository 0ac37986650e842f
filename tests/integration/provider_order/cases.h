// SPDX-License-Identifier: Apache-2.0
// The cases of the table, by what they are about.
#pragma once

#include "tests/integration/provider_order/world.h"

namespace provider_order {

// RSA
void rsaSignatures(Journal& journal, const World& world);
void rsaRefusals(Journal& journal, const World& world);
void rsaMessages(Journal& journal, const World& world);
void rsaContextParams(Journal& journal, const World& world);
void pssLimits(Journal& journal, const World& world);
void rsaEncryption(Journal& journal, const World& world);
void rsaTlsDecryption(Journal& journal, const World& world);

// Curves
void ecSignatures(Journal& journal, const World& world);
void deterministicEcdsa(Journal& journal, const World& world);
void ecForms(Journal& journal, const World& world);
void ecAgreement(Journal& journal, const World& world);
void ecAgreementWithKdf(Journal& journal, const World& world);
void montgomeryAgreement(Journal& journal, const World& world);
void montgomeryRawKeys(Journal& journal, const World& world);
void edwardsSignatures(Journal& journal, const World& world);
void edwardsInstances(Journal& journal, const World& world);

// KEMs
void rsaKem(Journal& journal, const World& world);
void curveKem(Journal& journal, const World& world);
void curveKemWithSender(Journal& journal, const World& world);

// Keys of all types
void everyKeyIsAsked(Journal& journal, const World& world);
void mixedSources(Journal& journal, const World& world);
void generation(Journal& journal, const World& world);
void parameters(Journal& journal, const World& world);
void nonsense(Journal& journal, const World& world);
void certificates(Journal& journal, const World& world);

// OpenSSL 3.4 and later
void namedAlgorithms(Journal& journal, const World& world);
void postQuantum(Journal& journal, const World& world);

} // namespace provider_order
