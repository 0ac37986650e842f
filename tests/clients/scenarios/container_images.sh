# SPDX-License-Identifier: Apache-2.0
# The programs that encrypt container images, of Debian 13, with this provider and pkcs11-keyprovider as they were built here.
# shellcheck shell=bash

container_images() {
    debian13
    cat >"$HOME13/storage.conf" <<'CONF'
[storage]
driver = "vfs"
graphroot = "/srv/storage"
runroot = "/srv/storage-run"
CONF
    echo '{"key-providers": {"hsm": {"cmd": {"path": "pkcs11-keyprovider", "args": ["--name", "hsm"]}}}}' >"$HOME13/keyprovider.json"
    # shellcheck disable=SC2034 # in13 reads it
    ENV13=(CONTAINERS_STORAGE_CONF=/srv/storage.conf CONTAINERD_ADDRESS=/srv/containerd.sock OCICRYPT_KEYPROVIDER_CONFIG=/srv/keyprovider.json)
}

# image FOLDER LAYERS: an OCI image
image() {
    local folder=$HOME13/$1 number digest descriptors=() ids=() config manifest
    mkdir -p "$folder/blobs/sha256" files
    blob() {
        digest=$(sha256sum "$1" | cut -d' ' -f1)
        mv "$1" "$folder/blobs/sha256/$digest"
    }
    descriptor() { # FILE MEDIA-TYPE
        local size
        size=$(stat -c %s "$1")
        blob "$1"
        jq -cn --arg type "application/vnd.oci.image.$2" --arg digest "sha256:$digest" --argjson size "$size" '{mediaType: $type, digest: $digest, size: $size}'
    }
    for ((number = 0; number < $2; number++)); do
        head -c 50000 /dev/urandom >"files/data$number"
        tar -C files -cf layer.tar "data$number"
        ids+=("sha256:$(sha256sum layer.tar | cut -d' ' -f1)")
        gzip -nf layer.tar
        descriptors+=("$(descriptor layer.tar.gz layer.v1.tar+gzip)")
    done
    jq -cn '{architecture: "amd64", os: "linux", config: {}, rootfs: {type: "layers", diff_ids: $ARGS.positional}}' --args "${ids[@]}" >config
    config=$(descriptor config config.v1+json)
    jq -cn --argjson config "$config" '{schemaVersion: 2, mediaType: "application/vnd.oci.image.manifest.v1+json", config: $config, layers: $ARGS.positional}' \
        --jsonargs "${descriptors[@]}" >manifest
    manifest=$(descriptor manifest manifest.v1+json)
    jq -cn --argjson manifest "$manifest" '{schemaVersion: 2, manifests: [$manifest + {annotations: {"org.opencontainers.image.ref.name": "latest"}}]}' >"$folder/index.json"
    echo '{"imageLayoutVersion": "1.0.0"}' >"$folder/oci-layout"
}
manifest_of() { echo "$HOME13/$1/blobs/sha256/$(jq -r '.manifests[0].digest' "$HOME13/$1/index.json" | cut -d: -f2)"; }
annotations_of() { jq -er --arg name "org.opencontainers.image.enc.keys.$2" '.layers[].annotations[$name]' "$(manifest_of "$1")"; }

# The layers of two images have the same bytes; and an encrypted one has others.
same_layers() {
    [ "$(jq -c '[.layers[].digest]' "$(manifest_of "$1")")" = "$(jq -c '[.layers[].digest]' "$(manifest_of "$2")")" ] || die "the layers of $1 and $2 differ"
    local digest
    for digest in $(jq -r '.layers[].digest' "$(manifest_of "$1")" | cut -d: -f2); do
        cmp "$HOME13/$1/blobs/sha256/$digest" "$HOME13/$2/blobs/sha256/$digest" || die "a layer of $1 and $2"
    done
}
is_encrypted() {
    jq -e '[.layers[].mediaType | endswith("+encrypted")] | all' "$(manifest_of "$1")" >/dev/null || die "$1 is not encrypted"
    local digest
    for digest in $(jq -r '.layers[].digest' "$(manifest_of "$1")" | cut -d: -f2); do
        [ ! -e "$HOME13/alpine/blobs/sha256/$digest" ] || die "a layer of $1 is the plain one"
    done
}

