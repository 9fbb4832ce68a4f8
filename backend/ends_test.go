// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"maps"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/mem"
	"github.com/s3seal/s3seal/envelope"
)

// panicking delivers some bytes and then panics.
type panicking struct{ data io.Reader }

func (p panicking) Read(b []byte) (int, error) {
	n, err := p.data.Read(b)
	if err != nil {
		panic("source panicked")
	}
	return n, nil
}

// TestWriterSourcePanics: a deferred Close must not make an object of half the
// plaintext when the source has panicked under ReadFrom.
func TestWriterSourcePanics(t *testing.T) {
	d := mem.New()
	b := v3(t, d)
	w, err := b.Create(t.Context(), "k", nil)
	if err != nil {
		t.Fatal(err)
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic of the source was swallowed")
			}
		}()
		w.ReadFrom(panicking{strings.NewReader("half of it")})
	}()
	wantErr(t, "Close", w.Close(), backend.ErrAborted)
	wantNone(t, d, "k")
}

// eofSink fails in the way that would end a copy well if it came from a source.
type eofSink struct{}

func (eofSink) Write([]byte) (int, error) { return 0, io.EOF }

// TestSinkFailsWithEOF: the failure of a sink never passes for the end of an
// object, neither at once nor in a later call.
func TestSinkFailsWithEOF(t *testing.T) {
	want := pattern(1000)
	for _, p := range profiles(t) {
		t.Run(p.name, func(t *testing.T) {
			b := p.bucket(mem.New())
			if _, err := b.Put(t.Context(), "k", bytes.NewReader(want), -1, nil); err != nil {
				t.Fatal(err)
			}
			testEOFSink(t, must(b.Get(t.Context(), "k"))(t))
			testEOFSink(t, must(b.GetRange(t.Context(), "k", 10, 100))(t))
		})
	}
	t.Run("plain", func(t *testing.T) {
		d := mem.New()
		if _, err := d.Put(t.Context(), "k", bytes.NewReader(want), -1, &backend.PutOptions{}); err != nil {
			t.Fatal(err)
		}
		b := backend.NewBucket(d, nil, nil, &backend.Options{Open: envelope.OpenOptions{AllowPlaintext: true}})
		testEOFSink(t, must(b.Get(t.Context(), "k"))(t))
	})
}

func testEOFSink(t *testing.T, o *backend.Object) {
	t.Helper()
	defer o.Close()
	for range 2 {
		_, err := o.WriteTo(eofSink{})
		wantErr(t, "WriteTo", err, io.EOF)
	}
	if _, err := o.Read(make([]byte, 10)); err == nil || err == io.EOF {
		t.Errorf("Read after the failure = %v, want the error", err)
	}
}

// TestPlaintextOfOtherFormats: what carries names of ours is sealed, even if
// they are no whole envelope or of a format that is not known here, and is not
// handed out as plaintext.
func TestPlaintextOfOtherFormats(t *testing.T) {
	for _, meta := range []map[string]string{
		{"s3seal-suite": "1"},
		{"S3Seal-Key": "1"},
		{"x-amz-meta-s3seal-suite": "chunked1"},
		{"s3seal-suite": "chunked2"},
		{"s3seal-salt": ""},
		{"s3seal-new": "1"},
		{"s3seal-key-9": "1"},
		{"S3SEAL-": "1"},
		{"x-amz-meta-x-amz-unencrypted-content-length": "1"},
	} {
		d := mem.New()
		if _, err := d.Put(t.Context(), "k", strings.NewReader("ciphertext"), -1, &backend.PutOptions{Metadata: meta}); err != nil {
			t.Fatal(err)
		}
		b := backend.NewBucket(d, nil, nil, &backend.Options{Open: envelope.OpenOptions{AllowPlaintext: true, AllowUnauthenticatedRanges: true}})
		for what, get := range map[string]func() (*backend.Object, error){
			"Get":      func() (*backend.Object, error) { return b.Get(t.Context(), "k") },
			"GetRange": func() (*backend.Object, error) { return b.GetRange(t.Context(), "k", 0, 1) },
		} {
			data, err := readAll(get())
			_, damaged := errors.AsType[*envelope.MetadataError](err)
			if !damaged && !errors.Is(err, envelope.ErrNotEncrypted) || len(data) > 0 {
				t.Errorf("%s of %v: %q, %v, want it refused", what, meta, data, err)
			}
		}
	}
}

// TestOneErrorTextAfterKeyUse: whether the key, the commitment, the tag or the
// length is wrong, Get and Read fail with the very same error.
func TestOneErrorTextAfterKeyUse(t *testing.T) {
	d := mem.New()
	b := v3(t, d)
	info := must(b.Put(t.Context(), "k", bytes.NewReader(pattern(100)), -1, nil))(t)
	body := must(io.ReadAll(must2(d.Get(t.Context(), "k", &backend.GetOptions{}))(t)))(t)
	forge := func(name, value string, body []byte) {
		meta := maps.Clone(info.Metadata)
		if name != "" {
			meta[name] = value
		}
		if _, err := d.Put(t.Context(), "f", bytes.NewReader(body), -1, &backend.PutOptions{Metadata: meta}); err != nil {
			t.Fatal(err)
		}
		if data, err := readAll(b.Get(t.Context(), "f")); err != envelope.ErrDecrypt || len(data) > 0 {
			t.Errorf("forged %q: %d bytes, error %v (%T), want the bare ErrDecrypt", name, len(data), err, err)
		}
	}
	flipped := bytes.Clone(body)
	flipped[len(flipped)-1] ^= 1
	forge("", "", flipped)
	forge("", "", body[:len(body)-1])
	forge("", "", body[:10])
	for name, size := range map[string]int{"x-amz-3": 60, "x-amz-d": 28, "x-amz-i": 28} {
		forge(name, base64.StdEncoding.EncodeToString(make([]byte, size)), body)
	}
}

// must2 is must for what comes with a description.
func must2(r io.ReadCloser, _ *backend.Info, err error) func(t testing.TB) io.Reader {
	return func(t testing.TB) io.Reader {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { r.Close() })
		return r
	}
}
