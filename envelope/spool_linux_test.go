// SPDX-License-Identifier: Apache-2.0

package envelope_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/envelope"
)

// spoolFiles returns the open files of this process that lie in dir.
func spoolFiles(t *testing.T, dir string) (links []string) {
	t.Helper()
	fds, err := filepath.Glob("/proc/self/fd/*")
	if err != nil || len(fds) == 0 {
		t.Fatalf("no list of open files: %v", err)
	}
	for _, fd := range fds {
		if target, err := os.Readlink(fd); err == nil && strings.HasPrefix(target, dir) {
			links = append(links, fd)
		}
	}
	return links
}

// TestSpoolOpenFiles: there is one file while a reader is in use, without a
// name and with mode 0600, and none after any way to end.
func TestSpoolOpenFiles(t *testing.T) {
	dir := t.TempDir()
	o := v3Object(t, pattern(2<<20))
	bad := bytes.Clone(o.body)
	bad[len(bad)-1] ^= 1
	failed := errors.New("sink")
	open := func(body io.Reader) io.ReadCloser {
		return must[io.ReadCloser](t)(openerOf(t, o, aesKeys(t, kek), envelope.Spool(dir, math.MaxInt64)).Reader(body, -1))
	}
	for name, end := range map[string]func(){
		"EOF":          func() { io.ReadAll(struct{ io.Reader }{open(bytes.NewReader(o.body))}) },
		"WriteTo":      func() { io.Copy(io.Discard, open(bytes.NewReader(o.body))) },
		"last byte":    func() { io.ReadFull(open(bytes.NewReader(o.body)), make([]byte, 2<<20)) },
		"altered":      func() { io.ReadAll(open(bytes.NewReader(bad))) },
		"cut":          func() { io.ReadAll(open(bytes.NewReader(o.body[:2<<20]))) },
		"source error": func() { io.ReadAll(open(io.MultiReader(bytes.NewReader(o.body), brokenReader{failed}))) },
		"sink error":   func() { io.Copy(brokenWriter{failed}, open(bytes.NewReader(o.body))) },
		"Close": func() {
			r := open(bytes.NewReader(o.body))
			io.ReadFull(r, make([]byte, 5))
			files := spoolFiles(t, dir)
			if len(files) != 1 {
				t.Fatalf("%d open files in the middle, want 1", len(files))
			}
			info, err := os.Stat(files[0])
			if err != nil || info.Mode() != 0o600 || info.Size() != int64(len(o.body)) {
				t.Errorf("the file: %v, %v", info, err)
			}
			if target, _ := os.Readlink(files[0]); !strings.HasSuffix(target, " (deleted)") {
				t.Errorf("the file is %s, want it without a name", target)
			}
			wantEmpty(t, dir)
			r.Close()
		},
		"Close at once": func() { open(bytes.NewReader(o.body)).Close() },
		"nothing read":  func() { open(bytes.NewReader(o.body)) },
	} {
		end()
		if files := spoolFiles(t, dir); len(files) != 0 {
			t.Errorf("%s: %d files are still open", name, len(files))
		}
		wantEmpty(t, dir)
	}
}

type brokenReader struct{ err error }

func (b brokenReader) Read([]byte) (int, error) { return 0, b.err }

type brokenWriter struct{ err error }

func (b brokenWriter) Write([]byte) (int, error) { return 0, b.err }
