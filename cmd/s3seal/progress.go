// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"io"
	"sync"
	"time"

	"github.com/s3seal/s3seal/backend"
	"github.com/schollz/progressbar/v3"
)

// progressAfter is how long a transfer goes on before it gets a bar.
const progressAfter = time.Second

// A progress counts the bytes of one transfer and draws them, on a terminal
// only. The nil *progress counts nothing. It is safe for concurrent use, as
// parts of one transfer may come by several ways.
type progress struct {
	out   io.Writer
	label string
	start time.Time

	mu    sync.Mutex
	total int64 // -1 if unknown
	done  int64
	bar   *progressbar.ProgressBar
}

// progress returns the progress of a transfer, or nil if nobody watches.
func (a *app) progress(label string, total int64) *progress {
	if a.quiet || !isTerminal(a.stderr) {
		return nil
	}
	return &progress{out: a.stderr, label: label, total: total, start: time.Now()}
}

// add counts n bytes.
func (p *progress) add(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += int64(n)
	if p.bar == nil { // not before: by now the total is known, if ever
		p.bar = newBar(&lateWriter{p.out, p.start.Add(progressAfter)}, p.label, p.total)
	}
	// The bar is no reason to fail a transfer: a total that is passed, or a
	// terminal that went away, only stops the drawing.
	_ = p.bar.Set64(p.done)
}

func newBar(out io.Writer, label string, total int64) *progressbar.ProgressBar {
	return progressbar.NewOptions64(total,
		progressbar.OptionSetWriter(out),
		progressbar.OptionSetDescription(shorten(printable(label), 32)),
		progressbar.OptionShowBytes(true),
		progressbar.OptionShowTotalBytes(true),
		progressbar.OptionShowCount(),
		progressbar.OptionUseIECUnits(true),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionSetPredictTime(total > 0),
		progressbar.OptionSetWidth(20),
		// Else a goroutine goes on drawing, also after the end.
		progressbar.OptionSetSpinnerChangeInterval(0),
		progressbar.OptionClearOnFinish(),
	)
}

// shorten cuts s to n characters, of which the last ones tell most. A bar that
// does not fit on a line is printed anew instead of over itself.
func shorten(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return "…" + string(r[len(r)-n+1:])
}

// A lateWriter drops what comes before its time. The bar itself has to be
// there from the start, or it would take the rate from the end.
type lateWriter struct {
	out  io.Writer
	from time.Time
}

// Write implements io.Writer.
func (w *lateWriter) Write(p []byte) (int, error) {
	if time.Now().Before(w.from) {
		return len(p), nil
	}
	return w.out.Write(p)
}

// expect sets the total, as soon as it is known.
func (p *progress) expect(total int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.total = total
}

// end takes the bar away, so that what is printed next starts on a clean line.
func (p *progress) end() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		_ = p.bar.Clear()
	}
}

// reader returns r with its bytes counted.
func (p *progress) reader(r io.Reader) io.Reader {
	if p == nil {
		return r
	}
	return &countedReader{r, p}
}

type countedReader struct {
	io.Reader
	progress *progress
}

// Read implements io.Reader.
func (r *countedReader) Read(buf []byte) (int, error) {
	n, err := r.Reader.Read(buf)
	r.progress.add(n)
	return n, err
}

// A watchedDriver is a driver whose downloads are drawn, all in one bar.
type watchedDriver struct {
	backend.Driver
	progress *progress
}

// watched returns d with its downloads drawn, and a function that takes the
// bar away.
func (a *app) watched(d backend.Driver, label string) (backend.Driver, func()) {
	p := a.progress(label, -1)
	if p == nil {
		return d, func() {}
	}
	return &watchedDriver{d, p}, p.end
}

// Get implements backend.Driver.
func (w *watchedDriver) Get(ctx context.Context, key string, opts *backend.GetOptions) (io.ReadCloser, *backend.Info, error) {
	body, info, err := w.Driver.Get(ctx, key, opts)
	if err != nil {
		return nil, nil, err
	}
	if opts.Range == nil {
		w.progress.expect(info.Size)
	}
	return &countedBody{w.progress.reader(body), body}, info, nil
}

// A countedBody reads from one and closes the other.
type countedBody struct {
	io.Reader
	io.Closer
}
