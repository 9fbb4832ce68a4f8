// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/mem"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/envelope/dare"
	"github.com/s3seal/s3seal/stream"
	"github.com/s3seal/s3seal/wrap"
)

// ownSuites are s3seal's own formats.
func ownSuites() []envelope.Suite { return []envelope.Suite{envelope.Chunked, dare.DARE2} }

// ownOptions write suite and read all of s3seal's own formats.
func ownOptions(suite envelope.Suite) *backend.Options {
	return &backend.Options{
		Seal: envelope.SealOptions{Suite: suite},
		Open: envelope.OpenOptions{AllowUncommitted: true, ExtraSuites: []envelope.Suite{dare.DARE2}},
	}
}

func gcmKey(t testing.TB) wrap.Key {
	t.Helper()
	return must(wrap.NewAESGCM(kek(32)))(t)
}

// eachOwn runs f for both formats, with the envelope in both places, bound and
// not.
func eachOwn(t *testing.T, f func(t *testing.T, opts *backend.Options)) {
	for _, suite := range ownSuites() {
		for _, file := range []bool{false, true} {
			for _, bind := range []bool{false, true} {
				t.Run(fmt.Sprintf("%v,file=%v,bind=%v", suite, file, bind), func(t *testing.T) {
					opts := ownOptions(suite)
					opts.InstructionFile, opts.Bind, opts.Name = file, bind, "bucket"
					f(t, opts)
				})
			}
		}
	}
}

// TestOwnSuites: the formats of s3seal's own are put, with and without a known
// size, and read in every way.
func TestOwnSuites(t *testing.T) {
	eachOwn(t, func(t *testing.T, opts *backend.Options) {
		for _, size := range []int{0, 1, 16384, 65536, 200_000} {
			for _, declared := range []int64{int64(size), -1} {
				b := backend.NewBucket(mem.New(), gcmKey(t), gcmKey(t), opts)
				// The end comes with the last byte, and not again.
				src := iotest.DataErrReader(bytes.NewReader(pattern(size)))
				info := must(b.Put(t.Context(), "k", src, declared, nil))(t)
				checkOwn(t, b, opts, info, size)
			}
			b := backend.NewBucket(mem.New(), gcmKey(t), gcmKey(t), opts)
			w := must(b.Create(t.Context(), "k", nil))(t)
			if _, err := w.Write(pattern(size)); err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			checkOwn(t, b, opts, w.Info(), size)
		}
	})
}

func checkOwn(t *testing.T, b *backend.Bucket, opts *backend.Options, info *backend.ObjectInfo, size int) {
	t.Helper()
	want := pattern(size)
	wantObject(t, b, "k", want)
	stat := must(b.Stat(t.Context(), "k"))(t)
	for _, i := range []*backend.ObjectInfo{info, stat} {
		h := i.Header
		if h.Suite != opts.Seal.Suite || h.Bound != opts.Bind || h.Empty != (size == 0 && h.Suite == dare.DARE2) ||
			i.PlaintextSizeMin != int64(size) || i.PlaintextSizeMax != int64(size) || (i.InstructionFile != "") != opts.InstructionFile {
			t.Errorf("size %d: described as %v, %d to %d, in %q, empty %v", size, h, i.PlaintextSizeMin, i.PlaintextSizeMax, i.InstructionFile, h.Empty)
		}
	}
	path := filepath.Join(t.TempDir(), "out")
	file := must(b.GetFile(t.Context(), "k", path))(t)
	if got := must(os.ReadFile(path))(t); !bytes.Equal(got, want) || !file.Authenticated {
		t.Errorf("GetFile: %d bytes, authenticated %v, want %d", len(got), file.Authenticated, size)
	}
	if size == 0 {
		_, err := b.GetRange(t.Context(), "k", 0, 1)
		wantErr(t, "range of nothing", err, backend.ErrRange)
		return
	}
	got, err := readAll(b.GetRange(t.Context(), "k", int64(size/2), -1))
	if err != nil || !bytes.Equal(got, want[size/2:]) {
		t.Errorf("GetRange: %d bytes, %v, want %d", len(got), err, size-size/2)
	}
}

