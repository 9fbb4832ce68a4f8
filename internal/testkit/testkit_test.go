// SPDX-License-Identifier: Apache-2.0

package testkit_test

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"

	"github.com/s3seal/s3seal/internal/testkit"
)

func privateKey(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "envelope", "testdata", "fixtures", "rsa2048.pem"))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(data)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return key.(*rsa.PrivateKey)
}

// TestReference: the reference reader makes of every case what its maker says,
// and of its file the same.
func TestReference(t *testing.T) {
	cases, err := testkit.Cases(privateKey(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		parsed, err := testkit.Parse(c.Name, c.Marshal())
		if err != nil {
			t.Error(err)
			continue
		}
		outcome, released := testkit.Read(parsed)
		if outcome != c.Expect || !c.AnyRelease && !bytes.Equal(released, c.Released) {
			t.Errorf("%s (%s): %s after %d bytes %.20x, want %s after %d %.20x", c.Name, c.Comment, outcome, len(released), released, c.Expect, len(c.Released), c.Released)
		}
	}
	t.Logf("%d cases", len(cases))
}
