#include "tokens/finding.h"

namespace tokens {

pkcs11::ObjectQuery byIdOrLabel(CK_OBJECT_CLASS type, const pkcs11::Bytes& id,
                                const std::string& label) {
    if (!id.empty())
        return {type, std::nullopt, id};
    return {type, label, std::nullopt};
}

std::vector<CK_OBJECT_HANDLE> find(pkcs11::Connection& connection, pkcs11::Session& session,
                                   const pkcs11::ObjectQuery& query, Login login,
                                   const pkcs11::PinSource& pins) {
    if (login == Login::first)
        connection.login(session, pins);
    auto handles = pkcs11::findObjects(session, query);
    if (!handles.empty() || login == Login::never || connection.loggedIn())
        return handles;
    connection.login(session, pins);
    return pkcs11::findObjects(session, query);
}

} // namespace tokens
