// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/mem"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/stream"
	"github.com/s3seal/s3seal/wrap"
)

const (
	resumePart = 64
	resumeKey  = "some/object"
)

var errBroken = errors.New("broken")

// A partsDriver has small parts. It fails at one of its calls and at all that
// come after it, and remembers what it was sent: whatever happens, no part of
// one upload may ever come with two contents.
type partsDriver struct {
	backend.Multiparter
	limits backend.UploadLimits

	mu     sync.Mutex
	sent   map[string][sha256.Size]byte // by upload and number
	twice  []string
	puts   int
	calls  int
	failAt int  // -1 is never
	after  bool // fail when the call has been made
	lost   bool // fail once only
	late   bool // conditions are decided at the end only
}

func newPartsDriver(m backend.Multiparter) *partsDriver {
	l := m.UploadLimits()
	l.PartSize, l.MinPartSize, l.Concurrency = resumePart, resumePart, 3
	return &partsDriver{Multiparter: m, limits: l, sent: map[string][sha256.Size]byte{}, failAt: -1}
}

func (d *partsDriver) UploadLimits() backend.UploadLimits { return d.limits }

// breaks counts a call, and says whether to fail before and after it.
func (d *partsDriver) breaks() (before, after bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls++
	n := d.calls - 1
	if d.failAt < 0 || n < d.failAt || d.lost && n > d.failAt {
		return false, false
	}
	return !d.after || n > d.failAt, d.after
}

// call makes one call that may break.
func call[T any](d *partsDriver, f func() (T, error)) (v T, err error) {
	before, after := d.breaks()
	if before {
		return v, errBroken
	}
	v, err = f()
	if after {
		var none T
		return none, errBroken
	}
	return v, err
}

func (d *partsDriver) StartUpload(ctx context.Context, key string, opts *backend.PutOptions) (string, error) {
	if d.late {
		c := *opts
		c.IfNoneMatch, c.IfMatch = false, ""
		opts = &c
	}
	return call(d, func() (string, error) { return d.Multiparter.StartUpload(ctx, key, opts) })
}

func (d *partsDriver) PutPart(ctx context.Context, key, id string, number int, body []byte) (backend.Part, error) {
	d.note(id, number, body)
	return call(d, func() (backend.Part, error) { return d.Multiparter.PutPart(ctx, key, id, number, body) })
}

// note remembers what leaves, whether or not it arrives.
func (d *partsDriver) note(id string, number int, body []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.puts++
	place, sum := fmt.Sprint(id, "/", number), sha256.Sum256(body)
	if old, ok := d.sent[place]; ok && old != sum {
		d.twice = append(d.twice, place)
	}
	d.sent[place] = sum
}

func (d *partsDriver) CompleteUpload(ctx context.Context, key, id string, parts []backend.Part, opts *backend.PutOptions) (*backend.Info, error) {
	return call(d, func() (*backend.Info, error) { return d.Multiparter.CompleteUpload(ctx, key, id, parts, opts) })
}

func (d *partsDriver) ListParts(ctx context.Context, key, id string) ([]backend.Part, error) {
	return call(d, func() ([]backend.Part, error) { return d.Multiparter.ListParts(ctx, key, id) })
}

func (d *partsDriver) AbortUpload(ctx context.Context, key, id string) error {
	_, err := call(d, func() (int, error) { return 0, d.Multiparter.AbortUpload(ctx, key, id) })
	return err
}

func (d *partsDriver) Stat(ctx context.Context, key string) (*backend.Info, error) {
	return call(d, func() (*backend.Info, error) { return d.Multiparter.Stat(ctx, key) })
}

// heal lets all calls from now on succeed.
func (d *partsDriver) heal() { d.mu.Lock(); d.failAt = -1; d.mu.Unlock() }

// breakAt lets call n from now on fail.
func (d *partsDriver) breakAt(n int, after, lost bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls, d.failAt, d.after, d.lost = 0, n, after, lost
}

// check fails the test if two contents were sent in one place.
func (d *partsDriver) check(t testing.TB) {
	t.Helper()
	if len(d.twice) > 0 {
		t.Fatalf("sent with two contents: %q", d.twice)
	}
}

func (d *partsDriver) uploads(t testing.TB) []backend.Upload {
	t.Helper()
	return must(d.Multiparter.ListUploads(t.Context(), ""))(t)
}

// A resuming is one object on its way.
type resuming struct {
	*partsDriver
	profile
	state string
}

