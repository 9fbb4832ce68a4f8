// SPDX-License-Identifier: Apache-2.0

package bulk

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/s3seal/s3seal/backend"
)

// maxListLine is the size in bytes of the longest line of a list: what an entry
// with the envelope of an instruction file can have.
const maxListLine = 1 << 20

// A word is what the lines of VerifyOptions.Against say of an object, but for that
// it has failed.
type word int8

const (
	silent  word = iota
	summed       // it was stored, and this is its SHA-256
	present      // it was in its place already
	left         // it was not encrypted, and left where it was
)

// A listed object is one that VerifyOptions.Against names.
type listed struct {
	word word
	sum  [sha256.Size]byte
	at   int64 // when the journal has noted word, in ms since 1970; 0 is unknown
	lost *loss // what the journal says since; may be nil
	seen bool  // used by the goroutine that goes through the objects only
}

// A loss is why an object is not where it was to be stored.
type loss struct {
	reason string
	at     int64
	source bool // the entry does not say where that would have been
	gone   bool // the object has vanished since
}

// err says so.
func (l *loss) err() error {
	if l.gone {
		return fmt.Errorf("%w: failed, then gone: %s", ErrNotStored, l.reason)
	}
	return fmt.Errorf("%w: %s", ErrNotStored, l.reason)
}

// sums are the objects of VerifyOptions.Against, by key. The lines of a journal are
// about the key To, or about Key where there is no To; the job is one that copies
// where there is. They say of the object:
//
//	outcome, reason              without To     with To
//	Done with a sum, or a sum    summed         summed; Key regained
//	Done without a sum, Begun    nothing        nothing
//	Failed                       lost           lost
//	Skipped  ReasonJournal       regained       regained; Key, too
//	         ReasonGone          vanished       vanished; Key, too
//	         ReasonLocked        present        lost
//	         ReasonArchived      present        lost
//	         ReasonTarget        present        present
//	         ReasonNotEncrypted  regained       left
//	         others              nothing        nothing
//
// summed, present and left are words. Lost is a loss: it stands beside the word, and
// counts before it. Each word takes a loss back, as regained does alone. Vanished
// leaves a loss one, and notes that it is gone. Key beside To means a loss that came
// without To, before it was known where to.
//
// The first of these that holds says which of two lines wins:
//
//   - a sum over the other words, whatever their times;
//   - a sum over what is skipped as locked or archived after it: no loss then;
//   - a sum over a loss, unless both have times;
//   - what is known to be later, which takes two times;
//   - else the one that comes last.
//
// Only losses of lines that came before can be regained or vanish.
type sums map[string]*listed

// readSums reads a list. What cannot be understood is an error: an object must
// not count as verified since a line about it was passed over.
func readSums(r io.Reader) (sums, error) {
	s := make(sums)
	src := bufio.NewReaderSize(r, maxListLine)
	for n := 1; ; n++ {
		line, err := src.ReadSlice('\n')
		if err == bufio.ErrBufferFull {
			return nil, fmt.Errorf("bulk: list, line %d: want at most %d bytes", n, maxListLine)
		}
		if err != nil && err != io.EOF {
			return nil, fmt.Errorf("bulk: read list: %w", err)
		}
		torn := err == io.EOF
		if lineErr := s.add(bytes.TrimRight(line, "\r\n"), torn); lineErr != nil {
			return nil, fmt.Errorf("bulk: list, line %d: %w", n, lineErr)
		}
		if torn {
			return s, nil
		}
	}
}

func (s sums) add(line []byte, torn bool) error {
	switch {
	case len(line) == 0:
		return nil
	case line[0] == '{':
		return s.addEntry(line, torn)
	}
	return s.addSum(line)
}

