// SPDX-License-Identifier: Apache-2.0

package stream_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/internal/foreign"
	"github.com/s3seal/s3seal/stream"
)

// opensslCBC encrypts, or with -d decrypts, in one go.
func opensslCBC(t *testing.T, key, iv, in []byte, more ...string) ([]byte, error) {
	t.Helper()
	args := []string{"enc", fmt.Sprintf("-aes-%d-cbc", 8*len(key)), "-K", hex.EncodeToString(key), "-iv", hex.EncodeToString(iv)}
	return foreign.OpenSSL(t, in, append(args, more...)...)
}

func TestOpenSSLCBC(t *testing.T) {
	foreign.NeedOpenSSL(t)
	key, iv := []byte("0123456789abcdef0123456789ABCDEF"), []byte("sixteen bytes iv")
	for _, k := range []int{16, 24, 32} {
		for _, n := range []int{0, 1, 15, 16, 17, 4101, stream.DefaultChunkSize - 1, stream.DefaultChunkSize, stream.DefaultChunkSize + 1} {
			t.Run(fmt.Sprintf("key=%d,len=%d", 8*k, n), func(t *testing.T) {
				checkOpenSSLCBC(t, key[:k], iv, text(n))
			})
		}
	}
}

// checkOpenSSLCBC compares ciphertexts, which CBC and the IV determine, and has
// each side decrypt the other's.
func checkOpenSSLCBC(t *testing.T, key, iv, plain []byte) {
	t.Helper()
	theirs, err := opensslCBC(t, key, iv, plain)
	if err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	if err := writeAll(must(stream.NewCBCEncryptWriter(&buf, key, iv)), plain); err != nil || !bytes.Equal(buf.Bytes(), theirs) {
		t.Errorf("CBCEncryptWriter: %d bytes, %v, want the %d of openssl, nil", buf.Len(), err, len(theirs))
	}
	if err := checkReader(must(stream.NewCBCEncryptReader(bytes.NewReader(plain), key, iv)), theirs); err != nil {
		t.Errorf("CBCEncryptReader: %v", err)
	}
	if err := checkReader(must(stream.NewCBCDecryptReader(bytes.NewReader(theirs), key, iv)), plain); err != nil {
		t.Errorf("CBCDecryptReader: %v", err)
	}
	if got, err := opensslCBC(t, key, iv, buf.Bytes(), "-d"); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("openssl decrypts %d bytes, %v, want the %d encrypted, nil", len(got), err, len(plain))
	}
}

// TestOpenSSLCBCPadding wants both sides to take and to refuse the same ends.
func TestOpenSSLCBCPadding(t *testing.T) {
	foreign.NeedOpenSSL(t)
	key, iv := []byte("0123456789abcdef"), []byte("sixteen bytes iv")
	first := strings.Repeat("A", 32)
	for _, end := range []string{
		"\x01", "\x02\x02", "\x01\x02", "\x02\x02\x03", "\x00", "\x10", "\x11", "\xff",
		strings.Repeat("\x10", 16), "A" + strings.Repeat("\x10", 15), strings.Repeat("\x11", 16), strings.Repeat("\x0f", 15),
	} {
		body, err := opensslCBC(t, key, iv, []byte(first[:32-len(end)]+end), "-nopad")
		if err != nil {
			t.Fatal(err)
		}
		want, theirErr := opensslCBC(t, key, iv, body, "-d")
		got, err := io.ReadAll(must(stream.NewCBCDecryptReader(bytes.NewReader(body), key, iv)))
		if theirErr != nil {
			if !errors.Is(err, stream.ErrDecrypt) {
				t.Errorf("end %x: read %q, %v, want %v as openssl: %v", end, got, err, stream.ErrDecrypt, theirErr)
			}
		} else if err != nil || !bytes.Equal(got, want) {
			t.Errorf("end %x: read %q, %v, want %q, nil as openssl", end, got, err, want)
		}
	}
}