// TestBound: what is bound opens under its own names only, and a reader can
// insist on it.
func TestBound(t *testing.T) {
	for _, suite := range ownSuites() {
		d := mem.New()
		opts := ownOptions(suite)
		opts.Bind, opts.Name = true, "here"
		b := backend.NewBucket(d, gcmKey(t), gcmKey(t), opts)
		must(b.Put(t.Context(), "k", strings.NewReader("bound"), -1, nil))(t)
		meta := must(d.Stat(t.Context(), "k"))(t).Metadata
		raw(t, d, "copy", body(t, d, "k"), meta)

		read := func(name, key string, change func(*backend.Options)) ([]byte, error) {
			opts := ownOptions(suite)
			opts.Name = name
			if change != nil {
				change(opts)
			}
			return readAll(backend.NewBucket(d, nil, gcmKey(t), opts).Get(t.Context(), key))
		}
		for _, c := range [][2]string{{"here", "copy"}, {"elsewhere", "k"}, {"", "k"}} {
			if got, err := read(c[0], c[1], nil); err != envelope.ErrDecrypt || len(got) > 0 {
				t.Errorf("%v as %q: %q, %v, want ErrDecrypt", suite, c, got, err)
			}
		}
		moved := func(o *backend.Options) { o.Open.Bind = envelope.Binding{Bucket: "here", Key: "k"} }
		if got, err := read("elsewhere", "copy", moved); err != nil || string(got) != "bound" {
			t.Errorf("%v by its old names: %q, %v", suite, got, err)
		}
		require := func(o *backend.Options) { o.Open.RequireBound = true }
		if got, err := read("here", "k", require); err != nil || string(got) != "bound" {
			t.Errorf("%v where it must be bound: %q, %v", suite, got, err)
		}
		must(backend.NewBucket(d, gcmKey(t), nil, ownOptions(suite)).Put(t.Context(), "k", strings.NewReader("loose"), -1, nil))(t)
		if got, err := read("here", "k", nil); err != nil || string(got) != "loose" {
			t.Errorf("%v unbound: %q, %v", suite, got, err)
		}
		_, err := read("here", "k", require)
		wantErr(t, "unbound where it must be bound", err, envelope.ErrPolicy)
	}
	d := mem.New()
	raw(t, d, "plain", "plain", nil)
	b := backend.NewBucket(d, nil, nil, &backend.Options{Open: envelope.OpenOptions{AllowPlaintext: true, RequireBound: true}})
	_, err := b.Get(t.Context(), "plain")
	wantErr(t, "plaintext where it must be bound", err, envelope.ErrPolicy)
	_, err = b.ReaderAt(t.Context(), "plain")
	wantErr(t, "plaintext where it must be bound", err, envelope.ErrPolicy)
	opts := &backend.Options{Bind: true}
	if _, err := backend.NewBucket(d, gcmKey(t), nil, opts).Put(t.Context(), "k", strings.NewReader("x"), -1, nil); err == nil {
		t.Error("V3 was bound")
	}
	wantNone(t, d, "k")
}

// TestOwnLarge: an object of several parts goes into a file, and comes from one.
func TestOwnLarge(t *testing.T) {
	data := pattern(20<<20 + 5)
	for _, suite := range ownSuites() {
		opts := ownOptions(suite)
		opts.Bind = true
		b := backend.NewBucket(mem.New(), gcmKey(t), gcmKey(t), opts)
		must(b.Put(t.Context(), "k", bytes.NewReader(data), -1, nil))(t)
		path := filepath.Join(t.TempDir(), "out")
		info := must(b.GetFile(t.Context(), "k", path))(t)
		if got := must(os.ReadFile(path))(t); !bytes.Equal(got, data) || !info.Authenticated {
			t.Errorf("%v: %d bytes, authenticated %v, want %d", suite, len(got), info.Authenticated, len(data))
		}
	}
}

// TestLongKeysNeedNoBinding: a key that nothing can be bound to is no reason to
// refuse an object that is not.
func TestLongKeysNeedNoBinding(t *testing.T) {
	b := v3(t, mem.New())
	key := strings.Repeat("k", 1<<16)
	must(b.Put(t.Context(), key, strings.NewReader("x"), -1, nil))(t)
	wantObject(t, b, key, []byte("x"))
}

