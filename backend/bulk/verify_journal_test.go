// SPDX-License-Identifier: Apache-2.0

package bulk_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/bulk"
	"github.com/s3seal/s3seal/backend/mem"
	"github.com/s3seal/s3seal/envelope"
)

// wrote is a line of a journal, n minutes after the first; 0 is without a time.
func wrote(n int, rest string) string {
	if n == 0 {
		return "{" + rest + "}"
	}
	return fmt.Sprintf(`{"time":%q,%s}`, time.Date(2031, 2, 3, 4, n, 0, 0, time.UTC).Format(time.RFC3339), rest)
}

// TestVerifyAgainstLastWord: what a journal says last of an object is what counts,
// in whatever order its lines come.
func TestVerifyAgainstLastWord(t *testing.T) {
	done := `"key":"src","to":"x","outcome":"done","sha256":"` + sumOf("x") + `"`
	failed := `"key":"src","to":"x","outcome":"failed","reason":"no luck"`
	nowhere := `"key":"src","outcome":"failed","reason":"no luck"`
	skipped := func(reason string) string {
		return `"key":"src","to":"x","outcome":"skipped","reason":"` + reason + `"`
	}
	inPlace := func(reason string) string { return `"key":"x","outcome":"skipped","reason":"` + reason + `"` }
	for name, test := range map[string]struct {
		lines []string
		want  error
	}{
		"failed":                       {[]string{wrote(1, failed)}, bulk.ErrNotStored},
		"failed, then done":            {[]string{wrote(1, failed), wrote(2, done)}, nil},
		"the same, met in disorder":    {[]string{wrote(2, done), wrote(1, failed)}, nil},
		"done, then failed":            {[]string{wrote(1, done), wrote(2, failed)}, bulk.ErrNotStored},
		"that, met in disorder":        {[]string{wrote(2, failed), wrote(1, done)}, bulk.ErrNotStored},
		"without times":                {[]string{wrote(0, done), wrote(0, failed)}, nil},
		"done and failed at once":      {[]string{wrote(1, done), wrote(1, failed)}, bulk.ErrNotStored},
		"failed and done at once":      {[]string{wrote(1, failed), wrote(1, done)}, nil},
		"failed nowhere, then done":    {[]string{wrote(1, nowhere), wrote(2, done)}, nil},
		"failed, then a sum":           {[]string{wrote(1, failed), sumOf("x") + "  x"}, nil},
		"a sum, then failed":           {[]string{sumOf("x") + "  x", wrote(1, failed)}, nil},
		"failed, then known":           {[]string{wrote(1, done), wrote(2, failed), wrote(3, skipped(bulk.ReasonJournal))}, nil},
		"failed, then gone":            {[]string{wrote(1, failed), wrote(2, skipped(bulk.ReasonGone))}, bulk.ErrNotStored},
		"failed, gone, then done":      {[]string{wrote(1, failed), wrote(2, skipped(bulk.ReasonGone)), wrote(3, done)}, nil},
		"done, then gone":              {[]string{wrote(1, done), wrote(2, skipped(bulk.ReasonGone))}, nil},
		"gone, then failed":            {[]string{wrote(2, failed), wrote(1, skipped(bulk.ReasonGone))}, bulk.ErrNotStored},
		"locked":                       {[]string{wrote(1, skipped(bulk.ReasonLocked))}, bulk.ErrNotStored},
		"archived":                     {[]string{wrote(1, skipped(bulk.ReasonArchived))}, bulk.ErrNotStored},
		"done, then archived":          {[]string{wrote(1, done), wrote(2, skipped(bulk.ReasonArchived))}, nil},
		"not encrypted":                {[]string{wrote(1, skipped(bulk.ReasonNotEncrypted))}, bulk.ErrUnlisted},
		"locked in place":              {[]string{wrote(1, inPlace(bulk.ReasonLocked))}, nil},
		"in the format":                {[]string{wrote(1, inPlace(bulk.ReasonTarget))}, nil},
		"failed, then in the format":   {[]string{wrote(1, failed), wrote(2, inPlace(bulk.ReasonTarget))}, nil},
		"not encrypted in place":       {[]string{wrote(1, inPlace(bulk.ReasonNotEncrypted))}, bulk.ErrUnlisted},
		"failed, then plain in place":  {[]string{wrote(1, failed), wrote(2, inPlace(bulk.ReasonNotEncrypted))}, bulk.ErrUnlisted},
		"no object":                    {[]string{wrote(1, inPlace(bulk.ReasonSidecar))}, bulk.ErrUnlisted},
		"another sum, before":          {[]string{wrote(2, done), wrote(1, strings.Replace(done, sumOf("x"), sumOf("y"), 1))}, nil},
		"another sum, after":           {[]string{wrote(1, done), wrote(2, strings.Replace(done, sumOf("x"), sumOf("y"), 1))}, bulk.ErrSum},
		"done, then in the format":     {[]string{wrote(1, done), wrote(2, inPlace(bulk.ReasonTarget))}, nil},
		"failed where it is not known": {[]string{wrote(1, strings.Replace(nowhere, "src", "x", 1))}, bulk.ErrNotStored},
	} {
		t.Run(name, func(t *testing.T) {
			d, k := mem.New(), auditKey(t)
			sealedBy(t, d, "x", k, nil, []byte("x"))
			against := strings.NewReader(strings.Join(test.lines, "\n"))
			_, results := verifyAll(t, legacyReader(d, k, nil), &bulk.VerifyOptions{Against: against})
			r := results["x"]
			if len(results) != 1 || (r.Err == nil) != (test.want == nil) || !errors.Is(r.Err, test.want) {
				t.Errorf("%+v, want %v of x alone", results, test.want)
			}
			if errors.Is(r.Err, bulk.ErrNotStored) && !strings.Contains(r.Reason, "no luck") && !strings.Contains(r.Reason, "skipped") {
				t.Errorf("reason %q, want that of the journal", r.Reason)
			}
		})
	}
}

