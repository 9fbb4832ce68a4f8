// SPDX-License-Identifier: Apache-2.0

package bulk

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"time"
)

// syncEvery is how long what was written to a journal may be lost by a crash of
// the machine. That of the process loses nothing.
const syncEvery = time.Second

var (
	// ErrJournalInUse says that another job is using the journal.
	ErrJournalInUse = errors.New("bulk: journal is in use")

	// ErrNotJournal says that what is in the place of a journal is something
	// else, or a journal that is damaged, and is left alone.
	ErrNotJournal = errors.New("bulk: not a journal")
)

// A Job is what a journal is about. Two jobs that may go on with each other's
// work have the same one, and others must not: Options holds what they would
// disagree on, such as the name of the new key. It must not hold any secret, and
// be UTF-8.
type Job struct {
	Operation   string `json:"operation"`             // for example "rewrap"
	Source      string `json:"source,omitempty"`      // where the objects are
	Destination string `json:"destination,omitempty"` // where they go, if elsewhere
	Options     string `json:"options,omitempty"`     // what else makes it another job
}

// A JobError says that a journal is about another job.
type JobError struct {
	Path      string // of the journal
	Want, Got Job    // that the caller has, and that the journal is about
}

// Error names both jobs.
func (e *JobError) Error() string {
	return fmt.Sprintf("bulk: journal %s is about another job: want %v; got %v", e.Path, e.Want, e.Got)
}

// Begun is the outcome of an entry that says what an object was before it is
// changed: there should be another one of it, unless the job was killed then.
const Begun Outcome = "begun"

// An Entry is a line of a [Journal]: what became of one object.
type Entry struct {
	Time    time.Time `json:"time"`             // set by Append
	Key     string    `json:"key"`              // of the object
	ETag    string    `json:"etag,omitempty"`   // of the object that the job has left under Key
	Size    int64     `json:"size"`             // stored
	Outcome Outcome   `json:"outcome"`          // Done, Skipped, Failed or Begun
	Reason  string    `json:"reason,omitempty"` // why it was skipped or has failed

	// EnvelopeSHA256 is the [EnvelopeSum] of what the object that is done has
	// now, wherever that is. An ETag does not tell that an envelope was replaced.
	EnvelopeSHA256 string `json:"envelope_sha256,omitempty"`

	// To is the key that a migrated object was stored under, or was to be.
	To string `json:"to,omitempty"`

	// SHA256 is that of the plaintext, in hexadecimal digits, of jobs that
	// have read it.
	SHA256 string `json:"sha256,omitempty"`

	// Unauthenticated says that nothing authenticates the content that was read.
	Unauthenticated bool `json:"unauthenticated,omitempty"`

	// Envelope is the metadata of the envelope before it was replaced, and
	// InstructionFile the key of the file that it was in, if not in metadata.
	Envelope        map[string]string `json:"envelope,omitempty"`
	InstructionFile string            `json:"instruction_file,omitempty"` // empty if it was in metadata
}

// String says in a line what became of the object, and why. The reason may hold text
// from storage. It may be called concurrently while nobody changes e.
func (e Entry) String() string {
	text := fmt.Sprintf("%s %q", e.Outcome, e.Key)
	if e.To != "" && e.To != e.Key {
		text += fmt.Sprintf(" to %q", e.To)
	}
	if e.Reason != "" {
		text += ": " + e.Reason
	}
	return text
}

// A Journal remembers what was done to which object, so that a job that has
// ended early, however it did, can be gone on with by the same journal. Use
// [OpenJournal].
//
// It is a file of lines of JSON that is only ever appended to: a header, and an
// [Entry] for each object that was finished, and before that for one whose
// envelope is replaced. [ReadJournal] reads it. It holds keys, sizes, hashes of
// plaintexts and envelopes, from which nobody without a key-encryption key can
// read anything, but which tell whether some plaintext is the one; hence it
// belongs to the user alone, and not into the bucket.
//
// In memory a journal needs 20 to 40 bytes for each object that is done or has
// failed, a gigabyte for 25 million; more than that should be divided by
// [Shard]. What it keeps is a keyed hash of 128 bits of key, ETag and sum of
// the envelope.
//
// A Journal is safe for concurrent use.
type Journal struct {
	mu     sync.Mutex
	file   journalFile
	unlock func()
	salt   [sha256.Size]byte // so that nobody can make two objects that hash alike
	done   map[[16]byte]struct{}
	failed map[[16]byte]struct{} // of keys about which that is the last word
	timer  *time.Timer           // will sync; nil if there is nothing to sync
	last   time.Time             // of its entries
	closed bool
	err    error // first error; repeated by every later call
}

