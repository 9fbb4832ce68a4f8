// SPDX-License-Identifier: Apache-2.0

package backend

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
)

// ErrCrashed is what a CrashFile says once its machine is down.
var ErrCrashed = errors.New("crashed")

// A CrashFile is a state file that stops at one of its calls. What was not
// synced by then is lost, as when a machine loses its power, or stays, as when
// only the process is killed. A disk writes in any order: of what is lost some
// may be there.
type CrashFile struct {
	stateFile
	path  string
	Disk  *CrashDisk // nil is a new one, which has all that the file has
	At    int        // the call that no longer happens
	Lose  bool
	Calls int
	down  bool
}

// A CrashDisk is what a state file has on the disk. It is the same one for the
// next CrashFile after a kill.
type CrashDisk struct {
	Keep    func() bool // of a write that was not synced; nil keeps none
	synced  []byte
	pending []func(disk []byte) []byte
}

// lose returns what a power cut leaves.
func (d *CrashDisk) lose() []byte {
	disk := bytes.Clone(d.synced)
	for _, write := range d.pending {
		if d.Keep != nil && d.Keep() {
			disk = write(disk)
		}
	}
	d.synced, d.pending = disk, nil
	return disk
}

// resized returns b with size bytes, new ones being zeros.
func resized(b []byte, size int64) []byte {
	return append(b[:min(int64(len(b)), size)], make([]byte, max(0, size-int64(len(b))))...)
}

// PutResumableCrash is PutResumable with a state file that crashes.
func (b *Bucket) PutResumableCrash(ctx context.Context, key string, src io.ReaderAt, size int64, statePath string, c *CrashFile) error {
	_, err := b.putResumable(ctx, key, src, size, nil, func() (stateFile, error) {
		f, err := openState(statePath, false)
		if err != nil {
			return nil, err
		}
		c.stateFile, c.path = f, statePath
		if c.Disk == nil {
			c.Disk = new(CrashDisk)
		}
		if c.Disk.synced == nil {
			c.Disk.synced, err = os.ReadFile(statePath)
		}
		return c, err
	})
	return err
}

func (c *CrashFile) step() error {
	if !c.down && c.Calls == c.At {
		c.down = true
		if c.Lose {
			if err := os.WriteFile(c.path, c.Disk.lose(), 0o600); err != nil {
				return err
			}
		}
	}
	c.Calls++
	if c.down {
		return ErrCrashed
	}
	return nil
}

// WriteAt writes, unless the machine is down.
func (c *CrashFile) WriteAt(p []byte, off int64) (int, error) {
	if err := c.step(); err != nil {
		return 0, err
	}
	written := bytes.Clone(p)
	c.Disk.pending = append(c.Disk.pending, func(disk []byte) []byte {
		disk = resized(disk, max(int64(len(disk)), off+int64(len(written))))
		copy(disk[off:], written)
		return disk
	})
	return c.stateFile.WriteAt(p, off)
}

// Truncate changes the size, unless the machine is down.
func (c *CrashFile) Truncate(size int64) error {
	if err := c.step(); err != nil {
		return err
	}
	c.Disk.pending = append(c.Disk.pending, func(disk []byte) []byte { return resized(disk, size) })
	return c.stateFile.Truncate(size)
}

// Sync makes durable what was written, unless the machine is down.
func (c *CrashFile) Sync() (err error) {
	if err := c.step(); err != nil {
		return err
	}
	c.Disk.synced, err = os.ReadFile(c.path)
	c.Disk.pending = nil
	return errors.Join(err, c.stateFile.Sync())
}

// Remove removes the file, unless the machine is down.
func (c *CrashFile) Remove() error {
	if err := c.step(); err != nil {
		return err
	}
	return c.stateFile.Remove()
}

// Close closes the file. With Lose, what was not synced is lost now.
func (c *CrashFile) Close() error {
	err := c.stateFile.Close()
	if _, serr := os.Lstat(c.path); c.Lose && !c.down && serr == nil {
		return errors.Join(err, os.WriteFile(c.path, c.Disk.lose(), 0o600))
	}
	return err
}

// StateSlots is where the slots begin.
const StateSlots = stateHead

// StateMagic is how a state file begins.
const StateMagic = stateMagic
