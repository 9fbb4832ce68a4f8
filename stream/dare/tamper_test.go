// SPDX-License-Identifier: Apache-2.0

package dare_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"testing"

	"github.com/s3seal/s3seal/internal/race"
	"github.com/s3seal/s3seal/stream"
	"github.com/s3seal/s3seal/stream/dare"
)

// TestTruncation cuts a stream of three packages around the edges of each, and at
// every byte of its second, or every seventh where it is to be quick.
func TestTruncation(t *testing.T) {
	step := 7
	if os.Getenv("S3SEAL_LONG") == "1" {
		step = 1
	}
	plain := text(2*dare.PayloadSize + 50)
	sealed := seal(plain)
	for n := range len(sealed) {
		edge := n%dare.PackageSize < 100 || n%dare.PackageSize > dare.PackageSize-100
		if !edge && (testing.Short() || race.Enabled || n < dare.PackageSize || n%step != 0) {
			continue
		}
		if got, err := decryptWhole(sealed[:n]); err != stream.ErrDecrypt || !bytes.HasPrefix(plain, got) {
			t.Fatalf("cut at %d: %d bytes, %v, want a part of the plaintext and ErrDecrypt", n, len(got), err)
		}
		if _, err := dare.NewReaderAt(bytes.NewReader(sealed[:n]), int64(n), testKey); err != stream.ErrDecrypt {
			t.Fatalf("cut at %d: NewReaderAt = %v, want ErrDecrypt", n, err)
		}
	}
}

// decryptWhole uses WriteTo.
func decryptWhole(sealed []byte) ([]byte, error) {
	r, err := dare.NewDecryptReader(bytes.NewReader(sealed), testKey)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	_, err = r.WriteTo(&out)
	return out.Bytes(), err
}

// TestBitFlips flips every bit of a short stream, and in a long one every bit of
// the headers, of the tags, and of the bytes beside them. Under the race detector
// it is one bit of each byte.
func TestBitFlips(t *testing.T) {
	for _, n := range []int{1, 200, 2*dare.PayloadSize + 50} {
		plain := text(n)
		sealed := seal(plain)
		for at := range sealed {
			if in := at % dare.PackageSize; in > 17 && len(sealed)-at > 18 && dare.PackageSize-in > 18 && n > 200 {
				continue
			}
			for bit := range 8 {
				if race.Enabled && bit != at%8 {
					continue
				}
				sealed[at] ^= 1 << bit
				checkRejected(t, sealed, plain, fmt.Sprintf("len=%d: bit %d of byte %d flipped", n, bit, at))
				sealed[at] ^= 1 << bit
			}
		}
	}
}

// checkRejected reads a bad stream in all ways. What comes out before the error
// must be how the plaintext begins.
func checkRejected(t *testing.T, sealed, plain []byte, what string) {
	t.Helper()
	for name, read := range map[string]func([]byte) ([]byte, error){"Read": decrypt, "WriteTo": decryptWhole, "ReadAt": readAt} {
		got, err := read(sealed)
		if !errors.Is(err, stream.ErrDecrypt) || !bytes.HasPrefix(plain, got) {
			t.Fatalf("%s: %s = %d bytes, %v, want a part of the plaintext and ErrDecrypt", what, name, len(got), err)
		}
	}
	got, whole := specOpen(testKey, sealed)
	if whole || !bytes.HasPrefix(plain, got) {
		t.Fatalf("%s: the reference accepts it", what)
	}
}

