// SPDX-License-Identifier: Apache-2.0

package bulk_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/s3seal/s3seal/backend/bulk"
)

// TestJournal writes whatever entries, and reads and remembers them.
func TestJournal(t *testing.T) {
	path := journalPath(t)
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		path := fmt.Sprint(path, n)
		j := must(bulk.OpenJournal(path, testJob))(t)
		var want []bulk.Entry
		for range rapid.IntRange(0, 8).Draw(rt, "entries") {
			e := bulk.Entry{
				Key: rapid.StringN(1, 40, -1).Draw(rt, "key"), ETag: rapid.StringN(1, 9, -1).Draw(rt, "etag"),
				EnvelopeSHA256: rapid.SampledFrom([]string{"", "a", "b"}).Draw(rt, "envelope"),
				Outcome:        rapid.SampledFrom([]bulk.Outcome{bulk.Done, bulk.Skipped, bulk.Failed, bulk.Begun}).Draw(rt, "outcome"),
				Reason:         rapid.String().Draw(rt, "reason"), Size: rapid.Int64Min(0).Draw(rt, "size"),
				Envelope: map[string]string{"x-amz-matdesc": rapid.String().Draw(rt, "matdesc")},
			}
			if err := j.Append(&e); err != nil {
				rt.Fatal(err)
			}
			want = append(want, e)
		}
		check := func() {
			for _, e := range want {
				done := slices.ContainsFunc(want, func(o bulk.Entry) bool {
					return o.Outcome == bulk.Done && o.Key == e.Key && o.ETag == e.ETag && o.EnvelopeSHA256 == e.EnvelopeSHA256
				})
				sum := e.EnvelopeSHA256
				if j.Done(e.Key, e.ETag, sum) != done || j.Done(e.Key, e.ETag+"x", sum) || j.Done(e.Key+e.ETag, "", sum) ||
					j.Done(e.Key, e.ETag, sum+"x") || j.Done(e.Key, e.ETag+sum, "x") {
					rt.Errorf("Done(%q, %q) = %t, want %t", e.Key, e.ETag, !done, done)
				}
			}
		}
		check()
		if err := j.Close(); err != nil {
			rt.Fatal(err)
		}
		job, got, err := readJournal(must(os.ReadFile(path))(t))
		for i := range got {
			got[i].Time = time.Time{}
		}
		if err != nil || job != testJob || fmt.Sprintf("%#v", got) != fmt.Sprintf("%#v", want) {
			rt.Errorf("ReadJournal = %v, %+v, %v, want %+v", job, got, err, want)
		}
		j = must(bulk.OpenJournal(path, testJob))(t)
		check()
		j.Close()
	})
}

func readJournal(data []byte) (job bulk.Job, entries []bulk.Entry, err error) {
	job, seq, err := bulk.ReadJournal(bytes.NewReader(data))
	if err != nil {
		return job, nil, err
	}
	for e, err := range seq {
		if err != nil {
			return job, entries, err
		}
		entries = append(entries, *e)
	}
	return job, entries, nil
}

// entry returns the i-th entry of a test.
func entry(i int) *bulk.Entry {
	return &bulk.Entry{Key: fmt.Sprint("key ", i), ETag: fmt.Sprint("etag ", i), Outcome: bulk.Done}
}

