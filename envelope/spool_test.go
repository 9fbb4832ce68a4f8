// SPDX-License-Identifier: Apache-2.0

package envelope_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"testing/iotest"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/stream"
)

// wantEmpty fails the test if there is anything in dir.
func wantEmpty(t testing.TB, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		t.Errorf("%s is left in the folder", e.Name())
	}
}

// A faultyFile is a temporary file in memory that fails when told to.
type faultyFile struct {
	data     []byte
	room     int // bytes that can be written
	short    bool
	readErr  error
	closeErr error
	closes   int
	altered  func(data []byte) // between the passes
}

var errDisk = errors.New("the disk is full")

func (f *faultyFile) Write(p []byte) (int, error) {
	n := min(len(p), f.room-len(f.data))
	f.data = append(f.data, p[:n]...)
	if n < len(p) && !f.short {
		return n, errDisk
	}
	return n, nil
}

func (f *faultyFile) ReadAt(p []byte, off int64) (int, error) {
	if f.readErr != nil {
		return 0, f.readErr
	}
	if f.altered != nil {
		f.altered(f.data)
		f.altered = nil
	}
	return bytes.NewReader(f.data).ReadAt(p, off)
}

func (f *faultyFile) Close() error { f.closes++; return f.closeErr }

// on returns a Spool whose file is f.
func (f *faultyFile) on(keep int) envelope.Release {
	return envelope.SpoolOn("", math.MaxInt64, keep, func(string) (envelope.TempFile, error) { return f, nil })
}

// spoolTest reads o by the rule and closes the reader.
func spoolRead(t *testing.T, o object, rule envelope.Release, pull func(io.Reader) ([]byte, error)) (got []byte, err, closed error) {
	t.Helper()
	r := must[io.ReadCloser](t)(openerOf(t, o, aesKeys(t, kek), rule).Reader(bytes.NewReader(o.body), -1))
	got, err = pull(r)
	if n, again := r.Read(make([]byte, 1)); err != nil && (n != 0 || again != err) {
		t.Errorf("second Read = %d, %v, want 0, %v", n, again, err)
	}
	return got, err, r.Close()
}

// TestSpoolDiskFull fills the disk at every byte, in the part that was kept in
// memory first, too.
func TestSpoolDiskFull(t *testing.T) {
	o := v3Object(t, pattern(100))
	for room := range len(o.body) {
		for _, short := range []bool{false, true} {
			for how, pull := range pulls {
				f := &faultyFile{room: room, short: short}
				got, err, closed := spoolRead(t, o, f.on(room%50), pull)
				want := errDisk
				if short {
					want = io.ErrShortWrite
				}
				if len(got) != 0 || !errors.Is(err, want) || !errors.Is(err, envelope.ErrSpool) || errors.Is(err, envelope.ErrDecrypt) {
					t.Errorf("room=%d, %s: %d bytes, %v, want none, what the disk said", room, how, len(got), err)
				}
				if f.closes != 1 || closed != nil {
					t.Errorf("room=%d: closed %d times, %v, want 1, nil", room, f.closes, closed)
				}
			}
		}
	}
}

