// SPDX-License-Identifier: Apache-2.0

package bulk_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
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

// newKeys returns what old objects are rewrapped to, and what opens them then.
func newKeys(t testing.TB) ([]wrap.Wrapper, *wrap.Keyring) {
	gcm, ecb := must(wrap.NewAESGCM(kek(8)))(t), must(legacy.NewAESECB(kek(9)))(t)
	return []wrap.Wrapper{gcm, ecb}, wrap.NewKeyring(gcm, ecb)
}

// rotated returns a bucket that has the new keys only.
func rotated(t testing.TB, d backend.Driver) *backend.Bucket {
	_, ring := newKeys(t)
	return backend.NewBucket(d, nil, ring, &backend.Options{Open: everything()})
}

func rewrapOptions(t testing.TB) *bulk.RewrapOptions {
	wrappers, _ := newKeys(t)
	return &bulk.RewrapOptions{To: backend.RewrapOptions{Wrappers: wrappers}}
}

func same(key string) string { return key }

// TestRewrap gives objects of all old formats another key, and again.
func TestRewrap(t *testing.T) {
	d, path := newSpy(), journalPath(t)
	fill(t, d, objects)
	b, opts := source(t, d, envelope.V1, false), rewrapOptions(t)
	before := envelopes(t, b)
	opts.Journal = journal(t, path)
	_, _, old := oldKeys(t)
	opts.To.MustNotOpen = old
	s, err := bulk.Rewrap(t.Context(), b, list(t, b), opts)
	if err != nil {
		t.Fatal(err)
	}
	files := int64(objects / 4)
	wantSummary(t, s, objects, files, 0)
	wantContent(t, rotated(t, d), objects, same)
	opts.Journal.Close()
	wantEnvelopes(t, path, before)

	opts.Journal = journal(t, path)
	size := must(os.Stat(path))(t).Size()
	s, err = bulk.Rewrap(t.Context(), b, list(t, b), opts)
	if err != nil || s.Reasons[bulk.ReasonJournal] != objects || s.Done+s.Failed > 0 {
		t.Errorf("again: %+v, %v", s, err)
	}
	if grown := must(os.Stat(path))(t).Size() - size; grown > 200*files {
		t.Errorf("the journal has grown by %d bytes, want what %d skipped objects take", grown, files)
	}
}

// envelopes returns the envelope of each object, as metadata.
func envelopes(t *testing.T, b *backend.Bucket) map[string]map[string]string {
	t.Helper()
	all := map[string]map[string]string{}
	for info, err := range list(t, b) {
		if err != nil {
			t.Fatal(err)
		}
		if oi := must(b.Stat(t.Context(), info.Key))(t); oi.Header != nil {
			all[info.Key] = must(oi.Header.Metadata())(t)
		}
	}
	return all
}

// wantEnvelopes fails the test unless the journal says of each object what it
// was before it was changed, so that it could be made so again.
func wantEnvelopes(t *testing.T, path string, want map[string]map[string]string) {
	t.Helper()
	_, entries, err := readJournal(must(os.ReadFile(path))(t))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]map[string]string{}
	for _, e := range entries {
		if e.Outcome != bulk.Begun {
			continue
		}
		h, err := envelope.ParseHeader(e.Envelope)
		if err != nil {
			t.Errorf("%s: %v", e.Key, err)
			continue
		}
		got[e.Key] = must(h.Metadata())(t)
	}
	if len(got) != objects || !maps.EqualFunc(got, want, maps.Equal) {
		t.Errorf("envelopes of %d objects in the journal, want those of %d", len(got), len(want))
	}
}

