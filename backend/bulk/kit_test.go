// SPDX-License-Identifier: Apache-2.0

package bulk_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/bulk"
	"github.com/s3seal/s3seal/backend/mem"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
	"github.com/s3seal/s3seal/wrap/legacy"
)

func must[T any](v T, err error) func(t testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// long returns b for the tests that may take long, and a for others.
func long(a, b int) int {
	if os.Getenv("S3SEAL_LONG") == "1" {
		return b
	}
	return a
}

// kek returns a key that is no secret, so that every run is alike.
func kek(b byte) []byte { return bytes.Repeat([]byte{b}, 32) }

// everything opens all formats, and streams.
func everything() envelope.OpenOptions {
	return envelope.OpenOptions{
		AllowUncommitted: true, AllowLegacyWraps: true, AllowLegacyCBC: true, AllowUnauthenticatedCTR: true,
		Release: envelope.UnverifiedUntilEOF(),
	}
}

// oldKeys returns the keys of the old objects: one for each wrap.
func oldKeys(t testing.TB) (gcm, ecb wrap.Key, ring *wrap.Keyring) {
	gcm, ecb = must(wrap.NewAESGCM(kek(1)))(t), must(legacy.NewAESECB(kek(2)))(t)
	return gcm, ecb, wrap.NewKeyring(gcm, ecb)
}

// source returns a bucket over d that reads all old objects, and seals as suite.
func source(t testing.TB, d backend.Driver, suite envelope.Suite, files bool) *backend.Bucket {
	gcm, ecb, ring := oldKeys(t)
	w := wrap.Wrapper(gcm)
	if suite == envelope.V1 {
		w = ecb
	}
	return backend.NewBucket(d, w, ring, &backend.Options{
		Seal: envelope.SealOptions{Suite: suite}, Open: everything(), InstructionFile: files,
		Download: backend.DownloadOptions{Resumes: -1},
	})
}

// target returns a bucket over d that seals and reads V3 under another key.
func target(t testing.TB, d backend.Driver) *backend.Bucket {
	key := must(wrap.NewAESGCM(kek(3)))(t)
	return backend.NewBucket(d, key, key, nil)
}

// content returns the plaintext of object i.
func content(i int) []byte { return bytes.Repeat([]byte{byte(i), byte(i >> 8)}, i*37%5000) }

// fill stores n objects of all old formats, and returns their keys.
func fill(t testing.TB, d backend.Driver, n int) (keys []string) {
	suites := []envelope.Suite{envelope.V1, envelope.V2CBC, envelope.V2GCM}
	for i := range n {
		key := fmt.Sprintf("old/%04d", i)
		b := source(t, d, suites[i%3], i%4 == 3)
		opts := &backend.PutOptions{ContentType: "text/x-old", Metadata: map[string]string{"number": fmt.Sprint(i)}}
		must(b.Put(t.Context(), key, bytes.NewReader(content(i)), int64(len(content(i))), opts))(t)
		keys = append(keys, key)
	}
	return keys
}

// toNew is where migrated objects go to.
func toNew(key string) string { return "new/" + strings.TrimPrefix(key, "old/") }

// wantContent fails the test unless all n objects are there, as they were.
func wantContent(t testing.TB, b *backend.Bucket, n int, name func(string) string) {
	t.Helper()
	for i := range n {
		wantObject(t, b, name(fmt.Sprintf("old/%04d", i)), i)
	}
}

func wantObject(t testing.TB, b *backend.Bucket, key string, i int) {
	t.Helper()
	o, err := b.Get(t.Context(), key)
	if err != nil {
		t.Errorf("Get(%q) = %v", key, err)
		return
	}
	defer o.Close()
	got, err := io.ReadAll(o)
	if err != nil || !bytes.Equal(got, content(i)) {
		t.Errorf("Get(%q): %d bytes, %v, want %d", key, len(got), err, len(content(i)))
	}
	if info := o.Info(); info.ContentType != "text/x-old" || info.Metadata["number"] != fmt.Sprint(i) {
		t.Errorf("Get(%q): content type %q, metadata %v", key, info.ContentType, info.Metadata)
	}
}

// wantSummary fails the test unless s has these figures.
func wantSummary(t testing.TB, s *bulk.Summary, done, skipped, failed int64) {
	t.Helper()
	if s.Done != done || s.Skipped != skipped || s.Failed != failed || s.Total() != done+skipped+failed {
		t.Errorf("%d done, %d skipped, %d failed, want %d, %d, %d; %v", s.Done, s.Skipped, s.Failed, done, skipped, failed, s.Reasons)
	}
}

func list(t testing.TB, b *backend.Bucket) iter.Seq2[*backend.Info, error] {
	return b.List(t.Context(), &backend.ListOptions{Prefix: "old/"})
}

// infos yields objects of these keys, and then err if it is one.
func infos(err error, keys ...string) iter.Seq2[*backend.Info, error] {
	return func(yield func(*backend.Info, error) bool) {
		for _, key := range keys {
			if !yield(&backend.Info{Key: key}, nil) {
				return
			}
		}
		if err != nil {
			yield(nil, err)
		}
	}
}

var testJob = bulk.Job{Operation: "test", Source: "a/", Destination: "b/", Options: "none"}

func journal(t testing.TB, path string) *bulk.Journal {
	t.Helper()
	j := must(bulk.OpenJournal(path, testJob))(t)
	t.Cleanup(func() { j.Close() })
	return j
}

func journalPath(t testing.TB) string { return filepath.Join(t.TempDir(), "journal") }

// A spy counts what is stored, and fails or stops when told to.
type spy struct {
	*mem.Driver
	mu       sync.Mutex
	puts     map[string]int
	requests int
	failAt   int // number of the request from which on all fail; 0 is none
	onPut    func(key string)
	versions bool
}

var errSpy = errors.New("storage is gone")

func newSpy() *spy { return &spy{Driver: mem.New(), puts: map[string]int{}} }

func (d *spy) count() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.requests++
	if d.failAt > 0 && d.requests >= d.failAt {
		return errSpy
	}
	return nil
}