scenario_debian13_skopeo_keyprovider() {
    container_images
    tokens13
    image alpine 3
    local key recipient
    for key in rsa rsa3072 ec256; do
        for recipient in $key.pub.pem $key.cert.pem "$(uri $key)"; do
            rm -rf "$HOME13/enc" "$HOME13/dec"
            works13 "skopeo copy --encryption-key 'provider:hsm:$recipient' oci:alpine:latest oci:enc:latest"
            is_encrypted enc
            works13 "skopeo copy --decryption-key 'provider:hsm:$(uri $key)' oci:enc:latest oci:dec:latest"
            same_layers alpine dec
        done
    done
    rm -rf "$HOME13/dec"
    # What goes wrong is said, without the PIN, and no image comes out.
    no_image13 "belongs to none of its 1 recipients" "skopeo copy --decryption-key 'provider:hsm:$(uri rsa)' oci:enc:latest oci:dec:latest"
    no_image13 "CKR_PIN_INCORRECT" "skopeo copy --decryption-key 'provider:hsm:pkcs11:token=scenarios;object=ec256?pin-value=$WRONG_PIN' oci:enc:latest oci:dec:latest"
    no_image13 "absent.pem cannot be read" "skopeo copy --encryption-key provider:hsm:absent.pem oci:alpine:latest oci:dec:latest"
    replace_annotation enc provider.hsm "$(printf '{"version":7}' | base64 -w0)"
    no_image13 "version 7" "skopeo copy --decryption-key 'provider:hsm:$(uri ec256)' oci:enc:latest oci:dec:latest"
    replace_annotation enc provider.hsm "$(printf '{"version":1,' | base64 -w0)"
    no_image13 "ends too early" "skopeo copy --decryption-key 'provider:hsm:$(uri ec256)' oci:enc:latest oci:dec:latest"
}

