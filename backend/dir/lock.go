// SPDX-License-Identifier: Apache-2.0

package dir

import (
	"context"
	"fmt"
	"time"
)

// The waits between two tries for the lock. It is held for two looks at the disk.
const (
	minLockWait = 100 * time.Microsecond
	maxLockWait = 20 * time.Millisecond
)

// lock takes the lock of the root, which is on .s3seal: alone to look at an
// object and then replace it, else only to replace or remove one. It waits until
// ctx is done.
//
// What does not need the lock alone does without it where it cannot be had: on a
// file system that has none nobody else can hold it either.
func (d *Driver) lock(ctx context.Context, alone bool) (unlock func(), err error) {
	// The folder itself: a file would be left behind for the one who deletes
	// the last object, since to remove it is to let two hold it.
	f, err := d.root.OpenFile(home, openFlags, 0)
	if err != nil && !alone {
		return func() {}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("dir: lock: %w", err)
	}
	for wait := minLockWait; ; wait = min(2*wait, maxLockWait) {
		done, err := lockFile(f, alone)
		if done || err != nil && !alone {
			return func() { f.Close() }, nil
		}
		if err == nil {
			err = sleep(ctx, wait)
		}
		if err != nil {
			f.Close()
			return nil, fmt.Errorf("dir: lock: %w", err)
		}
	}
}

func sleep(ctx context.Context, wait time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(wait):
		return nil
	}
}
