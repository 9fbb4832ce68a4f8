// SPDX-License-Identifier: Apache-2.0

package envelope_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/envelope/dare"
	"github.com/s3seal/s3seal/stream"
	"github.com/s3seal/s3seal/wrap"
)

// openInParts opens a body in parts of n bytes, all at once.
func openInParts(p *envelope.UnverifiedParts, body []byte, n int64) ([]byte, error) {
	plain := make([]byte, p.End())
	size := p.End()
	var mu sync.Mutex
	var errs []error
	var wg sync.WaitGroup
	count := int(max(1, (p.End()+n-1)/n))
	for _, i := range rand.Perm(count) {
		wg.Go(func() {
			off := int64(i) * n
			m := min(n, p.End()-off)
			r, err := p.BodyRange(off, m)
			if err == nil {
				var part []byte
				part, err = p.Decrypt(bytes.Clone(body[r.Off:r.Off+r.N]), off, m)
				copy(plain[off:], part)
				if i == count-1 && err == nil {
					size = off + int64(len(part))
				}
			}
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, err)
		})
	}
	wg.Wait()
	return plain[:size], errors.Join(errs...)
}

func partsOf(t testing.TB, o object) (*envelope.Opener, *envelope.UnverifiedParts) {
	t.Helper()
	opener := openerOf(t, o, aesKeys(t, kek), nil)
	return opener, must[*envelope.UnverifiedParts](t)(opener.UnverifiedParts(int64(len(o.body))))
}

func hasTag(name string) bool { return name == "V3" || name == "V2-GCM" }

// TestUnverifiedParts opens bodies of all sizes around the block in parts of all
// sizes, and wants what was sealed; then every altered byte of one.
func TestUnverifiedParts(t *testing.T) {
	for _, size := range []int{0, 1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100} {
		plain := pattern(size)
		for name, o := range rangeObjects(t, plain) {
			for n := int64(16); n <= 128; n += 16 {
				opener, p := partsOf(t, o)
				got, err := openInParts(p, o.body, n)
				if opener.Authenticated() {
					t.Errorf("%s: Authenticated before Finish", name)
				}
				if err != nil || !bytes.Equal(got, plain) {
					t.Fatalf("%s: %d bytes in parts of %d = %x, %v; want %x", name, size, n, got, err, plain)
				}
				for range 2 {
					if err := p.Finish(); err != nil {
						t.Errorf("%s: Finish = %v", name, err)
					}
				}
				if opener.Authenticated() != hasTag(name) {
					t.Errorf("%s: after Finish Authenticated = %t", name, opener.Authenticated())
				}
				if _, err := p.Decrypt(bytes.Clone(o.body), 0, p.End()); err == nil {
					t.Errorf("%s: Decrypt after Finish: no error", name)
				}
				p.Wipe()
			}
		}
	}
}

func TestUnverifiedPartsAltered(t *testing.T) {
	for name, o := range rangeObjects(t, pattern(67)) {
		if !hasTag(name) {
			continue
		}
		for i := range o.body {
			bad := o.clone()
			bad.body[i] ^= 1
			opener, p := partsOf(t, bad)
			if _, err := openInParts(p, bad.body, 32); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if err := p.Finish(); err != envelope.ErrDecrypt {
					t.Errorf("%s: byte %d altered: Finish = %v, want ErrDecrypt", name, i, err)
				}
				p.Wipe()
			}
			if opener.Authenticated() {
				t.Errorf("%s: byte %d altered: Authenticated", name, i)
			}
		}
	}
}

// TestUnverifiedPartsPadding: of CBC only the last part can tell that it is bad.
func TestUnverifiedPartsPadding(t *testing.T) {
	for name, o := range rangeObjects(t, pattern(64)) {
		if name != "V1" && name != "V2-CBC" {
			continue
		}
		o.body[len(o.body)-17] ^= 0x80
		_, p := partsOf(t, o)
		if _, err := openInParts(p, o.body, 16); !errors.Is(err, envelope.ErrDecrypt) {
			t.Errorf("%s: bad padding: %v, want ErrDecrypt", name, err)
		}
		if err := p.Finish(); err == nil {
			t.Errorf("%s: Finish after bad padding = nil", name)
		}
	}
}