func newResuming(t testing.TB, p profile) *resuming {
	t.Helper()
	return &resuming{newPartsDriver(mem.New()), p, filepath.Join(memoryFolder(t), "state")}
}

// memoryFolder returns a folder in which a sync costs nothing, where there is
// one.
func memoryFolder(t testing.TB) string {
	t.Helper()
	folder, err := os.MkdirTemp("/dev/shm", "s3seal-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	return folder
}

func (r *resuming) put(t testing.TB, data []byte, opts *backend.PutOptions) (*backend.ObjectInfo, error) {
	t.Helper()
	info, err := r.bucket(r.partsDriver).PutResumable(t.Context(), resumeKey, bytes.NewReader(data), int64(len(data)), r.state, opts)
	r.check(t)
	return info, err
}

// wantDone fails the test unless data is stored and nothing is left.
func (r *resuming) wantDone(t testing.TB, data []byte) {
	t.Helper()
	r.heal()
	wantObject(t, r.bucket(r.partsDriver), resumeKey, data)
	if u := r.uploads(t); len(u) > 0 {
		t.Errorf("uploads left: %v", u)
	}
	r.wantNoState(t)
}

func (r *resuming) wantNoState(t testing.TB) {
	t.Helper()
	if _, err := os.Lstat(r.state); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Lstat of the state file = %v, want that it does not exist", err)
	}
}

// interrupt leaves an upload of which sent parts were sent.
func (r *resuming) interrupt(t testing.TB, data []byte, sent int) {
	t.Helper()
	r.breakAt(1+sent, false, false)
	if _, err := r.put(t, data, nil); !errors.Is(err, errBroken) {
		t.Fatalf("PutResumable = %v, want it broken", err)
	}
	r.heal()
}

func TestPutResumable(t *testing.T) {
	for _, p := range profiles(t) {
		for _, size := range []int{0, 1, 16, resumePart - 16, resumePart - 1, resumePart, resumePart + 1, 2*resumePart + 16, 10*resumePart - 7} {
			t.Run(fmt.Sprintf("%s/size=%d", p.name, size), func(t *testing.T) {
				r := newResuming(t, p)
				data := pattern(size)
				info := must(r.put(t, data, &backend.PutOptions{Metadata: map[string]string{"a": "b"}}))(t)
				if info.PlaintextSizeMax != int64(size) || info.Metadata["a"] != "b" || info.Header == nil {
					t.Errorf("info = %+v, want size %d and the metadata", info, size)
				}
				if want := size/resumePart + 1; r.puts != want {
					t.Errorf("%d parts, want %d", r.puts, want)
				}
				r.wantDone(t, data)
			})
		}
	}
}

// TestResumeBreaks breaks every call, before it is made and after, for good and
// just once, and then goes on.
func TestResumeBreaks(t *testing.T) {
	data := pattern(5*resumePart + 9)
	for _, p := range suites(t) {
		for kind := range 4 {
			for n := 0; ; n++ {
				r := newResuming(t, p)
				must(r.bucket(r.partsDriver).Put(t.Context(), resumeKey, bytes.NewReader([]byte("old")), 3, nil))(t)
				r.breakAt(n, kind&1 != 0, kind&2 != 0)
				_, err := r.put(t, data, nil)
				whole := r.calls <= n
				r.heal()
				if err == nil {
					r.wantDone(t, data)
				} else {
					got := must(readAll(r.bucket(r.partsDriver).Get(t.Context(), resumeKey)))(t)
					if string(got) != "old" && !bytes.Equal(got, data) {
						t.Fatalf("%s: call %d: %d bytes that are neither object", p.name, n, len(got))
					}
					must(r.put(t, data, nil))(t)
					wantObject(t, r.bucket(r.partsDriver), resumeKey, data)
					r.wantNoState(t)
				}
				if left := len(r.uploads(t)); left > 0 && !(n == 0 && kind&1 != 0) { // the answer with the ID was lost
					t.Errorf("%s: call %d: %d uploads left", p.name, n, left)
				}
				if t.Failed() || whole {
					break
				}
			}
		}
	}
}

// TestResumeSends only what has not arrived.
func TestResumeSends(t *testing.T) {
	data := pattern(8*resumePart + 5)
	for _, p := range suites(t) {
		for sent := range 10 {
			r := newResuming(t, p)
			r.limits.Concurrency = 1
			r.interrupt(t, data, sent) // at 9 when it is to be completed
			r.puts = 0
			must(r.put(t, data, nil))(t)
			if r.puts != 9-sent {
				t.Errorf("%s: %d parts were sent after %d of 9", p.name, r.puts, sent)
			}
			r.wantDone(t, data)
		}
	}
}

