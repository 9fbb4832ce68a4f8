// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/s3seal/s3seal/backend"
)

var (
	errSource   = errors.New("source broke")
	errPanicked = errors.New("source panicked")
)

// A chaosSource delivers data, in pieces, and then ends or does what a fault says.
type chaosSource struct {
	data  []byte
	off   int
	fault *fault
	s     *Schedule
}

func (r *chaosRun) source(gen int) *chaosSource {
	src := &chaosSource{data: r.texts[gen], fault: r.s.hit(kindSource), s: r.s}
	if src.fault != nil {
		src.data = src.data[:src.fault.where(int64(len(src.data)))]
	}
	return src
}

func (c *chaosSource) Read(p []byte) (int, error) {
	n := copy(p[:min(len(p), 50_000)], c.data[c.off:])
	c.off += n
	if n > 0 {
		return n, nil
	}
	return 0, c.end()
}

// end is what comes after the last byte.
func (c *chaosSource) end() error {
	if c.fault == nil {
		return io.EOF
	}
	switch c.fault.variant % 4 {
	case 0:
		return errSource
	case 1:
		return io.ErrUnexpectedEOF
	case 2:
		panic(errPanicked)
	}
	time.AfterFunc(c.fault.pause, c.s.canceler()) // who stalls is given up in the end
	time.Sleep(c.fault.pause + time.Millisecond)
	return context.Canceled
}

// ReadAt is for uploads that can be resumed, whose sources must not panic: that
// would be in a goroutine of the upload.
func (c *chaosSource) ReadAt(p []byte, off int64) (int, error) {
	n := 0
	if off < int64(len(c.data)) {
		n = copy(p, c.data[off:])
	}
	switch {
	case n == len(p):
		return n, nil
	case c.fault != nil:
		return n, errSource
	}
	return n, io.EOF
}

// put is Bucket.Put, sometimes while others read.
func (r *chaosRun) put(ctx context.Context) outcome {
	gen := r.text()
	size := int64(-1)
	if r.random.IntN(2) == 0 {
		size = int64(len(r.texts[gen]))
	}
	src := r.source(gen)
	stop := r.watch(gen)
	defer stop()
	err := recovered(func() error {
		_, err := r.faulty.Put(ctx, chaosKey, src, size, nil)
		return err
	})
	return r.stored(fmt.Sprintf("put of %d, %d bytes as %d", gen, len(r.texts[gen]), size), gen, src, err)
}

// recovered makes an error of a panic of a source.
func recovered(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = errPanicked
		}
	}()
	return f()
}

// stored is the outcome of a put, which cannot succeed if its source has failed.
func (r *chaosRun) stored(what string, gen int, src *chaosSource, err error) outcome {
	if err == nil && src.fault != nil {
		r.violate("%s has succeeded, and its source has not", what)
	}
	return outcome{what: what, gen: gen, changes: true, must: src.fault == nil, err: err}
}

// watch reads the object over and over while gen is put, until stop.
func (r *chaosRun) watch(gen int) (stop func()) {
	if r.random.IntN(3) > 0 {
		return func() {}
	}
	over := make(chan struct{})
	var wg sync.WaitGroup
	var reads [][]byte
	none := 0
	wg.Go(func() {
		for {
			select {
			case <-over:
				return
			default:
			}
			got, err := r.read(context.Background(), r.calm)
			switch {
			case errors.Is(err, backend.ErrNotExist):
				none++
			case errors.Is(err, backend.ErrChanged): // by who reads it twice
			case err != nil:
				r.violate("read during a put = %v", err)
			default:
				reads = append(reads, got)
			}
		}
	})
	return func() {
		close(over)
		wg.Wait()
		allowed := r.allowed(gen)
		for _, got := range reads {
			if r.find(allowed, func(text []byte) bool { return bytes.Equal(text, got) }) == noObject {
				r.violate("read during a put: %d bytes that are neither old nor new", len(got))
			}
		}
		if none > 0 && !allowed[noObject] {
			r.violate("read during a put: no object, %d times", none)
		}
	}
}

