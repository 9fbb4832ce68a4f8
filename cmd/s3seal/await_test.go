// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"testing"
	"testing/iotest"
	"time"
)

func TestInterruptibleReader(t *testing.T) {
	want := pattern(200_000)
	for name, src := range map[string]io.Reader{
		"whole":     bytes.NewReader(want),
		"one byte":  iotest.OneByteReader(bytes.NewReader(want)),
		"data, EOF": iotest.DataErrReader(bytes.NewReader(want)),
	} {
		t.Run(name, func(t *testing.T) {
			if err := iotest.TestReader(interruptible(t.Context(), src), want); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestInterruptibleReaderEndsWithContext(t *testing.T) {
	r, w := io.Pipe()
	defer w.Close()
	ctx, cancel := context.WithCancel(t.Context())
	src := interruptible(ctx, r)
	go w.Write([]byte("x"))
	if n, err := src.Read(make([]byte, 10)); n != 1 || err != nil {
		t.Errorf("Read = %d, %v; want 1 byte", n, err)
	}
	time.AfterFunc(10*time.Millisecond, cancel) // while Read waits
	if n, err := src.Read(make([]byte, 10)); n != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("Read = %d, %v; want that it was cancelled", n, err)
	}
	if n, err := src.Read(make([]byte, 1)); n != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("Read again = %d, %v; want the same error", n, err)
	}
}

func TestInterruptibleReaderKeepsErrors(t *testing.T) {
	fail := errors.New("fail")
	src := interruptible(t.Context(), io.MultiReader(bytes.NewReader([]byte("abc")), iotest.ErrReader(fail)))
	data, err := io.ReadAll(src)
	if string(data) != "abc" || !errors.Is(err, fail) {
		t.Errorf("ReadAll = %q, %v; want abc and the error", data, err)
	}
}

// TestInterruptibleFile: a file is read in place, yet not past the context.
func TestInterruptibleFile(t *testing.T) {
	f, err := os.Open(writeFile(t, t.TempDir(), "f", pattern(1000)))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	ctx, cancel := context.WithCancel(t.Context())
	src := interruptible(ctx, f)
	if _, err := io.ReadFull(src, make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	cancel()
	if n, err := src.Read(make([]byte, 10)); n != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("Read = %d, %v; want that it was cancelled", n, err)
	}
}

func TestInterruptibleWriter(t *testing.T) {
	r, w := io.Pipe()
	defer r.Close()
	ctx, cancel := context.WithCancel(t.Context())
	out := (&app{stdout: w}).output(ctx)
	cancel()
	if _, err := out.Write([]byte("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("Write = %v, want that it was cancelled", err)
	}
	if _, err := out.Write([]byte("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("Write again = %v, want the same error", err)
	}
}

func TestInterruptedCommand(t *testing.T) {
	ks := newKeySet(t)
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	at := "dir:" + dir + "/v//x"
	cliContext(ctx, bytes.NewReader(pattern(10)), "put", "-k", ks.aes, "-", at).want(t, exitInterrupted, "interrupted")
	cliContext(ctx, nil, "get", "-k", ks.aes, at, dir+"/dst").want(t, exitInterrupted)
	if got := tree(t, dir); len(got) > 0 {
		t.Errorf("files = %q, want none", got)
	}
}
