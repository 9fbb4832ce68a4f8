// SPDX-License-Identifier: Apache-2.0

package bulk_test

import (
	"errors"
	"io"
	"maps"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/bulk"
	"github.com/s3seal/s3seal/backend/dir"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
)

// twoKeys returns an old and a new key, and both as one.
func twoKeys(t *testing.T) (before, after wrap.Key, ring *wrap.Keyring) {
	before, after = must(wrap.NewAESGCM(kek(1)))(t), must(wrap.NewAESGCM(kek(9)))(t)
	return before, after, wrap.NewKeyring(after, before)
}

// rewrapTo gives one object the key, by a job with the journal.
func rewrapTo(t *testing.T, b *backend.Bucket, key string, to wrap.Wrapper, j *bulk.Journal) *bulk.Summary {
	t.Helper()
	s, err := bulk.Rewrap(t.Context(), b, infos(nil, key), &bulk.RewrapOptions{
		Options: bulk.Options{Journal: j}, To: backend.RewrapOptions{Wrappers: []wrap.Wrapper{to}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// wantReadable fails the test unless u alone opens the object.
func wantReadable(t *testing.T, d backend.Driver, key string, u wrap.Unwrapper) {
	t.Helper()
	o, err := backend.NewBucket(d, nil, u, &backend.Options{Open: everything()}).Get(t.Context(), key)
	if err != nil {
		t.Errorf("Get(%q) by the new key = %v", key, err)
		return
	}
	defer o.Close()
	if got, err := io.ReadAll(o); err != nil || string(got) != "precious" {
		t.Errorf("Get(%q) = %q, %v", key, got, err)
	}
}

// TestJournalSeesFileThatCameBack has a put begin before an object is rewrapped,
// and then fail: it puts back the instruction file that it has found, with the old
// key. The object is what it was, but it is not done.
func TestJournalSeesFileThatCameBack(t *testing.T) {
	before, after, ring := twoKeys(t)
	d := newSpy()
	b := backend.NewBucket(d, before, ring, &backend.Options{
		Seal: envelope.SealOptions{Suite: envelope.V2GCM}, Open: everything(), InstructionFile: true, AllowInstructionOverwrite: true,
	})
	must(b.Put(t.Context(), "old/x", strings.NewReader("precious"), 8, nil))(t)
	j, once := journal(t, journalPath(t)), false
	d.onPut = func(key string) {
		if !once && strings.HasSuffix(key, envelope.InstructionSuffix) {
			once = true
			wantSummary(t, rewrapTo(t, b, "old/x", after, j), 1, 0, 0)
		}
	}
	failing := io.MultiReader(strings.NewReader("x"), iotest.ErrReader(errSpy))
	if _, err := b.Put(t.Context(), "old/x", failing, -1, nil); !errors.Is(err, errSpy) {
		t.Fatalf("Put = %v, want that it fails", err)
	}
	wantSummary(t, rewrapTo(t, b, "old/x", after, j), 1, 0, 0)
	wantReadable(t, d, "old/x", after)
	wantSummary(t, rewrapTo(t, b, "old/x", after, j), 0, 1, 0)
}

// TestJournalSeesUndo: where the ETag stays when metadata is replaced, an object
// that was given the old key again is not done.
func TestJournalSeesUndo(t *testing.T) {
	before, after, ring := twoKeys(t)
	d := must(dir.New(t.TempDir(), nil))(t)
	defer d.Close()
	b := backend.NewBucket(d, before, ring, nil)
	must(b.Put(t.Context(), "x", strings.NewReader("precious"), 8, nil))(t)
	j := journal(t, journalPath(t))
	wantSummary(t, rewrapTo(t, b, "x", after, j), 1, 0, 0)
	must(b.Rewrap(t.Context(), "x", &backend.RewrapOptions{Wrappers: []wrap.Wrapper{before}}))(t)
	wantSummary(t, rewrapTo(t, b, "x", after, j), 1, 0, 0)
	wantReadable(t, d, "x", after)
	wantSummary(t, rewrapTo(t, b, "x", after, j), 0, 1, 0)
}

// TestVerifySeesOtherEnvelope: an object that was verified, and whose envelope was
// destroyed since, is read again, and fails.
func TestVerifySeesOtherEnvelope(t *testing.T) {
	key, _, _ := twoKeys(t)
	d := must(dir.New(t.TempDir(), nil))(t)
	defer d.Close()
	b := backend.NewBucket(d, key, key, nil)
	info := must(b.Put(t.Context(), "x", strings.NewReader("precious"), 8, nil))(t)
	j := journal(t, journalPath(t))
	for _, row := range []struct {
		change                func(map[string]string)
		done, skipped, failed int64
	}{
		{nil, 1, 0, 0},
		{nil, 0, 1, 0},
		{func(m map[string]string) { m["x-amz-3"] = strings.Repeat("A", len(m["x-amz-3"])) }, 0, 0, 1},
		{func(m map[string]string) { delete(m, "x-amz-3") }, 0, 0, 1},
		{func(m map[string]string) { m["user"] = "other" }, 0, 1, 0},
	} {
		if row.change != nil {
			meta := maps.Clone(info.Metadata)
			row.change(meta)
			must(d.ReplaceMetadata(t.Context(), "x", meta, info.ETag))(t)
		}
		s, err := bulk.Verify(t.Context(), b, b.List(t.Context(), nil), &bulk.VerifyOptions{Options: bulk.Options{Journal: j}})
		if err != nil {
			t.Fatal(err)
		}
		wantSummary(t, s, row.done, row.skipped, row.failed)
	}
}

// TestJournalWithoutSums reads a journal of before there were sums: all is looked
// at again, also what has lost its envelope since.
func TestJournalWithoutSums(t *testing.T) {
	key, _, _ := twoKeys(t)
	d := newSpy()
	b := backend.NewBucket(d, key, key, &backend.Options{Open: envelope.OpenOptions{AllowPlaintext: true}})
	for name, plain := range map[string]bool{"plain": true, "sealed": false} {
		info := must(b.Put(t.Context(), name, strings.NewReader("precious"), 8, nil))(t)
		if plain {
			must(d.ReplaceMetadata(t.Context(), name, nil, info.ETag))(t)
		}
	}
	j := journal(t, journalPath(t))
	for info, err := range b.List(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		if err := j.Append(&bulk.Entry{Key: info.Key, ETag: info.ETag, Outcome: bulk.Done}); err != nil {
			t.Fatal(err)
		}
	}
	s, err := bulk.Verify(t.Context(), b, b.List(t.Context(), nil), &bulk.VerifyOptions{Options: bulk.Options{Journal: j}})
	if err != nil || s.Reasons[bulk.ReasonJournal] != 0 {
		t.Errorf("Verify = %+v, %v, want that nothing counts as done", s, err)
	}
}

// TestEnvelopeSum is another one for each part of an envelope, also of one that
// nobody writes.
func TestEnvelopeSum(t *testing.T) {
	header := func() *envelope.Header {
		return &envelope.Header{
			Suite: envelope.V2CTR, Wrap: wrap.RSAOAEPSHA256, WrappedKey: kek(1), IV: kek(2)[:16], MatDesc: map[string]string{"a": "b"},
		}
	}
	same := bulk.EnvelopeSum(header())
	if bulk.EnvelopeSum(nil) == "" || bulk.EnvelopeSum(header()) != same {
		t.Error("no sum of nothing, or two of one envelope")
	}
	seen := map[string]bool{bulk.EnvelopeSum(header()): true, bulk.EnvelopeSum(nil): true}
	for i, change := range []func(*envelope.Header){
		func(h *envelope.Header) { h.Suite = envelope.V2GCM },
		func(h *envelope.Header) { h.Wrap = wrap.AESKW },
		func(h *envelope.Header) { h.WrappedKey = kek(3) },
		func(h *envelope.Header) { h.IV = kek(4)[:16] },
		func(h *envelope.Header) { h.Commitment = kek(5)[:28] },
		func(h *envelope.Header) { h.MatDesc = map[string]string{"a": "c"} },
		func(h *envelope.Header) { h.Recipients = []envelope.Recipient{{Wrap: wrap.AESGCM}} },
		func(h *envelope.Header) { h.Bound = true },
		func(h *envelope.Header) { h.Empty = true },
		func(h *envelope.Header) { h.Suite, h.Wrap, h.IV = envelope.V2GCM, wrap.AESGCM, kek(2)[:12] },
	} {
		h := header()
		change(h)
		if sum := bulk.EnvelopeSum(h); seen[sum] || len(sum) != 64 {
			t.Errorf("change %d: sum %q, want another one", i, sum)
		} else {
			seen[sum] = true
		}
	}
}