// TestSpoolFileFaults: everything that can go wrong with a file, but for space.
func TestSpoolFileFaults(t *testing.T) {
	o := v3Object(t, pattern(1000))
	for how, pull := range pulls {
		for _, cause := range []error{errDisk, io.ErrUnexpectedEOF} {
			f := &faultyFile{room: 1 << 20, readErr: cause}
			got, err, _ := spoolRead(t, o, f.on(keepNothing), pull)
			if len(got) != 0 || !errors.Is(err, cause) || err == cause || !errors.Is(err, envelope.ErrSpool) || f.closes != 1 {
				t.Errorf("%s: %d bytes, %v, closed %d times, want none, %v, 1", how, len(got), err, f.closes, cause)
			}
		}
		f := &faultyFile{room: 1 << 20, closeErr: errDisk}
		got, err, closed := spoolRead(t, o, f.on(keepNothing), pull)
		if err != nil || !bytes.Equal(got, o.plain) || !errors.Is(closed, errDisk) || !errors.Is(closed, envelope.ErrSpool) || f.closes != 1 {
			t.Errorf("%s: %d bytes, %v; Close = %v", how, len(got), err, closed)
		}
		none := envelope.SpoolOn("", math.MaxInt64, 0, func(string) (envelope.TempFile, error) { return nil, fs.ErrPermission })
		if got, err, _ := spoolRead(t, o, none, pull); len(got) != 0 || !errors.Is(err, fs.ErrPermission) || !errors.Is(err, envelope.ErrSpool) {
			t.Errorf("%s: %d bytes, %v, want none, that there is no file", how, len(got), err)
		}
	}
	missing := envelope.Spool(filepath.Join(t.TempDir(), "missing"), math.MaxInt64)
	big := v3Object(t, pattern(envelope.KeptMemory))
	if _, err, _ := spoolRead(t, big, missing, pulls["Read"]); !errors.Is(err, fs.ErrNotExist) || !errors.Is(err, envelope.ErrSpool) {
		t.Errorf("in a folder that is not there: %v", err)
	}
	if _, err, _ := spoolRead(t, o, missing, pulls["Read"]); err != nil {
		t.Errorf("a small object, which needs no folder: %v", err)
	}
}

// TestSpoolAltered: who can write to the file gains nothing.
func TestSpoolAltered(t *testing.T) {
	const mib = 1 << 20
	o := v3Object(t, pattern(2*mib+100))
	for at, want := range map[int]int{0: 0, mib: mib, 2*mib + 50: 2 * mib, 2*mib + 100: 2 * mib} {
		for how, pull := range pulls {
			f := &faultyFile{room: 4 * mib, altered: func(data []byte) { data[at] ^= 1 }}
			got, err, _ := spoolRead(t, o, f.on(keepNothing), pull)
			if err != envelope.ErrDecrypt || !bytes.Equal(got, o.plain[:want]) || f.closes != 1 {
				t.Errorf("at=%d, %s: %d bytes, %v, want %d, ErrDecrypt", at, how, len(got), err, want)
			}
		}
	}
}

// TestSpoolCiphertext: the body as it came is all that the file ever holds.
func TestSpoolCiphertext(t *testing.T) {
	o := v3Object(t, pattern(3<<20))
	f := &faultyFile{room: 4 << 20}
	if _, err, _ := spoolRead(t, o, f.on(envelope.KeptMemory), pulls["Read"]); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(f.data, o.body) {
		t.Error("the file holds something else than the body")
	}
}

// TestSpoolSourceErrors: a source that fails at any byte has failed, and the
// file goes.
func TestSpoolSourceErrors(t *testing.T) {
	o := v3Object(t, pattern(100))
	failed := errors.New("connection lost")
	for k := range len(o.body) + 1 {
		for _, cause := range []error{failed, io.ErrUnexpectedEOF} {
			again := &second{body: o.body}
			f := &faultyFile{room: 1000}
			for name, rule := range map[string]envelope.Release{"spool": f.on(keepNothing), "twopass": envelope.TwoPassOver(0, again.reopen)} {
				src := io.MultiReader(bytes.NewReader(o.body[:k]), iotest.ErrReader(cause))
				r := must[io.ReadCloser](t)(openerOf(t, o, aesKeys(t, kek), rule).Reader(src, -1))
				got, err := io.ReadAll(r)
				if len(got) != 0 || !errors.Is(err, cause) || err == cause || errors.Is(err, envelope.ErrDecrypt) || errors.Is(err, envelope.ErrSpool) {
					t.Errorf("%s, k=%d: %d bytes, %v, want none, %v", name, k, len(got), err, cause)
				}
			}
			if want := min(k, 1); f.closes != want || again.opened.Load() != 0 {
				t.Errorf("k=%d: file closed %d times, reopened %d times, want %d, 0", k, f.closes, again.opened.Load(), want)
			}
		}
	}
}

