// SPDX-License-Identifier: Apache-2.0

package dir_test

import (
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/dir"
)

// writeMany puts generations under one key until the time is over, and
// sometimes deletes. Its arguments are root, first generation, duration.
func writeMany(args []string) error {
	first, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	span, err := time.ParseDuration(args[2])
	if err != nil {
		return err
	}
	d, err := dir.New(args[0], nil)
	if err != nil {
		return err
	}
	end := time.Now().Add(span)
	for gen := first; time.Now().Before(end); gen++ {
		if err := put(d, "x/y", gen); err != nil {
			return err
		}
		if gen%10 != 5 {
			continue
		}
		if err := d.Delete(noCancel, "x/y"); err != nil && !errors.Is(err, backend.ErrNotExist) {
			return err
		}
	}
	fmt.Println("written")
	return nil
}

// TestManyProcesses lets two processes put and delete one object while others
// read it: a reader sees whole objects only.
func TestManyProcesses(t *testing.T) {
	for name, root := range map[string]string{"device": t.TempDir(), "memory": memoryDir(t)} {
		t.Run(name, func(t *testing.T) { manyProcesses(t, root) })
	}
}

func manyProcesses(t *testing.T, root string) {
	const span = 500 * time.Millisecond
	var writers, readers sync.WaitGroup
	var over atomic.Bool
	for i := range 2 {
		writers.Go(func() {
			out, err := child(t, "write", root, strconv.Itoa(1+i*1_000_000), span.String()).CombinedOutput()
			if err != nil {
				t.Errorf("writer %d: %v: %s", i, err, out)
			}
		})
	}
	var reads, gone atomic.Int64
	for range 2 {
		d := open(t, root)
		readers.Go(func() {
			for !over.Load() {
				_, err := generation(d, "x/y")
				switch {
				case errors.Is(err, backend.ErrNotExist):
					gone.Add(1)
				case err != nil:
					t.Errorf("Get = %v", err)
					return
				default:
					reads.Add(1)
				}
			}
		})
	}
	writers.Wait()
	over.Store(true)
	readers.Wait()
	if reads.Load() == 0 {
		t.Error("no object was read")
	}
	t.Logf("%d objects read, %d times none", reads.Load(), gone.Load())
	wantClean(t, root)
}
