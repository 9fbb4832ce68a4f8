// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/wrap"
)

// unused is a key and a source that must not be used.
type unused struct{ wrap.Key }

func (unused) Wrap(context.Context, []byte, wrap.Info) ([]byte, error) { return nil, errBroken }
func (unused) ReadAt([]byte, int64) (int, error)                       { return 0, errBroken }

// TestResumeStateOfAnother: a put of another object is refused before anything is
// read, made or aborted, and what the state file is for goes on as if nothing had
// been.
func TestResumeStateOfAnother(t *testing.T) {
	r := newResuming(t, profiles(t)[0])
	r.limits.Concurrency = 1
	data := pattern(4*resumePart + 5)
	r.interrupt(t, data, 2)
	before := must(os.ReadFile(r.state))(t)
	r.breakAt(0, false, false)
	none := unused{r.key}
	for name, key := range map[string]string{"": "another", "bucket": resumeKey, "other": "another"} {
		for _, size := range []int64{0, int64(len(data))} {
			b := backend.NewBucket(r.partsDriver, none, none, &backend.Options{Name: name})
			_, err := b.PutResumable(t.Context(), key, none, size, r.state, nil)
			other, ok := errors.AsType[*backend.StateError](err)
			if !ok || *other != (backend.StateError{Key: resumeKey}) || !strings.Contains(err.Error(), resumeKey) {
				t.Errorf("bucket %q, key %q: %v, want a StateError that names %s", name, key, err, resumeKey)
			}
		}
	}
	if after := must(os.ReadFile(r.state))(t); r.calls > 0 || !bytes.Equal(after, before) {
		t.Errorf("the storage was used %d times, and the state file changed: %t", r.calls, !bytes.Equal(after, before))
	}
	r.heal()
	r.puts = 0
	must(r.put(t, data, nil))(t)
	if r.puts != 3 {
		t.Errorf("%d parts sent after 2 of 5, want 3", r.puts)
	}
	r.wantDone(t, data)
}

// TestResumeNothingToLose: a state file of another object, of which nothing could
// be resumed, is made that of a new upload.
func TestResumeNothingToLose(t *testing.T) {
	data := pattern(3 * resumePart)
	for name, change := range map[string]func(state []byte) []byte{
		"no upload": nil,
		"empty":     func([]byte) []byte { return nil },
		"cut short": func(state []byte) []byte { return state[:backend.StateSlots-1] },
		"zeros":     func(state []byte) []byte { clear(state); return state },
		"damaged":   func(state []byte) []byte { state[100] ^= 1; return state },
	} {
		t.Run(name, func(t *testing.T) {
			r := newResuming(t, profiles(t)[0])
			if change != nil {
				r.interrupt(t, data, 1)
				r.writeState(t, change(must(os.ReadFile(r.state))(t)))
			} else {
				wantErr(t, "a crash before the upload is written down", r.crash(t, data, &backend.CrashFile{At: 4}), backend.ErrCrashed)
			}
			b := r.bucket(r.partsDriver)
			must(b.PutResumable(t.Context(), "another", bytes.NewReader(data), int64(len(data)), r.state, nil))(t)
			wantObject(t, b, "another", data)
			r.wantNoState(t)
		})
	}
}

func (r *resuming) writeState(t *testing.T, state []byte) {
	t.Helper()
	if err := os.WriteFile(r.state, state, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestReadUploadState reads what is in the clear, of a state file only.
func TestReadUploadState(t *testing.T) {
	r := newResuming(t, profiles(t)[0])
	_, err := backend.ReadUploadState(r.state)
	wantErr(t, "no file", err, fs.ErrNotExist)
	_, err = backend.ReadUploadState(filepath.Dir(r.state))
	wantErr(t, "a folder", err, backend.ErrNotState)
	r.interrupt(t, pattern(100), 1)
	s := must(backend.ReadUploadState(r.state))(t)
	if u := r.uploads(t)[0]; s.Bucket != "" || s.Key != u.Key || s.UploadID != u.ID || len(s.Envelope) == 0 {
		t.Errorf("state %+v, want the upload %+v and its envelope", s, u)
	}
	if err := os.Symlink(r.state, r.state+"-link"); err == nil {
		_, err = backend.ReadUploadState(r.state + "-link")
		wantErr(t, "a link", err, backend.ErrNotState)
	}
	state := must(os.ReadFile(r.state))(t)
	state[100] ^= 1
	r.writeState(t, state)
	if s, err := backend.ReadUploadState(r.state); s != nil || err == nil || errors.Is(err, backend.ErrNotState) {
		t.Errorf("a damaged one = %+v, %v; want an error other than ErrNotState", s, err)
	}
	r.writeState(t, nil)
	_, err = backend.ReadUploadState(r.state)
	wantErr(t, "an empty file", err, backend.ErrNotState)
}