func (d *spy) Put(ctx context.Context, key string, body io.Reader, size int64, opts *backend.PutOptions) (*backend.Info, error) {
	if err := d.count(); err != nil {
		return nil, err
	}
	if d.onPut != nil {
		d.onPut(key)
	}
	info, err := d.Driver.Put(ctx, key, body, size, opts)
	if err == nil {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.puts[key]++
	}
	return info, err
}

func (d *spy) Get(ctx context.Context, key string, opts *backend.GetOptions) (io.ReadCloser, *backend.Info, error) {
	if err := d.count(); err != nil {
		return nil, nil, err
	}
	return d.Driver.Get(ctx, key, opts)
}

func (d *spy) Stat(ctx context.Context, key string) (*backend.Info, error) {
	if err := d.count(); err != nil {
		return nil, err
	}
	return d.Driver.Stat(ctx, key)
}

func (d *spy) Delete(ctx context.Context, key string) error {
	if err := d.count(); err != nil {
		return err
	}
	return d.Driver.Delete(ctx, key)
}

func (d *spy) ReplaceMetadata(ctx context.Context, key string, meta map[string]string, ifMatch string) (*backend.Info, error) {
	if err := d.count(); err != nil {
		return nil, err
	}
	return d.Driver.ReplaceMetadata(ctx, key, meta, ifMatch)
}

func (d *spy) Versioned(context.Context) (bool, error) { return d.versions, nil }

// stored returns how often each key that begins with prefix was stored.
func (d *spy) stored(prefix string) map[string]int {
	d.mu.Lock()
	defer d.mu.Unlock()
	m := map[string]int{}
	for key, n := range d.puts {
		if strings.HasPrefix(key, prefix) {
			m[key] = n
		}
	}
	return m
}

// wantOnce fails the test unless each of n new objects was stored once.
func (d *spy) wantOnce(t testing.TB, n int) {
	t.Helper()
	stored := d.stored("new/")
	for key, times := range stored {
		if times != 1 {
			t.Errorf("%s was stored %d times", key, times)
		}
	}
	if len(stored) != n {
		t.Errorf("%d new objects, want %d", len(stored), n)
	}
}
