// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/backendtest"
	"github.com/s3seal/s3seal/backend/dir"
	"github.com/s3seal/s3seal/backend/mem"
	"github.com/s3seal/s3seal/envelope"
)

// oracle is what a range of n bytes from off on of data is, or nil.
func oracle(data []byte, off, n int) []byte {
	switch {
	case off < 0 && n == -1:
		off = max(0, len(data)+off)
	case off < 0:
		return nil
	}
	if off >= len(data) || n == 0 || n < -1 {
		return nil
	}
	if n == -1 {
		return data[off:]
	}
	return data[off:min(len(data), off+n)]
}

// TestGetRangeAll reads every range of small objects, valid or not.
func TestGetRangeAll(t *testing.T) {
	for _, p := range suites(t) {
		for _, size := range []int{0, 1, 15, 16, 17, 33} {
			checkRangesOf(t, p, stored(t, p, "key", pattern(size)), size)
		}
	}
}

// TestGetRangeDir does the same in a folder, with fewer sizes.
func TestGetRangeDir(t *testing.T) {
	for _, p := range suites(t) {
		d := must(dir.New(t.TempDir(), nil))(t)
		defer d.Close()
		if _, err := p.bucket(d).Put(t.Context(), "key", bytes.NewReader(pattern(17)), -1, nil); err != nil {
			t.Fatal(err)
		}
		checkRangesOf(t, p, d, 17)
	}
}

// TestGetRangeChunked: ranges of a format that verifies them need no option,
// count as authenticated, and are ErrDecrypt where the body was altered.
func TestGetRangeChunked(t *testing.T) {
	p := profile{"Chunked", envelope.Chunked, profiles(t)[0].key}
	for _, size := range []int{0, 1, 17} {
		checkRangesOf(t, p, stored(t, p, "key", pattern(size)), size)
	}
	data := pattern(100_000)
	d := stored(t, p, "key", data)
	for _, c := range [][2]int64{{0, 1}, {20_000, 40_000}, {99_999, 1}, {-30_000, -1}, {0, -1}} {
		f := backendtest.Faulty(d, backendtest.Faults{})
		o, err := backend.NewBucket(f, nil, p.key, nil).GetRange(t.Context(), "key", c[0], c[1])
		got, err := readAll(o, err)
		if want := oracle(data, int(c[0]), int(c[1])); err != nil || !bytes.Equal(got, want) || !o.Authenticated() {
			t.Errorf("range %d: %d bytes, %v, want %d, authenticated", c, len(got), err, len(want))
		}
		wantClosed(t, fmt.Sprint(c), f)
	}
	sealed := []byte(body(t, d, "key"))
	sealed[len(sealed)-40] ^= 1 // in the last chunk
	raw(t, d, "key", string(sealed), must(d.Stat(t.Context(), "key"))(t).Metadata)
	got, err := readAll(backend.NewBucket(d, nil, p.key, nil).GetRange(t.Context(), "key", 0, 10))
	if err != envelope.ErrDecrypt || len(got) > 0 {
		t.Errorf("range of an object with another end: %x, %v, want ErrDecrypt", got, err)
	}
}

func checkRangesOf(t *testing.T, p profile, d backend.Driver, size int) {
	t.Helper()
	data, b := pattern(size), p.opening(d, nil)
	for off := -size - 2; off <= size+18; off++ {
		for n := -2; n <= size+2; n++ {
			want := oracle(data, off, n)
			got, err := readAll(b.GetRange(t.Context(), "key", int64(off), int64(n)))
			if want == nil {
				wantErr(t, fmt.Sprintf("%s: range %d,%d of %d", p.name, off, n, size), err, backend.ErrRange)
			} else if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: range %d,%d of %d: %x, %v, want %x", p.name, off, n, size, got, err, want)
			}
		}
	}
}