// TestResumeChangedSource: a part that was sealed cannot be another, arrived or
// not, and one that was not can.
func TestResumeChangedSource(t *testing.T) {
	for _, p := range suites(t) {
		for i := range 9 {
			r := newResuming(t, p)
			r.limits.Concurrency = 1
			data := pattern(8*resumePart + 5)
			r.interrupt(t, data, 4) // and the fifth was sealed
			changed := bytes.Clone(data)
			changed[i*resumePart+3] ^= 1
			_, err := r.put(t, changed, nil)
			if i <= 4 {
				wantErr(t, fmt.Sprint(p.name, " part ", i), err, stream.ErrPartChanged)
				wantNone(t, r, resumeKey)
				must(r.put(t, data, nil))(t)
				r.wantDone(t, data)
				continue
			}
			if err != nil {
				t.Fatalf("%s: part %d: %v", p.name, i, err)
			}
			r.wantDone(t, changed)
		}
	}
}

// TestResumeOther: a state file of something else begins again, and nothing is
// left of what was begun.
func TestResumeOther(t *testing.T) {
	data := pattern(4*resumePart + 5)
	p := profiles(t)[0]
	other := must(wrap.NewAESGCM(bytes.Repeat([]byte{7}, 32)))(t)
	v3 := envelope.SealOptions{}
	for name, f := range map[string]func(t *testing.T, r *resuming) (backend.Options, wrap.Key, []byte, *backend.PutOptions){
		"size": func(t *testing.T, r *resuming) (backend.Options, wrap.Key, []byte, *backend.PutOptions) {
			return backend.Options{Seal: v3}, p.key, pattern(5 * resumePart), nil
		},
		"key": func(t *testing.T, r *resuming) (backend.Options, wrap.Key, []byte, *backend.PutOptions) {
			return backend.Options{Seal: v3}, other, data, nil
		},
		"suite": func(t *testing.T, r *resuming) (backend.Options, wrap.Key, []byte, *backend.PutOptions) {
			return backend.Options{Seal: envelope.SealOptions{Suite: envelope.V2GCM}, Open: everything(nil)}, p.key, data, nil
		},
		"matdesc": func(t *testing.T, r *resuming) (backend.Options, wrap.Key, []byte, *backend.PutOptions) {
			return backend.Options{Seal: envelope.SealOptions{MatDesc: map[string]string{"a": "b"}}}, p.key, data, nil
		},
		"metadata": func(t *testing.T, r *resuming) (backend.Options, wrap.Key, []byte, *backend.PutOptions) {
			return backend.Options{Seal: v3}, p.key, data, &backend.PutOptions{Metadata: map[string]string{"a": "b"}}
		},
		"part size": func(t *testing.T, r *resuming) (backend.Options, wrap.Key, []byte, *backend.PutOptions) {
			r.limits.PartSize = 2 * resumePart
			return backend.Options{Seal: v3}, p.key, data, nil
		},
		"lost upload": func(t *testing.T, r *resuming) (backend.Options, wrap.Key, []byte, *backend.PutOptions) {
			u := r.uploads(t)[0]
			if err := r.Multiparter.AbortUpload(t.Context(), u.Key, u.ID); err != nil {
				t.Fatal(err)
			}
			return backend.Options{Seal: v3}, p.key, data, nil
		},
		"unknown part": func(t *testing.T, r *resuming) (backend.Options, wrap.Key, []byte, *backend.PutOptions) {
			u := r.uploads(t)[0]
			must(r.Multiparter.PutPart(t.Context(), u.Key, u.ID, 5, nil))(t)
			return backend.Options{Seal: v3}, p.key, data, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newResuming(t, p)
			r.limits.Concurrency = 1
			r.interrupt(t, data, 2)
			before := r.uploads(t)[0].ID
			opts, key, data, put := f(t, r)
			clear(r.sent)
			b := backend.NewBucket(r.partsDriver, key, key, &opts)
			must(b.PutResumable(t.Context(), resumeKey, bytes.NewReader(data), int64(len(data)), r.state, put))(t)
			r.check(t)
			wantObject(t, b, resumeKey, data)
			for place := range r.sent {
				if strings.HasPrefix(place, before+"/") {
					t.Errorf("%s was sent to the upload before", place)
				}
			}
			if u := r.uploads(t); len(u) > 0 {
				t.Errorf("uploads left: %v, %s was before", u, before)
			}
			r.wantNoState(t)
		})
	}
}