// TestRewrapKilled fails at each request; another run makes the rest.
func TestRewrapKilled(t *testing.T) {
	n := long(4, 12)
	for at := 1; ; at++ {
		d, path := newSpy(), journalPath(t)
		fill(t, d, n)
		b, opts := source(t, d, envelope.V1, false), rewrapOptions(t)
		opts.Journal = journal(t, path)
		d.requests, d.failAt = 0, at
		if _, err := bulk.Rewrap(t.Context(), b, list(t, b), opts); err != nil {
			t.Fatalf("fault at %d: %v", at, err)
		}
		last := d.requests < at
		opts.Journal.Close()
		d.failAt = 0
		_, _, old := oldKeys(t)
		_, young := newKeys(t)
		either := backend.NewBucket(d, nil, wrap.NewKeyring(old, young), &backend.Options{Open: everything()})
		wantEither(t, d, n)
		opts.Journal = journal(t, path)
		s, err := bulk.Rewrap(t.Context(), either, list(t, either), opts)
		opts.Journal.Close()
		if err != nil || s.Failed > 0 {
			t.Fatalf("fault at %d: resumed: %+v, %v", at, s, err)
		}
		wantContent(t, rotated(t, d), n, same)
		if last {
			return
		}
	}
}

// wantEither fails the test unless each object opens by the old or the new key.
func wantEither(t *testing.T, d *spy, n int) {
	t.Helper()
	for i := range n {
		key := fmt.Sprintf("old/%04d", i)
		b := rotated(t, d)
		if o, err := b.Get(t.Context(), key); err != nil {
			b = source(t, d, envelope.V1, false)
		} else {
			o.Close()
		}
		wantObject(t, b, key, i)
	}
}

// TestRewrapReplaced has somebody replace the object just before its metadata is
// written: what he stored stays, and gets the key.
func TestRewrapReplaced(t *testing.T) {
	d := &racing{spy: newSpy()}
	fill(t, d.spy, 3)
	b := source(t, d.spy, envelope.V2GCM, false)
	for _, times := range []int{1, 3, 1000} {
		must(b.Put(t.Context(), "old/0002", strings.NewReader("older"), -1, nil))(t)
		d.times, d.race = times, func() {
			must(b.Put(t.Context(), "old/0002", strings.NewReader("newer"), -1, nil))(t)
		}
		s, err := bulk.Rewrap(t.Context(), source(t, d, envelope.V1, false), infos(nil, "old/0002"), rewrapOptions(t))
		if err != nil {
			t.Fatal(err)
		}
		opens := rotated(t, d)
		if times == 1000 {
			wantSummary(t, s, 0, 0, 1)
			opens = b
		} else {
			wantSummary(t, s, 1, 0, 0)
		}
		if o, err := opens.Get(t.Context(), "old/0002"); err != nil || o.Info().PlaintextSizeMax != int64(len("newer")) {
			t.Errorf("%d times: %v, want the newer one", times, err)
		}
	}
}

// A racing storage has something happen before it replaces metadata, as often as
// times says, or before it is looked at for the time that stats says.
type racing struct {
	*spy
	mu    sync.Mutex
	times int
	stats int
	race  func()
}

func (d *racing) Stat(ctx context.Context, key string) (*backend.Info, error) {
	d.mu.Lock()
	if d.stats--; d.stats == 0 {
		d.race()
	}
	d.mu.Unlock()
	return d.spy.Stat(ctx, key)
}

func (d *racing) ReplaceMetadata(ctx context.Context, key string, meta map[string]string, ifMatch string) (*backend.Info, error) {
	d.mu.Lock()
	if d.times > 0 {
		d.times--
		d.race()
	}
	d.mu.Unlock()
	return d.spy.ReplaceMetadata(ctx, key, meta, ifMatch)
}

