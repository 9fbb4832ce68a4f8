// SPDX-License-Identifier: Apache-2.0

package dir_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/dir"
)

// putIf stores a generation under a condition.
func putIf(d *dir.Driver, key string, gen int, opts backend.PutOptions) error {
	opts.Metadata = metadata(gen)
	_, err := d.Put(noCancel, key, bytes.NewReader(body(gen)), -1, &opts)
	return err
}

// needLock skips a test of conditions where there are none.
func needLock(t *testing.T) {
	t.Helper()
	if !dir.CanLock {
		t.Skip("no lock on this system")
	}
}

func crashCreate(args []string) error {
	d, err := crashing(args)
	if err != nil {
		return err
	}
	return putIf(d, crashKey, 2, backend.PutOptions{IfNoneMatch: true})
}

// crashUpload stores an object in two parts.
func crashUpload(args []string) error {
	d, err := crashing(args)
	if err != nil {
		return err
	}
	return uploadParts(d, crashKey, 2)
}

func startUpload(args []string) error {
	d, err := crashing(args)
	if err == nil {
		_, err = d.StartUpload(noCancel, crashKey, &backend.PutOptions{})
	}
	return err
}

// startParts is an upload that is not completed, one part of which is sent again.
func startParts(args []string) error {
	d, err := crashing(args)
	if err != nil {
		return err
	}
	id, err := d.StartUpload(noCancel, crashKey, &backend.PutOptions{})
	for i, number := range []int{1, 2, 1} {
		if err == nil {
			_, err = d.PutPart(noCancel, crashKey, id, number, bytes.Repeat([]byte{byte(i)}, 5000))
		}
	}
	return err
}

func uploadParts(d *dir.Driver, key string, gen int) error {
	opts := &backend.PutOptions{Metadata: metadata(gen), IfNoneMatch: true}
	id, err := d.StartUpload(noCancel, key, opts)
	if err != nil {
		return err
	}
	var parts []backend.Part
	for data := body(gen); len(data) > 0; data = data[min(5000, len(data)):] {
		p, err := d.PutPart(noCancel, key, id, len(parts)+1, data[:min(5000, len(data))])
		if err != nil {
			return err
		}
		parts = append(parts, p)
	}
	_, err = d.CompleteUpload(noCancel, key, id, parts, opts)
	return err
}

// TestKilledCreate: a process that is killed while it holds the lock gives it
// back, and leaves the object as a put without a condition does.
func TestKilledCreate(t *testing.T) {
	needLock(t)
	crashes(t, "create", func(*testing.T, string) {}, oneTurn(none, 2))
}

func TestKilledUpload(t *testing.T) {
	needLock(t)
	crashes(t, "upload", func(*testing.T, string) {}, oneTurn(none, 2))
}

// increment adds 1 to the number in an object, as often as it is told. Its
// arguments are root and how often.
func increment(args []string) error {
	n, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	d, err := dir.New(args[0], nil)
	if err != nil {
		return err
	}
	defer d.Close()
	for n > 0 {
		switch err := incrementOnce(d); {
		case err == nil:
			n--
		case !errors.Is(err, backend.ErrChanged) && !errors.Is(err, backend.ErrExist):
			return err
		}
	}
	return nil
}

func incrementOnce(d *dir.Driver) error {
	number, opts := 0, &backend.PutOptions{IfNoneMatch: true}
	rc, info, err := d.Get(noCancel, "number", &backend.GetOptions{})
	switch {
	case err == nil:
		data, err := io.ReadAll(rc)
		rc.Close()
		if err != nil {
			return err
		}
		if number, err = strconv.Atoi(string(data)); err != nil {
			return err
		}
		opts = &backend.PutOptions{IfMatch: info.ETag}
	case !errors.Is(err, backend.ErrNotExist):
		return err
	}
	_, err = d.Put(noCancel, "number", strings.NewReader(strconv.Itoa(number+1)), -1, opts)
	return err
}

// TestProcessesCount lets processes count in one object: no step is lost.
func TestProcessesCount(t *testing.T) {
	needLock(t)
	root := memoryDir(t)
	const processes, times = 3, 40
	var wg sync.WaitGroup
	for range processes {
		wg.Go(func() {
			if out, err := child(t, "increment", root, strconv.Itoa(times)).CombinedOutput(); err != nil {
				t.Errorf("increment = %v: %s", err, out)
			}
		})
	}
	wg.Wait()
	data, err := os.ReadFile(filepath.Join(root, "number"))
	if want := strconv.Itoa(processes * times); err != nil || string(data) != want {
		t.Errorf("number = %q, %v, want %s", data, err, want)
	}
	wantClean(t, root)
}

