// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"bytes"
	"errors"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/s3seal/s3seal/backend"
)

// A litter is a storage with three uploads: of two state files, and of nobody.
type litter struct {
	*partsDriver
	bucket *backend.Bucket
	folder string // of the state files
	data   []byte
}

func newLitter(t *testing.T) *litter {
	t.Helper()
	r := newResuming(t, profiles(t)[0])
	l := &litter{r.partsDriver, r.bucket(r.partsDriver), filepath.Dir(r.state), pattern(3 * resumePart)}
	for _, key := range []string{"a/1", "b/2"} {
		r.breakAt(2, false, false)
		wantErr(t, key, l.put(t, key), errBroken)
	}
	r.heal()
	must(r.Multiparter.StartUpload(t.Context(), "a/foreign", &backend.PutOptions{}))(t)
	return l
}

func (l *litter) put(t *testing.T, key string) error {
	t.Helper()
	_, err := l.bucket.PutResumable(t.Context(), key, bytes.NewReader(l.data), int64(len(l.data)), filepath.Join(l.folder, filepath.Base(key)), nil)
	return err
}

// want fails the test unless AbortStale finds these keys and leaves so many
// uploads.
func (l *litter) want(t *testing.T, prefix string, old time.Duration, opts *backend.StaleOptions, left int, keys ...string) {
	t.Helper()
	found := must(l.bucket.AbortStale(t.Context(), prefix, old, opts))(t)
	got := map[string]bool{}
	for _, u := range found {
		got[u.Key] = true
		if u.Aborted != opts.Abort || (u.State == "") != (u.Key == "a/foreign") {
			t.Errorf("%+v, want Aborted %v and the state file of its own", u, opts.Abort)
		}
	}
	if len(found) != len(keys) {
		t.Errorf("found %v, want %q", found, keys)
	}
	for _, key := range keys {
		if !got[key] {
			t.Errorf("found %v, want %q", found, key)
		}
	}
	if n := len(l.uploads(t)); n != left {
		t.Errorf("%d uploads left, want %d", n, left)
	}
}

func TestAbortStaleLists(t *testing.T) {
	l := newLitter(t)
	states := []string{l.folder}
	l.want(t, "", 0, &backend.StaleOptions{}, 3)
	l.want(t, "", 0, &backend.StaleOptions{States: states}, 3, "a/1", "b/2")
	l.want(t, "a/", 0, &backend.StaleOptions{States: states}, 3, "a/1")
	l.want(t, "", time.Hour, &backend.StaleOptions{States: states, AllUploads: true}, 3)
	l.want(t, "", 0, &backend.StaleOptions{AllUploads: true, States: states}, 3, "a/1", "b/2", "a/foreign")
	if found := must(l.bucket.AbortStale(t.Context(), "", 0, nil))(t); len(found) > 0 {
		t.Errorf("without options found %v", found)
	}
}

// TestAbortStaleAborts what it says, and what was not aborted can be resumed.
func TestAbortStaleAborts(t *testing.T) {
	l := newLitter(t)
	l.want(t, "", time.Hour, &backend.StaleOptions{Abort: true, AllUploads: true, States: []string{l.folder}}, 3)
	l.want(t, "", 0, &backend.StaleOptions{Abort: true, States: []string{filepath.Join(l.folder, "1")}}, 2, "a/1")
	if err := errors.Join(l.put(t, "b/2"), l.put(t, "a/1")); err != nil {
		t.Fatal(err)
	}
	l.check(t)
	l.want(t, "", 0, &backend.StaleOptions{Abort: true, States: []string{l.folder}}, 1)
	l.want(t, "", 0, &backend.StaleOptions{Abort: true, AllUploads: true}, 0, "a/foreign")
}

// TestAbortStaleInUse: an upload that is under way stays, whatever was asked for.
func TestAbortStaleInUse(t *testing.T) {
	l := newLitter(t)
	g := &gate{ReaderAt: bytes.NewReader(l.data), reached: make(chan struct{}), open: make(chan struct{})}
	done := make(chan error)
	go func() {
		_, err := l.bucket.PutResumable(t.Context(), "a/1", g, int64(len(l.data)), filepath.Join(l.folder, "1"), nil)
		done <- err
	}()
	<-g.reached
	l.want(t, "a/", 0, &backend.StaleOptions{Abort: true, AllUploads: true, States: []string{l.folder}}, 2, "a/foreign")
	close(g.open)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	wantObject(t, l.bucket, "a/1", l.data)
}

// TestAbortStaleFails: what was aborted before a failure is told.
func TestAbortStaleFails(t *testing.T) {
	l := newLitter(t)
	l.breakAt(1, false, false)
	found, err := l.bucket.AbortStale(t.Context(), "", 0, &backend.StaleOptions{Abort: true, States: []string{l.folder}})
	wantErr(t, "AbortStale", err, errBroken)
	if len(found) != 1 || !found[0].Aborted {
		t.Errorf("found %v, want the first", found)
	}
	_, err = backend.NewBucket(struct{ backend.Driver }{l}, nil, nil, nil).AbortStale(t.Context(), "", 0, nil)
	wantErr(t, "without parts", err, errors.ErrUnsupported)
}

// TestAbortStaleWaitsForNothing: a pipe to which nobody writes is no state file.
func TestAbortStaleWaitsForNothing(t *testing.T) {
	l, pipe := newLitter(t), filepath.Join(t.TempDir(), "pipe")
	if err := exec.Command("mkfifo", pipe).Run(); err != nil {
		t.Skipf("mkfifo: %v", err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := l.bucket.AbortStale(t.Context(), "", 0, &backend.StaleOptions{States: []string{pipe}})
		done <- err
	}()
	select {
	case err := <-done:
		wantErr(t, "AbortStale", err, backend.ErrNotState)
	case <-time.After(30 * time.Second):
		t.Fatal("AbortStale waits for the pipe")
	}
}
