// SPDX-License-Identifier: Apache-2.0

package dare_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"testing"

	"github.com/minio/sio"
	"pgregory.net/rapid"

	"github.com/s3seal/s3seal/stream"
	"github.com/s3seal/s3seal/stream/dare"
)

const tib = int64(1) << 40

// TestSizes has sizes that were worked out by hand: 32 bytes for each 64 KiB,
// and for what is left.
func TestSizes(t *testing.T) {
	for _, c := range []struct{ plain, sealed int64 }{
		{1, 33},
		{65535, 65567},
		{65536, 65568},
		{65537, 65568 + 33},
		{131072, 2 * 65568},
		{64 << 30, 1048576 * 65568},
		{tib, 16777216 * 65568},
		{tib + 5, 16777216*65568 + 37},
		{256*tib - 1, 4294967296*65568 - 1},
		{256 * tib, 4294967296 * 65568},
	} {
		if got, err := dare.CiphertextSize(c.plain); got != c.sealed || err != nil {
			t.Errorf("CiphertextSize(%d) = %d, %v, want %d", c.plain, got, err, c.sealed)
		}
		if got, err := dare.PlaintextSize(c.sealed); got != c.plain || err != nil {
			t.Errorf("PlaintextSize(%d) = %d, %v, want %d", c.sealed, got, err, c.plain)
		}
	}
	if dare.MaxSize != 256*tib {
		t.Errorf("MaxSize = %d, want 256 TiB", dare.MaxSize)
	}
}

func TestSizesRefused(t *testing.T) {
	const most = 4294967296 * 65568
	for name, call := range map[string]func() (int64, error){
		"CiphertextSize(256 TiB + 1)": func() (int64, error) { return dare.CiphertextSize(256*tib + 1) },
		"CiphertextSize(max)":         func() (int64, error) { return dare.CiphertextSize(math.MaxInt64) },
		"PlaintextSize(most + 1)":     func() (int64, error) { return dare.PlaintextSize(most + 1) },
		"PlaintextSize(max)":          func() (int64, error) { return dare.PlaintextSize(math.MaxInt64) },
		"CiphertextRange":             func() (int64, error) { n, _, err := dare.CiphertextRange(0, 1, most+1); return n, err },
		"NewReaderAt": func() (int64, error) {
			_, err := dare.NewReaderAt(nil, most+1, testKey)
			return 0, err
		},
	} {
		if n, err := call(); n != 0 || !errors.Is(err, stream.ErrTooLarge) {
			t.Errorf("%s = %d, %v, want ErrTooLarge", name, n, err)
		}
	}
	if n, err := dare.CiphertextSize(0); n != 0 || err != dare.ErrEmpty {
		t.Errorf("CiphertextSize(0) = %d, %v, want ErrEmpty", n, err)
	}
	for _, n := range []int64{-1, math.MinInt64} {
		if _, err := dare.CiphertextSize(n); err == nil {
			t.Errorf("CiphertextSize(%d): want an error", n)
		}
		if _, err := dare.NewReaderAt(nil, n, testKey); err == nil || errors.Is(err, stream.ErrDecrypt) {
			t.Errorf("NewReaderAt(size %d) = %v, want an error about the argument", n, err)
		}
	}
	for _, n := range []int64{-1, 0, 1, 32, 65568 + 1, 65568 + 32, math.MinInt64} {
		if _, err := dare.PlaintextSize(n); err == nil || errors.Is(err, stream.ErrTooLarge) {
			t.Errorf("PlaintextSize(%d) = %v, want an error other than ErrTooLarge", n, err)
		}
	}
}

// TestSizesOracle compares with sio's arithmetic.
func TestSizesOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.OneOf(rapid.Int64Range(1, 1<<20), rapid.Int64Range(1, dare.MaxSize)).Draw(t, "n")
		want := must(sio.EncryptedSize(uint64(n)))
		got, err := dare.CiphertextSize(n)
		if err != nil || uint64(got) != want {
			t.Fatalf("CiphertextSize(%d) = %d, %v, want %d", n, got, err, want)
		}
		if back, err := dare.PlaintextSize(got); err != nil || back != n {
			t.Fatalf("PlaintextSize(%d) = %d, %v, want %d", got, back, err, n)
		}
		off := rapid.Int64Range(0, n).Draw(t, "off")
		m := rapid.Int64Range(0, n-off).Draw(t, "m")
		at, cn, err := dare.CiphertextRange(off, m, got)
		k, end := off/65536, (off+m+65535)/65536
		if wantAt, wantEnd := k*65568, min(end*65568, got); err != nil || at != wantAt || m > 0 && at+cn != wantEnd || m == 0 && cn != 0 {
			t.Fatalf("CiphertextRange(%d, %d, %d) = %d, %d, %v, want %d to %d", off, m, got, at, cn, err, wantAt, wantEnd)
		}
	})
	for _, c := range [][3]int64{{-1, 1, 100}, {0, -1, 100}, {69, 0, 100}, {0, 69, 100}, {1, math.MaxInt64, 100}, {0, 1, 32}} {
		if _, _, err := dare.CiphertextRange(c[0], c[1], c[2]); err == nil {
			t.Errorf("CiphertextRange(%d): want an error", c)
		}
	}
}

