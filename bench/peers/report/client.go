// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/s3seal/s3seal/bench/internal/pattern"
	"github.com/s3seal/s3seal/bench/peers/peer"
	"github.com/s3seal/s3seal/internal/coproc"
)

// putGet has a client put the file and get it again, each so often, and writes
// how long that took and how much memory. Both are done by a process of its own.
func (e *endToEnd) putGet(ctx context.Context, out io.Writer, c client, size int64, runs int) error {
	file := filepath.Join(e.tmp, "got")
	for _, op := range []string{"put", "get"} {
		request := map[string]any{"op": op, "bucket": e.bucket, "key": c.name, "file": e.source()}
		maps.Copy(request, c.request)
		if op == "get" {
			request["file"] = file
		}
		took, peak, err := e.drive(ctx, c, request, runs)
		if err != nil {
			return fmt.Errorf("%s: %w", op, err)
		}
		for _, t := range took {
			_, err := fmt.Fprintf(out, "BenchmarkEndToEnd/client=%s/op=%s/size=%s%s\t%s\n",
				c.name, op, peer.SizeName(size), peer.Procs(), peer.Once(size, t, peak))
			if err != nil {
				return err
			}
		}
	}
	return errors.Join(checkFile(file, size), os.Remove(file))
}

// drive starts the client, makes the request so often and ends it.
func (e *endToEnd) drive(ctx context.Context, c client, request map[string]any, runs int) (took []time.Duration, peak int64, err error) {
	cmd := exec.CommandContext(ctx, c.command[0], c.command[1:]...)
	cmd.Env = append(os.Environ(), e.env...)
	program, err := coproc.Start(cmd)
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, program.Close()) }()
	if err := e.warmUp(program, c); err != nil {
		return nil, 0, err
	}
	for range runs {
		t, err := ask(program, request)
		if err != nil {
			return nil, 0, err
		}
		took = append(took, t)
	}
	return took, peer.Peak(program.Pid()), nil
}

// warmUp puts next to nothing, so that neither the start of the program nor that
// of a connection is measured.
func (e *endToEnd) warmUp(program *coproc.Program, c client) error {
	file := filepath.Join(e.tmp, "warm")
	if err := os.WriteFile(file, []byte("warm"), 0o600); err != nil {
		return err
	}
	request := map[string]any{"op": "put", "bucket": e.bucket, "key": c.name + "-warm", "file": file}
	maps.Copy(request, c.request)
	_, err := ask(program, request)
	return err
}

// ask makes a request and returns how long it took.
func ask(program *coproc.Program, request map[string]any) (time.Duration, error) {
	var answer struct {
		OK    bool
		Error string
	}
	start := time.Now()
	if err := program.Ask(request, &answer); err != nil {
		return 0, err
	}
	took := time.Since(start)
	if !answer.OK {
		return 0, fmt.Errorf("the client says: %s", answer.Error)
	}
	return took, nil
}

// checkFile compares what has come back with what was sent.
func checkFile(name string, size int64) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	var c pattern.Checker
	if _, err := io.Copy(&c, f); err != nil {
		return err
	}
	if c.Len() != size {
		return fmt.Errorf("%d bytes came back, want %d", c.Len(), size)
	}
	return nil
}
