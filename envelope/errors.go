// SPDX-License-Identifier: Apache-2.0

package envelope

import (
	"errors"
	"strings"

	"github.com/s3seal/s3seal/stream"
)

// ErrDecrypt is the one error for everything that content decides after a key
// was used: unwrapping, binding, commitment, tag, padding, length. It is the
// same value as [stream.ErrDecrypt] and never has a cause, since telling the
// cases apart is what an attacker wants to know.
var ErrDecrypt = stream.ErrDecrypt

// ErrNotEncrypted says that metadata holds no envelope at all. The object may
// be plaintext, or its envelope may lie in an instruction file.
var ErrNotEncrypted = errors.New("envelope: object is not encrypted")

// ErrPolicy is what every [*PolicyError] is.
var ErrPolicy = errors.New("envelope: refused by policy")

// ErrUsed is returned by the second call of [Sealer.Reader], [Sealer.Writer]
// or [Sealer.Parts]: a second object under the same key and IV would give away
// both.
var ErrUsed = errors.New("envelope: sealer has already sealed an object")

// A PolicyError says that [OpenOptions] do not allow what was asked for. It is
// decided from public metadata before any key is used, so it may be specific.
type PolicyError struct {
	// Option is the name of the first field of OpenOptions that stands in
	// the way, for example "AllowUncommitted".
	Option string

	// Reason is a sentence for people that names all missing options.
	Reason string

	// Header is the envelope that was refused, so that whoever reports it need
	// not look for it again; nil where a range of an opened object was refused,
	// or an object without an envelope. It is not to be changed.
	Header *Header

	options string // all of them, with commas between; empty where it is Option alone
}

// Error returns the reason with a prefix.
func (e *PolicyError) Error() string { return ErrPolicy.Error() + ": " + e.Reason }

// Options returns the names of all fields of OpenOptions that stand in the way,
// Option first: whoever changes one after the other is not sent from refusal to
// refusal. What is missing for [Header.Required] is among them, and so are
// ContentAAD, RequireBound and Bind where they forbid the object. It may be called
// concurrently.
func (e *PolicyError) Options() []string {
	if e.options == "" {
		return []string{e.Option}
	}
	return strings.Split(e.options, ",")
}

// Is reports whether target is [ErrPolicy].
func (e *PolicyError) Is(target error) bool { return target == ErrPolicy }

// A MetadataError says that metadata, or an instruction file, is no valid
// envelope. It is decided before any key is used.
type MetadataError struct {
	Name   string // in lower case without prefix, for example "x-amz-iv"; or "instruction file"
	Reason string // what is wrong with it; never contains a value that may be secret
}

// Error returns name and reason.
func (e *MetadataError) Error() string { return "envelope: metadata " + e.Name + ": " + e.Reason }