func TestGetRangeExtremes(t *testing.T) {
	for _, p := range suites(t) {
		b := p.opening(stored(t, p, "key", pattern(100)), nil)
		for _, c := range [][2]int64{
			{math.MaxInt64, 1},
			{math.MaxInt64, -1},
			{math.MaxInt64, math.MaxInt64},
			{100, 1},
			{math.MinInt64, 1},
			{math.MinInt64, 0},
			{0, math.MinInt64},
			{-1, 1},
			{99, 0},
			{99, -2},
		} {
			_, err := b.GetRange(t.Context(), "key", c[0], c[1])
			wantErr(t, fmt.Sprint(p.name, c), err, backend.ErrRange)
		}
		for _, c := range [][2]int64{{0, math.MaxInt64}, {math.MinInt64, -1}, {-100, -1}, {-101, -1}} {
			got, err := readAll(b.GetRange(t.Context(), "key", c[0], c[1]))
			if err != nil || !bytes.Equal(got, pattern(100)) {
				t.Errorf("%s: %v: %d bytes, %v, want all", p.name, c, len(got), err)
			}
		}
	}
}

// TestGetRangeRequests counts what is asked of the storage: one range, and for
// CBC one more if the last block decides about it.
func TestGetRangeRequests(t *testing.T) {
	for _, p := range suites(t) {
		d := stored(t, p, "key", pattern(100)) // CBC: the last block begins at 96
		for _, c := range []struct {
			off, n    int64
			gets, cbc int
			size      bool // the size of the plaintext is known in the end
		}{
			{0, 10, 1, 1, false},
			{95, 1, 1, 1, false},
			{95, 100, 1, 1, false},
			{50, -1, 1, 1, false},
			{96, 1, 1, 2, true},
			{-1, -1, 1, 2, true},
			{-100, -1, 1, 2, true},
			{100, 1, 0, 1, true},
			{112, 1, 0, 0, false},
			{math.MaxInt64, -1, 0, 0, false},
			{-5, 1, 0, 0, false},
			{96, 0, 0, 0, false},
		} {
			f := backendtest.Faulty(d, backendtest.Faults{})
			o, err := p.opening(f, nil).GetRange(t.Context(), "key", c.off, c.n)
			want := c.gets
			if !p.authenticated() {
				want = c.cbc
			}
			if f.Gets() != want {
				t.Errorf("%s: range %d,%d: %d requests for a body, want %d", p.name, c.off, c.n, f.Gets(), want)
			}
			if err != nil {
				wantErr(t, p.name, err, backend.ErrRange)
			} else {
				info := o.Info()
				if exact := info.PlaintextSizeMin == info.PlaintextSizeMax; exact != (c.size || p.authenticated()) || exact && info.PlaintextSizeMax != 100 {
					t.Errorf("%s: range %d,%d: size %d to %d", p.name, c.off, c.n, info.PlaintextSizeMin, info.PlaintextSizeMax)
				}
				if o.Authenticated() {
					t.Errorf("%s: a range counts as authenticated", p.name)
				}
				if _, err := readAll(o, nil); err != nil {
					t.Errorf("%s: range %d,%d: %v", p.name, c.off, c.n, err)
				}
			}
			wantClosed(t, p.name, f)
		}
	}
}

// TestGetRangePadding: whatever touches the last block of a CBC object is
// ErrDecrypt and nothing but that if the padding is not proper; the rest reads.
func TestGetRangePadding(t *testing.T) {
	for _, p := range suites(t) {
		if p.authenticated() {
			continue
		}
		d := stored(t, p, "key", pattern(100))
		data := []byte(body(t, d, "key"))
		data[len(data)-17] ^= 0x80
		raw(t, d, "key", string(data), must(d.Stat(t.Context(), "key"))(t).Metadata)
		b := p.opening(d, nil)
		for _, c := range [][2]int64{{0, -1}, {90, 10}, {96, 1}, {99, 1}, {100, 1}, {110, 1}, {-1, -1}, {-1000, -1}} {
			got, err := readAll(b.GetRange(t.Context(), "key", c[0], c[1]))
			if err != envelope.ErrDecrypt || len(got) > 0 {
				t.Errorf("%s: range %d: %x, %v, want ErrDecrypt", p.name, c, got, err)
			}
		}
		_, err := b.GetRange(t.Context(), "key", 110, 1)
		_, err2 := b.GetRange(t.Context(), "key", 111, 1)
		if err != envelope.ErrDecrypt || !errors.Is(err2, backend.ErrRange) {
			t.Errorf("%s: %v, %v, want ErrDecrypt and ErrRange", p.name, err, err2)
		}
		got, err := readAll(b.GetRange(t.Context(), "key", 16, 64))
		if err != nil || !bytes.Equal(got, pattern(100)[16:80]) {
			t.Errorf("%s: before the altered block: %x, %v", p.name, got, err)
		}
	}
}

