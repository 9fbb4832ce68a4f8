// SPDX-License-Identifier: Apache-2.0

package bulk_test

import (
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/bulk"
	"github.com/s3seal/s3seal/backend/mem"
	"github.com/s3seal/s3seal/envelope"
)

// migrateOne migrates the object x, and returns what became of it.
func migrateOne(t *testing.T, src, dst *backend.Bucket, opts bulk.MigrateOptions) (last bulk.Result) {
	t.Helper()
	opts.OnResult = func(r bulk.Result) { last = r }
	if _, err := bulk.Migrate(t.Context(), src, dst, infos(nil, "old/x"), &opts); err != nil {
		t.Fatal(err)
	}
	return last
}

// wantExists fails the test unless r has failed for there is something else.
func wantExists(t *testing.T, r bulk.Result, why string) {
	t.Helper()
	if r.Outcome != bulk.Failed || !errors.Is(r.Err, bulk.ErrExists) || !strings.Contains(r.Err.Error(), why) {
		t.Errorf("%s, %v, want ErrExists, %s", r.Outcome, r.Err, why)
	}
}

// TestMigrateThereLarge: what is there already is compared under the rule that a
// bucket has by default, too, though it is over the limit of that.
func TestMigrateThereLarge(t *testing.T) {
	before, after, _ := twoKeys(t)
	const size = 65 << 20
	d, other := mem.New(), mem.New()
	src := backend.NewBucket(d, before, before, &backend.Options{Seal: envelope.SealOptions{Suite: envelope.V2GCM}, Open: everything()})
	dst := backend.NewBucket(d, after, after, nil)
	put := func(b *backend.Bucket, seed byte) {
		must(b.Put(t.Context(), "old/x", io.LimitReader(rand.NewChaCha8([32]byte{seed}), size), size, nil))(t)
	}
	put(src, 1)
	for range 2 {
		if r := migrateOne(t, src, dst, bulk.MigrateOptions{Map: toNew}); r.Outcome != bulk.Done {
			t.Errorf("%s, %v, want that it is done", r.Outcome, r.Err)
		}
	}
	elsewhere := backend.NewBucket(other, after, after, nil)
	put(elsewhere, 2)
	wantExists(t, migrateOne(t, src, elsewhere, bulk.MigrateOptions{}), "other content")
}

// TestMigrateSamePlace: an object that would be compared with itself, or with a
// copy of itself, was not sealed anew.
func TestMigrateSamePlace(t *testing.T) {
	before, after, ring := twoKeys(t)
	for _, suite := range []envelope.Suite{envelope.V3, envelope.Chunked} {
		d := mem.New()
		src := backend.NewBucket(d, before, before, &backend.Options{Seal: envelope.SealOptions{Suite: suite}})
		dst := backend.NewBucket(d, after, ring, &backend.Options{Seal: envelope.SealOptions{Suite: suite}})
		must(src.Put(t.Context(), "old/x", strings.NewReader("precious"), 8, nil))(t)
		all := bulk.MigrateOptions{All: true, Target: suite}
		wantExists(t, migrateOne(t, src, dst, all), "the old one")

		body, info, err := d.Get(t.Context(), "old/x", &backend.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		must(d.Put(t.Context(), "new/x", body, info.Size, &backend.PutOptions{Metadata: info.Metadata}))(t)
		all.Map = toNew
		wantExists(t, migrateOne(t, src, dst, all), "a copy of it")
	}
}

// TestMigrateThereUnderOldKey: a destination that has the new key alone does not
// take for migrated what is under the old one.
func TestMigrateThereUnderOldKey(t *testing.T) {
	before, after, _ := twoKeys(t)
	d := newSpy()
	src, dst := backend.NewBucket(d, before, before, nil), backend.NewBucket(d, after, after, nil)
	for _, key := range []string{"old/x", "new/x"} {
		must(src.Put(t.Context(), key, strings.NewReader("precious"), 8, nil))(t)
	}
	r := migrateOne(t, src, dst, bulk.MigrateOptions{All: true, Map: toNew})
	wantExists(t, r, "cannot be read")
	if errors.Is(r.Err, envelope.ErrDecrypt) {
		t.Errorf("%v, which is not about the old object", r.Err)
	}
}

// TestInOrder hashes parts in every order, and keeps no more than it may.
func TestInOrder(t *testing.T) {
	const part, parts = 1000, 6
	text := make([]byte, part*parts-1)
	rand.NewChaCha8([32]byte{}).Read(text)
	rng := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		w := bulk.NewInOrder()
		for _, i := range rng.Perm(parts) {
			p := text[i*part : min((i+1)*part, len(text))]
			if n, err := w.WriteAt(p, int64(i*part)); n != len(p) || err != nil {
				t.Fatalf("WriteAt = %d, %v", n, err)
			}
		}
		want := sha256.Sum256(text)
		if got, err := w.Sum(int64(len(text))); err != nil || string(got) != string(want[:]) {
			t.Errorf("sum %x, %v, want %x", got, err, want)
		}
		if _, err := w.Sum(int64(len(text)) + 1); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("sum of more = %v", err)
		}
	}
	w, mib := bulk.NewInOrder(), make([]byte, 1<<20)
	for i := range 64 {
		must(w.WriteAt(mib, int64(i+1)<<20))(t)
	}
	if _, err := w.WriteAt(mib, 65<<20); err == nil {
		t.Error("WriteAt keeps more than 64 MiB")
	}
}