// addSum reads a line of sha256sum.
func (s sums) addSum(line []byte) error {
	text, escaped := bytes.CutPrefix(line, []byte(`\`))
	const digits = 2 * sha256.Size
	if len(text) < digits+3 || text[digits] != ' ' || text[digits+1] != ' ' && text[digits+1] != '*' {
		return errors.New("want a SHA-256, two spaces and a key")
	}
	key := string(text[digits+2:])
	if escaped {
		var ok bool
		if key, ok = unescaped(key); !ok {
			return errors.New("unknown escape in the key")
		}
	}
	return s.set(key, string(text[:digits]), 0)
}

// unescaped undoes what sha256sum does to names with line breaks.
func unescaped(s string) (string, bool) {
	var b []byte
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b = append(b, s[i])
			continue
		}
		i++
		at := -1
		if i < len(s) {
			at = bytes.IndexByte([]byte(`\nr`), s[i])
		}
		if at < 0 {
			return "", false
		}
		b = append(b, "\\\n\r"[at])
	}
	return string(b), true
}

// addEntry reads a line of a journal. The last may be torn.
func (s sums) addEntry(line []byte, torn bool) error {
	var e Entry
	if err := json.Unmarshal(line, &e); err != nil {
		if torn {
			return nil
		}
		return errors.New("neither a sum nor an entry of a journal")
	}
	switch {
	case e.Outcome == Done && e.SHA256 != "":
		if e.To != "" {
			s.found(e.Key, millis(e.Time))
		}
		return s.set(cmp.Or(e.To, e.Key), e.SHA256, millis(e.Time))
	case e.Outcome == Failed:
		return s.lose(&e, e.Reason)
	case e.Outcome == Skipped:
		return s.skip(&e)
	}
	return nil
}

// millis is a time as it is kept.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// later says whether a is known to be later than b.
func later(a, b int64) bool { return b != 0 && a > b }

// set notes what was stored: that counts, but for what is known to be later.
func (s sums) set(key, digits string, at int64) error {
	sum, err := hex.DecodeString(digits)
	if err != nil || len(sum) != sha256.Size {
		return errors.New("want a SHA-256 of 64 hexadecimal digits")
	}
	o, err := s.about(key)
	if err != nil {
		return err
	}
	if o.word != summed || !later(o.at, at) {
		o.word, o.sum, o.at = summed, [sha256.Size]byte(sum), at
	}
	s.regain(key, at)
	return nil
}

// about returns what is known of an object, which may be nothing.
func (s sums) about(key string) (*listed, error) {
	if key == "" {
		return nil, errors.New("want a key")
	}
	if s[key] == nil {
		s[key] = new(listed)
	}
	return s[key], nil
}

// lose notes an object that was not stored. Without times, what was stored counts.
func (s sums) lose(e *Entry, reason string) error {
	key, at := cmp.Or(e.To, e.Key), millis(e.Time)
	o, err := s.about(key)
	switch {
	case err != nil:
		return err
	case o.word == summed && (at == 0 || o.at == 0), later(o.at, at), o.lost != nil && later(o.lost.at, at):
		return nil
	}
	o.lost = &loss{reason: reason, at: at, source: e.To == ""}
	return nil
}

// regain takes back that an object has failed, if it did before.
func (s sums) regain(key string, at int64) {
	o := s[key]
	if o == nil || o.lost == nil || later(o.lost.at, at) {
		return
	}
	o.lost = nil
	if o.word == silent {
		delete(s, key)
	}
}

// found is regain for an object that was stored, if it had failed before it was
// known where to.
func (s sums) found(source string, at int64) {
	if o := s[source]; o != nil && o.lost != nil && o.lost.source {
		s.regain(source, at)
	}
}

// skip notes an object of which nothing was stored. What had been stored before
// counts. An entry with another place is of a job that copies: there the object is
// missing, and else where it was.
func (s sums) skip(e *Entry) error {
	key, at := cmp.Or(e.To, e.Key), millis(e.Time)
	copied, stored := e.To != "", s[key] != nil && s[key].word == summed
	switch e.Reason {
	case ReasonJournal:
		s.regain(key, at)
		s.found(e.Key, at)
		return nil
	case ReasonGone:
		s.vanish(key, at)
		if o := s[e.Key]; copied && o != nil && o.lost != nil && o.lost.source {
			s.vanish(e.Key, at)
		}
		return nil
	case ReasonLocked, ReasonArchived:
		if stored {
			return nil
		}
		if copied {
			return s.lose(e, "skipped: "+e.Reason)
		}
		return s.leave(key, present, at)
	case ReasonTarget:
		return s.leave(key, present, at)
	case ReasonNotEncrypted:
		if copied {
			return s.leave(key, left, at)
		}
		s.regain(key, at)
	}
	return nil // no object, or none that is expected
}

// vanish notes that an object is gone. What has failed before that stays a failure:
// nothing says that its content is anywhere.
func (s sums) vanish(key string, at int64) {
	if o := s[key]; o != nil && o.lost != nil && !later(o.lost.at, at) {
		o.lost.gone = true
	}
}

// leave notes that an object is where it was.
func (s sums) leave(key string, as word, at int64) error {
	o, err := s.about(key)
	if err != nil || o.word == summed || later(o.at, at) {
		return err
	}
	o.word, o.at = as, at
	s.regain(key, at)
	return nil
}

// within leaves out what does not begin with prefix, and says how much that was.
// A failure that may be anywhere stays.
func (s sums) within(prefix string) (outside int64) {
	for key, o := range s {
		if strings.HasPrefix(key, prefix) || o.lost != nil && o.lost.source {
			continue
		}
		delete(s, key)
		outside++
	}
	return outside
}

// completing yields the objects, and after them those of the list that were not
// among them, of which no more is known than the key.
func (s sums) completing(objects iter.Seq2[*backend.Info, error]) iter.Seq2[*backend.Info, error] {
	return func(yield func(*backend.Info, error) bool) {
		for info, err := range objects {
			if err == nil && s[info.Key] != nil && !info.Noncurrent {
				s[info.Key].seen = true
			}
			if !yield(info, err) || err != nil {
				return
			}
		}
		for _, key := range slices.Sorted(maps.Keys(s)) {
			if !s[key].seen && !yield(&backend.Info{Key: key}, nil) {
				return
			}
		}
	}
}
