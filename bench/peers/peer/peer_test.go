// SPDX-License-Identifier: Apache-2.0

package peer

import (
	"errors"
	"flag"
	"io"
	"strings"
	"testing"
)

// plain does nothing to the bytes.
func plain() Peer {
	return Peer{
		Name:    "plain",
		Encrypt: func(dst io.Writer) (io.WriteCloser, error) { return open{dst}, nil },
		Decrypt: func(src io.Reader) (io.Reader, error) { return src, nil },
	}
}

type open struct{ io.Writer }

func (open) Close() error { return nil }

// TestLines: what is printed is what go test would print.
func TestLines(t *testing.T) {
	if err := flag.Set("test.benchtime", "1x"); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		through bool
		want    []string
	}{
		{false, []string{"BenchmarkPeer/peer=plain/op=encrypt/size=1MiB", "BenchmarkPeer/peer=plain/op=decrypt/size=1MiB", " MB/s"}},
		{true, []string{"BenchmarkMemory/peer=plain/size=1MiB", " MB/s"}},
	} {
		var out strings.Builder
		if err := run(&out, []Peer{plain()}, "plain", 1<<20, tt.through); err != nil {
			t.Fatal(err)
		}
		for _, want := range tt.want {
			if !strings.Contains(out.String(), want) {
				t.Errorf("through=%v: %q, want %q in it", tt.through, out.String(), want)
			}
		}
	}
	if err := run(io.Discard, []Peer{plain()}, "other", 1, true); err == nil {
		t.Error("run = nil, want an error for a peer that there is not")
	}
}

// TestNoticed: a peer that alters, loses or fails does not get a number.
func TestNoticed(t *testing.T) {
	errBroken := errors.New("broken")
	for name, decrypt := range map[string]func(io.Reader) (io.Reader, error){
		"shorter": func(src io.Reader) (io.Reader, error) { return io.LimitReader(src, 1000), nil },
		"altered": func(src io.Reader) (io.Reader, error) { return altering{src}, nil },
		"failed":  func(io.Reader) (io.Reader, error) { return nil, errBroken },
	} {
		p := plain()
		p.Decrypt = decrypt
		if err := p.Through(1 << 20); err == nil {
			t.Errorf("%s: Through = nil, want an error", name)
		}
		if _, err := p.inMemory(1 << 20); err == nil {
			t.Errorf("%s: inMemory = nil, want an error", name)
		}
	}
}

type altering struct{ io.Reader }

func (a altering) Read(p []byte) (int, error) {
	n, err := a.Reader.Read(p)
	if n > 0 {
		p[0] ^= 1
	}
	return n, err
}

func TestSizeName(t *testing.T) {
	for size, want := range map[int64]string{1: "1B", 1 << 10: "1KiB", 1<<10 + 1: "1025B", 64 << 20: "64MiB", 10 << 30: "10GiB"} {
		if got := SizeName(size); got != want {
			t.Errorf("SizeName(%d) = %q, want %q", size, got, want)
		}
	}
}