// A journalFile is an open file; writes are appended.
type journalFile interface {
	io.Writer
	Sync() error
	Close() error
}

// Append writes an entry about what was done, with the time, in one piece. That is
// never before the time of an entry before, whatever the clock says. When
// it returns, the entry outlives the process; within a second, the machine. After
// an error it fails for ever: then the job has to end, or it would do what nobody
// remembers.
func (j *Journal) Append(e *Entry) error {
	own := *e
	j.mu.Lock()
	defer j.mu.Unlock()
	if own.Time = time.Now().UTC().Truncate(time.Millisecond); own.Time.Before(j.last) {
		own.Time = j.last // the clock was put back
	}
	line, err := encodeLine(&own)
	if err != nil {
		return err
	}
	if err := j.write(line); err != nil {
		return err
	}
	j.remember(&own)
	return nil
}

// write appends a line. It is called under the lock, as all that follow are.
func (j *Journal) write(line []byte) error {
	if j.err == nil && j.closed {
		j.err = fmt.Errorf("bulk: journal: %w", fs.ErrClosed)
	}
	if j.err != nil {
		return j.err
	}
	n, err := j.file.Write(line)
	if err == nil && n < len(line) {
		err = io.ErrShortWrite
	}
	if err != nil {
		j.err = fmt.Errorf("bulk: journal: %w", err)
		return j.err
	}
	if j.timer == nil {
		j.timer = time.AfterFunc(syncEvery, j.syncLater)
	}
	return nil
}

// syncLater runs on its own, after a while. Its error is that of the next entry,
// or of Close.
func (j *Journal) syncLater() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.closed && j.timer != nil {
		j.sync()
	}
}

func (j *Journal) sync() {
	j.timer = nil
	if err := j.file.Sync(); err != nil && j.err == nil {
		j.err = fmt.Errorf("bulk: journal: %w", err)
	}
}

// remember makes Done report what e says was done.
func (j *Journal) remember(e *Entry) {
	if e.Time.After(j.last) {
		j.last = e.Time
	}
	if e.Outcome == Done && e.ETag != "" {
		j.done[j.hash(e.Key, e.ETag, e.EnvelopeSHA256)] = struct{}{}
	}
	switch e.Outcome {
	case Failed:
		j.failed[j.hash(e.Key, "", "")] = struct{}{}
	case Done, Skipped:
		delete(j.failed, j.hash(e.Key, "", ""))
	}
}

// complains reports whether the last entry about key says that it has failed.
func (j *Journal) complains(key string) bool {
	h := j.hash(key, "", "")
	j.mu.Lock()
	defer j.mu.Unlock()
	_, ok := j.failed[h]
	return ok
}

// Done reports whether the journal says that the object under key that has this
// ETag is done, and had the envelope with this [EnvelopeSum] then. An object
// that was stored since is another one, and so is one whose envelope was
// replaced: an ETag stays where only metadata changes, or an instruction file.
// Hence a listing is not enough to ask.
func (j *Journal) Done(key, etag, envelopeSum string) bool {
	h := j.hash(key, etag, envelopeSum)
	j.mu.Lock()
	defer j.mu.Unlock()
	_, ok := j.done[h]
	return ok
}

// empty says that Done reports nothing, as at the first run of a job.
func (j *Journal) empty() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.done) == 0
}

func (j *Journal) hash(key, etag, envelopeSum string) (h [16]byte) {
	b := make([]byte, 0, 512)
	b = append(b, j.salt[:]...)
	for _, part := range []string{key, etag, envelopeSum} {
		b = binary.BigEndian.AppendUint64(b, uint64(len(part)))
		b = append(b, part...)
	}
	sum := sha256.Sum256(b)
	return [16]byte(sum[:16])
}

// Close makes durable what was written, and lets go of the file. A second call
// returns what the first returned.
func (j *Journal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return j.err
	}
	j.closed = true
	if j.timer != nil {
		j.timer.Stop()
		j.sync()
	}
	if err := j.file.Close(); err != nil && j.err == nil {
		j.err = fmt.Errorf("bulk: journal: %w", err)
	}
	j.unlock()
	return j.err
}

func newJournal(file journalFile, unlock func()) *Journal {
	j := &Journal{file: file, unlock: unlock, done: make(map[[16]byte]struct{}), failed: make(map[[16]byte]struct{})}
	rand.Read(j.salt[:]) // never fails
	return j
}

// encodeLine returns v as a line. It has no newline but the one at its end.
func encodeLine(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("bulk: journal: %w", err)
	}
	if b.Len() > maxLine {
		return nil, fmt.Errorf("bulk: journal: want an entry of at most %d bytes, got %d", maxLine, b.Len())
	}
	return b.Bytes(), nil
}
