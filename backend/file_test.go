// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/backendtest"
	"github.com/s3seal/s3seal/backend/mem"
	"github.com/s3seal/s3seal/envelope"
)

// names returns what lies in a folder.
func names(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	for _, e := range must(os.ReadDir(dir))(t) {
		all = append(all, e.Name())
	}
	return all
}

// wantFile fails the test unless dir holds one file, name, with this text.
func wantFile(t *testing.T, dir, name, text string) {
	t.Helper()
	if got := names(t, dir); !slices.Equal(got, []string{name}) {
		t.Errorf("folder holds %q, want %q alone", got, name)
	}
	if got := string(must(os.ReadFile(filepath.Join(dir, name)))(t)); got != text {
		t.Errorf("file holds %d bytes, want the %d that it had", len(got), len(text))
	}
}

// TestGetFileFailure lets everything go wrong that can. The folder must look
// as it did before.
func TestGetFileFailure(t *testing.T) {
	data := pattern(2*chunk + 5)
	for _, p := range suites(t) {
		d := stored(t, p, "key", data)
		size := must(d.Stat(t.Context(), "key"))(t).Size
		faults := map[string]backendtest.Faults{
			"ends at once":   {GetError: io.EOF},
			"ends early":     {GetError: io.EOF, GetAt: size - 1},
			"bare early end": {GetError: io.ErrUnexpectedEOF, GetAt: chunk},
			"fails":          {GetError: errCustom, GetAt: 2*chunk + 1},
			"goes on":        {GetExtra: []byte{1}},
		}
		if p.authenticated() {
			faults["altered first byte"] = backendtest.Faults{GetFlip: 1}
			faults["altered tag"] = backendtest.Faults{GetFlip: 1, GetAt: size - 1}
		}
		for name, fault := range faults {
			dir := t.TempDir()
			path := filepath.Join(dir, "out")
			f := backendtest.Faulty(d, fault)
			info, err := p.opening(f, nil).GetFile(t.Context(), "key", path)
			if err == nil || info != nil {
				t.Errorf("%s: storage %s: GetFile = %v, %v", p.name, name, info, err)
			}
			if fault.GetFlip != 0 {
				wantErr(t, p.name+": "+name, err, envelope.ErrDecrypt)
			}
			if got := names(t, dir); len(got) > 0 {
				t.Errorf("%s: storage %s: left %q", p.name, name, got)
			}
			if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
				t.Fatal(err)
			}
			if _, err := p.opening(f, nil).GetFile(t.Context(), "key", path); err == nil {
				t.Errorf("%s: storage %s: GetFile = nil", p.name, name)
			}
			wantFile(t, dir, "out", "old")
			wantClosed(t, name, f)
		}
	}
}

func TestGetFileReplaces(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, strings.Repeat("n", 255)) // leaves no room for a longer name
	if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	p := profiles(t)[0]
	// The rule of release is for readers, and a limit must not hinder a file.
	b := p.opening(stored(t, p, "key", []byte("new")), envelope.Buffered(1))
	info, err := b.GetFile(t.Context(), "key", path)
	if err != nil {
		t.Fatalf("GetFile = %v", err)
	}
	wantFile(t, dir, filepath.Base(path), "new")
	if mode := must(os.Stat(path))(t).Mode(); mode != 0o600 {
		t.Errorf("mode %v, want 0600", mode)
	}
	if !info.Authenticated || info.Header == nil || info.PlaintextSizeMax != 3 {
		t.Errorf("info %+v", info)
	}
}

func TestGetFileTarget(t *testing.T) {
	p := profiles(t)[0]
	d := stored(t, p, "key", []byte("new"))
	dir := t.TempDir()
	for _, target := range []string{"", dir, dir + "/", filepath.Join(dir, "x") + "/", filepath.Join(dir, "none", "x"), os.DevNull} {
		f := backendtest.Faulty(d, backendtest.Faults{})
		if _, err := p.opening(f, nil).GetFile(t.Context(), "key", target); err == nil {
			t.Errorf("GetFile to %q = nil", target)
		}
		wantClosed(t, target, f)
	}
	if got := names(t, dir); len(got) > 0 {
		t.Errorf("left %q", got)
	}
	if info, err := os.Lstat(os.DevNull); err != nil || info.Mode().IsRegular() {
		t.Fatalf("%s is %v, %v", os.DevNull, info.Mode(), err)
	}
}

func TestGetFileSymlink(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	path, elsewhere := filepath.Join(dir, "out"), filepath.Join(other, "elsewhere")
	if err := os.WriteFile(elsewhere, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(elsewhere, path); err != nil {
		t.Skip(err)
	}
	p := profiles(t)[0]
	b := p.opening(stored(t, p, "key", []byte("new")), nil)
	if _, err := b.GetFile(t.Context(), "key", path); err != nil {
		t.Fatalf("GetFile = %v", err)
	}
	wantFile(t, dir, "out", "new")
	wantFile(t, other, "elsewhere", "old")

	link := filepath.Join(t.TempDir(), "folder")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	if _, err := b.GetFile(t.Context(), "key", link); err == nil {
		t.Error("GetFile to a link to a folder = nil")
	}
}

func TestGetFileCancelled(t *testing.T) {
	p := profiles(t)[0]
	d := stored(t, p, "key", pattern(3*chunk))
	for _, at := range []int64{0, 1, 2 * chunk, 3*chunk + 16} {
		dir := t.TempDir()
		ctx, cancel := context.WithCancel(t.Context())
		cut := &cancelDriver{Driver: d, at: at, cancel: cancel}
		_, err := p.opening(cut, nil).GetFile(ctx, "key", filepath.Join(dir, "out"))
		wantErr(t, fmt.Sprint("cancelled at ", at), err, context.Canceled)
		if got := names(t, dir); len(got) > 0 {
			t.Errorf("cancelled at %d: left %q", at, got)
		}
	}
}

// A cancelDriver cancels when that many bytes of a body have been read, but
// leaves it to others to notice.
type cancelDriver struct {
	backend.Driver
	at     int64
	cancel func()
}

func (d *cancelDriver) Get(_ context.Context, key string, opts *backend.GetOptions) (io.ReadCloser, *backend.Info, error) {
	rc, info, err := d.Driver.Get(context.Background(), key, opts)
	if err != nil {
		return nil, nil, err
	}
	var n int64
	src := readFunc(func(p []byte) (int, error) {
		if n >= d.at {
			d.cancel()
		}
		got, err := rc.Read(p)
		n += int64(got)
		return got, err
	})
	return struct {
		io.Reader
		io.Closer
	}{src, rc}, info, nil
}

func TestGetFileErrors(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out")
	b := v3(t, mem.New())
	_, err := b.GetFile(t.Context(), "none", path)
	wantErr(t, "missing object", err, backend.ErrNotExist)
	p := suites(t)[1]
	_, err = v3(t, stored(t, p, "key", nil)).GetFile(t.Context(), "key", path)
	if e, ok := errors.AsType[*envelope.PolicyError](err); !ok || e.Option != "AllowUncommitted" {
		t.Errorf("%s with safe options: %v", p.name, err)
	}
	if got := names(t, dir); len(got) > 0 {
		t.Errorf("left %q", got)
	}
}