// TestVerifyMigrated: by its journal, what a migration has not brought to the new
// place is missing there, until another run has.
func TestVerifyMigrated(t *testing.T) {
	d, k := mem.New(), auditKey(t)
	sealedBy(t, d, "old/good", k, nil, []byte("good"))
	sealedBy(t, d, "old/cbc", k, &backend.Options{Seal: envelope.SealOptions{Suite: envelope.V2CBC}}, []byte("cbc"))
	rawPut(t, d, "old/plain", []byte("plain"), nil)
	rawPut(t, d, "old/damaged", []byte("damaged"), map[string]string{"x-amz-key": "%"})
	path := journalPath(t)
	migrate := func(open envelope.OpenOptions, keys ...string) {
		t.Helper()
		j := journal(t, path)
		src := backend.NewBucket(d, nil, k, &backend.Options{Open: open})
		opts := &bulk.MigrateOptions{Options: bulk.Options{Journal: j}, Map: toNew}
		must(bulk.Migrate(t.Context(), src, target(t, d), infos(nil, keys...), opts))(t)
		j.Close()
	}
	verify := func() map[string]bulk.Result {
		t.Helper()
		dst := target(t, d)
		results := make(map[string]bulk.Result)
		opts := &bulk.VerifyOptions{Against: must(os.Open(path))(t)}
		opts.OnResult = func(r bulk.Result) { results[r.Key] = r }
		must(bulk.Verify(t.Context(), dst, dst.List(t.Context(), &backend.ListOptions{Prefix: "new/"}), opts))(t)
		return results
	}
	migrate(envelope.OpenOptions{}, "old/good", "old/cbc", "old/plain", "old/damaged")
	got := verify()
	for _, key := range []string{"new/cbc", "new/damaged"} {
		if r := got[key]; !errors.Is(r.Err, bulk.ErrNotStored) || !strings.Contains(r.Reason, "not stored, as the journal says: ") {
			t.Errorf("%s: %+v, want ErrNotStored and why", key, r)
		}
	}
	if r := got["new/plain"]; r.Outcome != bulk.Skipped || r.Reason != bulk.ReasonNotMigrated || got["new/good"].Outcome != bulk.Done || len(got) != 4 {
		t.Errorf("%+v, want one good, two failed, and one that was left out", got)
	}
	remove(t, d, "old/damaged")
	migrate(everything(), "old/good", "old/cbc", "old/damaged")
	got = verify()
	if r := got["new/damaged"]; !errors.Is(r.Err, bulk.ErrNotStored) || !strings.Contains(r.Reason, "failed, then gone: ") {
		t.Errorf("new/damaged: %+v, want that it is lost", r)
	}
	if got["new/cbc"].Outcome != bulk.Done || got["new/good"].Outcome != bulk.Done || len(got) != 4 {
		t.Errorf("%+v, want that all else is well", got)
	}
}

// TestJournalTakesBack: an object that is done, and then could not be looked at, is
// done, and the journal says so when somebody has looked again.
func TestJournalTakesBack(t *testing.T) {
	d, path := newSpy(), journalPath(t)
	fill(t, d, 1)
	src, dst := source(t, d, envelope.V1, false), target(t, d)
	for _, failAt := range []int{0, 1, 0, 0} {
		d.requests, d.failAt = 0, failAt
		j := journal(t, path)
		must(bulk.Migrate(t.Context(), src, dst, infos(nil, "old/0000"), &bulk.MigrateOptions{Options: bulk.Options{Journal: j}, Map: toNew}))(t)
		j.Close()
	}
	var outcomes []string
	_, entries, err := bulk.ReadJournal(must(os.Open(path))(t))
	if err != nil {
		t.Fatal(err)
	}
	for e, err := range entries {
		if err != nil {
			t.Fatal(err)
		}
		outcomes = append(outcomes, string(e.Outcome)+" "+e.To)
	}
	if got, want := strings.Join(outcomes, ", "), "done new/0000, failed new/0000, skipped new/0000"; got != want {
		t.Errorf("journal: %s, want %s", got, want)
	}
}

// TestJournalTimes: entries tell by their times which one is the last, also where the
// clock was put back.
func TestJournalTimes(t *testing.T) {
	path := journalPath(t)
	journal(t, path).Close()
	ahead := time.Now().Add(time.Hour).UTC().Truncate(time.Millisecond)
	f := must(os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0))(t)
	fmt.Fprintf(f, `{"time":%q,"key":"x","size":0,"outcome":"failed"}`+"\n", ahead.Format(time.RFC3339Nano))
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	j := journal(t, path)
	if err := j.Append(&bulk.Entry{Key: "x", Outcome: bulk.Done}); err != nil {
		t.Fatal(err)
	}
	j.Close()
	_, entries, err := bulk.ReadJournal(must(os.Open(path))(t))
	if err != nil {
		t.Fatal(err)
	}
	for e, err := range entries {
		if err != nil || !e.Time.Equal(ahead) {
			t.Errorf("%v at %v, %v, want %v", e, e.Time, err, ahead)
		}
	}
}