// TestGetRangeFaults reads a range from storage that fails, ends early, goes
// on, or answers with another range. CTR would decrypt all of it.
func TestGetRangeFaults(t *testing.T) {
	data := pattern(1000)
	for _, p := range suites(t) {
		d := stored(t, p, "key", data)
		for name, c := range map[string]struct {
			faults backendtest.Faults
			want   error
		}{
			"ends at once":     {backendtest.Faults{GetError: io.EOF}, backend.ErrSize},
			"ends early":       {backendtest.Faults{GetError: io.EOF, GetAt: 50}, backend.ErrSize},
			"bare early end":   {backendtest.Faults{GetError: io.ErrUnexpectedEOF, GetAt: 50}, io.ErrUnexpectedEOF},
			"fails":            {backendtest.Faults{GetError: errCustom, GetAt: 99}, errCustom},
			"goes on":          {backendtest.Faults{GetExtra: []byte{1}}, backend.ErrSize},
			"ignores the rest": {backendtest.Faults{IgnoreRange: true}, backend.ErrSize},
		} {
			f := backendtest.Faulty(d, c.faults)
			got, err := readAll(p.opening(f, nil).GetRange(t.Context(), "key", 100, 100))
			wantErr(t, p.name+": storage "+name, err, c.want)
			if !bytes.HasPrefix(data[100:200], got) || len(got) >= 100 {
				t.Errorf("%s: storage %s: released %d bytes", p.name, name, len(got))
			}
			wantClosed(t, name, f)
		}
	}
}

// TestGetRangeChanged replaces the object between the look and the read.
func TestGetRangeChanged(t *testing.T) {
	p := profiles(t)[0]
	d := stored(t, p, "key", pattern(1000))
	b := p.opening(&swapDriver{Driver: d, swap: func() {
		if _, err := p.bucket(d).Put(t.Context(), "key", bytes.NewReader(pattern(1000)), -1, nil); err != nil {
			t.Error(err)
		}
	}}, nil)
	_, err := b.GetRange(t.Context(), "key", 0, 10)
	wantErr(t, "replaced", err, backend.ErrChanged)

	for name, change := range map[string]func(*backend.Info){
		"another ETag": func(i *backend.Info) { i.ETag += "x" },
		"another size": func(i *backend.Info) { i.Size++ },
	} {
		f := backendtest.Faulty(d, backendtest.Faults{Info: change})
		_, err := p.opening(f, nil).GetRange(t.Context(), "key", 0, 10)
		wantErr(t, name, err, backend.ErrChanged)
		wantClosed(t, name, f)
	}
}

// A swapDriver changes the storage after each Stat.
type swapDriver struct {
	backend.Driver
	swap func()
}

func (d *swapDriver) Stat(ctx context.Context, key string) (*backend.Info, error) {
	defer d.swap()
	return d.Driver.Stat(ctx, key)
}

