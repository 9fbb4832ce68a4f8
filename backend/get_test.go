// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/backendtest"
	"github.com/s3seal/s3seal/backend/mem"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/stream"
	"github.com/s3seal/s3seal/wrap"
)

// rules are both ways to release plaintext.
var rules = map[string]envelope.Release{"buffered": nil, "unverified": envelope.UnverifiedUntilEOF()}

// stored puts data and returns the storage.
func stored(t testing.TB, p profile, key string, data []byte) *mem.Driver {
	t.Helper()
	d := mem.New()
	if _, err := p.bucket(d).Put(t.Context(), key, bytes.NewReader(data), -1, nil); err != nil {
		t.Fatal(err)
	}
	return d
}

// opening returns a bucket that opens everything of p over d.
func (p profile) opening(d backend.Driver, rule envelope.Release) *backend.Bucket {
	return backend.NewBucket(d, nil, p.key, &backend.Options{Open: everything(rule), Download: noResume})
}

// wantClosed fails the test if a body of the driver was left open.
func wantClosed(t *testing.T, what string, d *backendtest.FaultyDriver) {
	t.Helper()
	if n := d.OpenBodies(); n != 0 {
		t.Errorf("%s: %d bodies left open", what, n)
	}
}

// TestGetBodyError lets the body of the storage fail at various bytes, end
// early, or go on: never a shorter or longer success, and with the default
// rule not a byte of GCM content.
func TestGetBodyError(t *testing.T) {
	data := pattern(2*chunk + 5)
	for _, p := range suites(t) {
		d := stored(t, p, "key", data)
		for name, rule := range rules {
			for _, cause := range append([]error{io.EOF}, sourceErrors...) {
				for _, at := range []int64{0, 1, 16, chunk, 2*chunk + 5, 2*chunk + 15} {
					what := fmt.Sprintf("%s, %s, %v at %d", p.name, name, cause, at)
					f := backendtest.Faulty(d, backendtest.Faults{GetError: cause, GetAt: at})
					got, err := readAll(p.opening(f, rule).Get(t.Context(), "key"))
					want := cause
					if want == io.EOF {
						want = backend.ErrSize
					}
					wantErr(t, what, err, want)
					if !bytes.HasPrefix(data, got) || len(got) > 0 && rule == nil && p.authenticated() {
						t.Errorf("%s: released %d bytes", what, len(got))
					}
					wantClosed(t, what, f)
				}
			}
			f := backendtest.Faulty(d, backendtest.Faults{GetExtra: pattern(16)})
			_, err := readAll(p.opening(f, rule).Get(t.Context(), "key"))
			wantErr(t, p.name+": body that goes on", err, backend.ErrSize)
		}
	}
}

// TestGetAltered flips a bit of every byte that is stored.
func TestGetAltered(t *testing.T) {
	data := pattern(40)
	for _, p := range suites(t) {
		if !p.authenticated() {
			continue
		}
		d := stored(t, p, "key", data)
		for at := range int64(len(data) + stream.GCMTagSize) {
			f := backendtest.Faulty(d, backendtest.Faults{GetFlip: 1 << (at % 8), GetAt: at})
			got, err := readAll(p.opening(f, nil).Get(t.Context(), "key"))
			if err != envelope.ErrDecrypt || len(got) > 0 {
				t.Errorf("%s: byte %d altered: released %d bytes, %v", p.name, at, len(got), err)
			}
		}
	}
}

