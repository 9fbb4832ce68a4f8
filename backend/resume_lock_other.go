// SPDX-License-Identifier: Apache-2.0

//go:build !unix || aix || solaris

package backend

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// closeToRemove is true: there are systems that do not remove a file that is open.
const closeToRemove = true

// lockState takes a lock that is a file of its own beside the state file. A
// process that is killed leaves it behind, and nobody but its owner can know
// that it is dead.
func lockState(_ *os.File, path string) (unlock func(), err error) {
	name := path + ".lock"
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("%w, or was when it was killed: then remove %s", ErrStateInUse, name)
	}
	if err != nil {
		return nil, err
	}
	f.Close()
	return func() { os.Remove(name) }, nil
}

// syncParent does nothing: folders cannot be synced here.
func syncParent(string) error { return nil }