// TestMovedPackages swaps, doubles, drops and splices packages, of one stream
// and of two under one key.
func TestMovedPackages(t *testing.T) {
	plain := text(3*dare.PayloadSize + 50)
	other := bytes.Repeat([]byte("other"), (3*dare.PayloadSize+50)/5)
	a := pieces(seal(plain))
	b := pieces(specSeal(testKey, [8]byte{9}, other))
	again := bytes.Clone(a[3])
	again[4] &^= 0x80 // no longer says that it is the last
	for name, list := range map[string][][]byte{
		"swapped":               {a[1], a[0], a[2], a[3]},
		"swapped later":         {a[0], a[2], a[1], a[3]},
		"last first":            {a[3], a[0], a[1], a[2]},
		"doubled":               {a[0], a[0], a[1], a[2], a[3]},
		"in place of another":   {a[0], a[0], a[2], a[3]},
		"first dropped":         {a[1], a[2], a[3]},
		"middle dropped":        {a[0], a[2], a[3]},
		"last dropped":          {a[0], a[1], a[2]},
		"last alone":            {a[3]},
		"first alone":           {a[0]},
		"last doubled":          {a[0], a[1], a[2], a[3], a[3]},
		"twice":                 slices.Concat(a, a),
		"last not marked":       {a[0], a[1], a[2], again},
		"last not marked twice": {a[0], a[1], a[2], again, a[3]},
		"spliced first":         {b[0], a[1], a[2], a[3]},
		"spliced middle":        {a[0], b[1], a[2], a[3]},
		"spliced last":          {a[0], a[1], a[2], b[3]},
		"another follows":       slices.Concat(a, b),
		"one byte follows":      {a[0], a[1], a[2], a[3], {0x20}},
	} {
		want := plain
		if name == "spliced first" {
			want = other // of which this is the beginning, for all that a reader can know
		}
		checkRejected(t, slices.Concat(list...), want, name)
	}
}

// TestForgedHeaders rewrites the public nonces, too, so that they match: all
// packages that could be moved by sio's rules, in all places.
func TestForgedHeaders(t *testing.T) {
	plain := text(3*dare.PayloadSize + 50)
	a := pieces(seal(plain))
	for x := 1; x < 8; x++ {
		for from := range a {
			if to := from ^ x; to < len(a) {
				moved := slices.Clone(a)
				moved[to] = bytes.Clone(a[from])
				moved[to][12] ^= byte(x)
				if len(slices.Concat(moved...)) == len(seal(plain)) {
					checkForged(t, slices.Concat(moved...), plain)
				}
			}
		}
	}
	for _, x := range []int{1, 2, 3} {
		checkForged(t, permuted(seal(plain), x), plain)
	}
}

func checkForged(t *testing.T, sealed, plain []byte) {
	t.Helper()
	for name, read := range map[string]func([]byte) ([]byte, error){"Read": decrypt, "ReadAt": readAt} {
		if got, err := read(sealed); err != stream.ErrDecrypt || !bytes.HasPrefix(plain, got) {
			t.Fatalf("%s = %d bytes, %v, want a part of the plaintext and ErrDecrypt", name, len(got), err)
		}
	}
}

// TestWrongKey: neither the key of another stream nor another cipher.
func TestWrongKey(t *testing.T) {
	sealed := seal(text(100))
	key := bytes.Clone(testKey)
	key[31] ^= 1
	got, err := io.ReadAll(must(dare.NewDecryptReader(bytes.NewReader(sealed), key)))
	if len(got) > 0 || err != stream.ErrDecrypt {
		t.Errorf("DecryptReader = %d bytes, %v, want none, ErrDecrypt", len(got), err)
	}
	if _, err := dare.NewReaderAt(bytes.NewReader(sealed), int64(len(sealed)), key); err != stream.ErrDecrypt {
		t.Errorf("NewReaderAt = %v, want ErrDecrypt", err)
	}
}

// TestOthersStreams: what sio wrote, with either cipher, is for the constructors
// that say so.
func TestOthersStreams(t *testing.T) {
	for suite := range byte(2) {
		c := pinned()
		c.CipherSuites = []byte{suite}
		c.Nonce = &[12]byte{1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 1 - suite}
		sealed := sioSeal(t, text(100), c)
		if got, err := decrypt(sealed); len(got) > 0 || err != stream.ErrDecrypt {
			t.Errorf("cipher %d: DecryptReader = %d bytes, %v, want none, ErrDecrypt", suite, len(got), err)
		}
		if _, err := readAt(sealed); err != stream.ErrDecrypt {
			t.Errorf("cipher %d: NewReaderAt = %v, want ErrDecrypt", suite, err)
		}
		if got, err := io.ReadAll(must(dare.NewSIODecryptReader(bytes.NewReader(sealed), testKey))); err != nil || len(got) != 100 {
			t.Errorf("cipher %d: SIODecryptReader = %d bytes, %v, want 100", suite, len(got), err)
		}
	}
}
