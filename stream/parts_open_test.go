// SPDX-License-Identifier: Apache-2.0

package stream_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/s3seal/s3seal/stream"
)

func (d drawn) openParts() *stream.GCMUnverifiedParts {
	p := must(stream.NewGCMUnverifiedParts(d.key, d.iv, d.aad, int64(len(d.plain))))
	return stream.SetOpenPartChunk(p, d.chunk)
}

// decryptAll decrypts the parts of a plan from several goroutines, every other
// one in place.
func decryptAll(p *stream.GCMUnverifiedParts, ciphertext []byte, plan []cut) ([]byte, error) {
	plain := make([]byte, len(ciphertext))
	errs := make([]error, len(plan))
	var wg sync.WaitGroup
	for i, c := range plan {
		wg.Go(func() {
			src := bytes.Clone(ciphertext[c.from:c.to])
			dst := []byte("kept")
			if i%2 == 0 {
				dst = src[:0]
			}
			got, err := p.Decrypt(dst, src, int64(c.from))
			if n := copy(plain[c.from:], bytes.TrimPrefix(got, dst)); err == nil && n != c.to-c.from {
				err = fmt.Errorf("Decrypt = %d bytes, want %d", n, c.to-c.from)
			}
			if i%2 == 1 && !bytes.Equal(src, ciphertext[c.from:c.to]) {
				err = errors.New("Decrypt changed src")
			}
			errs[i] = err
		})
	}
	wg.Wait()
	return plain, errors.Join(errs...)
}

// TestUnverifiedParts decrypts random plans in random orders, and wants what
// crypto/cipher makes of them; then an altered stream, which must not pass.
func TestUnverifiedParts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := draw(t)
		sealed, n := d.gcm(), len(d.plain)
		plan := drawPlan(t, n)
		if len(plan) > 0 {
			plan = rapid.Permutation(plan).Draw(t, "order")
		}
		p := d.openParts()
		got, err := decryptAll(p, sealed[:n], plan)
		if err != nil || !bytes.Equal(got, d.plain) {
			t.Fatalf("%d bytes in %d parts: %v, or wrong bytes", n, len(plan), err)
		}
		for range 2 {
			if err := p.Verify(sealed[n:]); err != nil {
				t.Fatalf("Verify = %v", err)
			}
		}

		at, bit := rapid.IntRange(0, len(sealed)-1).Draw(t, "byte"), rapid.IntRange(0, 7).Draw(t, "bit")
		sealed[at] ^= 1 << bit
		p = d.openParts()
		if _, err := decryptAll(p, sealed[:n], plan); err != nil {
			t.Fatal(err)
		}
		if err := p.Verify(sealed[n:]); err != stream.ErrDecrypt {
			t.Fatalf("bit %d of byte %d altered: Verify = %v, want ErrDecrypt", bit, at, err)
		}
	})
}

// TestUnverifiedPartsExchanged puts parts of one size in each other's place,
// and parts of another stream under the same key.
func TestUnverifiedPartsExchanged(t *testing.T) {
	d := someParts()
	d.plain = text(96)
	sealed := d.gcm()
	p := d.openParts()
	for _, c := range [][2]int{{0, 48}, {48, 0}} {
		if _, err := p.Decrypt(nil, sealed[c[1]:c[1]+48], int64(c[0])); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Verify(sealed[96:]); err != stream.ErrDecrypt {
		t.Errorf("exchanged: Verify = %v, want ErrDecrypt", err)
	}
	other := d
	other.iv = bytes.Repeat([]byte{9}, len(d.iv))
	p = d.openParts()
	if _, err := decryptAll(p, append(sealed[:48:48], other.gcm()[48:96]...), []cut{{0, 48}, {48, 96}}); err != nil {
		t.Fatal(err)
	}
	if err := p.Verify(sealed[96:]); err != stream.ErrDecrypt {
		t.Errorf("from another stream: Verify = %v, want ErrDecrypt", err)
	}
}

// TestUnverifiedPartsRefuse: what does not fit is refused and does no harm.
func TestUnverifiedPartsRefuse(t *testing.T) {
	d := someParts() // 100 bytes
	sealed := d.gcm()
	p := d.openParts()
	if _, err := p.Decrypt(nil, sealed[32:64], 32); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		off, n int
		want   error
	}{
		"again":            {32, 32, nil},
		"again, other end": {32, 16, stream.ErrPartChanged},
		"overlap before":   {16, 32, stream.ErrPartChanged},
		"overlap behind":   {48, 32, stream.ErrPartChanged},
		"ragged in front":  {0, 17, stream.ErrPartChanged},
		"with the tag":     {64, 52, stream.ErrTooLarge},
		"behind the end":   {112, 1, stream.ErrTooLarge},
		"within a block":   {1, 16, nil},
		"negative offset":  {-16, 16, nil},
		"empty":            {0, 0, nil},
	} {
		if got, err := p.Decrypt(nil, make([]byte, c.n), int64(c.off)); got != nil || err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: Decrypt = %x, %v, want %v", name, got, err, c.want)
		}
	}
	if got, err := d.openParts().Decrypt(nil, sealed[:17], 0); got != nil || err == nil {
		t.Errorf("ragged, and nothing was there: Decrypt = %x, %v, want an error", got, err)
	}
	buf := bytes.Clone(sealed)
	if _, err := p.Decrypt(buf[:16], buf[:32], 0); err == nil || !bytes.Equal(buf, sealed) {
		t.Errorf("overlapping memory: %v", err)
	}
	if err := p.Verify(sealed[100:]); err == nil || errors.Is(err, stream.ErrDecrypt) {
		t.Errorf("Verify with parts missing = %v, want an error that is not ErrDecrypt", err)
	}
	got, err := decryptAll(p, sealed[:100], []cut{{64, 100}, {0, 32}})
	if err != nil || !bytes.Equal(got[64:], d.plain[64:]) || !bytes.Equal(got[:32], d.plain[:32]) {
		t.Fatalf("what was missing: %v, or wrong bytes", err)
	}
	if err := p.Verify(sealed[100:]); err != nil {
		t.Errorf("Verify = %v", err)
	}
}

