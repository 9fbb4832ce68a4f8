// SPDX-License-Identifier: Apache-2.0

package backend

import (
	"context"
	"errors"
	"io"
	"os"
)

// ErrCrashed is what a CrashFile says once its machine is down.
var ErrCrashed = errors.New("crashed")

// A CrashFile is a state file that stops at one of its calls. What was not
// synced by then is lost, as when a machine loses its power, or stays, as when
// only the process is killed.
type CrashFile struct {
	stateFile
	path   string
	Synced []byte // what is on the disk; at first nil for all of it
	At     int    // the call that no longer happens
	Lose   bool
	Calls  int
	down   bool
}

// PutResumableCrash is PutResumable with a state file that crashes.
func (b *Bucket) PutResumableCrash(ctx context.Context, key string, src io.ReaderAt, size int64, statePath string, c *CrashFile) error {
	_, err := b.putResumable(ctx, key, src, size, nil, func() (stateFile, error) {
		f, err := openState(statePath, false)
		if err != nil {
			return nil, err
		}
		c.stateFile, c.path = f, statePath
		if c.Synced == nil {
			c.Synced, err = os.ReadFile(statePath)
		}
		return c, err
	})
	return err
}

func (c *CrashFile) step() error {
	if !c.down && c.Calls == c.At {
		c.down = true
		if c.Lose {
			if err := os.WriteFile(c.path, c.Synced, 0o600); err != nil {
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
	return c.stateFile.WriteAt(p, off)
}

// Truncate changes the size, unless the machine is down.
func (c *CrashFile) Truncate(size int64) error {
	if err := c.step(); err != nil {
		return err
	}
	return c.stateFile.Truncate(size)
}

// Sync makes durable what was written, unless the machine is down.
func (c *CrashFile) Sync() (err error) {
	if err := c.step(); err != nil {
		return err
	}
	c.Synced, err = os.ReadFile(c.path)
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
		return errors.Join(err, os.WriteFile(c.path, c.Synced, 0o600))
	}
	return err
}

// StateSlots is where the slots begin.
const StateSlots = stateHead

// StateMagic is how a state file begins.
const StateMagic = stateMagic