// create is Bucket.Create, which is aborted when the source fails.
func (r *chaosRun) create(ctx context.Context) outcome {
	gen := r.text()
	src := r.source(gen)
	what := fmt.Sprintf("create of %d, %d bytes", gen, len(r.texts[gen]))
	w, err := r.faulty.Create(ctx, chaosKey, nil)
	if err != nil {
		return r.stored(what, gen, src, err)
	}
	err = recovered(func() error {
		_, err := w.ReadFrom(src)
		return err
	})
	if closed := w.Close(); closed == nil && err != nil {
		r.violate("%s: Close = nil after %v", what, err)
	} else if err == nil {
		err = closed
	}
	return r.stored(what, gen, src, err)
}

// resumable is Bucket.PutResumable. What fails is taken up again, or given up.
func (r *chaosRun) resumable(ctx context.Context) outcome {
	gen := r.text()
	src, size := r.source(gen), int64(len(r.texts[gen]))
	state := filepath.Join(r.dir, "state")
	defer os.Remove(state)
	what := fmt.Sprintf("resumable put of %d, %d bytes", gen, size)
	_, err := r.faulty.PutResumable(ctx, chaosKey, src, size, state, nil)
	o := r.stored(what, gen, src, err)
	if err == nil {
		return o
	}
	if o.must = false; r.random.IntN(2) == 0 {
		return r.giveUp(o, state)
	}
	r.s.note("%s = %v, once more", what, err)
	src = &chaosSource{data: r.texts[gen]}
	r.quietly(func() { _, err = r.faulty.PutResumable(context.Background(), chaosKey, src, size, state, nil) })
	if err != nil {
		r.violate("%s, resumed: %v", what, err)
	}
	return outcome{what: what + ", resumed", gen: gen, changes: true, must: true, err: err, finished: err == nil}
}

// giveUp aborts what a state file says.
func (r *chaosRun) giveUp(o outcome, state string) outcome {
	if _, err := os.Stat(state); err != nil {
		return o
	}
	opts := &backend.StaleOptions{States: []string{state}, Abort: true}
	if _, err := r.calm.AbortStale(context.Background(), chaosKey, -time.Hour, opts); err != nil {
		r.violate("AbortStale after %s: %v", o.what, err)
	}
	return o
}

// quietly lets nothing happen while f runs: another process, at a better time.
func (r *chaosRun) quietly(f func()) {
	before := r.s.end()
	r.s.mu.Lock()
	faults := r.s.faults
	r.s.faults = nil
	r.s.mu.Unlock()
	f()
	r.s.mu.Lock()
	r.s.faults = faults
	r.s.now.harsh = r.s.now.harsh || before.harsh
	r.s.mu.Unlock()
}

func (r *chaosRun) rewrap(ctx context.Context) outcome {
	_, err := r.faulty.Rewrap(ctx, chaosKey, r.profile.Rewrap)
	return outcome{what: "rewrap", must: !r.allowed()[noObject], err: err}
}

func (r *chaosRun) delete(ctx context.Context) outcome {
	err := r.faulty.Delete(ctx, chaosKey)
	return outcome{what: "delete", gen: noObject, changes: true, must: !r.allowed()[noObject], err: err}
}

func (r *chaosRun) stat(ctx context.Context) outcome {
	info, err := r.faulty.Stat(ctx, chaosKey)
	if err == nil {
		fits := func(text []byte) bool {
			n := int64(len(text))
			return info.PlaintextSizeMin <= n && n <= info.PlaintextSizeMax
		}
		if r.find(r.allowed(), fits) == noObject {
			r.violate("stat: %d to %d bytes of plaintext, which nobody has put", info.PlaintextSizeMin, info.PlaintextSizeMax)
		}
	}
	return outcome{what: "stat", must: !r.allowed()[noObject], err: err}
}

// read reads all of the object.
func (r *chaosRun) read(ctx context.Context, b *backend.Bucket) ([]byte, error) {
	o, err := b.Get(ctx, chaosKey)
	if err != nil {
		return nil, err
	}
	got, err := io.ReadAll(o)
	return got, errors.Join(err, o.Close())
}

