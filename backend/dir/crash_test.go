// SPDX-License-Identifier: Apache-2.0

package dir_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/dir"
)

// dieAt lets the process die at step n of d.
func dieAt(d *dir.Driver, n int) {
	d.SetStep(func(string) {
		if n--; n < 0 {
			die()
		}
	})
}

// crashing opens the driver of a task with the arguments root and step.
func crashing(args []string) (*dir.Driver, error) {
	n, err := strconv.Atoi(args[1])
	if err != nil {
		return nil, err
	}
	d, err := dir.New(args[0], nil)
	if err == nil {
		dieAt(d, n)
	}
	return d, err
}

func crashPut(args []string) error {
	d, err := crashing(args)
	if err != nil {
		return err
	}
	return put(d, crashKey, 2)
}

// crashAbort is a put that fails at the last moment.
func crashAbort(args []string) error {
	d, err := dir.New(args[0], nil)
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(noCancel)
	d.SetStep(func(step string) {
		if step == "record synced" {
			cancel()
			dieAt(d, n)
		}
	})
	_, err = d.Put(ctx, crashKey, bytes.NewReader(body(2)), -1, &backend.PutOptions{Metadata: metadata(2)})
	if !errors.Is(err, context.Canceled) {
		return fmt.Errorf("Put = %v, want %w", err, context.Canceled)
	}
	return nil
}

func crashDelete(args []string) error {
	d, err := crashing(args)
	if err != nil {
		return err
	}
	return d.Delete(noCancel, crashKey)
}

// crashSweep sweeps what a put has left that died at a step of its own.
func crashSweep(args []string) error {
	d, err := crashing(args)
	if err != nil {
		return err
	}
	d.Sweep(time.Now())
	return nil
}

const crashKey = "some/folder/object"

// crashes runs a task once for each of its steps in a process that is killed
// there, and then whole. before prepares a folder, after looks at it.
func crashes(t *testing.T, task string, before func(t *testing.T, root string), after func(t *testing.T, root string, dead bool)) {
	for step, dead := 0, true; dead; step++ {
		t.Run(fmt.Sprintf("step=%d", step), func(t *testing.T) {
			// Memory never uses an inode twice, devices do so at once.
			root := filepath.Join(memoryDir(t), "root")
			if step%4 == 0 {
				root = filepath.Join(t.TempDir(), "root")
			}
			before(t, root)
			out, err := child(t, task, root, strconv.Itoa(step)).CombinedOutput()
			if dead = err != nil; dead && len(out) > 0 {
				t.Fatalf("%s = %v: %s", task, err, out)
			}
			after(t, root, dead)
		})
		if t.Failed() || step > 60 {
			t.Fatalf("%s: stopped at step %d", task, step)
		}
		if !dead && step < 2 {
			t.Fatalf("%s was killed at %d steps only", task, step)
		}
	}
}

// usable checks that a folder in which a process was killed serves on, and
// that in the end nothing is left of the crash.
func usable(t *testing.T, root string) {
	t.Helper()
	gen, err := generation(open(t, root), crashKey)
	if err != nil && !errors.Is(err, backend.ErrNotExist) {
		t.Fatalf("Get = %v", err)
	}
	sweepAll(t, root)
	if err == nil {
		wantGeneration(t, root, crashKey, gen)
	}
	mustPut(t, root, crashKey, 3)
	wantGeneration(t, root, crashKey, 3)
	wantClean(t, root)
	if err := open(t, root).Delete(noCancel, crashKey); err != nil {
		t.Fatalf("Delete = %v", err)
	}
	wantGeneration(t, root, crashKey, none)
	wantClean(t, root)
	if entries, _ := os.ReadDir(root); len(entries) > 1 {
		t.Fatalf("left in an empty root:\n%s", tree(root))
	}
}

// oneTurn returns a check that objects of the generation from become those of
// the generation to at one step and stay so.
func oneTurn(from, to int) func(t *testing.T, root string, dead bool) {
	turned := false
	return func(t *testing.T, root string, dead bool) {
		gen := wantGeneration(t, root, crashKey, from, to)
		if turned && gen != to {
			t.Fatalf("generation %d after a step at which it was %d", gen, to)
		}
		if turned = gen == to; !turned && !dead {
			t.Fatalf("generation %d after a whole run, want %d", gen, to)
		}
		copied(t, root, gen)
		usable(t, root)
	}
}

// copied checks that the folder reads the same after it was copied.
func copied(t *testing.T, root string, gen int) {
	t.Helper()
	cp := filepath.Join(memoryDir(t), "copy")
	if err := os.CopyFS(cp, os.DirFS(root)); err != nil {
		t.Fatal(err)
	}
	wantGeneration(t, cp, crashKey, gen)
}

func TestKilledPut(t *testing.T) {
	before := map[string]func(t *testing.T, root string){
		"over nothing":    func(*testing.T, string) {},
		"over an object":  func(t *testing.T, root string) { mustPut(t, root, crashKey, 4) }, // of the same size
		"over plain file": func(t *testing.T, root string) { write(t, root, crashKey, body(plain)) },
	}
	was := map[string]int{"over nothing": none, "over an object": 4, "over plain file": plain}
	for name, f := range before {
		t.Run(name, func(t *testing.T) { crashes(t, "put", f, oneTurn(was[name], 2)) })
	}
}

// TestKilledAbort kills a put that is tidying up after its failure.
func TestKilledAbort(t *testing.T) {
	before := func(t *testing.T, root string) { write(t, root, crashKey, body(plain)) }
	crashes(t, "abort", before, func(t *testing.T, root string, dead bool) {
		wantGeneration(t, root, crashKey, plain)
		if !dead {
			wantClean(t, root)
		}
		copied(t, root, plain)
		usable(t, root)
	})
}

func TestKilledDelete(t *testing.T) {
	before := func(t *testing.T, root string) { mustPut(t, root, crashKey, 1) }
	crashes(t, "delete", before, oneTurn(1, none))
}

// TestKilledSweep kills the sweep of what a put has left over a plain file,
// which has no record of its own to hide behind.
func TestKilledSweep(t *testing.T) {
	before := func(t *testing.T, root string) {
		write(t, root, crashKey, body(plain))
		d := open(t, root)
		abandon(d, "before commit", func() { put(d, crashKey, 2) })
		time.Sleep(time.Millisecond)
	}
	crashes(t, "sweep", before, func(t *testing.T, root string, dead bool) {
		wantGeneration(t, root, crashKey, plain)
		if !dead {
			wantClean(t, root)
		}
		usable(t, root)
	})
}