// TestRecipients: each of several keys opens the object, and no other does.
func TestRecipients(t *testing.T) {
	keys := []wrap.Key{gcmKey(t), must(wrap.NewRSAOAEPKey(must(rsaKey())(t)))(t), must(wrap.NewAESGCM(kek(16)))(t)}
	opts := ownOptions(envelope.Chunked)
	for _, k := range keys[1:] {
		opts.Seal.Recipients = append(opts.Seal.Recipients, envelope.SealRecipient{Wrapper: k})
	}
	d := mem.New()
	must(backend.NewBucket(d, keys[0], nil, opts).Put(t.Context(), "k", strings.NewReader("for all"), -1, nil))(t)
	for _, k := range keys {
		wantObject(t, backend.NewBucket(d, nil, k, nil), "k", []byte("for all"))
	}
	other := must(wrap.NewAESGCM(make([]byte, 32)))(t)
	_, err := readAll(backend.NewBucket(d, nil, other, nil).Get(t.Context(), "k"))
	wantErr(t, "another key", err, envelope.ErrDecrypt)
	for _, suite := range []envelope.Suite{envelope.V3, dare.DARE2} {
		opts.Seal.Suite = suite
		_, err := backend.NewBucket(d, keys[0], nil, opts).Put(t.Context(), "other", strings.NewReader("x"), -1, nil)
		if err == nil || !strings.Contains(err.Error(), "use Chunked") {
			t.Errorf("%v with three keys: %v, want an error that names the format", suite, err)
		}
	}
	wantNone(t, d, "other")
}

// TestTooLargeNamesChunked: where GCM ends, whether that is known before or not,
// the error names the format that goes on.
func TestTooLargeNamesChunked(t *testing.T) {
	d := mem.New()
	for _, suite := range []envelope.Suite{envelope.V3, envelope.V2GCM} {
		b := backend.NewBucket(d, gcmKey(t), nil, &backend.Options{Seal: envelope.SealOptions{Suite: suite}})
		for what, put := range map[string]func() (*backend.ObjectInfo, error){
			"size known": func() (*backend.ObjectInfo, error) {
				return b.Put(t.Context(), "k", strings.NewReader("x"), stream.GCMMaxSize+1, nil)
			},
			"size unknown": func() (*backend.ObjectInfo, error) {
				return b.Put(t.Context(), "k", iotest.ErrReader(stream.ErrTooLarge), -1, nil)
			},
		} {
			_, err := put()
			wantErr(t, what, err, stream.ErrTooLarge)
			if !strings.Contains(err.Error(), "format Chunked takes") {
				t.Errorf("%v, %s: %v, want it to name the format", suite, what, err)
			}
		}
	}
	wantNone(t, d, "k")
}

// TestDAREPolicy: DARE opens only where it is known and allowed.
func TestDAREPolicy(t *testing.T) {
	d := mem.New()
	must(backend.NewBucket(d, gcmKey(t), nil, ownOptions(dare.DARE2)).Put(t.Context(), "k", strings.NewReader("x"), -1, nil))(t)
	_, err := backend.NewBucket(d, nil, gcmKey(t), nil).Get(t.Context(), "k")
	if _, ok := errors.AsType[*envelope.MetadataError](err); !ok {
		t.Errorf("unknown: %v, want a MetadataError", err)
	}
	opts := ownOptions(dare.DARE2)
	opts.Open.AllowUncommitted = false
	for _, read := range []func(b *backend.Bucket) error{
		func(b *backend.Bucket) error { _, err := b.Get(t.Context(), "k"); return err },
		func(b *backend.Bucket) error { _, err := b.GetRange(t.Context(), "k", 0, 1); return err },
	} {
		wantErr(t, "not allowed", read(backend.NewBucket(d, nil, gcmKey(t), opts)), envelope.ErrPolicy)
	}
}

// TestDARESourceFails: the look at the first byte is part of the put.
func TestDARESourceFails(t *testing.T) {
	d := mem.New()
	b := backend.NewBucket(d, gcmKey(t), nil, ownOptions(dare.DARE2))
	for _, src := range []io.Reader{
		iotest.ErrReader(errCustom),
		io.MultiReader(strings.NewReader("x"), iotest.ErrReader(errCustom)),
	} {
		_, err := b.Put(t.Context(), "k", src, -1, nil)
		wantErr(t, "source", err, errCustom)
	}
	_, err := b.Put(t.Context(), "k", strings.NewReader("x"), 0, nil)
	wantErr(t, "not empty", err, backend.ErrSize)
	_, err = b.Put(t.Context(), "k", iotest.ErrReader(io.EOF), 1, nil)
	wantErr(t, "empty", err, backend.ErrSize)
	unread := iotest.ErrReader(errors.New("was read"))
	_, err = b.Put(t.Context(), "k", unread, -1, &backend.PutOptions{Metadata: map[string]string{"s3seal-key": "x"}})
	wantErr(t, "reserved name", err, backend.ErrMetadata)
	w := must(b.Create(t.Context(), "k", nil))(t)
	w.Abort(errCustom)
	wantErr(t, "aborted before the first byte", w.Close(), errCustom)
	wantNone(t, d, "k")
}
