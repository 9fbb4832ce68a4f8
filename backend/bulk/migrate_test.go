// SPDX-License-Identifier: Apache-2.0

package bulk_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/backendtest"
	"github.com/s3seal/s3seal/backend/bulk"
	"github.com/s3seal/s3seal/envelope"
)

const objects = 24

// TestMigrate copies objects of all old formats, and again: the journal knows.
func TestMigrate(t *testing.T) {
	d, path := newSpy(), journalPath(t)
	fill(t, d, objects)
	src := source(t, d, envelope.V1, false)
	j := journal(t, path)
	opts := &bulk.MigrateOptions{Options: bulk.Options{Journal: j}, Map: toNew}
	s, err := bulk.Migrate(t.Context(), src, target(t, d), list(t, src), opts)
	if err != nil {
		t.Fatal(err)
	}
	files := int64(objects / 4)
	wantSummary(t, s, objects, files, 0)
	if s.Reasons[bulk.ReasonInstructionFile] != files || s.Unauthenticated != objects*2/3 {
		t.Errorf("reasons %v, %d unauthenticated", s.Reasons, s.Unauthenticated)
	}
	wantContent(t, target(t, d), objects, toNew)
	wantContent(t, src, objects, func(key string) string { return key })
	d.wantOnce(t, objects)
	j.Close()
	wantHashes(t, path)

	opts.Journal = journal(t, path)
	before := d.requests
	s, err = bulk.Migrate(t.Context(), src, target(t, d), list(t, src), opts)
	if err != nil || s.Reasons[bulk.ReasonJournal] != objects {
		t.Errorf("again: %v, %v", s, err)
	}
	if got, want := d.requests-before, objects+3*int(files); got != want {
		t.Errorf("again: %d requests, want those that tell the envelope of each object, and that files are such: %d", got, want)
	}
	opts.Journal = nil // what is there is compared
	s, err = bulk.Migrate(t.Context(), src, target(t, d), list(t, src), opts)
	if err != nil {
		t.Fatal(err)
	}
	wantSummary(t, s, objects, files, 0)
	d.wantOnce(t, objects)
}

// wantHashes fails the test unless the journal has the hash of each plaintext.
func wantHashes(t *testing.T, path string) {
	t.Helper()
	f := must(os.Open(path))(t)
	defer f.Close()
	job, entries, err := bulk.ReadJournal(f)
	if err != nil || job != testJob {
		t.Fatalf("ReadJournal = %v, %v", job, err)
	}
	n := 0
	for e, err := range entries {
		if err != nil {
			t.Fatal(err)
		}
		var i int
		if fmt.Sscanf(e.Key, "old/%d", &i); e.Outcome != bulk.Done {
			continue
		}
		n++
		want := sha256.Sum256(content(i))
		if e.SHA256 != hex.EncodeToString(want[:]) || e.To != toNew(e.Key) || e.Unauthenticated != (i%3 < 2) {
			t.Errorf("entry %+v, want SHA-256 %x", e, want)
		}
	}
	if n != objects {
		t.Errorf("%d objects done in the journal, want %d", n, objects)
	}
}

// TestMigrateInPlace replaces the objects and deletes their instruction files.
func TestMigrateInPlace(t *testing.T) {
	d := newSpy()
	d.versions = true
	fill(t, d, objects)
	src := source(t, d, envelope.V1, false)
	opts := &bulk.MigrateOptions{InPlace: d}
	for range 2 {
		if _, err := bulk.Migrate(t.Context(), src, target(t, d), list(t, src), opts); err != nil {
			t.Fatal(err)
		}
		wantContent(t, target(t, d), objects, func(key string) string { return key })
	}
	for info, err := range list(t, src) {
		if err != nil || strings.HasSuffix(info.Key, envelope.InstructionSuffix) {
			t.Errorf("%v, %v is left", info, err)
		}
	}
	s, err := bulk.Migrate(t.Context(), src, target(t, d), list(t, src), opts)
	if err != nil || s.Reasons[bulk.ReasonTarget] != objects {
		t.Errorf("again: %v, %v", s, err)
	}
}

// TestMigrateUnversioned wants to be told before anything is lost.
func TestMigrateUnversioned(t *testing.T) {
	d := newSpy()
	fill(t, d, 3)
	src := source(t, d, envelope.V1, false)
	opts := &bulk.MigrateOptions{InPlace: d}
	if _, err := bulk.Migrate(t.Context(), src, target(t, d), list(t, src), opts); !errors.Is(err, bulk.ErrUnversioned) {
		t.Errorf("Migrate = %v, want ErrUnversioned", err)
	}
	opts.InPlace = backendtest.Faulty(d, backendtest.Faults{}) // cannot say
	if _, err := bulk.Migrate(t.Context(), src, target(t, d), list(t, src), opts); !errors.Is(err, bulk.ErrUnversioned) {
		t.Errorf("Migrate without a Versioner = %v, want ErrUnversioned", err)
	}
	wantContent(t, src, 3, func(key string) string { return key })
	opts.ForceUnversioned = true
	if s, err := bulk.Migrate(t.Context(), src, target(t, d), list(t, src), opts); err != nil || s.Done != 3 {
		t.Errorf("Migrate by force = %v, %v", s, err)
	}
	opts.Map = toNew
	if _, err := bulk.Migrate(t.Context(), src, target(t, d), list(t, src), opts); err == nil {
		t.Error("Migrate in place to other keys = nil")
	}
}

