// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/dir"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/stream"
	"github.com/s3seal/s3seal/wrap"
)

// damage resumes with a state file that was changed, and with a source that is
// another one; with both also with the source as it was.
func damage(t *testing.T, p profile, sent int, both bool, change func(state []byte) []byte) {
	t.Helper()
	data := pattern(3*resumePart + 9)
	changed := bytes.Clone(data)
	changed[sent*resumePart] ^= 0x80 // which was sealed, and has not arrived
	for _, src := range [][]byte{changed, data} {
		if &src[0] == &data[0] && !both {
			break
		}
		r := newResuming(t, p)
		r.limits.Concurrency = 1
		r.interrupt(t, data, sent)
		state := change(must(os.ReadFile(r.state))(t))
		if err := os.WriteFile(r.state, state, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := r.put(t, src, nil)
		if err == nil {
			wantObject(t, r.bucket(r.partsDriver), resumeKey, src)
			r.wantNoState(t)
			continue
		}
		wantNone(t, r, resumeKey)
		if errors.Is(err, stream.ErrPartChanged) && &src[0] == &changed[0] {
			continue
		}
		if n := min(len(state), len(backend.StateMagic)); errors.Is(err, backend.ErrNotState) && string(state[:n]) != backend.StateMagic[:n] {
			continue
		}
		t.Fatalf("PutResumable with a damaged state file = %v", err)
	}
}

// TestResumeTruncatedState: a state file cut short never makes anybody forget
// what was sealed.
func TestResumeTruncatedState(t *testing.T) {
	p := profiles(t)[0]
	r := newResuming(t, p)
	r.interrupt(t, pattern(2*resumePart+9), 1)
	size := int(must(os.Stat(r.state))(t).Size())
	for n := range size {
		if n > 64 && n < backend.StateSlots-2 && n%97 != 0 { // a head is whole or none
			continue
		}
		damage(t, p, 1, n%16 == 0, func(state []byte) []byte { return state[:n] })
	}
	damage(t, p, 1, true, func(state []byte) []byte { return append(state, 0) })
}

// TestResumeFlippedState flips every bit that holds something, and some of the
// zeros.
func TestResumeFlippedState(t *testing.T) {
	p := profiles(t)[0]
	r := newResuming(t, p)
	r.limits.Concurrency = 1
	r.interrupt(t, pattern(2*resumePart+9), 1)
	state := must(os.ReadFile(r.state))(t)
	for i, c := range state {
		if c == 0 && i%101 != 0 {
			continue
		}
		bit := byte(1) << (i % 8)
		damage(t, p, 1, true, func(state []byte) []byte { state[i] ^= bit; return state })
	}
}

// TestResumeSwappedStates: a state file is not taken for that of another object,
// and both objects are whole in the end.
func TestResumeSwappedStates(t *testing.T) {
	d := newPartsDriver(dirDriver(t))
	b := profiles(t)[0].bucket(d)
	folder := t.TempDir()
	put := func(key, state string, data []byte) error {
		_, err := b.PutResumable(t.Context(), key, bytes.NewReader(data), int64(len(data)), filepath.Join(folder, state), nil)
		return err
	}
	one, two := pattern(4*resumePart), bytes.Repeat([]byte{9}, 4*resumePart)
	for key, data := range map[string][]byte{"one": one, "two": two} {
		d.breakAt(3, false, false)
		wantErr(t, key, put(key, key, data), errBroken)
	}
	d.heal()
	for key, state := range map[string]string{"one": "two", "two": "one"} {
		if other, ok := errors.AsType[*backend.StateError](put(key, state, one)); !ok || other.Key != state {
			t.Errorf("%s with the state file of %s = %v, want a StateError that names it", key, state, other)
		}
	}
	if err := errors.Join(put("one", "one", one), put("two", "two", two)); err != nil {
		t.Fatal(err)
	}
	d.check(t)
	wantObject(t, b, "one", one)
	wantObject(t, b, "two", two)
	if u := d.uploads(t); len(u) > 0 {
		t.Errorf("uploads left: %v", u)
	}
}

func dirDriver(t testing.TB) *dir.Driver {
	t.Helper()
	d := must(dir.New(t.TempDir(), nil))(t)
	t.Cleanup(func() { d.Close() })
	return d
}

// A gate is a source that waits until it is opened.
type gate struct {
	io.ReaderAt
	reached, open chan struct{}
	once          sync.Once
}

func (g *gate) ReadAt(p []byte, off int64) (int, error) {
	g.once.Do(func() { close(g.reached) })
	<-g.open
	return g.ReaderAt.ReadAt(p, off)
}

// TestResumeTwice: of two that resume at once one is refused, and touches
// nothing.
func TestResumeTwice(t *testing.T) {
	r := newResuming(t, profiles(t)[0])
	data := pattern(3 * resumePart)
	g := &gate{ReaderAt: bytes.NewReader(data), reached: make(chan struct{}), open: make(chan struct{})}
	done := make(chan error)
	go func() {
		_, err := r.bucket(r.partsDriver).PutResumable(t.Context(), resumeKey, g, int64(len(data)), r.state, nil)
		done <- err
	}()
	<-g.reached
	_, err := r.put(t, data, nil)
	wantErr(t, "the second", err, backend.ErrStateInUse)
	close(g.open)
	if err := <-done; err != nil {
		t.Fatalf("the first = %v", err)
	}
	r.wantDone(t, data)
}

// TestResumeNotState: a file that is no state file stays as it is.
func TestResumeNotState(t *testing.T) {
	r := newResuming(t, profiles(t)[0])
	precious := []byte("precious")
	if err := os.WriteFile(r.state, precious, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := r.put(t, pattern(100), nil)
	wantErr(t, "a text", err, backend.ErrNotState)
	if got := must(os.ReadFile(r.state))(t); !bytes.Equal(got, precious) {
		t.Errorf("the file is %q now", got)
	}
	link := r.state + "-link"
	if err := os.Symlink(r.state, link); err != nil {
		t.Skipf("symlink: %v", err)
	}
	r.state = link
	_, err = r.put(t, pattern(100), nil)
	wantErr(t, "a link", err, backend.ErrNotState)
	if r.puts > 0 || len(r.uploads(t)) > 0 {
		t.Errorf("%d parts sent, uploads %v, want none", r.puts, r.uploads(t))
	}
}

func TestResumeStateMode(t *testing.T) {
	r := newResuming(t, profiles(t)[0])
	r.interrupt(t, pattern(3*resumePart), 1)
	if mode := must(os.Stat(r.state))(t).Mode().Perm(); mode != 0o600 && runtime.GOOS != "windows" {
		t.Errorf("mode %04o, want 0600", mode)
	}
	if err := os.Chmod(r.state, 0o620); err == nil && runtime.GOOS != "windows" {
		_, err := r.put(t, pattern(3*resumePart), nil)
		wantErr(t, "a file for others to write to", err, backend.ErrNotState)
	}
	if state := must(os.ReadFile(r.state))(t); bytes.Contains(state, pattern(3 * resumePart)[:16]) {
		t.Error("the state file holds plaintext")
	}
}

// TestResumeRefuses what it cannot do, before anything is sent or made.
func TestResumeRefuses(t *testing.T) {
	key := profiles(t)[0].key
	other := must(wrap.NewAESGCM(bytes.Repeat([]byte{7}, 32)))(t)
	plain := struct{ backend.Driver }{dirDriver(t)}
	for name, c := range map[string]struct {
		d    backend.Driver
		u    wrap.Unwrapper
		opts backend.Options
		want error
	}{
		"no unwrapper":     {want: wrap.ErrNoKey},
		"other unwrapper":  {u: other, want: wrap.ErrNoKey},
		"no parts":         {u: key, d: plain, want: errors.ErrUnsupported},
		"chunked":          {u: key, opts: backend.Options{Seal: envelope.SealOptions{Suite: envelope.Chunked}}, want: errors.ErrUnsupported},
		"instruction file": {u: key, opts: backend.Options{InstructionFile: true}, want: errors.ErrUnsupported},
	} {
		t.Run(name, func(t *testing.T) {
			r := newResuming(t, profiles(t)[0])
			d := c.d
			if d == nil {
				d = r.partsDriver
			}
			_, err := backend.NewBucket(d, key, c.u, &c.opts).PutResumable(t.Context(), resumeKey, bytes.NewReader(nil), 0, r.state, nil)
			wantErr(t, name, err, c.want)
			if r.calls > 0 {
				t.Errorf("the storage was used %d times", r.calls)
			}
			r.wantNoState(t)
		})
	}
}

// TestResumeWrongKey: keys that could not resume what would begin anew cost no
// upload.
func TestResumeWrongKey(t *testing.T) {
	r := newResuming(t, profiles(t)[0])
	r.limits.Concurrency = 1
	data := pattern(3 * resumePart)
	r.interrupt(t, data, 2)
	other := must(wrap.NewAESGCM(bytes.Repeat([]byte{7}, 32)))(t)
	for _, b := range []*backend.Bucket{
		backend.NewBucket(r.partsDriver, r.key, other, nil), backend.NewBucket(r.partsDriver, nil, r.key, nil),
	} {
		_, err := b.PutResumable(t.Context(), resumeKey, bytes.NewReader(data), int64(len(data)), r.state, nil)
		wantErr(t, "keys that do not fit", err, wrap.ErrNoKey)
	}
	r.puts = 0
	must(r.put(t, data, nil))(t)
	if r.puts != 2 {
		t.Errorf("%d parts sent after 2 of 4, want 2", r.puts)
	}
	r.wantDone(t, data)
}

// TestResumeAlteredPart: a part that is not the one that was sent is sent again.
func TestResumeAlteredPart(t *testing.T) {
	r := newResuming(t, profiles(t)[0])
	data := pattern(3 * resumePart)
	r.interrupt(t, data, 2)
	u := r.uploads(t)[0]
	must(r.Multiparter.PutPart(t.Context(), u.Key, u.ID, 1, make([]byte, resumePart)))(t)
	must(r.put(t, data, nil))(t)
	r.wantDone(t, data)
}

// TestResumeAgain: an upload that had to begin again can be resumed like any
// other.
func TestResumeAgain(t *testing.T) {
	r := newResuming(t, profiles(t)[0])
	r.limits.Concurrency = 1
	data := pattern(3 * resumePart)
	r.interrupt(t, data, 3)
	u := r.uploads(t)[0]
	if err := r.Multiparter.AbortUpload(t.Context(), u.Key, u.ID); err != nil {
		t.Fatal(err)
	}
	r.interrupt(t, data, 4) // ListParts, Stat, AbortUpload, StartUpload and one part
	r.puts = 0
	must(r.put(t, data, nil))(t)
	if r.puts != 3 {
		t.Errorf("%d parts sent after 1 of 4, want 3", r.puts)
	}
	r.wantDone(t, data)
}

// TestResumeSourceSize: a source that is shorter or longer than size is no
// object.
func TestResumeSourceSize(t *testing.T) {
	for _, size := range []int64{3*resumePart + 8, 3*resumePart + 10, 4 * resumePart, 1} {
		r := newResuming(t, profiles(t)[0])
		_, err := r.bucket(r.partsDriver).PutResumable(t.Context(), resumeKey, bytes.NewReader(pattern(3*resumePart+9)), size, r.state, nil)
		wantErr(t, fmt.Sprint("size ", size), err, backend.ErrSize)
		wantNone(t, r, resumeKey)
	}
}

// TestResumeConditions: where a condition does not hold nothing is left, whenever
// that turns out.
func TestResumeConditions(t *testing.T) {
	for _, late := range []bool{false, true} {
		r := newResuming(t, profiles(t)[0])
		r.late = late
		data := pattern(3 * resumePart)
		must(r.put(t, data, &backend.PutOptions{IfNoneMatch: true}))(t)
		_, err := r.put(t, data[:resumePart], &backend.PutOptions{IfNoneMatch: true})
		wantErr(t, "IfNoneMatch", err, backend.ErrExist)
		r.wantDone(t, data)
		_, err = r.put(t, data[:resumePart], &backend.PutOptions{IfMatch: "another"})
		wantErr(t, "IfMatch", err, backend.ErrChanged)
		r.wantDone(t, data)
	}
}

// A lateSource takes its time for the first part.
type lateSource struct{ io.ReaderAt }

func (s lateSource) ReadAt(p []byte, off int64) (int, error) {
	if off == 0 {
		time.Sleep(20 * time.Millisecond)
	}
	return s.ReaderAt.ReadAt(p, off)
}

// TestResumeOrder: what has to be encrypted in order is.
func TestResumeOrder(t *testing.T) {
	data := pattern(5 * resumePart)
	for _, p := range suites(t) {
		r := newResuming(t, p)
		_, err := r.bucket(r.partsDriver).PutResumable(t.Context(), resumeKey, lateSource{bytes.NewReader(data)}, int64(len(data)), r.state, nil)
		if err != nil {
			t.Fatalf("%s: %v", p.name, err)
		}
		r.wantDone(t, data)
	}
}
