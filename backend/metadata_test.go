// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"context"
	"maps"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/backendtest"
	"github.com/s3seal/s3seal/backend/mem"
	"github.com/s3seal/s3seal/wrap"
)

var reservedNames = []string{
	"x-amz-key", "x-amz-key-v2", "x-amz-iv", "x-amz-matdesc", "x-amz-cek-alg", "x-amz-wrap-alg", "x-amz-tag-len",
	"x-amz-unencrypted-content-length", "x-amz-unencrypted-content-md5", "x-amz-crypto-instr-file",
	"x-amz-3", "x-amz-c", "x-amz-d", "x-amz-i", "x-amz-w", "x-amz-m", "x-amz-t",
	"s3seal-suite", "s3seal-anything", "x-amz-key-v9", "x-amz-acl",
}

func TestReservedMetadata(t *testing.T) {
	d := backendtest.Faulty(mem.New(), backendtest.Faults{})
	for _, name := range reservedNames {
		for _, spelled := range []string{name, strings.ToUpper(name), "x-amz-meta-" + name, "X-Amz-Meta-" + name} {
			wantMetadataRefused(t, d, &backend.PutOptions{Metadata: map[string]string{spelled: "x"}}, "reserved")
		}
	}
}

func wantMetadataRefused(t *testing.T, d *backendtest.FaultyDriver, opts *backend.PutOptions, text string) {
	t.Helper()
	b := v3(t, d)
	_, err := b.Put(t.Context(), "key", strings.NewReader("x"), 1, opts)
	wantErr(t, "Put", err, backend.ErrMetadata)
	if err != nil && !strings.Contains(err.Error(), text) {
		t.Errorf("error %q, want %q in it", err, text)
	}
	_, err = b.Create(t.Context(), "key", opts)
	wantErr(t, "Create", err, backend.ErrMetadata)
	if d.Puts() != 0 {
		t.Errorf("%+v: %d puts reached the storage", opts, d.Puts())
	}
}

func TestUnstorableMetadata(t *testing.T) {
	d := backendtest.Faulty(mem.New(), backendtest.Faults{})
	for _, name := range []string{"", "Upper", "with blank", "colon:", "new\nline", "ünï", "tab\t", "\x00", "semi;"} {
		wantMetadataRefused(t, d, &backend.PutOptions{Metadata: map[string]string{name: "x"}}, "name")
	}
	for _, value := range []string{" blank", "blank ", "new\nline", "carriage\r", "ünï", "\x00", "\x7f", "\xff"} {
		wantMetadataRefused(t, d, &backend.PutOptions{Metadata: map[string]string{"name": value}}, `value of "name"`)
		wantMetadataRefused(t, d, &backend.PutOptions{ContentType: value}, "content type")
	}
}

func TestMetadataLimit(t *testing.T) {
	d := mem.New()
	b := v3(t, d)
	info, err := b.Put(t.Context(), "key", strings.NewReader("x"), 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	room := backend.MaxMetadataSize - backend.MetadataSize(info.Metadata) - len("x-amz-meta-comment")
	meta := map[string]string{"comment": strings.Repeat("c", room)}
	given := maps.Clone(meta)
	info, err = b.Put(t.Context(), "full", strings.NewReader("x"), 1, &backend.PutOptions{Metadata: meta})
	if err != nil {
		t.Fatalf("metadata of exactly the limit: %v", err)
	}
	if n := backend.MetadataSize(info.Metadata); n != backend.MaxMetadataSize {
		t.Errorf("size %d, want %d", n, backend.MaxMetadataSize)
	}
	if !maps.Equal(meta, given) {
		t.Error("Put modified the caller's metadata")
	}
	meta["comment"] += "c"
	wantMetadataRefused(t, backendtest.Faulty(d, backendtest.Faults{}), &backend.PutOptions{Metadata: meta}, "2049 bytes, of which")
}

// A largeKey wraps to the size that an RSA key of 4096 bits does.
type largeKey struct{}

func (largeKey) Algorithm() wrap.Algorithm { return wrap.RSAOAEPSHA1 }

func (largeKey) Wrap(context.Context, []byte, wrap.Info) ([]byte, error) {
	return make([]byte, 512), nil
}

// TestMetadataOfLargeKey uses a key whose wrapped CEK leaves little room: the
// error must come before the upload and say what is too big.
func TestMetadataOfLargeKey(t *testing.T) {
	d := backendtest.Faulty(mem.New(), backendtest.Faults{})
	b := backend.NewBucket(d, largeKey{}, nil, nil)
	opts := &backend.PutOptions{Metadata: map[string]string{"comment": strings.Repeat("c", 600)}}
	if _, err := b.Put(t.Context(), "key", strings.NewReader("x"), 1, opts); err != nil {
		t.Errorf("600 bytes of metadata beside a 4096-bit key: %v", err)
	}
	opts.Metadata["second"] = strings.Repeat("s", 650)
	_, err := b.Put(t.Context(), "key", strings.NewReader("x"), 1, opts)
	wantErr(t, "1250 bytes of metadata beside a 4096-bit key", err, backend.ErrMetadata)
	if err != nil && !strings.Contains(err.Error(), "x-amz-3 with 684") {
		t.Errorf("error %q does not say what is largest", err)
	}
	if d.Puts() != 1 {
		t.Errorf("%d puts reached the storage, want 1", d.Puts())
	}
}

func TestCiphertextHint(t *testing.T) {
	for want, meta := range map[string]map[string]string{
		"":                                {"author": "x", "x-amz-unencrypted": "x", "x-amz-key": "x", "my-s3seal-": "x"},
		"x-amz-unencrypted-content-md5":   {"x-amz-unencrypted-content-md5": "", "z": "x"},
		"X-Amz-Unencrypted-Content-Other": {"X-Amz-Unencrypted-Content-Other": "x"},
		"X-Amz-Meta-X-Amz-Unencrypted-Content-Length": {
			"X-Amz-Meta-X-Amz-Unencrypted-Content-Length": "5", "x-amz-meta-author": "x", "x-amz-unencrypted-content-length": "5",
		},
		"s3seal-2": {"s3seal-2": "x", "x-amz-unencrypted-content-length": "5"},
	} {
		if got := backend.CiphertextHint(meta); got != want {
			t.Errorf("%v: want %q, got %q", meta, want, got)
		}
	}
	if got := backend.CiphertextHint(nil); got != "" {
		t.Errorf("no metadata: got %q", got)
	}
}

func TestReservedNames(t *testing.T) {
	for name, want := range map[string]bool{
		"x-amz-key": true, "X-Amz-Anything": true, "s3seal-suite": true, "S3SEAL-": true,
		"": false, "author": false, "x-amz": false, "my-x-amz-key": false,
	} {
		if got := backend.ReservedMetadata(name); got != want {
			t.Errorf("%q: want %t, got %t", name, want, got)
		}
	}
}
