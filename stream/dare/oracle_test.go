// SPDX-License-Identifier: Apache-2.0

package dare_test

import (
	"bytes"
	"fmt"
	"io"
	"testing"
	"testing/cryptotest"

	"github.com/minio/sio"
	"pgregory.net/rapid"

	"github.com/s3seal/s3seal/stream/dare"
)

var edgeSizes = []int{1, 2, 100, 65535, 65536, 65537, 131072, 131073, 200000}

// TestOracle encrypts and decrypts by this package, by sio and by the reference,
// in both directions.
func TestOracle(t *testing.T) {
	for _, n := range edgeSizes {
		t.Run(fmt.Sprintf("len=%d", n), func(t *testing.T) {
			plain := text(n)
			want := seal(plain)
			if got := push(t, plain); !bytes.Equal(got, want) {
				t.Errorf("EncryptWriter: %d bytes that differ from the reference, want %d", len(got), len(want))
			}
			r := must(dare.FixedEncryptReader(bytes.NewReader(plain), testKey, testNonce))
			if got := must(io.ReadAll(r)); !bytes.Equal(got, want) {
				t.Errorf("EncryptReader: %d bytes that differ from the reference, want %d", len(got), len(want))
			}
			if got := must(sio.DecryptBuffer(nil, want, pinned())); !bytes.Equal(got, plain) {
				t.Error("sio does not read what this package writes")
			}
			if got := must(decrypt(want)); !bytes.Equal(got, plain) {
				t.Error("DecryptReader differs")
			}
			if got := must(readAt(want)); !bytes.Equal(got, plain) {
				t.Error("ReaderAt differs")
			}
		})
	}
}

func push(t *testing.T, plain []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := must(dare.FixedEncryptWriter(&out, testKey, testNonce))
	if _, err := w.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestReadsSIO reads what sio writes, with both ciphers.
func TestReadsSIO(t *testing.T) {
	for _, n := range edgeSizes {
		for name, suite := range map[string]byte{"AES": sio.AES_256_GCM, "ChaCha20": sio.CHACHA20_POLY1305} {
			t.Run(fmt.Sprintf("%s/len=%d", name, n), func(t *testing.T) {
				c := pinned()
				c.CipherSuites = []byte{suite}
				plain := text(n)
				sealed := sioSeal(t, plain, c)
				r := must(dare.NewSIODecryptReader(bytes.NewReader(sealed), testKey))
				if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, plain) {
					t.Errorf("SIODecryptReader = %d bytes, %v, want %d", len(got), err, n)
				}
				at := must(dare.NewSIOReaderAt(bytes.NewReader(sealed), int64(len(sealed)), testKey))
				got := make([]byte, n)
				if m, err := at.ReadAt(got, 0); err != nil || !bytes.Equal(got, plain) {
					t.Errorf("SIOReaderAt = %d, %v, want %d", m, err, n)
				}
			})
		}
	}
}

// TestOracleProperty splits the calls at random.
func TestOracleProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		plain := text(rapid.IntRange(1, 300_000).Draw(t, "size"))
		var out bytes.Buffer
		w := must(dare.FixedEncryptWriter(&out, testKey, testNonce))
		for rest := plain; len(rest) > 0; {
			n := min(len(rest), rapid.OneOf(rapid.IntRange(0, 70_000), rapid.IntRange(65535, 65537)).Draw(t, "write"))
			var err error
			if rapid.Bool().Draw(t, "ReadFrom") {
				_, err = w.ReadFrom(bytes.NewReader(rest[:n]))
			} else {
				_, err = w.Write(rest[:n])
			}
			if err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if got, err := sio.DecryptBuffer(nil, out.Bytes(), pinned()); err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("sio.DecryptBuffer = %d bytes, %v, want %d", len(got), err, len(plain))
		}
		r := must(dare.NewDecryptReader(&out, testKey))
		var got bytes.Buffer
		for got.Len() < len(plain) {
			p := make([]byte, rapid.IntRange(1, 140_000).Draw(t, "read"))
			n, err := r.Read(p)
			if err != nil {
				t.Fatal(err)
			}
			got.Write(p[:n])
			if rapid.IntRange(0, 4).Draw(t, "WriteTo") == 0 {
				if _, err := r.WriteTo(&got); err != nil {
					t.Fatal(err)
				}
			}
		}
		if n, err := r.Read(make([]byte, 1)); n != 0 || err != io.EOF || !bytes.Equal(got.Bytes(), plain) {
			t.Fatalf("got %d bytes, then %d, %v, want %d and io.EOF", got.Len(), n, err, len(plain))
		}
	})
}

// TestNonces: each stream has a nonce of its own, drawn from crypto/rand, whose
// last four bytes are zero.
func TestNonces(t *testing.T) {
	nonces := func() (list []string) {
		for range 4 {
			var out bytes.Buffer
			w := must(dare.NewEncryptWriter(&out, testKey))
			w.Write([]byte("x"))
			w.Close()
			r := must(dare.NewEncryptReader(bytes.NewReader([]byte("x")), testKey))
			for _, sealed := range [][]byte{out.Bytes(), must(io.ReadAll(r))} {
				list = append(list, string(sealed[4:12]))
				if got := string(sealed[12:16]); got != "\x00\x00\x00\x00" {
					t.Errorf("nonce ends in %x, want zeros", got)
				}
			}
		}
		return list
	}
	cryptotest.SetGlobalRandom(t, 1)
	first := nonces()
	cryptotest.SetGlobalRandom(t, 1)
	again := nonces()
	seen := make(map[string]bool)
	for i, n := range first {
		if n != again[i] {
			t.Errorf("stream %d has nonce %x, then %x: not from crypto/rand", i, n, again[i])
		}
		if seen[n] {
			t.Errorf("nonce %x twice", n)
		}
		seen[n] = true
	}
}