// TestGetTruncated stores every truncation of an object as an object.
func TestGetTruncated(t *testing.T) {
	data := pattern(40)
	for _, p := range suites(t) {
		d := stored(t, p, "key", data)
		body, info, err := d.Get(t.Context(), "key", &backend.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		whole := must(io.ReadAll(body))(t)
		for n := range whole {
			opts := &backend.PutOptions{Metadata: info.Metadata}
			if _, err := d.Put(t.Context(), "cut", bytes.NewReader(whole[:n]), -1, opts); err != nil {
				t.Fatal(err)
			}
			got, err := readAll(p.opening(d, nil).Get(t.Context(), "cut"))
			if !p.authenticated() && n%stream.BlockSize == 0 {
				continue // CBC can be cut between blocks unnoticed
			}
			wantErr(t, fmt.Sprintf("%s cut to %d", p.name, n), err, envelope.ErrDecrypt)
			if p.authenticated() && len(got) > 0 {
				t.Errorf("%s cut to %d: released %d bytes", p.name, n, len(got))
			}
			if _, err := p.opening(d, nil).Stat(t.Context(), "cut"); err != nil {
				t.Errorf("%s cut to %d: Stat = %v", p.name, n, err)
			}
		}
	}
}

// TestGetRefused opens what must not open. No body may stay open, whatever
// the reason.
func TestGetRefused(t *testing.T) {
	other := must(wrap.NewAESGCM(kek(16)))(t)
	for _, p := range suites(t) {
		d := stored(t, p, "key", pattern(1000))
		want := envelope.ErrPolicy
		if p.suite == envelope.V3 {
			want = envelope.ErrDecrypt
		}
		for _, c := range []struct {
			name string
			key  wrap.Unwrapper
			opts envelope.OpenOptions
			want error
		}{
			{"wrong key, safe options", other, envelope.OpenOptions{}, want},
			{"no key", nil, everything(nil), wrap.ErrNoKey},
		} {
			f := backendtest.Faulty(d, backendtest.Faults{})
			b := backend.NewBucket(f, nil, c.key, &backend.Options{Open: c.opts})
			o, err := b.Get(t.Context(), "key")
			wantErr(t, p.name+": "+c.name, err, c.want)
			if o != nil {
				t.Errorf("%s: %s: an Object with the error", p.name, c.name)
			}
			wantClosed(t, p.name, f)
		}
	}
}

func TestGetBufferLimit(t *testing.T) {
	p := profiles(t)[0]
	f := backendtest.Faulty(stored(t, p, "key", pattern(1000)), backendtest.Faults{GetError: errCustom})
	_, err := p.opening(f, envelope.Buffered(1015)).Get(t.Context(), "key")
	wantErr(t, "limit of one byte less", err, stream.ErrBufferLimit)
	wantClosed(t, "limit", f)
	f = backendtest.Faulty(f.Driver, backendtest.Faults{})
	if got, err := readAll(p.opening(f, envelope.Buffered(1016)).Get(t.Context(), "key")); err != nil || len(got) != 1000 {
		t.Errorf("limit of just enough: %d bytes, %v", len(got), err)
	}
}

func TestGetDamagedMetadata(t *testing.T) {
	p := profiles(t)[0]
	d := stored(t, p, "key", pattern(100))
	info := must(d.Stat(t.Context(), "key"))(t)
	for name := range info.Metadata {
		meta := maps.Clone(info.Metadata)
		meta[name] = "?"
		opts := &backend.PutOptions{Metadata: meta}
		if _, err := d.Put(t.Context(), "bad", bytes.NewReader(pattern(116)), -1, opts); err != nil {
			t.Fatal(err)
		}
		f := backendtest.Faulty(d, backendtest.Faults{})
		b := v3(t, f)
		_, getErr := b.Get(t.Context(), "bad")
		_, rangeErr := b.GetRange(t.Context(), "bad", 0, 1)
		_, statErr := b.Stat(t.Context(), "bad")
		for what, err := range map[string]error{"Get": getErr, "GetRange": rangeErr, "Stat": statErr} {
			if _, ok := errors.AsType[*envelope.MetadataError](err); !ok {
				t.Errorf("%s with a bad %s: %v, want a MetadataError", what, name, err)
			}
		}
		wantClosed(t, name, f)
	}
}

func TestMissing(t *testing.T) {
	b := v3(t, mem.New())
	_, err := b.Get(t.Context(), "key")
	wantErr(t, "Get", err, fs.ErrNotExist)
	_, err = b.GetRange(t.Context(), "key", 0, 1)
	wantErr(t, "GetRange", err, backend.ErrNotExist)
	_, err = b.Stat(t.Context(), "key")
	wantErr(t, "Stat", err, backend.ErrNotExist)
	wantErr(t, "Delete", b.Delete(t.Context(), "key"), backend.ErrNotExist)
	if _, err := b.Put(t.Context(), "key", bytes.NewReader(nil), 0, nil); err != nil {
		t.Fatal(err)
	}
	if err := b.Delete(t.Context(), "key"); err != nil {
		t.Errorf("Delete = %v", err)
	}
	_, err = b.Stat(t.Context(), "key")
	wantErr(t, "Stat after Delete", err, backend.ErrNotExist)
}

// TestPlaintextObject reads an object that nobody has sealed.
func TestPlaintextObject(t *testing.T) {
	d := mem.New()
	data := pattern(100)
	if _, err := d.Put(t.Context(), "key", bytes.NewReader(data), -1, &backend.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	f := backendtest.Faulty(d, backendtest.Faults{})
	_, err := v3(t, f).Get(t.Context(), "key")
	wantErr(t, "Get", err, envelope.ErrNotEncrypted)
	wantClosed(t, "Get", f)
	_, err = v3(t, f).GetRange(t.Context(), "key", 0, 1)
	wantErr(t, "GetRange", err, envelope.ErrNotEncrypted)
	info, err := v3(t, f).Stat(t.Context(), "key")
	if err != nil || info.Header != nil || info.PlaintextSizeMin != 100 || info.PlaintextSizeMax != 100 {
		t.Errorf("Stat = %+v, %v", info, err)
	}

	b := backend.NewBucket(f, nil, nil, &backend.Options{Open: envelope.OpenOptions{AllowPlaintext: true}})
	wantObject(t, b, "key", data)
	_, err = b.GetRange(t.Context(), "key", 100, 1)
	wantErr(t, "range past the end", err, backend.ErrRange)
	o, err := b.GetRange(t.Context(), "key", -10, -1)
	if got, err := readAll(o, err); err != nil || !bytes.Equal(got, data[90:]) || o.Authenticated() {
		t.Errorf("range: %x, %v", got, err)
	}
	for _, cause := range []error{io.EOF, io.ErrUnexpectedEOF} {
		f := backendtest.Faulty(d, backendtest.Faults{GetError: cause, GetAt: 50})
		b := backend.NewBucket(f, nil, nil, &backend.Options{Open: envelope.OpenOptions{AllowPlaintext: true}, Download: noResume})
		if got, err := readAll(b.Get(t.Context(), "key")); err == nil || err == cause {
			t.Errorf("body that ends with %v: %d bytes, error %v", cause, len(got), err)
		}
	}
}

// TestCiphertextIsNoPlaintext has an object whose envelope lies elsewhere,
// which only the hint of its length gives away.
func TestCiphertextIsNoPlaintext(t *testing.T) {
	d := mem.New()
	opts := &backend.PutOptions{Metadata: map[string]string{"x-amz-unencrypted-content-length": "4"}}
	if _, err := d.Put(t.Context(), "key", bytes.NewReader(pattern(16)), -1, opts); err != nil {
		t.Fatal(err)
	}
	b := backend.NewBucket(d, nil, nil, &backend.Options{Open: envelope.OpenOptions{AllowPlaintext: true}})
	_, err := b.Get(t.Context(), "key")
	wantErr(t, "Get", err, envelope.ErrNotEncrypted)
	_, err = b.GetRange(t.Context(), "key", 0, 1)
	wantErr(t, "GetRange", err, envelope.ErrNotEncrypted)
}

func TestGetCancelled(t *testing.T) {
	for _, p := range suites(t) {
		d := backendtest.Faulty(stored(t, p, "key", pattern(3*chunk)), backendtest.Faults{})
		ctx, cancel := context.WithCancel(t.Context())
		o, err := p.opening(d, envelope.UnverifiedUntilEOF()).Get(ctx, "key")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(o, make([]byte, 10)); err != nil {
			t.Fatal(err)
		}
		cancel()
		_, err = readAll(o, nil)
		wantErr(t, p.name, err, context.Canceled)
		wantClosed(t, p.name, d)
	}
}

// TestObject checks Close and what comes after it.
func TestObject(t *testing.T) {
	p := profiles(t)[0]
	d := stored(t, p, "key", pattern(3*chunk))
	f := backendtest.Faulty(d, backendtest.Faults{CloseError: errCustom})
	o, err := p.opening(f, envelope.UnverifiedUntilEOF()).Get(t.Context(), "key")
	if err != nil {
		t.Fatal(err)
	}
	if !o.Authenticated() {
		t.Error("nothing was read, and it is not authenticated")
	}
	if _, err := o.Read(make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	if o.Authenticated() {
		t.Error("authenticated before the end")
	}
	for range 2 {
		wantErr(t, "Close", o.Close(), errCustom)
	}
	wantClosed(t, "Close", f)
	_, err = o.Read(make([]byte, 10))
	wantErr(t, "Read after Close", err, fs.ErrClosed)
	_, err = o.WriteTo(io.Discard)
	wantErr(t, "WriteTo after Close", err, fs.ErrClosed)
	if o.Authenticated() {
		t.Error("authenticated by Close")
	}
}