# replace_annotation IMAGE NAME VALUE...: a value for each layer
# no_image13 WORDS SCRIPT: refused, and nothing is written
no_image13() {
    refused13 "$@"
    [ ! -e "$HOME13/dec/index.json" ] || die "made an image: $2"
}
replace_annotation() {
    local folder=$HOME13/$1 digest
    jq -c --arg name "org.opencontainers.image.enc.keys.$2" '$ARGS.positional as $values | .layers |= [to_entries[] | .key as $i | .value |
        .annotations |= (with_entries(select(.key | startswith("org.opencontainers.image.enc.keys.") | not)) + {($name): ($values[$i] // $values[0])})]' \
        "$(manifest_of "$1")" --args "${@:3}" >manifest
    digest=$(sha256sum manifest | cut -d' ' -f1)
    jq -c --arg digest "sha256:$digest" --argjson size "$(stat -c %s manifest)" '.manifests[0].digest = $digest | .manifests[0].size = $size' "$folder/index.json" >index
    mv manifest "$folder/blobs/sha256/$digest"
    mv index "$folder/index.json"
}

# Both directions of ocicrypt's own pkcs11 protocol.
scenario_debian13_skopeo_pkcs11() {
    container_images
    tokens13
    image alpine 3
    local hash line number=0 symkey nonce digest values=()
    printf 'pkcs11:\n  uri: %s&module-name=softhsm2\nmodule:\n  env:\n    SOFTHSM2_CONF: /srv/softhsm2.conf\n' "$(uri rsa3072)" >"$HOME13/key.yaml"
    # skopeo wraps; here it is unwrapped with the token, and openssl decrypts the layer with what comes out.
    for hash in sha1 sha256; do
        rm -rf "$HOME13/enc"
        works13 "OCICRYPT_CONFIG=internal OCICRYPT_OAEP_HASHALG=$hash skopeo copy --encryption-key pkcs11:rsa3072.pub.pem oci:alpine:latest oci:enc:latest"
        annotations_of enc pkcs11 >annotations
        keyprovider unwrap --lines -k "$(uri rsa3072)" annotations >keys
        [ "$(wc -l <keys)" = 3 ] || die "$(wc -l <keys) keys"
        number=0
        while read -r line; do
            symkey=$(base64 -d <<<"$line" | jq -r .symkey | base64 -d | xxd -p -c 100)
            nonce=$(base64 -d <<<"$line" | jq -r .cipheroptions.nonce | base64 -d | xxd -p -c 100)
            digest=$(jq -r ".layers[$number].digest" "$(manifest_of enc)" | cut -d: -f2)
            plain enc -d -aes-256-ctr -K "$symkey" -iv "$nonce" -in "$HOME13/enc/blobs/sha256/$digest" -out layer
            digest=$(jq -r ".layers[$number].digest" "$(manifest_of alpine)" | cut -d: -f2)
            cmp layer "$HOME13/alpine/blobs/sha256/$digest" || die "layer $number is something else"
            number=$((number + 1))
        done <keys
    done
    # The same layers with keys wrapped here, which skopeo's own code unwraps on the token. SoftHSM has no OAEP with SHA-256.
    while read -r line; do
        base64 -d <<<"$line" >key
        values+=("$(keyprovider wrap --format pkcs11 --oaep-hash sha1 --base64 -r "$(public_of rsa3072)" key)")
    done <keys
    replace_annotation enc pkcs11 "${values[@]}"
    works13 "OCICRYPT_CONFIG=internal skopeo copy --decryption-key key.yaml oci:enc:latest oci:dec:latest"
    same_layers alpine dec
    # From ocicrypt's protocol to the key provider's.
    rm -rf "$HOME13/dec"
    values=()
    while read -r line; do
        base64 -d <<<"$line" >key
        values+=("$(keyprovider wrap --base64 -r "$(public_of ec256)" key)")
    done <keys
    replace_annotation enc provider.hsm "${values[@]}"
    works13 "skopeo copy --decryption-key 'provider:hsm:$(uri ec256)' oci:enc:latest oci:dec:latest"
    same_layers alpine dec
}

# Every command of the tutorial, from top to bottom.
scenario_debian13_container_images_tutorial() {
    container_images
    image alpine 2
    cat >"$HOME13/containerd.toml" <<'CONF'
version = 2
root = "/srv/containerd"
state = "/srv/containerd-run"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = "/srv/containerd.sock"
CONF
    blocks docs/container-images.md sh >"$HOME13/tutorial.sh"
    blocks docs/container-images.md yaml >"$HOME13/policy.yaml"
    sed 's|/usr/lib/softhsm/libsofthsm2.so|/usr/lib/softhsm/other.so|' "$HOME13/policy.yaml" >"$HOME13/other.yaml"
    rm "$HOME13/keyprovider.json"
    [ "$(wc -l <"$HOME13/tutorial.sh")" -gt 40 ] || die "the tutorial has no commands"
    # shellcheck disable=SC2016 # the inner shell expands
    works13 'unset SOFTHSM2_CONF OCICRYPT_KEYPROVIDER_CONFIG
        containerd -c containerd.toml >containerd.log 2>&1 &
        for i in $(seq 100); do [ -S containerd.sock ] && break; sleep 0.1; done
        . ./tutorial.sh
        OCICRYPT_CONFIG=/srv/policy.yaml skopeo copy --decryption-key provider:hsm:key.yaml oci:alpine_enc_ours:latest oci:alpine_dec_policy:latest
        OCICRYPT_CONFIG=/srv/other.yaml refuses skopeo copy --decryption-key provider:hsm:key.yaml oci:alpine_enc_ours:latest oci:alpine_dec_other:latest
        ctr images export alpine.dec.tar alpine.dec:latest
        mkdir ctr && tar -C ctr -xf alpine.dec.tar'
    local name
    for name in pubkey cert key two pkcs11 yaml ours buildah; do is_encrypted alpine_enc_$name; done
    for name in pubkey cert key two yaml ours policy; do same_layers alpine alpine_dec_$name; done
    for name in $(blocks docs/container-images.md console | sed 's/^apt install//'); do
        grep -qx "$name" "$SOURCE/tests/clients/debian13-packages.txt" || die "a package of the tutorial that is not among those of the root: $name"
    done
    for name in $(jq -r '.layers[].digest' "$(manifest_of alpine)" | cut -d: -f2); do
        [ -e "$HOME13/ctr/blobs/sha256/$name" ] || die "ctr-enc made other layers"
    done
}