const lastPackage = 1<<32 - 1

// TestLimit encrypts the last package that a stream may have, and a byte more.
func TestLimit(t *testing.T) {
	plain := text(dare.PayloadSize)
	sealed := limitSealed(t, plain)
	if len(sealed) != dare.PackageSize {
		t.Fatalf("last package = %d bytes, want %d", len(sealed), dare.PackageSize)
	}
	r := must(dare.NewDecryptReader(bytes.NewReader(sealed), testKey))
	dare.SkipRead(r, testKey, lastPackage)
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("last package = %d bytes, %v, want %d", len(got), err, len(plain))
	}
	r = must(dare.NewDecryptReader(bytes.NewReader(sealed), testKey))
	dare.SkipRead(r, testKey, lastPackage+1)
	if got, err := io.ReadAll(r); len(got) > 0 || err != stream.ErrTooLarge {
		t.Errorf("one package more = %d bytes, %v, want ErrTooLarge", len(got), err)
	}

	var out bytes.Buffer
	w := must(dare.FixedEncryptWriter(&out, testKey, testNonce))
	dare.SkipWritten(w, testKey, testNonce, lastPackage)
	if n, err := w.Write(text(dare.PayloadSize + 1)); n != 0 || err != stream.ErrTooLarge || w.Close() != err || out.Len() > 0 {
		t.Errorf("Write past the limit = %d, %v, want 0, ErrTooLarge; %d bytes came out", n, err, out.Len())
	}
	w = must(dare.FixedEncryptWriter(&out, testKey, testNonce))
	dare.SkipWritten(w, testKey, testNonce, lastPackage)
	if _, err := w.ReadFrom(bytes.NewReader(text(dare.PayloadSize + 1))); err != stream.ErrTooLarge || w.Close() != err || out.Len() > 0 {
		t.Errorf("ReadFrom past the limit = %v, want ErrTooLarge; %d bytes came out", err, out.Len())
	}
	e := must(dare.FixedEncryptReader(bytes.NewReader(text(dare.PayloadSize+1)), testKey, testNonce))
	dare.SkipPulled(e, lastPackage)
	if got, err := io.ReadAll(e); len(got) > 0 || err != stream.ErrTooLarge {
		t.Errorf("EncryptReader past the limit = %d bytes, %v, want none, ErrTooLarge", len(got), err)
	}
}

// limitSealed encrypts the last package that there can be, in both directions.
func limitSealed(t *testing.T, plain []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := must(dare.FixedEncryptWriter(&out, testKey, testNonce))
	dare.SkipWritten(w, testKey, testNonce, lastPackage)
	if _, err := w.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	e := must(dare.FixedEncryptReader(bytes.NewReader(plain), testKey, testNonce))
	dare.SkipPulled(e, lastPackage)
	if got, err := io.ReadAll(e); err != nil || !bytes.Equal(got, out.Bytes()) {
		t.Errorf("EncryptReader = %d bytes, %v, want those of the EncryptWriter", len(got), err)
	}
	return out.Bytes()
}

// A vast source has one package at its end, and nothing else.
type vast struct {
	size int64
	last []byte
}

func (v vast) ReadAt(p []byte, off int64) (int, error) {
	clear(p)
	if at := v.size - int64(len(v.last)); off >= at {
		return copy(p, v.last[off-at:]), io.EOF
	}
	return len(p), nil
}

// TestVastReaderAt opens streams of 1 TiB and of 256 TiB that are not stored.
func TestVastReaderAt(t *testing.T) {
	for _, size := range []int64{tib, dare.MaxSize} {
		plain := text(dare.PayloadSize)
		var out bytes.Buffer
		w := must(dare.FixedEncryptWriter(&out, testKey, testNonce))
		dare.SkipWritten(w, testKey, testNonce, size/dare.PayloadSize-1)
		w.Write(plain)
		w.Close()
		total := must(dare.CiphertextSize(size))
		r, err := dare.NewReaderAt(vast{total, out.Bytes()}, total, testKey)
		if err != nil {
			t.Fatalf("size %d: %v", size, err)
		}
		got := make([]byte, 100)
		if n, err := r.ReadAt(got, size-60); n != 60 || err != io.EOF || !bytes.Equal(got[:60], plain[len(plain)-60:]) || r.Size() != size {
			t.Errorf("size %d: ReadAt = %d, %v, want 60, EOF; Size = %d", size, n, err, r.Size())
		}
		if n, err := r.ReadAt(got, size/2); n != 0 || err != stream.ErrDecrypt {
			t.Errorf("size %d: ReadAt where there is nothing = %d, %v, want ErrDecrypt", size, n, err)
		}
		if _, err := dare.NewReaderAt(vast{total - dare.PackageSize, out.Bytes()}, total-dare.PackageSize, testKey); err != stream.ErrDecrypt {
			t.Errorf("size %d, one package missing: %v, want ErrDecrypt", size, err)
		}
	}
}
