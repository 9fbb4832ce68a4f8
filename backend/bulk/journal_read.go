// SPDX-License-Identifier: Apache-2.0

package bulk

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
)

const (
	// journalVersion is what the header of a journal says of its format.
	journalVersion = 1

	// maxLine is the size in bytes of the longest line that is read: several
	// times what a key of S3 and a full instruction file make of one.
	maxLine = 1 << 20
)

// A journalHeader is the first line of a journal.
type journalHeader struct {
	Version int `json:"s3seal_journal"`
	Job
}

// ReadJournal reads a journal: the job that it is about, and then its entries in
// the order in which they were written. Both errors wrap [ErrNotJournal] where
// the content is to blame; that of an entry is yielded with nil and ends the
// sequence. The last line may be incomplete, and is then left out.
//
// Several entries can be about one object, of which the last counts. Nothing
// authenticates a journal. The sequence can be used once, not concurrently; it
// needs the memory of one line.
func ReadJournal(r io.Reader) (Job, iter.Seq2[*Entry, error], error) {
	s := newScanner(r)
	if !s.next() {
		return Job{}, nil, s.failed(fmt.Errorf("%w: it is empty", ErrNotJournal))
	}
	h, err := decodeHeader(s.line)
	if err != nil {
		return Job{}, nil, err
	}
	return h.Job, func(yield func(*Entry, error) bool) {
		for e := range s.entries() {
			if !yield(e, nil) {
				return
			}
		}
		if err := s.failed(nil); err != nil {
			yield(nil, err)
		}
	}, nil
}

func decodeHeader(line []byte) (*journalHeader, error) {
	h := new(journalHeader)
	if err := json.Unmarshal(line, h); err != nil || h.Version == 0 {
		return nil, fmt.Errorf("%w: its first line is not that of one", ErrNotJournal)
	}
	if h.Version != journalVersion {
		return nil, fmt.Errorf("%w: want version %d, got %d", ErrNotJournal, journalVersion, h.Version)
	}
	return h, nil
}

func decodeEntry(line []byte) (*Entry, error) {
	e := new(Entry)
	if err := json.Unmarshal(line, e); err != nil {
		return nil, err
	}
	switch e.Outcome {
	case Done, Skipped, Failed, Begun:
	default:
		return nil, fmt.Errorf("unknown outcome %q", e.Outcome)
	}
	if e.Key == "" {
		return nil, errors.New("no key")
	}
	return e, nil
}

// A scanner reads lines.
type scanner struct {
	src    *bufio.Reader
	line   []byte // without its end; overwritten by next
	number int    // of line
	end    int64  // offset at which the lines end that are good
	pos    int64  // offset after line
	err    error  // of the source, or a line that is damaged
}

func newScanner(r io.Reader) *scanner { return &scanner{src: bufio.NewReaderSize(r, 64<<10)} }

// next reads a line. It reports false if there is no more, or none with its end.
func (s *scanner) next() bool {
	s.line = s.line[:0]
	for s.err == nil {
		part, err := s.src.ReadSlice('\n')
		s.line = append(s.line, part...)
		switch {
		case len(s.line) > maxLine:
			s.number++
			s.damaged(fmt.Errorf("longer than %d bytes", maxLine))
		case err == nil:
			s.number++
			s.pos += int64(len(s.line))
			s.line = bytes.TrimSuffix(s.line, []byte("\n"))
			return true
		case err != bufio.ErrBufferFull:
			s.err = err
		}
	}
	return false
}

func (s *scanner) damaged(err error) {
	s.err = fmt.Errorf("%w: line %d is damaged: %w", ErrNotJournal, s.number, err)
}

// failed returns the error that has ended the lines, or other if all were read.
func (s *scanner) failed(other error) error {
	if s.err == nil || s.err == io.EOF {
		return other
	}
	if errors.Is(s.err, ErrNotJournal) {
		return s.err
	}
	return fmt.Errorf("bulk: journal: %w", s.err)
}

// entries yields the entries that follow. A line that is none is damage, unless
// it is the last: that may have been caught by a crash.
func (s *scanner) entries() iter.Seq[*Entry] {
	return func(yield func(*Entry) bool) {
		for s.end = s.pos; s.next(); s.end = s.pos {
			e, err := decodeEntry(s.line)
			if err != nil {
				number := s.number
				if s.next() || len(s.line) > 0 {
					s.number = number
					s.damaged(err)
				}
				return
			}
			if !yield(e) {
				return
			}
		}
	}
}
