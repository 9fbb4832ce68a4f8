// SPDX-License-Identifier: Apache-2.0

package wrap_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/hex"
	"errors"
	"fmt"
	"log"

	"github.com/s3seal/s3seal/wrap"
)

// The example of RFC 3394, section 4.6.
func ExampleAESKeyWrap() {
	kek, _ := hex.DecodeString("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f")
	key, _ := hex.DecodeString("00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f")
	wrapped, err := wrap.AESKeyWrap(kek, key)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%x\n", wrapped)
	// Output: 28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21
}

func ExampleAESKeyUnwrap() {
	kek, _ := hex.DecodeString("000102030405060708090a0b0c0d0e0f")
	wrapped, _ := hex.DecodeString("1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5")
	key, err := wrap.AESKeyUnwrap(kek, wrapped)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%x\n", key)

	wrapped[0] ^= 1
	_, err = wrap.AESKeyUnwrap(kek, wrapped)
	fmt.Println(err)
	// Output:
	// 00112233445566778899aabbccddeeff
	// wrap: cannot unwrap key
}

func ExampleNewAESGCM() {
	kek := make([]byte, 32) // from a secret store
	rand.Read(kek)
	key, err := wrap.NewAESGCM(kek)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(key)

	ctx, cek := context.Background(), make([]byte, 32)
	rand.Read(cek)
	info := wrap.Info{ContentAlg: "AES/GCM/NoPadding"}
	wrapped, err := key.Wrap(ctx, cek, info)
	if err != nil {
		log.Fatal(err)
	}
	got, err := key.Unwrap(ctx, wrap.AESGCM, wrapped, info)
	fmt.Println(len(wrapped), bytes.Equal(got, cek), err)

	// The content algorithm is bound: a relabelled object does not unwrap.
	_, err = key.Unwrap(ctx, wrap.AESGCM, wrapped, wrap.Info{ContentAlg: "AES/CBC/PKCS5Padding"})
	fmt.Println(err)
	// Output:
	// wrap.AESGCM(256-bit)
	// 60 true <nil>
	// wrap: cannot unwrap key
}

func ExampleNewAESKeyWrap() {
	kek, _ := hex.DecodeString("000102030405060708090a0b0c0d0e0f")
	cek, _ := hex.DecodeString("00112233445566778899aabbccddeeff")
	key, err := wrap.NewAESKeyWrap(kek)
	if err != nil {
		log.Fatal(err)
	}
	wrapped, err := key.Wrap(context.Background(), cek, wrap.Info{})
	fmt.Println(key, hex.EncodeToString(wrapped), err)
	// Output: wrap.AESKeyWrap(128-bit) 1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5 <nil>
}

// A service that only writes needs only the public key.
func ExampleNewRSAOAEP() {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		log.Fatal(err)
	}
	writer, err := wrap.NewRSAOAEP(&private.PublicKey)
	if err != nil {
		log.Fatal(err)
	}
	wrapped, err := writer.Wrap(context.Background(), make([]byte, 32), wrap.Info{ContentAlg: "115"})
	fmt.Println(writer, writer.Algorithm(), len(wrapped), err)
	// Output: wrap.RSAOAEP(2048-bit public) RSA-OAEP-SHA1 256 <nil>
}

func ExampleNewRSAOAEPKey() {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		log.Fatal(err)
	}
	key, err := wrap.NewRSAOAEPKey(private)
	if err != nil {
		log.Fatal(err)
	}
	ctx, cek, info := context.Background(), bytes.Repeat([]byte{7}, 32), wrap.Info{ContentAlg: "115"}
	wrapped, err := key.Wrap(ctx, cek, info)
	if err != nil {
		log.Fatal(err)
	}
	got, err := key.Unwrap(ctx, wrap.RSAOAEPSHA1, wrapped, info)
	fmt.Println(key, bytes.Equal(got, cek), err)
	// Output: wrap.RSAOAEP(2048-bit) true <nil>
}

// Rotation: wrap with the newest key, read with all of them.
func ExampleNewKeyring() {
	oldKey, err := wrap.NewAESGCM(bytes.Repeat([]byte{1}, 32))
	if err != nil {
		log.Fatal(err)
	}
	newKey, err := wrap.NewAESGCM(bytes.Repeat([]byte{2}, 32))
	if err != nil {
		log.Fatal(err)
	}
	ring := wrap.NewKeyring(newKey, oldKey)
	fmt.Println(ring)

	ctx, cek, info := context.Background(), make([]byte, 32), wrap.Info{ContentAlg: "115"}
	for _, key := range []wrap.Key{oldKey, newKey} {
		wrapped, err := key.Wrap(ctx, cek, info)
		if err != nil {
			log.Fatal(err)
		}
		got, err := ring.Unwrap(ctx, wrap.AESGCM, wrapped, info)
		fmt.Println(bytes.Equal(got, cek), err)
	}
	_, err = ring.Unwrap(ctx, wrap.AESKW, make([]byte, 40), info)
	fmt.Println(errors.Is(err, wrap.ErrNoKey))
	// Output:
	// wrap.Keyring[wrap.AESGCM(256-bit) wrap.AESGCM(256-bit)]
	// true <nil>
	// true <nil>
	// true
}

// Two keys of one kind, and objects that say which of them they need.
func ExampleDescribe() {
	eu, err := wrap.NewAESKeyWrap(bytes.Repeat([]byte{1}, 32))
	if err != nil {
		log.Fatal(err)
	}
	us, err := wrap.NewAESKeyWrap(bytes.Repeat([]byte{2}, 32))
	if err != nil {
		log.Fatal(err)
	}
	ring := wrap.NewKeyring(
		wrap.Describe(eu, map[string]string{"region": "eu"}),
		wrap.Describe(us, map[string]string{"region": "us"}),
	)
	ctx, cek := context.Background(), make([]byte, 32)
	wrapped, err := us.Wrap(ctx, cek, wrap.Info{})
	if err != nil {
		log.Fatal(err)
	}
	for _, region := range []string{"us", "eu", "asia"} {
		info := wrap.Info{MatDesc: map[string]string{"region": region}}
		_, err := ring.Unwrap(ctx, wrap.AESKW, wrapped, info)
		fmt.Println(region, err == nil, errors.Is(err, wrap.ErrUnwrap), errors.Is(err, wrap.ErrNoKey))
	}
	// Output:
	// us true false false
	// eu false true false
	// asia false false true
}
