// SPDX-License-Identifier: Apache-2.0

package bulk

import "io"

var Each = each

// A JournalFile is what a journal writes to.
type JournalFile interface {
	io.Writer
	Sync() error
	Close() error
}

// Wrap puts another file around that of j.
func (j *Journal) Wrap(f func(JournalFile) JournalFile) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.file = f(j.file)
}

// Remembered is how many objects j says are done.
func (j *Journal) Remembered() int { return len(j.done) }