// TestLockKeepsOthersOut: between the look at an object and its replacement no
// other process puts or deletes it, and whoever waits heeds its context.
func TestLockKeepsOthersOut(t *testing.T) {
	needLock(t)
	root := memoryDir(t)
	mustPut(t, root, "key", 1)
	d, others := open(t, root), open(t, root)
	info, err := d.Stat(noCancel, "key")
	if err != nil {
		t.Fatal(err)
	}
	ops := map[string]func(ctx context.Context) error{
		"put": func(ctx context.Context) error {
			_, err := others.Put(ctx, "key", bytes.NewReader(body(3)), -1, &backend.PutOptions{Metadata: metadata(3)})
			return err
		},
		"delete": func(ctx context.Context) error { return others.Delete(ctx, "key") },
		"create": func(ctx context.Context) error {
			_, err := others.Put(ctx, "new", bytes.NewReader(body(3)), -1, &backend.PutOptions{IfNoneMatch: true})
			return err
		},
	}
	met := false
	d.SetStep(func(step string) {
		if step != "condition met" {
			return
		}
		met = true
		for name, op := range ops {
			ctx, cancel := context.WithTimeout(noCancel, 30*time.Millisecond)
			if err := op(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s between look and replacement = %v, want to wait", name, err)
			}
			cancel()
		}
		wantGeneration(t, root, "key", 1) // readers need not wait
	})
	if err := putIf(d, "key", 2, backend.PutOptions{IfMatch: info.ETag}); err != nil || !met {
		t.Fatalf("Put = %v, condition met %v", err, met)
	}
	wantGeneration(t, root, "key", 2)
	wantClean(t, root)
}

// TestChangedAtTheLastMoment: what has happened before the lock is taken counts.
func TestChangedAtTheLastMoment(t *testing.T) {
	needLock(t)
	for name, c := range map[string]struct {
		opts backend.PutOptions
		want error
	}{
		"created": {backend.PutOptions{IfNoneMatch: true}, backend.ErrExist},
		"changed": {backend.PutOptions{}, backend.ErrChanged},
	} {
		root := memoryDir(t)
		d := open(t, root)
		if c.want == backend.ErrChanged {
			mustPut(t, root, "key", 1)
			info, err := d.Stat(noCancel, "key")
			if err != nil {
				t.Fatal(err)
			}
			c.opts.IfMatch = info.ETag
		}
		d.SetStep(func(step string) {
			if step == "before commit" {
				mustPut(t, root, "key", 3)
			}
		})
		if err := putIf(d, "key", 2, c.opts); !errors.Is(err, c.want) {
			t.Errorf("%s: Put = %v, want %v", name, err, c.want)
		}
		wantGeneration(t, root, "key", 3)
		wantClean(t, root)
	}
}

// TestSweepUploads removes uploads that nobody goes on with, and no others.
func TestSweepUploads(t *testing.T) {
	root := memoryDir(t)
	d := open(t, root)
	id, err := d.StartUpload(noCancel, "key", &backend.PutOptions{})
	if err == nil {
		_, err = d.PutPart(noCancel, "key", id, 1, []byte("part"))
	}
	if err != nil {
		t.Fatal(err)
	}
	d.SweepUploads(time.Now().Add(-time.Hour))
	if parts, err := d.ListParts(noCancel, "key", id); err != nil || len(parts) != 1 {
		t.Fatalf("ListParts = %v, %v, want the part", parts, err)
	}
	time.Sleep(20 * time.Millisecond)
	d.SweepUploads(time.Now())
	if _, err := d.ListParts(noCancel, "key", id); !errors.Is(err, backend.ErrNoUpload) {
		t.Errorf("ListParts after sweep = %v, want ErrNoUpload", err)
	}
	wantClean(t, root)
	if _, err := os.Stat(filepath.Join(root, ".s3seal", "parts")); err == nil {
		t.Errorf("left:\n%s", tree(root))
	}
}

// TestDamagedPart: a part that has become shorter is no part of an object.
func TestDamagedPart(t *testing.T) {
	root := memoryDir(t)
	d := open(t, root)
	id, err := d.StartUpload(noCancel, "key", &backend.PutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	part, err := d.PutPart(noCancel, "key", id, 1, []byte("part"))
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(root, ".s3seal", "parts", id, "00001-*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("files of the part: %q, %v", files, err)
	}
	if err := os.Truncate(files[0], 2); err != nil {
		t.Fatal(err)
	}
	if _, err := d.CompleteUpload(noCancel, "key", id, []backend.Part{part}, &backend.PutOptions{}); !errors.Is(err, backend.ErrSize) {
		t.Errorf("CompleteUpload = %v, want ErrSize", err)
	}
	wantGeneration(t, root, "key", none)
}

// TestPartReplacedHalfway: of two parts of a number, as a process leaves them that
// is killed before it has removed the first, the second counts.
func TestPartReplacedHalfway(t *testing.T) {
	for _, order := range [][2]string{{"first", "second"}, {"second", "first"}} { // their sums sort one way
		root := memoryDir(t)
		d, killed := open(t, root), open(t, root)
		id, err := d.StartUpload(noCancel, "key", &backend.PutOptions{})
		if err == nil {
			_, err = d.PutPart(noCancel, "key", id, 1, []byte(order[0]))
		}
		if err != nil {
			t.Fatal(err)
		}
		abandon(killed, "part named", func() { killed.PutPart(noCancel, "key", id, 1, []byte(order[1])) })
		if files, _ := filepath.Glob(filepath.Join(root, ".s3seal", "parts", id, "00001-*")); len(files) != 2 {
			t.Fatalf("files of the part: %q, want two", files)
		}
		parts, err := d.ListParts(noCancel, "key", id)
		if err != nil || len(parts) != 1 {
			t.Fatalf("ListParts = %+v, %v, want one", parts, err)
		}
		if _, err := d.CompleteUpload(noCancel, "key", id, parts, &backend.PutOptions{}); err != nil {
			t.Fatalf("CompleteUpload = %v", err)
		}
		if data, err := os.ReadFile(filepath.Join(root, "key")); err != nil || string(data) != order[1] {
			t.Errorf("object = %q, %v, want %q", data, err, order[1])
		}
	}
}
