// SPDX-License-Identifier: Apache-2.0

package bulk

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"

	"github.com/s3seal/s3seal/backend"
)

// maxListLine is the size in bytes of the longest line of a list: what an entry
// with the envelope of an instruction file can have.
const maxListLine = 1 << 20

// A listedSum is a line of VerifyOptions.Against.
type listedSum struct {
	sum  [sha256.Size]byte
	seen bool // used by the goroutine that goes through the objects only
}

// sums are the lines of VerifyOptions.Against, by key.
type sums map[string]*listedSum

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
	return s.set(key, string(text[:digits]))
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

// addEntry reads a line of a journal. Others than those of objects that were
// stored say nothing, and the last may be torn.
func (s sums) addEntry(line []byte, torn bool) error {
	var e Entry
	if err := json.Unmarshal(line, &e); err != nil {
		if torn {
			return nil
		}
		return errors.New("neither a sum nor an entry of a journal")
	}
	if e.Outcome != Done || e.SHA256 == "" {
		return nil
	}
	if e.To != "" {
		e.Key = e.To
	}
	return s.set(e.Key, e.SHA256)
}

func (s sums) set(key, digits string) error {
	sum, err := hex.DecodeString(digits)
	if err != nil || len(sum) != sha256.Size {
		return errors.New("want a SHA-256 of 64 hexadecimal digits")
	}
	if key == "" {
		return errors.New("want a key")
	}
	s[key] = &listedSum{sum: [sha256.Size]byte(sum)}
	return nil
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
