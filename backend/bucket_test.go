// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"bytes"
	"io"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/mem"
	"pgregory.net/rapid"
)

// storeBy are the three ways of storing the same bytes.
var storeBy = map[string]func(t *rapid.T, b *backend.Bucket, key string, data []byte, opts *backend.PutOptions) (*backend.ObjectInfo, error){
	"sized": func(t *rapid.T, b *backend.Bucket, key string, data []byte, opts *backend.PutOptions) (*backend.ObjectInfo, error) {
		return b.Put(t.Context(), key, bytes.NewReader(data), int64(len(data)), opts)
	},
	"unsized": func(t *rapid.T, b *backend.Bucket, key string, data []byte, opts *backend.PutOptions) (*backend.ObjectInfo, error) {
		return b.Put(t.Context(), key, bytes.NewReader(data), -1, opts)
	},
	"writer": func(t *rapid.T, b *backend.Bucket, key string, data []byte, opts *backend.PutOptions) (*backend.ObjectInfo, error) {
		w, err := b.Create(t.Context(), key, opts)
		if err != nil {
			return nil, err
		}
		defer w.Abort(nil)
		for len(data) > 0 {
			n := rapid.IntRange(0, len(data)).Draw(t, "write")
			if rapid.Bool().Draw(t, "readFrom") {
				_, err = w.ReadFrom(bytes.NewReader(data[:n]))
			} else {
				_, err = w.Write(data[:n])
			}
			if err != nil {
				return nil, err
			}
			data = data[n:]
		}
		if err := w.Close(); err != nil {
			return nil, err
		}
		return w.Info(), nil
	},
}

func TestRoundTrip(t *testing.T) {
	all := profiles(t)
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.SampledFrom(all).Draw(t, "profile")
		way := rapid.SampledFrom([]string{"sized", "unsized", "writer"}).Draw(t, "way")
		size := rapid.OneOf(rapid.IntRange(0, 70), rapid.IntRange(131000, 131200), rapid.IntRange(0, 400_000)).Draw(t, "size")
		data := pattern(size)
		b := p.bucket(mem.New())
		opts := &backend.PutOptions{Metadata: map[string]string{"name": "value"}, ContentType: "text/plain"}
		info, err := storeBy[way](t, b, "key", data, opts)
		if err != nil {
			t.Fatalf("store %s by %s: %v", p.name, way, err)
		}
		checkInfo(t, info, size)
		checkReads(t, b, p, data)
		checkFile(t, b, p, filepath.Join(dir, "out"), data)
		checkRanges(t, b, data)
	})
}

func checkInfo(t *rapid.T, info *backend.ObjectInfo, size int) {
	if info.PlaintextSizeMin != int64(size) || info.PlaintextSizeMax != int64(size) || info.Header == nil {
		t.Fatalf("info %+v, want a header and plaintext of %d bytes", info, size)
	}
	if info.Metadata["name"] != "value" || info.ContentType != "text/plain" {
		t.Fatalf("info %+v lost metadata or type", info)
	}
}

func checkReads(t *rapid.T, b *backend.Bucket, p profile, data []byte) {
	o, err := b.Get(t.Context(), "key")
	if err != nil {
		t.Fatalf("Get = %v", err)
	}
	defer o.Close()
	var got bytes.Buffer
	if rapid.Bool().Draw(t, "WriteTo") {
		_, err = o.WriteTo(&got)
	} else {
		buf := make([]byte, rapid.IntRange(1, 5000).Draw(t, "buffer"))
		_, err = io.CopyBuffer(struct{ io.Writer }{&got}, struct{ io.Reader }{o}, buf)
	}
	if err != nil || !bytes.Equal(got.Bytes(), data) {
		t.Fatalf("read %d of %d bytes, %v", got.Len(), len(data), err)
	}
	if o.Authenticated() != p.authenticated() {
		t.Fatalf("Authenticated = %v", o.Authenticated())
	}
	if n, err := o.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Fatalf("read after the end = %d, %v", n, err)
	}
	stat, err := b.Stat(t.Context(), "key")
	if err != nil {
		t.Fatalf("Stat = %v", err)
	}
	n := int64(len(data))
	if stat.PlaintextSizeMin > n || stat.PlaintextSizeMax < n || !maps.Equal(stat.Metadata, o.Info().Metadata) {
		t.Fatalf("Stat: bounds %d and %d, want %d within", stat.PlaintextSizeMin, stat.PlaintextSizeMax, n)
	}
}

func checkFile(t *rapid.T, b *backend.Bucket, p profile, path string, data []byte) {
	info, err := b.GetFile(t.Context(), "key", path)
	if err != nil {
		t.Fatalf("GetFile = %v", err)
	}
	got, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, data) {
		t.Fatalf("file of %d bytes, want %d: %v", len(got), len(data), err)
	}
	if info.Authenticated != p.authenticated() || info.PlaintextSizeMin != int64(len(data)) || info.PlaintextSizeMax != int64(len(data)) {
		t.Fatalf("GetFile: %+v", info)
	}
}

// checkRanges compares with slices of the plaintext.
func checkRanges(t *rapid.T, b *backend.Bucket, data []byte) {
	if len(data) == 0 { // has no ranges
		return
	}
	off := rapid.IntRange(0, len(data)-1).Draw(t, "off")
	n := rapid.IntRange(1, len(data)+1).Draw(t, "n")
	for _, r := range []struct {
		off, n int64
		want   []byte
	}{
		{int64(off), int64(n), data[off:min(off+n, len(data))]},
		{int64(off), -1, data[off:]},
		{-int64(n), -1, data[max(0, len(data)-n):]},
	} {
		o, err := b.GetRange(t.Context(), "key", r.off, r.n)
		got, err := readAll(o, err)
		if err != nil || !bytes.Equal(got, r.want) {
			t.Fatalf("range %d,%d of %d: %d bytes, want %d; %v", r.off, r.n, len(data), len(got), len(r.want), err)
		}
		if o.Authenticated() {
			t.Fatal("a range says that it is authenticated")
		}
	}
}