// TestMigrateKilled fails at each request, as storage does or as a process that
// is killed; each time another one goes on with the journal, if it got that far.
func TestMigrateKilled(t *testing.T) {
	n := long(4, 12)
	for _, inPlace := range []bool{false, true} {
		for at := 1; ; at++ {
			d, path := newSpy(), journalPath(t)
			d.versions = true
			fill(t, d, n)
			src, dst := source(t, d, envelope.V1, false), target(t, d)
			opts := &bulk.MigrateOptions{Options: bulk.Options{Journal: journal(t, path), Workers: 2}, Map: toNew}
			if inPlace {
				opts.Map, opts.InPlace = nil, d
			}
			ctx, kill := context.WithCancel(t.Context())
			opts.OnResult = func(r bulk.Result) {
				if errors.Is(r.Err, errSpy) && at%2 == 0 {
					kill()
				}
			}
			d.requests, d.failAt = 0, at
			s, err := bulk.Migrate(ctx, src, dst, src.List(ctx, &backend.ListOptions{Prefix: "old/"}), opts)
			kill()
			last := d.requests < at
			if !last && err == nil && s.Failed == 0 && s.Done == int64(n) && !inPlace {
				t.Errorf("fault at %d: %v, want a failure", at, s)
			}
			d.failAt = 0
			opts.Journal.Close()
			resumeMigration(t, d, path, n, opts)
			if last {
				break
			}
		}
	}
}

// resumeMigration goes on with a job, and wants all to be migrated once.
func resumeMigration(t *testing.T, d *spy, path string, n int, opts *bulk.MigrateOptions) {
	t.Helper()
	src, dst := source(t, d, envelope.V1, false), target(t, d)
	opts.Journal, opts.OnResult = journal(t, path), nil
	defer opts.Journal.Close()
	s, err := bulk.Migrate(t.Context(), src, dst, list(t, src), opts)
	if err != nil || s.Failed > 0 {
		t.Fatalf("resumed: %+v, %v", s, err)
	}
	if opts.InPlace != nil {
		wantContent(t, dst, n, func(key string) string { return key })
		return
	}
	wantContent(t, dst, n, toNew)
	d.wantOnce(t, n)
}