// TestRewrapJournalOfReplaced has somebody replace the object between two looks
// at it: the journal must have the envelope of what was rewrapped.
func TestRewrapJournalOfReplaced(t *testing.T) {
	for _, file := range []bool{false, true} {
		d, path := &racing{spy: newSpy(), stats: 2}, journalPath(t)
		keep := source(t, d.spy, envelope.V2GCM, file)
		opts := &backend.PutOptions{Metadata: map[string]string{"number": "2"}, ContentType: "text/x-old"}
		put := func() map[string]string {
			info := must(keep.Put(t.Context(), "old/0002", bytes.NewReader(content(2)), -1, opts))(t)
			return must(info.Header.Metadata())(t)
		}
		put()
		var want map[string]string
		d.race = func() {
			if file { // another file is not written over the first
				must(0, keep.Delete(t.Context(), "old/0002"))(t)
			}
			want = put()
		}
		rewrap := rewrapOptions(t)
		rewrap.Journal = journal(t, path)
		called := 0
		rewrap.To.Before = func(*backend.ObjectInfo) error { called++; return nil }
		s, err := bulk.Rewrap(t.Context(), source(t, d, envelope.V1, false), infos(nil, "old/0002"), rewrap)
		if err != nil {
			t.Fatal(err)
		}
		wantSummary(t, s, 1, 0, 0)
		wantObject(t, rotated(t, d), "old/0002", 2)
		_, entries, err := readJournal(must(os.ReadFile(path))(t))
		if err != nil || len(entries) != 2 || entries[0].Outcome != bulk.Begun || called != 1 {
			t.Fatalf("journal %+v, %v, Before was called %d times", entries, err, called)
		}
		h := must(envelope.ParseHeader(entries[0].Envelope))(t)
		if got := must(h.Metadata())(t); !maps.Equal(got, want) {
			t.Errorf("file %v: journal has the envelope %v, want %v", file, got, want)
		}
	}
}

// TestRewrapBefore ends what it is told to before anything is written.
func TestRewrapBefore(t *testing.T) {
	d, path := newSpy(), journalPath(t)
	fill(t, d, 4)
	b, opts := source(t, d, envelope.V1, false), rewrapOptions(t)
	opts.Journal = journal(t, path)
	opts.To.Before = func(*backend.ObjectInfo) error { return errSpy }
	s, err := bulk.Rewrap(t.Context(), b, list(t, b), opts)
	if err != nil || s.Failed != 4 {
		t.Errorf("Rewrap = %+v, %v, want 4 that have failed", s, err)
	}
	wantContent(t, b, 4, same)
	_, entries, err := readJournal(must(os.ReadFile(path))(t))
	for _, e := range entries {
		if e.Outcome == bulk.Begun {
			t.Errorf("journal says that %q was begun with", e.Key)
		}
	}
	if err != nil {
		t.Error(err)
	}
}

// TestRewrapWrongKey changes nothing.
func TestRewrapWrongKey(t *testing.T) {
	d := newSpy()
	fill(t, d, 6)
	wrong := backend.NewBucket(d, nil, must(wrap.NewAESGCM(kek(77)))(t), &backend.Options{Open: everything()})
	var reasons []error
	opts := rewrapOptions(t)
	opts.OnResult = func(r bulk.Result) { reasons = append(reasons, r.Err) }
	s, err := bulk.Rewrap(t.Context(), wrong, list(t, wrong), opts)
	if err != nil || s.Failed != 6 {
		t.Errorf("Rewrap = %+v, %v", s, err)
	}
	for _, err := range reasons {
		if err != nil && !errors.Is(err, envelope.ErrDecrypt) && !errors.Is(err, wrap.ErrNoKey) {
			t.Errorf("failed by %v", err)
		}
	}
	wantContent(t, source(t, d, envelope.V1, false), 6, same)
	if _, err := bulk.Rewrap(t.Context(), wrong, list(t, wrong), nil); !errors.Is(err, wrap.ErrNoKey) {
		t.Errorf("Rewrap to no key = %v, want ErrNoKey", err)
	}
}

// TestRewrapDryRun must foretell what a run costs, without a key.
func TestRewrapDryRun(t *testing.T) {
	d, path := newSpy(), journalPath(t)
	keys := fill(t, d, objects)
	opts := rewrapOptions(t)
	opts.DryRun, opts.Journal = true, journal(t, path)
	size := must(os.Stat(path))(t).Size()
	blind := backend.NewBucket(d, nil, nil, &backend.Options{Open: everything()})
	dry, err := bulk.Rewrap(t.Context(), blind, infos(nil, keys...), opts)
	if err != nil {
		t.Fatal(err)
	}
	wantSummary(t, dry, objects, 0, 0)
	wantContent(t, source(t, d, envelope.V1, false), objects, same)
	if now := must(os.Stat(path))(t).Size(); now != size {
		t.Errorf("a dry run has written %d bytes to the journal", now-size)
	}
	opts.DryRun, d.requests = false, 0
	s, err := bulk.Rewrap(t.Context(), source(t, d, envelope.V1, false), infos(nil, keys...), opts)
	off := dry.Requests - int64(d.requests) // how Bucket.Rewrap does it is its own affair
	if err != nil || s.Cost != dry.Cost || max(off, -off) > dry.Requests/8 {
		t.Errorf("dry run %+v, run %+v, %v, %d requests", dry, s, err, d.requests)
	}
}

