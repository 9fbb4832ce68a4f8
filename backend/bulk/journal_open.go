// SPDX-License-Identifier: Apache-2.0

package bulk

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"unicode/utf8"

	"github.com/s3seal/s3seal/internal/filelock"
)

// OpenJournal opens the journal at path, or makes one, for its user alone, and
// keeps others from using it until it is closed. It reads what was done.
//
// The error is a [*JobError] if the journal is about another job, and wraps
// [ErrJournalInUse] if another has it, in this process or not, and
// [ErrNotJournal] if the file is something else, is damaged before its last
// line, belongs to somebody else, or may be used by others than its owner; in
// all these cases it is not touched. A job of texts that are not UTF-8, which
// would not read back as it is, is an error, too, before there is a file. A
// last line that a crash has cut short is removed: that object will be looked
// at again.
//
// Where files cannot be locked, the lock is the file path.lock, which a process
// that is killed leaves behind. OpenJournal may be called concurrently.
func OpenJournal(path string, job Job) (*Journal, error) {
	for _, text := range []string{job.Operation, job.Source, job.Destination, job.Options} {
		if !utf8.ValidString(text) {
			return nil, fmt.Errorf("bulk: journal: want a job in UTF-8, got %q", text)
		}
	}
	f, unlock, err := openLocked(path)
	if err != nil {
		return nil, fmt.Errorf("bulk: journal: %w", err)
	}
	j := newJournal(f, unlock)
	if err := j.load(f, path, job); err != nil {
		f.Close() // the first error is the one that counts
		unlock()
		return nil, err
	}
	return j, nil
}

// openLocked opens or makes the file, which others must not be able to use.
func openLocked(path string) (f *os.File, unlock func(), err error) {
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		// A link may lead to a file of somebody else.
		return nil, nil, fmt.Errorf("%w: %s is not a regular file", ErrNotJournal, path)
	}
	f, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, nil, err
	}
	unlock, err = filelock.Lock(f, path)
	if errors.Is(err, filelock.ErrLocked) {
		err = fmt.Errorf("%w: %s: %w", ErrJournalInUse, path, err)
	}
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	if err := checkFile(f, path); err != nil {
		f.Close()
		unlock()
		return nil, nil, err
	}
	return f, unlock, nil
}

// checkFile refuses a file that is not the one at path, or not the user's alone.
func checkFile(f *os.File, path string) error {
	mine, err := f.Stat()
	if err != nil {
		return err
	}
	now, err := os.Lstat(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err != nil || !os.SameFile(mine, now) {
		return fmt.Errorf("%w: %s was replaced or removed", ErrJournalInUse, path)
	}
	if mode := mine.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" {
		return fmt.Errorf("%w: %s: want mode 0600, got %04o", ErrNotJournal, path, mode)
	}
	if !filelock.Ours(mine) {
		return fmt.Errorf("%w: %s belongs to another user", ErrNotJournal, path)
	}
	return nil
}

// load reads what was done, and makes the file such that lines can be appended.
func (j *Journal) load(f *os.File, path string, job Job) error {
	header, err := encodeLine(&journalHeader{Version: journalVersion, Job: job})
	if err != nil {
		return err
	}
	s := newScanner(f)
	if !s.next() {
		return begin(f, path, header, s)
	}
	h, err := decodeHeader(s.line)
	if err != nil {
		return fmt.Errorf("%w: %s", err, path)
	}
	if h.Job != job {
		return &JobError{Path: path, Want: job, Got: h.Job}
	}
	for e := range s.entries() {
		j.remember(e)
	}
	if err := s.failed(nil); err != nil {
		return fmt.Errorf("%w: %s", err, path)
	}
	return cut(f, s.end)
}

// begin writes the header into a file that has none, if it is empty or what a
// crash has left of writing one.
func begin(f *os.File, path string, header []byte, s *scanner) error {
	if err := s.failed(nil); err != nil {
		return fmt.Errorf("%w: %s", err, path)
	}
	if !bytes.HasPrefix(header, bytes.TrimRight(s.line, "\x00")) {
		return fmt.Errorf("%w: %s", ErrNotJournal, path)
	}
	if err := cut(f, 0); err != nil {
		return err
	}
	_, err := f.Write(header)
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		return fmt.Errorf("bulk: journal: %w", err)
	}
	return syncFolder(filepath.Dir(path))
}

// cut removes all that is not good.
func cut(f *os.File, size int64) error {
	end, err := f.Seek(0, io.SeekEnd)
	if err == nil && end > size {
		err = f.Truncate(size)
	}
	if err != nil {
		return fmt.Errorf("bulk: journal: %w", err)
	}
	return nil
}

// syncFolder makes durable that a file is in its folder, where that can be done
// and where it is not done anyway.
func syncFolder(folder string) error {
	f, err := os.Open(folder)
	if err != nil {
		return fmt.Errorf("bulk: journal: %w", err)
	}
	defer f.Close()
	f.Sync() // there are systems that cannot
	return nil
}