// TestSpoolLimit: the limit is inclusive, counts the tag, and a declared size
// over it is refused before the body is touched.
func TestSpoolLimit(t *testing.T) {
	o := v3Object(t, pattern(1000))
	size := int64(len(o.body))
	for limit, ok := range map[int64]bool{size: true, math.MaxInt64: true, size - 1: false, 16: false, 1: false, 0: false} {
		for _, keep := range []int{keepNothing, envelope.KeptMemory} {
			opener := openerOf(t, o, aesKeys(t, kek), envelope.SpoolOn(t.TempDir(), limit, keep, envelope.CreateTemp))
			src := &source{Reader: bytes.NewReader(o.body)}
			r, err := opener.Reader(src, size)
			if ok != (err == nil) || !ok && (!errors.Is(err, stream.ErrBufferLimit) || r != nil) || src.reads+src.closes != 0 {
				t.Errorf("limit %d: Reader = %v after %d reads, want ok = %t", limit, err, src.reads, ok)
			}
			count := &counted{r: bytes.NewReader(o.body)}
			r = must[io.ReadCloser](t)(opener.Reader(count, -1))
			got, err := io.ReadAll(r)
			if ok && err != nil || !ok && (err != stream.ErrBufferLimit || len(got) != 0 || count.n > limit+1) {
				t.Errorf("limit %d, unknown size: %d bytes of %d read, %v; want ok = %t", limit, len(got), count.n, err, ok)
			}
		}
	}
	src := &source{Reader: bytes.NewReader(o.body)}
	if _, err := openerOf(t, o, aesKeys(t, kek), envelope.Spool("", -1)).Reader(src, -1); err == nil || src.reads != 0 {
		t.Errorf("limit -1: Reader = %v, want an error", err)
	}
}

type counted struct {
	r io.Reader
	n int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// TestSpoolName: the file has no name while it is read, or loses it with the
// reader, and the default folder is that of the system.
func TestSpoolName(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"TMPDIR", "TMP", "TEMP"} {
		t.Setenv(name, dir)
	}
	o := v3Object(t, pattern(2<<20))
	r := must[io.ReadCloser](t)(openerOf(t, o, aesKeys(t, kek), envelope.Spool("", math.MaxInt64)).Reader(bytes.NewReader(o.body), -1))
	if _, err := io.ReadFull(r, make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" {
		wantEmpty(t, dir)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	wantEmpty(t, dir)

	f, err := os.CreateTemp(dir, "x")
	if err != nil {
		t.Fatal(err)
	}
	rule := envelope.SpoolOn(dir, math.MaxInt64, 0, func(string) (envelope.TempFile, error) { return envelope.NamedTemp(f), nil })
	if got, err, closed := spoolRead(t, o, rule, pulls["Read"]); err != nil || closed != nil || !bytes.Equal(got, o.plain) {
		t.Errorf("%d bytes, %v, Close = %v", len(got), err, closed)
	}
	wantEmpty(t, dir)
}

// TestSpoolLastByte: who reads exactly the bytes of the plaintext, and forgets
// to close, has no file any more.
func TestSpoolLastByte(t *testing.T) {
	o := v3Object(t, pattern(500))
	f := &faultyFile{room: 1000}
	r := must[io.ReadCloser](t)(openerOf(t, o, aesKeys(t, kek), f.on(keepNothing)).Reader(bytes.NewReader(o.body), -1))
	if _, err := io.ReadFull(r, make([]byte, 499)); err != nil || f.closes != 0 {
		t.Errorf("all but one byte: %v, file closed %d times, want nil, 0", err, f.closes)
	}
	if _, err := io.ReadFull(r, make([]byte, 1)); err != nil || f.closes != 1 {
		t.Errorf("the last byte: %v, file closed %d times, want nil, 1", err, f.closes)
	}
	if n, err := r.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("Read = %d, %v, want 0, EOF", n, err)
	}
}