// TestRewrapRecipients counts what would lose recipients as failed, also before
// any key is used.
func TestRewrapRecipients(t *testing.T) {
	d := mem.New()
	before, after, _ := twoKeys(t)
	for key, others := range map[string][]envelope.SealRecipient{"old/1": nil, "old/2": {{Wrapper: after}}} {
		b := backend.NewBucket(d, before, nil, &backend.Options{Seal: envelope.SealOptions{Suite: envelope.Chunked, Recipients: others}})
		must(b.Put(t.Context(), key, strings.NewReader("x"), 1, nil))(t)
	}
	third := must(wrap.NewAESGCM(kek(9)))(t)
	b := backend.NewBucket(d, nil, before, nil)
	opts := &bulk.RewrapOptions{To: backend.RewrapOptions{Wrappers: []wrap.Wrapper{third}}}
	var failed error
	opts.OnResult = func(r bulk.Result) { failed = cmp.Or(r.Err, failed) }
	for _, opts.DryRun = range []bool{true, false} {
		failed = nil
		s, err := bulk.Rewrap(t.Context(), b, list(t, b), opts)
		if err != nil || !errors.Is(failed, backend.ErrRecipients) {
			t.Errorf("Rewrap = %v, failed: %v, want %v", err, failed, backend.ErrRecipients)
		}
		wantSummary(t, s, 1, 0, 1)
	}
	opts.To.DropRecipients = true
	if s, err := bulk.Rewrap(t.Context(), b, infos(nil, "old/2"), opts); err != nil || s.Done != 1 {
		t.Errorf("Rewrap that drops = %+v, %v", s, err)
	}
}

// TestRewrapTrial tries the keys: nothing is written, and nothing counts as done
// later.
func TestRewrapTrial(t *testing.T) {
	d, path := newSpy(), journalPath(t)
	fill(t, d, 4)
	b, opts := source(t, d, envelope.V1, false), rewrapOptions(t)
	opts.Journal, opts.To.DryRun = journal(t, path), true
	size := must(os.Stat(path))(t).Size()
	if s, err := bulk.Rewrap(t.Context(), b, list(t, b), opts); err != nil || s.Done != 4 {
		t.Errorf("trial: %+v, %v", s, err)
	}
	wantContent(t, b, 4, same)
	if now := must(os.Stat(path))(t).Size(); now != size || opts.Journal.Remembered() != 0 {
		t.Errorf("a trial has written %d bytes to the journal", now-size)
	}
	opts.To.DryRun = false
	if s, err := bulk.Rewrap(t.Context(), b, list(t, b), opts); err != nil || s.Done != 4 {
		t.Errorf("after the trial: %+v, %v", s, err)
	}
	wantContent(t, rotated(t, d), 4, same)
}

// TestRewrapNoJournal ends when the journal does: nothing is done that nobody
// remembers.
func TestRewrapNoJournal(t *testing.T) {
	d := newSpy()
	fill(t, d, 6)
	b, opts := source(t, d, envelope.V1, false), rewrapOptions(t)
	opts.Journal = journal(t, journalPath(t))
	opts.Journal.Wrap(func(f bulk.JournalFile) bulk.JournalFile { return &brokenFile{JournalFile: f, write: errSpy} })
	if s, err := bulk.Rewrap(t.Context(), b, list(t, b), opts); !errors.Is(err, errSpy) || s.Done > 0 {
		t.Errorf("Rewrap = %+v, %v, want the error of the journal", s, err)
	}
	wantContent(t, b, 6, same)
}
