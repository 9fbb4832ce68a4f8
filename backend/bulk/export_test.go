// SPDX-License-Identifier: Apache-2.0

package bulk

import (
	"crypto/sha256"
	"io"
)

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

// An InOrder hashes what is written in any order.
type InOrder struct{ inOrder }

func NewInOrder() *InOrder {
	return &InOrder{inOrder{hash: sha256.New(), early: make(map[int64][]byte)}}
}

func (w *InOrder) Sum(size int64) ([]byte, error) { return w.sum(size) }