// TestMigrateShards runs three at once, that know nothing of each other.
func TestMigrateShards(t *testing.T) {
	d := newSpy()
	fill(t, d, objects)
	src := source(t, d, envelope.V1, false)
	var wg sync.WaitGroup
	sums := make([]*bulk.Summary, 3)
	for i := range sums {
		wg.Go(func() {
			opts := &bulk.MigrateOptions{Options: bulk.Options{Shard: bulk.Shard{Index: i, Count: 3}}, Map: toNew}
			var err error
			if sums[i], err = bulk.Migrate(t.Context(), src, target(t, d), list(t, src), opts); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if done := sums[0].Done + sums[1].Done + sums[2].Done; done != objects {
		t.Errorf("%d done by all, want %d", done, objects)
	}
	wantContent(t, target(t, d), objects, toNew)
	d.wantOnce(t, objects)
}

// TestMigrateTampered alters each byte of an object: what has a tag, and what
// was cut, must not get anywhere.
func TestMigrateTampered(t *testing.T) {
	d := newSpy()
	fill(t, d, 3)
	const key = "old/0002" // V2GCM
	info := must(d.Driver.Stat(t.Context(), key))(t)
	for at := range info.Size {
		for _, inPlace := range []bool{false, true} {
			fd := backendtest.Faulty(d, backendtest.Faults{GetFlip: 1, GetAt: at})
			var failed error
			src, opts := source(t, fd, envelope.V1, false), &bulk.MigrateOptions{Map: toNew}
			opts.OnResult = func(r bulk.Result) { failed = r.Err }
			if inPlace {
				opts.Map, opts.InPlace, opts.ForceUnversioned = nil, d, true
			}
			s, err := bulk.Migrate(t.Context(), src, target(t, d), infos(nil, key), opts)
			if err != nil || s.Failed != 1 {
				t.Fatalf("byte %d: %+v, %v, want one failure", at, s, err)
			}
			if !errors.Is(failed, envelope.ErrDecrypt) {
				t.Errorf("byte %d: %v, want ErrDecrypt", at, failed)
			}
			if got := d.stored("new/"); len(got) > 0 || fd.OpenBodies() != 0 {
				t.Errorf("stored %v, %d open bodies", got, fd.OpenBodies())
			}
		}
	}
	wantContent(t, source(t, d, envelope.V1, false), 3, func(key string) string { return key })
}

// TestMigrateJournal reads what the journal says of a failure, which is why.
func TestMigrateJournal(t *testing.T) {
	d, path := newSpy(), journalPath(t)
	fill(t, d, 3)
	src := source(t, backendtest.Faulty(d, backendtest.Faults{GetFlip: 1}), envelope.V1, false)
	opts := &bulk.MigrateOptions{Options: bulk.Options{Journal: journal(t, path)}, Map: toNew}
	if s, err := bulk.Migrate(t.Context(), src, target(t, d), infos(nil, "old/0002"), opts); err != nil || s.Failed != 1 {
		t.Fatalf("Migrate = %+v, %v", s, err)
	}
	log := string(must(os.ReadFile(path))(t))
	if !strings.Contains(log, `"outcome":"failed","reason":"source: `) || strings.Contains(log, "sha256") {
		t.Errorf("journal %s", log)
	}
	opts.Journal.Close()
	opts.Journal = journal(t, path) // what has failed is tried again
	src = source(t, d, envelope.V1, false)
	if s, err := bulk.Migrate(t.Context(), src, target(t, d), infos(nil, "old/0002"), opts); err != nil || s.Done != 1 {
		t.Fatalf("Migrate again = %+v, %v", s, err)
	}
}

// TestMigrateExists finds something in the place of the new object.
func TestMigrateExists(t *testing.T) {
	put := func(b *backend.Bucket) func(t *testing.T, text, number string) {
		return func(t *testing.T, text, number string) {
			opts := &backend.PutOptions{ContentType: "text/x-old", Metadata: map[string]string{"number": number}}
			must(b.Put(t.Context(), "new/0005", strings.NewReader(text), -1, opts))(t)
		}
	}
	for name, test := range map[string]struct {
		text   string
		bucket func(d *spy) *backend.Bucket
		want   string
	}{
		"other number": {string(content(5)), func(d *spy) *backend.Bucket { return target(t, d) }, "other metadata"},
		"same":         {string(content(5)), func(d *spy) *backend.Bucket { return target(t, d) }, ""},
		"other text":   {"other", func(d *spy) *backend.Bucket { return target(t, d) }, "other content"},
		"other format": {string(content(5)), func(d *spy) *backend.Bucket { return source(t, d, envelope.V2GCM, false) }, "in format"},
		"other key":    {string(content(5)), func(d *spy) *backend.Bucket { return source(t, d, envelope.V3, false) }, "cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newSpy()
			fill(t, d, 6)
			number := "5"
			if test.want == "other metadata" {
				number = "6"
			}
			put(test.bucket(d))(t, test.text, number)
			var failed error
			opts := &bulk.MigrateOptions{Map: toNew}
			opts.OnResult = func(r bulk.Result) { failed = r.Err }
			src := source(t, d, envelope.V1, false)
			s, err := bulk.Migrate(t.Context(), src, target(t, d), infos(nil, "old/0005"), opts)
			if err != nil {
				t.Fatal(err)
			}
			if test.want == "" {
				wantSummary(t, s, 1, 0, 0)
			} else if !errors.Is(failed, bulk.ErrExists) || !strings.Contains(failed.Error(), test.want) {
				t.Errorf("failed by %v, want ErrExists %s", failed, test.want)
			}
			d.wantOnce(t, 1)
		})
	}
}

// TestMigrateReplaced has somebody store another object while one is migrated:
// what he stored is what is migrated.
func TestMigrateReplaced(t *testing.T) {
	d := newSpy()
	d.versions = true
	fill(t, d, 3)
	src := source(t, d, envelope.V1, false)
	var once sync.Once
	d.onPut = func(key string) {
		once.Do(func() {
			must(source(t, d.Driver, envelope.V2GCM, false).Put(t.Context(), key, strings.NewReader("newer"), -1, nil))(t)
		})
	}
	s, err := bulk.Migrate(t.Context(), src, target(t, d), infos(nil, "old/0002"), &bulk.MigrateOptions{InPlace: d})
	if err != nil {
		t.Fatal(err)
	}
	wantSummary(t, s, 1, 0, 0)
	if info, err := target(t, d).Stat(t.Context(), "old/0002"); err != nil || info.PlaintextSizeMax != int64(len("newer")) {
		t.Errorf("Stat = %v, %v, want the newer one", info, err)
	}
}

// TestMigrateSkips counts what is not to be migrated.
func TestMigrateSkips(t *testing.T) {
	d := newSpy()
	fill(t, d, 1)
	for _, key := range []string{"plain", "plain.key", "other.instruction"} {
		must(d.Driver.Put(t.Context(), key, strings.NewReader("x"), 1, &backend.PutOptions{}))(t)
	}
	must(target(t, d).Put(t.Context(), "v3", strings.NewReader("x"), 1, nil))(t)
	seq := func(yield func(*backend.Info, error) bool) {
		for _, info := range []backend.Info{
			{Key: "plain"},
			{Key: "plain.key"},
			{Key: "other.instruction"},
			{Key: "v3"},
			{Key: "gone"},
			{Key: "old/0000", Locked: true},
			{Key: "old/0000", Noncurrent: true},
			{Key: "old/0000", StorageClass: "GLACIER"},
			{Key: "old/0000", StorageClass: "DEEP_ARCHIVE"},
		} {
			if !yield(&info, nil) {
				return
			}
		}
	}
	s, err := bulk.Migrate(t.Context(), source(t, d, envelope.V1, false), target(t, d), seq, &bulk.MigrateOptions{Map: toNew})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]int64{
		bulk.ReasonNotEncrypted: 1, bulk.ReasonSidecar: 1, bulk.ReasonInstructionFile: 1,
		bulk.ReasonGone: 1, bulk.ReasonLocked: 1, bulk.ReasonNoncurrent: 1, bulk.ReasonArchived: 2,
	}
	if fmt.Sprint(s.Reasons) != fmt.Sprint(want) {
		t.Errorf("skipped %v, want %v", s.Reasons, want)
	}
}

// TestMigrateTarget: what is in the target format already goes to another place
// like all else, and is left alone in its own.
func TestMigrateTarget(t *testing.T) {
	d := newSpy()
	before, after, _ := twoKeys(t)
	src, dst := backend.NewBucket(d, before, before, nil), backend.NewBucket(d, after, after, nil)
	must(src.Put(t.Context(), "old/x", strings.NewReader("precious"), 8, nil))(t)
	if r := migrateOne(t, src, dst, bulk.MigrateOptions{InPlace: d, ForceUnversioned: true}); r.Reason != bulk.ReasonTarget {
		t.Errorf("in place: %s, %q, want it skipped", r.Outcome, r.Reason)
	}
	if r := migrateOne(t, src, dst, bulk.MigrateOptions{Map: toNew}); r.Outcome != bulk.Done {
		t.Errorf("to another place: %s, %q, want it done", r.Outcome, r.Reason)
	}
	if _, err := dst.Get(t.Context(), "new/x"); err != nil {
		t.Errorf("Get = %v, want the object at the destination", err)
	}
}

// TestMigrateDryRun must foretell what a run costs, and do nothing.
func TestMigrateDryRun(t *testing.T) {
	for _, inPlace := range []bool{false, true} {
		d, path := newSpy(), filepath.Join(t.TempDir(), "journal")
		d.versions = true
		keys := fill(t, d, objects)
		opts := &bulk.MigrateOptions{Options: bulk.Options{DryRun: true, Journal: journal(t, path)}, Map: toNew}
		if inPlace {
			opts.Map, opts.InPlace = nil, d
		}
		blind := backend.NewBucket(d, nil, nil, &backend.Options{Open: everything()})
		before := must(os.Stat(path))(t).Size()
		dry, err := bulk.Migrate(t.Context(), blind, blind, infos(nil, keys...), opts)
		if err != nil {
			t.Fatal(err)
		}
		wantSummary(t, dry, objects, 0, 0)
		if got := d.stored("new/"); len(got) > 0 || must(os.Stat(path))(t).Size() != before {
			t.Errorf("a dry run has stored %v", got)
		}
		opts.DryRun, d.requests = false, 0
		s, err := bulk.Migrate(t.Context(), source(t, d, envelope.V1, false), target(t, d), infos(nil, keys...), opts)
		if err != nil {
			t.Fatal(err)
		}
		if dry.Requests != int64(d.requests) || s.Requests != dry.Requests || dry.Unauthenticated != s.Unauthenticated {
			t.Errorf("in place %t: dry run %+v, run %+v, %d requests", inPlace, dry, s, d.requests)
		}
	}
}

// TestMigrateOtherTarget ends a job whose buckets are not what it says.
func TestMigrateOtherTarget(t *testing.T) {
	d := newSpy()
	fill(t, d, 3)
	src := source(t, d, envelope.V1, false)
	_, err := bulk.Migrate(t.Context(), src, target(t, d), list(t, src), &bulk.MigrateOptions{Target: envelope.Chunked, Map: toNew})
	if err == nil || !strings.Contains(err.Error(), "want a destination that seals") {
		t.Errorf("Migrate = %v", err)
	}
}
