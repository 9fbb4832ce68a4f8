// SPDX-License-Identifier: Apache-2.0

package bulk

import "time"

// An Entry is a line of a [Journal]: what became of one object.
type Entry struct {
	Time    time.Time `json:"time"` // set by Append
	Key     string    `json:"key"`
	ETag    string    `json:"etag,omitempty"` // that the job left the object with
	Size    int64     `json:"size"`           // stored
	Outcome Outcome   `json:"outcome"`
	Reason  string    `json:"reason,omitempty"` // why it was skipped or has failed

	// To is the key that a migrated object was stored under.
	To string `json:"to,omitempty"`

	// SHA256 is that of the plaintext, in hexadecimal digits, of jobs that
	// have read it.
	SHA256 string `json:"sha256,omitempty"`

	// Unauthenticated says that nothing authenticates the content that was read.
	Unauthenticated bool `json:"unauthenticated,omitempty"`

	// Envelope is the metadata of the envelope before it was replaced, and
	// InstructionFile the key of the file that it was in, if not in metadata.
	Envelope        map[string]string `json:"envelope,omitempty"`
	InstructionFile string            `json:"instruction_file,omitempty"`
}

// A Journal is ...
type Journal struct{}

// Append ...
func (j *Journal) Append(e *Entry) error { return nil }

// Done ...
func (j *Journal) Done(key, etag string) bool { return false }