// written returns a journal with n entries, as bytes.
func written(t *testing.T, n int) []byte {
	t.Helper()
	path := journalPath(t)
	j := journal(t, path)
	for i := range n {
		if err := j.Append(entry(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	return must(os.ReadFile(path))(t)
}

// TestJournalTorn cuts a journal at every byte, also with zeros behind as file
// systems leave them. What stood before is remembered, and lines that are added
// then can be read.
func TestJournalTorn(t *testing.T) {
	data, path := written(t, 2), journalPath(t)
	for cut := range len(data) + 1 {
		for _, zeros := range []int{0, 5}[:1+cut%2] {
			torn := append(bytes.Clone(data[:cut]), make([]byte, zeros)...)
			if err := os.WriteFile(path, torn, 0o600); err != nil {
				t.Fatal(err)
			}
			lines := max(0, bytes.Count(data[:cut], []byte("\n"))-1)
			j := must(bulk.OpenJournal(path, testJob))(t)
			if j.Remembered() != lines {
				t.Errorf("cut at %d: %d entries, want %d", cut, j.Remembered(), lines)
			}
			if err := j.Append(entry(7)); err != nil {
				t.Fatal(err)
			}
			j.Close()
			_, entries, err := readJournal(must(os.ReadFile(path))(t))
			if err != nil || len(entries) != lines+1 || entries[lines].Key != entry(7).Key {
				t.Errorf("cut at %d: then %v, %v", cut, entries, err)
			}
		}
	}
}

// TestJournalDamaged flips each bit: that may be another entry, or none, but
// nothing that is remembered is a lie about another key.
func TestJournalDamaged(t *testing.T) {
	data := written(t, 3)
	for at := range data {
		bad := bytes.Clone(data)
		bad[at] ^= 1 << (at % 7)
		_, entries, err := readJournal(bad)
		if err != nil && !errors.Is(err, bulk.ErrNotJournal) {
			t.Errorf("byte %d: %v, want ErrNotJournal", at, err)
		}
		if err == nil && len(entries) < 1 { // the last two lines can become one
			t.Errorf("byte %d: %d entries and no error", at, len(entries))
		}
	}
}

// The head of a journal, and an entry.
const (
	journalHead = `{"s3seal_journal":1,"operation":"test","source":"a/","destination":"b/","options":"none"}` + "\n"
	journalLine = `{"time":"2024-05-06T07:08:09Z","key":"k","size":1,"outcome":"done"}` + "\n"
)

// TestJournalHostile reads what nobody has written: it must be an error, or
// nothing, and take no memory.
func TestJournalHostile(t *testing.T) {
	for name, text := range map[string]string{
		"empty":           "",
		"other file":      "hello\n",
		"other JSON":      "{}\n",
		"version":         `{"s3seal_journal":2}` + "\n",
		"array":           "[]\n",
		"long head":       strings.Repeat("x", 2<<20),
		"long line":       journalHead + strings.Repeat("x", 2<<20) + "\n" + journalLine,
		"outcome":         journalHead + strings.Replace(journalLine, "done", "dune", 1) + journalLine,
		"no key":          journalHead + strings.Replace(journalLine, `"k"`, `""`, 1) + journalLine,
		"type":            journalHead + strings.Replace(journalLine, `"k"`, `17`, 1) + journalLine,
		"blank line":      journalHead + "\n" + journalLine,
		"blank lines":     journalHead + journalLine + "\n\n",
		"trailing":        journalHead + strings.TrimSpace(journalLine) + journalLine + journalLine,
		"damage and torn": journalHead + "{\n{",
		"deep":            journalHead + strings.Repeat("[", 1<<19) + "\n" + journalLine,
	} {
		t.Run(name, func(t *testing.T) {
			if _, _, err := readJournal([]byte(text)); !errors.Is(err, bulk.ErrNotJournal) {
				t.Errorf("ReadJournal = %v, want ErrNotJournal", err)
			}
			path := journalPath(t)
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil || text == "" {
				return // an empty file can become one
			}
			if _, err := bulk.OpenJournal(path, testJob); !errors.Is(err, bulk.ErrNotJournal) {
				t.Errorf("OpenJournal = %v, want ErrNotJournal", err)
			}
			if now := must(os.ReadFile(path))(t); string(now) != text {
				t.Errorf("the file was changed to %d bytes", len(now))
			}
		})
	}
}

func FuzzReadJournal(f *testing.F) {
	f.Add([]byte(`{"s3seal_journal":1}` + "\n" + `{"key":"k","outcome":"done"}` + "\n{"))
	f.Add([]byte("{\"s3seal_journal\":1}\n\n\n"))
	f.Add([]byte(journalHead + journalLine))
	f.Add([]byte(journalHead + journalLine + strings.Replace(journalLine, "done", "failed", 1) + strings.Replace(journalLine, `"k"`, `"k","to":"l"`, 1)))
	f.Add([]byte(journalHead + journalLine + strings.TrimSpace(journalLine)))            // torn, and yet an entry
	f.Add([]byte(journalHead + strings.Replace(journalLine, "k", `"`, 1) + journalLine)) // damaged
	f.Fuzz(func(t *testing.T, data []byte) {
		_, entries, err := readJournal(data)
		if err != nil && !errors.Is(err, bulk.ErrNotJournal) {
			t.Errorf("ReadJournal = %v, want ErrNotJournal", err)
		}
		for _, e := range entries {
			if e.Key == "" || e.Outcome == "" {
				t.Errorf("entry %+v", e)
			}
		}
	})
}

// TestJournalOther refuses what is not this job's, not the user's, or in use.
func TestJournalOther(t *testing.T) {
	path := journalPath(t)
	j := journal(t, path)
	if mode := must(os.Stat(path))(t).Mode(); mode.Perm() != 0o600 && runtime.GOOS != "windows" {
		t.Errorf("mode %v, want 0600", mode)
	}
	if _, err := bulk.OpenJournal(path, testJob); !errors.Is(err, bulk.ErrJournalInUse) {
		t.Errorf("opened twice: %v, want ErrJournalInUse", err)
	}
	j.Close()
	other := testJob
	other.Options = "another key"
	_, err := bulk.OpenJournal(path, other)
	if wrong, ok := errors.AsType[*bulk.JobError](err); !ok || wrong.Want != other || wrong.Got != testJob {
		t.Errorf("opened by another job: %v, want a JobError", err)
	}
	if text := fmt.Sprintf("%+v", err); strings.Contains(text, "{") || !strings.HasSuffix(text, "another key; got test a/ b/, none") {
		t.Errorf("JobError = %q, want words", text)
	}
	link := filepath.Join(t.TempDir(), "link")
	if os.Symlink(path, link) == nil {
		if _, err := bulk.OpenJournal(link, testJob); !errors.Is(err, bulk.ErrNotJournal) {
			t.Errorf("opened by a link: %v, want ErrNotJournal", err)
		}
	}
	if _, err := bulk.OpenJournal(t.TempDir(), testJob); !errors.Is(err, bulk.ErrNotJournal) {
		t.Errorf("opened a folder: %v, want ErrNotJournal", err)
	}
	if runtime.GOOS != "windows" {
		os.Chmod(path, 0o640)
		if _, err := bulk.OpenJournal(path, testJob); !errors.Is(err, bulk.ErrNotJournal) {
			t.Errorf("opened what others can read: %v, want ErrNotJournal", err)
		}
		os.Chmod(path, 0o600)
	}
	journal(t, path)
}

// TestJournalJobText refuses a job that would not read back as itself, and so could
// not be gone on with, before there is a file.
func TestJournalJobText(t *testing.T) {
	for i := range 4 {
		job, path := testJob, journalPath(t)
		*[]*string{&job.Operation, &job.Source, &job.Destination, &job.Options}[i] = "bucket/caf\xe9/"
		if _, err := bulk.OpenJournal(path, job); err == nil || !strings.Contains(err.Error(), "UTF-8") {
			t.Errorf("OpenJournal(%+q) = %v, want that it is no UTF-8", job, err)
		}
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("Stat = %v, want no file", err)
		}
	}
	job := bulk.Job{Operation: "test", Source: "caf\u00e9 \u2028 \ufffd <&>\x00\x7f"}
	path := journalPath(t)
	for range 2 {
		if err := must(bulk.OpenJournal(path, job))(t).Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A brokenFile fails to do what it is told.
type brokenFile struct {
	bulk.JournalFile
	write, sync_ error
	short        bool
	syncs        atomic.Int64
}

func (f *brokenFile) Write(p []byte) (int, error) {
	if f.short {
		return len(p) / 2, nil
	}
	if f.write != nil {
		return 0, f.write
	}
	return f.JournalFile.Write(p)
}

func (f *brokenFile) Sync() error {
	f.syncs.Add(1)
	return f.sync_
}

// TestJournalFails wants the first error for ever.
func TestJournalFails(t *testing.T) {
	for name, broken := range map[string]*brokenFile{
		"write": {write: errSpy},
		"short": {short: true},
	} {
		j := must(bulk.OpenJournal(journalPath(t), testJob))(t)
		j.Wrap(func(f bulk.JournalFile) bulk.JournalFile { broken.JournalFile = f; return broken })
		err := j.Append(entry(1))
		if !errors.Is(err, errSpy) && !errors.Is(err, io.ErrShortWrite) || j.Done("key 1", "etag 1", "") {
			t.Errorf("%s: Append = %v, done %t", name, err, j.Done("key 1", "etag 1", ""))
		}
		broken.write, broken.short = nil, false
		if again := j.Append(entry(2)); again != err {
			t.Errorf("%s: second Append = %v, want %v", name, again, err)
		}
		if closed := j.Close(); closed != err || j.Close() != err {
			t.Errorf("%s: Close = %v, want %v", name, closed, err)
		}
	}
	j := must(bulk.OpenJournal(journalPath(t), testJob))(t)
	if j.Close() != nil || j.Append(entry(1)) == nil {
		t.Error("Append after Close = nil")
	}
	if err := j.Append(&bulk.Entry{Key: strings.Repeat("k", 2<<20)}); err == nil {
		t.Error("Append of what cannot be read again = nil")
	}
}

// TestJournalSyncs wants what was written to be synced within a second, once for
// all that was, and by Close.
func TestJournalSyncs(t *testing.T) {
	path := journalPath(t)
	synctest.Test(t, func(t *testing.T) {
		j := must(bulk.OpenJournal(path, testJob))(t)
		spy := &brokenFile{}
		j.Wrap(func(f bulk.JournalFile) bulk.JournalFile { spy.JournalFile = f; return spy })
		for i := range 10 {
			must(0, j.Append(entry(i)))(t)
		}
		if time.Sleep(time.Second + 1); spy.syncs.Load() != 1 {
			t.Errorf("%d syncs after a second, want 1", spy.syncs.Load())
		}
		if time.Sleep(time.Minute); spy.syncs.Load() != 1 {
			t.Errorf("%d syncs of nothing", spy.syncs.Load()-1)
		}
		must(0, j.Append(entry(11)))(t)
		if j.Close(); spy.syncs.Load() != 2 {
			t.Errorf("%d syncs after Close, want 2", spy.syncs.Load())
		}
		time.Sleep(time.Minute)
	})
	synctest.Test(t, func(t *testing.T) {
		j := must(bulk.OpenJournal(path, testJob))(t)
		j.Wrap(func(f bulk.JournalFile) bulk.JournalFile { return &brokenFile{JournalFile: f, sync_: errSpy} })
		must(0, j.Append(entry(1)))(t)
		time.Sleep(2 * time.Second)
		if err := j.Append(entry(2)); !errors.Is(err, errSpy) {
			t.Errorf("Append after a sync that failed = %v", err)
		}
		if err := j.Close(); !errors.Is(err, errSpy) {
			t.Errorf("Close = %v", err)
		}
	})
}

// TestJournalMemory holds the documented figure.
func TestJournalMemory(t *testing.T) {
	n := long(20_000, 200_000)
	var text bytes.Buffer
	text.Write(written(t, 0))
	for i := range n {
		fmt.Fprintf(&text, `{"key":"a/key/of/some/length/%d","etag":"d41d8cd98f00b204e9800998ecf8427e","outcome":"done"}`+"\n", i)
	}
	path := journalPath(t)
	if err := os.WriteFile(path, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	text = bytes.Buffer{}
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	j := journal(t, path)
	per := (float64(heap()) - float64(before)) / float64(n)
	if j.Remembered() != n || per > 48 {
		t.Errorf("%d entries of %.1f bytes, want %d of at most 48", j.Remembered(), per, n)
	}
	t.Logf("%.1f bytes per object", per)
}

func ExampleOpenJournal() {
	folder, err := os.MkdirTemp("", "journal-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(folder)
	job := bulk.Job{Operation: "rewrap", Source: "s3://bucket/prefix/", Options: "key-2025"}
	for range 2 {
		j, err := bulk.OpenJournal(filepath.Join(folder, "journal"), job)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println("done:", j.Done("a", "etag", "sum"))
		err = j.Append(&bulk.Entry{Key: "a", ETag: "etag", EnvelopeSHA256: "sum", Outcome: bulk.Done})
		fmt.Println(err, j.Close())
	}
	// Output:
	// done: false
	// <nil> <nil>
	// done: true
	// <nil> <nil>
}

// TestResultText is what a log shows of a failure: words, and no fields.
func TestResultText(t *testing.T) {
	r := bulk.Result{Entry: bulk.Entry{Key: "a\x1b", To: "b", Outcome: bulk.Failed, Reason: "no luck"}, Err: errors.New("no luck")}
	if got, want := fmt.Sprintf("%+v", r), `failed "a\x1b" to "b": no luck`; got != want {
		t.Errorf("%%+v = %s, want %s", got, want)
	}
}
