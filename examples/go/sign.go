// SPDX-License-Identifier: Apache-2.0

// Signs a file, and a certificate, by a key on a token:
//
//	go run sign.go URI FILE SIGNATURE CERTIFICATE
//
// Go's crypto packages do not use OpenSSL, so they take neither providers nor key references. But they take every
// crypto.Signer, for certificates, requests and TLS (tls.Certificate.PrivateKey). This one calls the command openssl, which
// starts a process for each signature. For a server with many handshakes, put nginx or stunnel before it.
package main

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"os"
	"os/exec"
	"time"
)

// tokenKey is a private key that OpenSSL finds by a URI or in a key reference.
type tokenKey struct {
	uri    string
	public crypto.PublicKey
}

func openssl(input []byte, arguments ...string) ([]byte, error) {
	command := exec.Command("openssl", arguments...)
	command.Stdin = bytes.NewReader(input)
	command.Stderr = os.Stderr
	return command.Output()
}

func loadKey(uri string) (*tokenKey, error) {
	text, err := openssl(nil, "pkey", "-in", uri, "-pubout")
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("openssl gives no public key")
	}
	public, err := x509.ParsePKIXPublicKey(block.Bytes)
	return &tokenKey{uri, public}, err
}

func (key *tokenKey) Public() crypto.PublicKey { return key.public }

// Sign signs a digest of SHA-256, with PKCS#1 v1.5 or PSS if the key is an RSA key.
func (key *tokenKey) Sign(_ io.Reader, digest []byte, options crypto.SignerOpts) ([]byte, error) {
	if options.HashFunc() != crypto.SHA256 {
		return nil, fmt.Errorf("only SHA-256 is supported")
	}
	arguments := []string{"pkeyutl", "-sign", "-inkey", key.uri, "-pkeyopt", "digest:sha256"}
	if _, pss := options.(*rsa.PSSOptions); pss {
		arguments = append(arguments, "-pkeyopt", "rsa_padding_mode:pss", "-pkeyopt", "rsa_pss_saltlen:digest")
	}
	return openssl(digest, arguments...)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	if len(os.Args) != 5 {
		log.Fatal("sign URI FILE SIGNATURE CERTIFICATE")
	}
	key, err := loadKey(os.Args[1])
	check(err)
	data, err := os.ReadFile(os.Args[2])
	check(err)
	digest := sha256.Sum256(data)
	signature, err := key.Sign(rand.Reader, digest[:], crypto.SHA256)
	check(err)
	check(os.WriteFile(os.Args[3], signature, 0o644))

	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "go"},
		NotBefore:    time.Now(),
		NotAfter:     time.Now().AddDate(0, 0, 1),
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	check(err)
	check(os.WriteFile(os.Args[4], pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}), 0o644))
}