// TestUnverifiedPartsEnd: there is nothing after a failed Verify or Wipe.
func TestUnverifiedPartsEnd(t *testing.T) {
	d := someParts()
	sealed := d.gcm()
	for _, tag := range [][]byte{nil, sealed[100:115], append(sealed[100:116:116], 0), make([]byte, 16)} {
		p := d.openParts()
		if _, err := p.Decrypt(nil, sealed[:100], 0); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := p.Verify(tag); err != stream.ErrDecrypt {
				t.Errorf("Verify(%x) = %v, want ErrDecrypt", tag, err)
			}
			p.Wipe()
		}
		if err := p.Verify(sealed[100:]); err != stream.ErrDecrypt {
			t.Errorf("Verify with the right tag after a wrong one = %v, want ErrDecrypt", err)
		}
		if got, err := p.Decrypt(nil, sealed[:100], 0); got != nil || err != stream.ErrDecrypt {
			t.Errorf("Decrypt after a failed Verify = %x, %v, want ErrDecrypt", got, err)
		}
	}
	p := d.openParts()
	p.Wipe()
	p.Wipe()
	if got, err := p.Decrypt(nil, sealed[:100], 0); got != nil || err != stream.ErrClosed {
		t.Errorf("Decrypt after Wipe = %x, %v, want ErrClosed", got, err)
	}
	if err := p.Verify(sealed[100:]); err != stream.ErrClosed {
		t.Errorf("Verify after Wipe = %v, want ErrClosed", err)
	}
}

// TestUnverifiedPartsTwiceAtOnce: one of two calls for one part wins, the other
// leaves nothing.
func TestUnverifiedPartsTwiceAtOnce(t *testing.T) {
	d := someParts()
	d.plain = text(1 << 17)
	sealed := d.gcm()
	p := d.openParts()
	var bufs, got [4][]byte
	var wg sync.WaitGroup
	for i := range bufs {
		bufs[i] = bytes.Clone(sealed[:len(d.plain)])
		wg.Go(func() { got[i], _ = p.Decrypt(bufs[i][:0], bufs[i], 0) })
	}
	wg.Wait()
	won := 0
	for i, g := range got {
		if g != nil {
			won++
		} else if b := bufs[i]; bytes.Contains(b, d.plain[:64]) {
			t.Error("a call that failed left plaintext")
		}
	}
	if err := p.Verify(sealed[len(d.plain):]); won != 1 || err != nil {
		t.Errorf("%d of %d calls succeeded, want 1; Verify = %v", won, len(got), err)
	}
}

func TestNewUnverifiedParts(t *testing.T) {
	for name, f := range map[string]func() (*stream.GCMUnverifiedParts, error){
		"key": func() (*stream.GCMUnverifiedParts, error) { return stream.NewGCMUnverifiedParts(nil, testIV, nil, 1) },
		"IV": func() (*stream.GCMUnverifiedParts, error) {
			return stream.NewGCMUnverifiedParts(testKey, testIV2, nil, 1)
		},
		"size": func() (*stream.GCMUnverifiedParts, error) {
			return stream.NewGCMUnverifiedParts(testKey, testIV, nil, -1)
		},
	} {
		if p, err := f(); p != nil || err == nil {
			t.Errorf("wrong %s: %v, %v", name, p, err)
		}
	}
	if _, err := stream.NewGCMUnverifiedParts(testKey, testIV, nil, stream.GCMMaxSize+1); !errors.Is(err, stream.ErrTooLarge) {
		t.Errorf("one byte too many: %v, want ErrTooLarge", err)
	}
	p := must(stream.NewGCMUnverifiedParts(testKey, testIV, nil, stream.GCMMaxSize))
	if got := fmt.Sprintf("%+v %v", p, p.LogValue()); got != "stream.GCMUnverifiedParts stream.GCMUnverifiedParts" {
		t.Errorf("printed as %q", got)
	}
	// The last blocks of the longest stream, under the last counters.
	const off, n = stream.GCMMaxSize - 64, 64
	want := make([]byte, n)
	r := must(stream.NewCTRRangeReader(bytes.NewReader(make([]byte, n)), testKey, testIV, off, n))
	if _, err := io.ReadFull(r, want); err != nil {
		t.Fatal(err)
	}
	if got, err := p.Decrypt(nil, make([]byte, n), off); err != nil || !bytes.Equal(got, want) {
		t.Errorf("the last blocks: %x, %v, want %x", got, err, want)
	}
}
