// SPDX-License-Identifier: Apache-2.0

package legacy_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"encoding/hex"
	"fmt"
	"log"

	"github.com/s3seal/s3seal/wrap"
	"github.com/s3seal/s3seal/wrap/legacy"
)

// The metadata of format V1 names no algorithm; the key decides.
func ExampleNewAESECB() {
	key, err := legacy.NewAESECB(bytes.Repeat([]byte("k"), 16))
	if err != nil {
		log.Fatal(err)
	}
	wrapped, _ := hex.DecodeString("d59a351205e56b69604fbca1dd047835113fa8c06ccc70c4671cc09d1f267cd5")
	cek, err := key.Unwrap(context.Background(), wrap.Unnamed, wrapped, wrap.Info{})
	fmt.Println(key, hex.EncodeToString(cek), err)
	// Output: legacy.AESECB(128-bit) 0102030405060708090a0b0c0d0e0f10 <nil>
}

func ExampleNewRSAPKCS1() {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		log.Fatal(err)
	}
	writer, err := legacy.NewRSAPKCS1(&private.PublicKey)
	if err != nil {
		log.Fatal(err)
	}
	wrapped, err := writer.Wrap(context.Background(), make([]byte, 32), wrap.Info{})
	fmt.Println(writer, writer.Algorithm(), len(wrapped), err)
	// Output: legacy.RSAPKCS1(2048-bit public) RSA-PKCS1-v1.5 256 <nil>
}

// A wrapped key that is wrong unwraps to a wrong CEK, and not to an error.
func ExampleNewRSAPKCS1Key() {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		log.Fatal(err)
	}
	key, err := legacy.NewRSAPKCS1Key(private)
	if err != nil {
		log.Fatal(err)
	}
	ctx, cek := context.Background(), bytes.Repeat([]byte{7}, 32)
	wrapped, err := key.Wrap(ctx, cek, wrap.Info{})
	if err != nil {
		log.Fatal(err)
	}
	got, err := key.Unwrap(ctx, wrap.RSAPKCS1, wrapped, wrap.Info{})
	fmt.Println(bytes.Equal(got, cek), err)

	got, err = key.Unwrap(ctx, wrap.RSAPKCS1, make([]byte, 256), wrap.Info{})
	fmt.Println(bytes.Equal(got, cek), err)
	// Output:
	// true <nil>
	// false <nil>
}

func ExampleNewRSAOAEPSHA256Key() {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		log.Fatal(err)
	}
	key, err := legacy.NewRSAOAEPSHA256Key(private)
	if err != nil {
		log.Fatal(err)
	}
	cek := bytes.Repeat([]byte{7}, 32)
	for _, mgf := range []crypto.Hash{crypto.SHA1, crypto.SHA256} { // as old writers do
		opts := &rsa.OAEPOptions{Hash: crypto.SHA256, MGFHash: mgf}
		wrapped, err := rsa.EncryptOAEPWithOptions(rand.Reader, &private.PublicKey, cek, opts)
		if err != nil {
			log.Fatal(err)
		}
		got, err := key.Unwrap(context.Background(), wrap.RSAOAEPSHA256, wrapped, wrap.Info{})
		fmt.Println(mgf, bytes.Equal(got, cek), err)
	}
	// Output:
	// SHA-1 true <nil>
	// SHA-256 true <nil>
}