// TestGetRangePolicy asks for ranges that are not allowed: no body may be
// asked for and no key used.
func TestGetRangePolicy(t *testing.T) {
	for _, p := range suites(t) {
		f := backendtest.Faulty(stored(t, p, "key", pattern(100)), backendtest.Faults{})
		opts := everything(nil)
		opts.AllowUnauthenticatedRanges = false
		b := backend.NewBucket(f, nil, nil, &backend.Options{Open: opts})
		_, err := b.GetRange(t.Context(), "key", 0, 10)
		wantErr(t, p.name, err, envelope.ErrPolicy)
		if e, ok := errors.AsType[*envelope.PolicyError](err); !ok || e.Option != "AllowUnauthenticatedRanges" {
			t.Errorf("%s: %v, want a PolicyError that names the option", p.name, err)
		}
		opts = envelope.OpenOptions{AllowUnauthenticatedRanges: true}
		_, err = backend.NewBucket(f, nil, p.key, &backend.Options{Open: opts}).GetRange(t.Context(), "key", 0, 10)
		if p.suite != envelope.V3 {
			wantErr(t, p.name+" without AllowUncommitted", err, envelope.ErrPolicy)
		}
		if p.suite != envelope.V3 && f.Gets() != 0 {
			t.Errorf("%s: %d bodies were asked for", p.name, f.Gets())
		}
	}
}

// TestGetRangeDamaged reads ranges of objects that are too short to be whole.
func TestGetRangeDamaged(t *testing.T) {
	p := profiles(t)[0]
	d := stored(t, p, "key", pattern(100))
	info := must(d.Stat(t.Context(), "key"))(t)
	opts := &backend.PutOptions{Metadata: info.Metadata}
	if _, err := d.Put(t.Context(), "key", bytes.NewReader(pattern(15)), -1, opts); err != nil {
		t.Fatal(err)
	}
	b := p.opening(d, nil)
	_, err := b.GetRange(t.Context(), "key", 0, 1)
	wantErr(t, "15 bytes", err, envelope.ErrDecrypt)
	stat, err := b.Stat(t.Context(), "key")
	if err != nil || stat.PlaintextSizeMin != -1 || stat.PlaintextSizeMax != -1 {
		t.Errorf("Stat = %+v, %v, want unknown sizes", stat, err)
	}
}

// asCTR stores a GCM object once more as what old clients made with plain CTR:
// the counter that GCM would have used, and no tag. Only a wrap that binds
// nothing lets it open.
func asCTR(t *testing.T, data []byte) (*mem.Driver, profile) {
	t.Helper()
	p := profiles(t)[3]
	d := stored(t, p, "key", data)
	rc, info, err := d.Get(t.Context(), "key", &backend.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	body := must(io.ReadAll(rc))(t)
	meta := info.Metadata
	iv := append(must(base64.StdEncoding.DecodeString(meta["x-amz-iv"]))(t), 0, 0, 0, 2)
	meta["x-amz-iv"] = base64.StdEncoding.EncodeToString(iv)
	meta["x-amz-cek-alg"] = "AES/CTR/NoPadding"
	delete(meta, "x-amz-tag-len")
	opts := &backend.PutOptions{Metadata: meta}
	if _, err := d.Put(t.Context(), "key", bytes.NewReader(body[:len(data)]), -1, opts); err != nil {
		t.Fatal(err)
	}
	return d, p
}

func TestCTRObject(t *testing.T) {
	data := pattern(100)
	d, p := asCTR(t, data)
	b := p.opening(d, nil)
	for off := range len(data) {
		for _, n := range []int{1, 16, 17, 200} {
			o, err := b.GetRange(t.Context(), "key", int64(off), int64(n))
			got, err := readAll(o, err)
			if err != nil || !bytes.Equal(got, oracle(data, off, n)) || o.Authenticated() {
				t.Fatalf("range %d,%d: %x, %v", off, n, got, err)
			}
		}
	}
	path := filepath.Join(t.TempDir(), "out")
	info, err := b.GetFile(t.Context(), "key", path)
	if err != nil || info.Authenticated {
		t.Fatalf("GetFile = %+v, %v", info, err)
	}
	if got := must(os.ReadFile(path))(t); !bytes.Equal(got, data) {
		t.Errorf("file holds %x", got)
	}
	// Nothing but the declared size shows where CTR was cut.
	f := backendtest.Faulty(d, backendtest.Faults{GetError: io.EOF, GetAt: 99})
	_, err = readAll(p.opening(f, nil).Get(t.Context(), "key"))
	wantErr(t, "cut", err, backend.ErrSize)
}
