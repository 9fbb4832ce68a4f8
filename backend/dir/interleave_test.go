// SPDX-License-Identifier: Apache-2.0

package dir_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/dir"
)

var noCancel = context.Background()

// abandon runs f, which uses d, up to a step and leaves it there for ever.
func abandon(d *dir.Driver, step string, f func()) {
	there := make(chan struct{})
	d.SetStep(func(s string) {
		if s == step {
			close(there)
			select {}
		}
	})
	go f()
	<-there
}

// A run is an operation that can be held between any two steps.
type run struct {
	name string
	key  string
	op   func(d *dir.Driver) error

	left int           // steps to go before it is held
	held chan struct{} // closed when it is held, or done
	go_  chan struct{} // closed to let it go on
	done chan error
}

// start runs op over root and returns when n steps are done, or all.
func (r run) start(t *testing.T, root string, n int) *run {
	t.Helper()
	r.left, r.held, r.go_, r.done = n, make(chan struct{}), make(chan struct{}), make(chan error, 1)
	d := open(t, root)
	d.SetStep(func(string) {
		if r.left--; r.left == -1 {
			close(r.held)
			<-r.go_
		}
	})
	go func() {
		err := r.op(d)
		if r.left >= 0 {
			close(r.held)
		}
		r.done <- err
	}()
	<-r.held
	return &r
}

// finish lets the operation go on to its end.
func (r *run) finish() error {
	close(r.go_)
	return <-r.done
}

// steps counts the steps of the operation over a root.
func (r run) steps(t *testing.T, root string) int {
	n := 0
	d := open(t, root)
	d.SetStep(func(string) { n++ })
	r.op(d)
	return n
}

func putting(key string, gen int) run {
	return run{name: "put " + key, key: key, op: func(d *dir.Driver) error { return put(d, key, gen) }}
}

func deleting(key string) run {
	return run{name: "delete " + key, key: key, op: func(d *dir.Driver) error {
		err := d.Delete(noCancel, key)
		if errors.Is(err, backend.ErrNotExist) {
			return nil
		}
		return err
	}}
}

func getting(key string) run {
	return run{name: "get " + key, key: key, op: func(d *dir.Driver) error {
		_, err := generation(d, key)
		if errors.Is(err, backend.ErrNotExist) {
			return nil
		}
		return err
	}}
}

// sweeping takes everything for old. A put that it hits may fail.
var sweeping = run{name: "sweep", op: func(d *dir.Driver) error {
	d.Sweep(time.Now().Add(time.Hour))
	return nil
}}

// prepare makes objects of each kind that a key in keys begins with.
func prepare(t *testing.T, root string, keys ...string) {
	t.Helper()
	all := strings.Join(keys, " ")
	if strings.Contains(all, "f") {
		mustPut(t, root, "f/a", 1)
	}
	if strings.Contains(all, "plain") {
		write(t, root, "plain", body(plain))
	}
	if strings.Contains(all, "copied") {
		mustPut(t, root, "copied", 1)
		write(t, root, "copied.new", body(1))
		if err := os.Rename(filepath.Join(root, "copied.new"), filepath.Join(root, "copied")); err != nil {
			t.Fatal(err)
		}
	}
}

// TestInterleaved holds one operation at each of its steps, runs another up to
// each of its own, lets the first end, then the second. Whatever the order,
// each object is whole afterwards and nothing else is left.
func TestInterleaved(t *testing.T) {
	for _, c := range []struct {
		a, b run
		may  error // that the two may fail with
	}{
		{getting("plain"), putting("plain", 3), nil},
		{getting("plain"), deleting("plain"), nil},
		{putting("plain", 3), getting("plain"), nil},
		{putting("copied", 3), getting("copied"), nil},
		{deleting("copied"), getting("copied"), nil},
		{putting("f/a", 3), getting("f/a"), nil},
		{getting("copied"), putting("copied", 3), nil},
		{getting("copied"), putting("copied", 4), nil},
		{getting("copied"), deleting("copied"), nil},
		{putting("copied", 3), deleting("copied"), nil},
		{putting("f/a", 2), putting("f/a", 4), nil},
		{putting("f/a", 2), deleting("f/a"), nil},
		{deleting("f/a"), putting("f/a", 2), nil},
		{deleting("f/a"), deleting("f/a"), nil},
		{getting("f/a"), putting("f/a", 3), nil},
		{getting("f/a"), deleting("f/a"), nil},
		{putting("f/b", 2), deleting("f/a"), nil},
		{deleting("f/a"), putting("f/b", 2), nil},
		{deleting("f/a"), putting("f", 2), backend.ErrKey},
		{putting("f", 2), deleting("f/a"), backend.ErrKey},
		{putting("f/a", 3), sweeping, dir.ErrSwept},
		{sweeping, putting("f/a", 3), dir.ErrSwept},
		{putting("g/h/i", 3), sweeping, dir.ErrSwept},
	} {
		t.Run(c.a.name+","+c.b.name, func(t *testing.T) {
			root := filepath.Join(memoryDir(t), "0")
			prepare(t, root, c.a.key, c.b.key)
			n := c.a.steps(t, root)
			for i := 0; i <= n; i++ {
				for j := range 50 { // b ends before that
					if testing.Short() && (i+j)%3 != 0 {
						continue
					}
					root := filepath.Join(filepath.Dir(root), fmt.Sprint(i, "-", j))
					prepare(t, root, c.a.key, c.b.key)
					a := c.a.start(t, root, i)
					b := c.b.start(t, root, j)
					aerr := a.finish()
					berr := b.finish()
					for _, err := range []error{aerr, berr} {
						if err != nil && (c.may == nil || !errors.Is(err, c.may)) {
							t.Fatalf("held at steps %d and %d: %s = %v, %s = %v", i, j, c.a.name, aerr, c.b.name, berr)
						}
					}
					for _, key := range []string{c.a.key, c.b.key} {
						if key != "" {
							wantGeneration(t, root, key, none, plain, 1, 2, 3, 4)
						}
					}
					wantClean(t, root)
					if b.left >= 0 {
						break // b has no step j
					}
				}
			}
		})
	}
}

// TestRenameAnswered: a rename that was carried out though it is said to have
// failed, as can be where an answer is lost on the way from a file server, is a
// put that has succeeded. To tidy up after it would take the record away.
func TestRenameAnswered(t *testing.T) {
	root := filepath.Join(t.TempDir(), "root")
	mustPut(t, root, crashKey, 4)
	d := open(t, root)
	d.SetStep(func(step string) {
		if step != "before commit" {
			return
		}
		bodies, err := filepath.Glob(filepath.Join(root, ".s3seal", "tmp", "*"))
		if err != nil || len(bodies) != 1 {
			t.Errorf("bodies in tmp = %q, %v, want one", bodies, err)
			return
		}
		if err := os.Rename(bodies[0], filepath.Join(root, filepath.FromSlash(crashKey))); err != nil {
			t.Error(err)
		}
	})
	if err := put(d, crashKey, 2); err != nil {
		t.Errorf("Put = %v, want nil of a body that has got to its key", err)
	}
	wantGeneration(t, root, crashKey, 2)
	wantClean(t, root)
}
