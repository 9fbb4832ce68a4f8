// SPDX-License-Identifier: Apache-2.0

package legacy_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"log"
	"math/big"

	"github.com/s3seal/s3seal/wrap"
	"github.com/s3seal/s3seal/wrap/legacy"
)

func ExampleNewInsecureRSARawKey() {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		log.Fatal(err)
	}
	// What the old client did: the CEK as a number, to the power of e.
	cek := bytes.Repeat([]byte{7}, 32)
	c := new(big.Int).SetBytes(cek)
	c.Exp(c, big.NewInt(int64(private.E)), private.N)
	wrapped := c.FillBytes(make([]byte, private.Size()))

	key, err := legacy.NewInsecureRSARawKey(private)
	if err != nil {
		log.Fatal(err)
	}
	got, err := key.Unwrap(context.Background(), wrap.Unnamed, wrapped, wrap.Info{})
	fmt.Println(key, bytes.Equal(got, cek), err)
	// Output: legacy.InsecureRSARaw(2048-bit) true <nil>
}