// get is Bucket.Get. What it has delivered before an error is a start of the truth.
func (r *chaosRun) get(ctx context.Context) outcome {
	got, err := r.read(ctx, r.faulty)
	allowed := r.allowed()
	right := func(text []byte) bool { return bytes.Equal(text, got) || err != nil && bytes.HasPrefix(text, got) }
	if (err == nil || len(got) > 0) && r.find(allowed, right) == noObject {
		r.violate("get: %d bytes, %v, which are none of %v", len(got), err, allowed)
	}
	if err != nil && r.profile.Verified && len(got) > 0 {
		r.violate("get: %d bytes before %v", len(got), err)
	}
	return outcome{what: "get", must: !allowed[noObject], err: err}
}

// getFile is Bucket.GetFile, which leaves all of a file or none.
func (r *chaosRun) getFile(ctx context.Context) outcome {
	path := filepath.Join(r.dir, "file")
	defer os.Remove(path)
	_, err := r.faulty.GetFile(ctx, chaosKey, path)
	got, ferr := os.ReadFile(path)
	allowed := r.allowed()
	switch {
	case err != nil && ferr == nil:
		r.violate("getFile = %v, and there is a file", err)
	case err == nil && (ferr != nil || r.find(allowed, func(text []byte) bool { return bytes.Equal(text, got) }) == noObject):
		r.violate("getFile: %d bytes, %v, which are none of %v", len(got), ferr, allowed)
	}
	return outcome{what: "get to a file", must: !allowed[noObject], err: err}
}

// span draws a range that begins inside of the object, and says whether that is
// sure.
func (r *chaosRun) span() (off, n int64, sure bool) {
	least := int64(1 << 40)
	r.mu.Lock()
	for gen := range r.now {
		if gen != noObject {
			least = min(least, int64(len(r.texts[gen])))
		}
	}
	r.mu.Unlock()
	if least == 1<<40 || least == 0 {
		return 0, 10, false
	}
	return r.random.Int64N(least), 1 + r.random.Int64N(100_000), !r.allowed()[noObject]
}

// cutText returns the piece of text that a range is.
func cutText(text []byte, off, n int64) []byte {
	size := int64(len(text))
	return text[min(off, size):min(off+n, size)]
}

// getRange is Bucket.GetRange.
func (r *chaosRun) getRange(ctx context.Context) outcome {
	off, n, sure := r.span()
	o := outcome{what: fmt.Sprintf("get of %d bytes at %d", n, off), must: sure}
	object, err := r.faulty.GetRange(ctx, chaosKey, off, n)
	if o.err = err; err != nil {
		return o
	}
	got, err := io.ReadAll(object)
	o.err = errors.Join(err, object.Close())
	r.checkRange(o, off, n, got)
	return o
}

// checkRange wants got to be a range of one generation, or the start of it.
func (r *chaosRun) checkRange(o outcome, off, n int64, got []byte) {
	allowed := r.allowed()
	right := func(text []byte) bool {
		want := cutText(text, off, n)
		return bytes.Equal(want, got) || o.err != nil && bytes.HasPrefix(want, got)
	}
	if (o.err == nil || len(got) > 0) && r.find(allowed, right) == noObject {
		r.violate("%s: %d bytes, %v, which are none of %v", o.what, len(got), o.err, allowed)
	}
}

// readerAt reads twice by one ReaderAt, which is about one version.
func (r *chaosRun) readerAt(ctx context.Context) outcome {
	off, n, sure := r.span()
	o := outcome{what: fmt.Sprintf("readerAt of %d bytes at %d", n, off), must: sure}
	ra, err := r.faulty.ReaderAt(ctx, chaosKey)
	if o.err = err; err != nil {
		return o
	}
	defer ra.Close()
	first, second := make([]byte, n), make([]byte, n)
	n1, err1 := ra.ReadAt(first, off)
	n2, err2 := ra.ReadAt(second, off)
	if err1 == io.EOF {
		err1 = nil
	}
	if err2 == io.EOF {
		err2 = nil
	}
	o.err = errors.Join(err1, err2)
	if err1 == nil {
		r.checkRange(outcome{what: o.what}, off, n, first[:n1])
	}
	if err1 == nil && err2 == nil && !bytes.Equal(first[:n1], second[:n2]) {
		r.violate("%s: twice, and not the same", o.what)
	}
	return o
}