// TestUnverifiedPartsMissing: a part that is missing or was given twice.
func TestUnverifiedPartsMissing(t *testing.T) {
	for name, o := range rangeObjects(t, pattern(67)) {
		_, p := partsOf(t, o)
		if err := p.Finish(); err == nil || errors.Is(err, envelope.ErrDecrypt) {
			t.Errorf("%s: Finish of nothing = %v, want an error that says so", name, err)
		}
		r := must[envelope.BodyRange](t)(p.BodyRange(32, 16))
		for i := range 2 {
			_, err := p.Decrypt(bytes.Clone(o.body[r.Off:r.Off+r.N]), 32, 16)
			if failed := err != nil; failed != (i == 1) {
				t.Errorf("%s: Decrypt no. %d = %v", name, i+1, err)
			}
		}
		if err := p.Finish(); err == nil || errors.Is(err, envelope.ErrDecrypt) {
			t.Errorf("%s: Finish of one part = %v, want an error that says so", name, err)
		}
		p.Wipe()
		if _, err := p.Decrypt(bytes.Clone(o.body[:16]), 0, 16); !errors.Is(err, stream.ErrClosed) {
			t.Errorf("%s: Decrypt after Wipe = %v, want ErrClosed", name, err)
		}
	}
}

// TestUnverifiedPartsTwice loses a part and has another one twice, which is as
// many bytes.
func TestUnverifiedPartsTwice(t *testing.T) {
	for name, o := range rangeObjects(t, pattern(67)) {
		_, p := partsOf(t, o)
		refused := false
		for _, off := range []int64{0, 0, 32, 48, 64} { // never 16
			n := min(16, p.End()-off)
			r := must[envelope.BodyRange](t)(p.BodyRange(off, n))
			_, err := p.Decrypt(bytes.Clone(o.body[r.Off:r.Off+r.N]), off, n)
			refused = refused || err != nil
		}
		if !refused {
			t.Errorf("%s: a part was decrypted twice", name)
		}
		if p.Finish() == nil {
			t.Errorf("%s: Finish = nil, though bytes 16 to 32 were never decrypted", name)
		}
	}
}

// TestUnverifiedPartsArguments: no range of the body is named that is none.
func TestUnverifiedPartsArguments(t *testing.T) {
	for name, o := range rangeObjects(t, pattern(67)) {
		opener, p := partsOf(t, o)
		for _, c := range [][2]int64{{-16, 16}, {0, -16}, {1, 16}, {0, 17}, {0, 0}, {64, 64}, {1 << 62, 16}, {p.End(), 0}} {
			if r, err := p.BodyRange(c[0], c[1]); err == nil {
				t.Errorf("%s: BodyRange(%d, %d) = %v", name, c[0], c[1], r)
			}
			if _, err := p.Decrypt(make([]byte, 32), c[0], c[1]); err == nil {
				t.Errorf("%s: Decrypt(%d, %d): no error", name, c[0], c[1])
			}
		}
		if _, err := p.Decrypt(make([]byte, 15), 0, 16); err == nil {
			t.Errorf("%s: Decrypt of too few bytes: no error", name)
		}
		if _, err := opener.UnverifiedParts(-1); err == nil {
			t.Errorf("%s: a negative size: no error", name)
		}
		if hasTag(name) {
			if _, err := opener.UnverifiedParts(15); err != envelope.ErrDecrypt {
				t.Errorf("%s: a size without a tag: %v, want ErrDecrypt", name, err)
			}
			if _, err := opener.UnverifiedParts(1 << 40); !errors.Is(err, stream.ErrTooLarge) {
				t.Errorf("%s: a size over the limit: %v, want ErrTooLarge", name, err)
			}
		}
		for _, text := range []string{fmt.Sprintf("%#v", p), fmt.Sprint(p), slog.AnyValue(p).Resolve().String()} {
			if !strings.HasPrefix(text, "unverified parts of a "+name) {
				t.Errorf("%s: printed as %q", name, text)
			}
		}
	}
	for _, suite := range []envelope.Suite{envelope.Chunked, dare.DARE2} {
		o := sealObject(t, pair{suite, wrap.AESGCM}.key(t), &envelope.SealOptions{Suite: suite}, pattern(67))
		if _, err := openerOf(t, o, aesKeys(t, kek), nil).UnverifiedParts(int64(len(o.body))); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%v: %v, want ErrUnsupported", suite, err)
		}
	}
}
